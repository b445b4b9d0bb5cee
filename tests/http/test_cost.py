"""What the middleware costs a request, as `benchmarks/requests` measures it.

It runs in a process of its own: no coverage traces it, and pads are random.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def measured(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the tables of a benchmark in process."""
    file = folder / "figures.json"
    command = [sys.executable, "-m", "benchmarks.requests", "--quiet", "--json", str(file)]
    subprocess.run([*command, *arguments], cwd=ROOT, check=True)
    tables: list[dict[str, Any]] = json.loads(file.read_text())["in process"]
    return tables


@pytest.mark.thorough
def test_each_contender_of_the_benchmark_answers_as_it_should(tmp_path: Path) -> None:
    tables = measured(tmp_path, "--rounds", "1")  # which checks each answer
    pages = [table["microseconds"] for table in tables if "page" in table["title"]]
    assert pages
    assert all("ours, named" in rows for rows in pages)


def ratio(title: str, row: str, folder: Path) -> float:
    """Return what a row costs, as a multiple of its table's baseline."""
    (table,) = measured(folder, "--only", f"{title}: {row}")
    times = table["microseconds"]
    return float(times[row] / times[table["baseline"]])


def test_a_page_that_names_its_user_costs_at_most_four_times_a_hand_written_one(
    tmp_path: Path,
) -> None:
    assert ratio("ASGI, page of 10 kB", "ours, named", tmp_path) <= 4.0


def test_json_costs_at_most_half_more_than_behind_a_middleware_that_changes_nothing(
    tmp_path: Path,
) -> None:
    assert ratio("ASGI, JSON", "ours", tmp_path) <= 1.5
