"""Measures two checkouts of the package in turn, each round in its own process.

The other checkout is called "before", and this one "after".
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pavior_middleware

from .measuring import markdown

ROUNDS_IN_A_PROCESS = 15

Times = dict[str, dict[str, float]]
"""Microseconds, by table and row."""


def compare(other: Path, only: Sequence[str], rounds: int) -> None:
    """Write the median time of each row with both checkouts, and the median of their ratios.

    The other checkout goes first in every second round.
    """
    mine = Path(pavior_middleware.__file__).parent.parent
    if not (other / "pavior_middleware").is_dir():
        sys.exit(f"--against: {other} holds no package pavior_middleware")
    before: list[Times] = []
    after: list[Times] = []
    turns = [(other.resolve(), before), (mine, after)]
    baselines: dict[str, str] = {}
    for number in range(rounds):
        for checkout, kept in turns if number % 2 == 0 else reversed(turns):
            times, found = _measured(checkout, only)
            kept.append(times)
            baselines |= found
        sys.stderr.write(f"\rround {number + 1} of {rounds}")
    sys.stderr.write("\n")
    for title, baseline in baselines.items():
        names = _names(title, [*before, *after])
        rows = [_row(name, title, baseline, before, after) for name in names]
        columns = ["", "before, µs", f"ratio to {baseline}", "after, µs", f"ratio to {baseline}"]
        sys.stdout.write(markdown(title, [*columns, "after / before"], rows) + "\n")


def _measured(checkout: Path, only: Sequence[str]) -> tuple[Times, dict[str, str]]:
    """Return what one process measures with the package of a checkout, and the baselines."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, "-m", "benchmarks.requests", "--quiet", "--json", str(file)]
        command += ["--package", str(checkout), "--rounds", str(ROUNDS_IN_A_PROCESS)]
        command += [argument for text in only for argument in ("--only", text)]
        root = Path(__file__).parent.parent.parent
        subprocess.run(command, cwd=root, check=True)  # noqa: S603
        tables = json.loads(file.read_text())["in process"]
    times = {table["title"]: table["microseconds"] for table in tables}
    return times, {table["title"]: table["baseline"] for table in tables}


def _names(title: str, measured: Sequence[Times]) -> list[str]:
    """Return the rows that a table has with either checkout."""
    return list(dict.fromkeys(name for times in measured for name in times.get(title, ())))


def _row(
    name: str, title: str, baseline: str, before: Sequence[Times], after: Sequence[Times]
) -> list[str]:
    cells = [name]
    for measured in (before, after):
        if not all(name in times[title] for times in measured):
            cells += ["", ""]
            continue
        ratios = [times[title][name] / times[title][baseline] for times in measured]
        time = statistics.median(times[title][name] for times in measured)
        cells += [f"{time:,.1f}", f"{statistics.median(ratios):.2f}"]
    if "" in cells:
        return [*cells, ""]
    pairs = zip(before, after, strict=True)
    ratios = [second[title][name] / first[title][name] for first, second in pairs]
    return [*cells, f"{statistics.median(ratios):.3f}"]
