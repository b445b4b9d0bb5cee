"""Two checkouts of the package measured in turn, each round in a process of its own."""

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
    kept: dict[Path, list[Times]] = {other.resolve(): [], mine: []}
    baselines: dict[str, str] = {}
    for number in range(rounds):
        for checkout in list(kept) if number % 2 == 0 else reversed(list(kept)):
            times, found = _measured(checkout, only)
            kept[checkout].append(times)
            baselines |= found
        sys.stderr.write(f"\rround {number + 1} of {rounds}")
    sys.stderr.write("\n")
    others, ours = kept.values()
    for title, baseline in baselines.items():
        rows = [
            _row(name, title, baseline, others, ours) for name in _names(title, [*others, *ours])
        ]
        columns = ["", "other, µs", f"ratio to {baseline}", "this, µs", f"ratio to {baseline}"]
        sys.stdout.write(markdown(title, [*columns, "this / other"], rows) + "\n")


def _measured(checkout: Path, only: Sequence[str]) -> tuple[Times, dict[str, str]]:
    """Return what one process measures with the package of a checkout, and the baselines."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, "-m", "benchmarks.requests", "--quiet", "--json", str(file)]
        command += ["--package", str(checkout), "--rounds", str(ROUNDS_IN_A_PROCESS)]
        command += [argument for text in only for argument in ("--only", text)]
        root = Path(__file__).parent.parent.parent
        subprocess.run(command, cwd=root, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
        tables = json.loads(file.read_text())["in process"]
    times = {table["title"]: table["microseconds"] for table in tables}
    return times, {table["title"]: table["baseline"] for table in tables}


def _names(title: str, measured: Sequence[Times]) -> list[str]:
    """Return the rows that a table has with either checkout."""
    return list(dict.fromkeys(name for times in measured for name in times.get(title, ())))


def _row(
    name: str, title: str, baseline: str, others: Sequence[Times], ours: Sequence[Times]
) -> list[str]:
    cells = [name]
    for measured in (others, ours):
        if not all(name in times[title] for times in measured):
            cells += ["", ""]
            continue
        ratios = [times[title][name] / times[title][baseline] for times in measured]
        time = statistics.median(times[title][name] for times in measured)
        cells += [f"{time:,.1f}", f"{statistics.median(ratios):.2f}"]
    if "" in cells:
        return [*cells, ""]
    pairs = zip(ours, others, strict=True)
    ratios = [our[title][name] / other[title][name] for our, other in pairs]
    return [*cells, f"{statistics.median(ratios):.3f}"]
