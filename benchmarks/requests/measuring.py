"""Contenders take turns within a round; a contender's time is its best of several rounds."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

SECONDS_A_TURN = 0.005
"""So short that some turns of each contender pass while nothing else runs on the machine."""

_REQUESTS_BEFORE_A_TURN = 3  # so that the processor's caches hold what they hold in a busy site

Serve = Callable[[int], float]
"""Serves as many requests as it is given; returns the seconds that they took."""


class Unavailable(Exception):
    """The measured package cannot do what a row measures; the message says what it lacks."""


@dataclass(frozen=True)
class Table:
    """Contenders that do the same job, and which of them the others are compared with.

    A contender is made by a call, which checks its answer before it returns. That call raises
    `AssertionError` where the answer is wrong, and `Unavailable`.
    """

    title: str
    baseline: str
    contenders: Mapping[str, Callable[[], Serve]]


@dataclass
class Figures:
    """What a table's contenders took, in microseconds for one request."""

    title: str
    baseline: str
    microseconds: dict[str, float]
    left_out: dict[str, str]
    """Why the measured package cannot do what a row measures."""

    def ratio(self, name: str) -> float:
        """Return a contender's time as a multiple of the baseline's."""
        return self.microseconds[name] / self.microseconds[self.baseline]


def repeated(serve_one: Callable[[], object]) -> Serve:
    """Return what serves many requests by a call for each."""

    def serve(count: int) -> float:
        started = perf_counter()
        for _ in range(count):
            serve_one()
        return perf_counter() - started

    return serve


def measure(table: Table, rounds: int, wanted: Callable[[str], bool]) -> Figures:
    """Return the times of a table's contenders that are wanted, and of its baseline."""
    serving: dict[str, Serve] = {}
    left_out: dict[str, str] = {}
    for name, make in table.contenders.items():
        if name != table.baseline and not wanted(f"{table.title}: {name}"):
            continue
        try:
            serving[name] = make()
        except Unavailable as lack:
            left_out[name] = str(lack)
    counts = {name: _requests_a_turn(serve) for name, serve in serving.items()}
    gc.collect()
    gc.freeze()  # what the set-up made is no request's
    best = dict.fromkeys(serving, float("inf"))
    for _ in range(rounds):
        for name, serve in serving.items():
            serve(_REQUESTS_BEFORE_A_TURN)
            best[name] = min(best[name], serve(counts[name]) / counts[name] * 1e6)
    gc.unfreeze()
    return Figures(table.title, table.baseline, best, left_out)


def _requests_a_turn(serve: Serve) -> int:
    serve(20)  # so that the contender's own caches hold what they hold in a running site
    return max(3, int(SECONDS_A_TURN / serve(20) * 20))


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are numbers."""
    marks = ["---", *(["---:"] * (len(columns) - 1))]
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows)]
    return "\n".join([f"### {title}", "", *lines, ""])
