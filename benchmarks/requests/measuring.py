"""Measures contenders in turns of one request; a time is the 10th percentile of a contender's.

So each request finds the processor's caches as another request has left them, as behind a server.
Other work of the machine slows all contenders alike.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

TURNS_A_ROUND = 25
"""The number of requests of each contender in one round."""

_WARM_UP = 60  # requests that fill a contender's own caches, as in a running site

Serve = Callable[[int], float]
"""Takes a number of requests to serve; returns the seconds that they took."""


class Unavailable(Exception):
    """The measured package cannot do what a row measures; the message says what it lacks."""


@dataclass(frozen=True)
class Table:
    """Contenders that do the same job, and the baseline that they are compared with.

    A contender is made by a call, which checks its answer before it returns. The call raises
    `AssertionError` if the answer is wrong, and `Unavailable`.
    """

    title: str
    baseline: str
    contenders: Mapping[str, Callable[[], Serve]]


@dataclass
class Figures:
    """The times of a table's contenders, in microseconds for one request."""

    title: str
    baseline: str
    microseconds: dict[str, float]
    left_out: dict[str, str]
    """Why the measured package cannot do what a row measures."""

    def ratio(self, name: str) -> float:
        """Return a contender's time as a multiple of the baseline's."""
        return self.microseconds[name] / self.microseconds[self.baseline]


def repeated(serve_one: Callable[[], object]) -> Serve:
    """Return a function that serves many requests with one call each."""

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
    for serve in serving.values():
        serve(_WARM_UP)
    gc.collect()
    gc.freeze()  # the collector must not look at objects of the set-up
    seconds: dict[str, list[float]] = {name: [] for name in serving}
    order = list(serving)
    for _ in range(rounds * TURNS_A_ROUND):
        random.shuffle(order)  # a contender must not always follow the same other one
        for name in order:
            seconds[name].append(serving[name](1))
    gc.unfreeze()
    tenth = {name: sorted(each)[len(each) // 10] * 1e6 for name, each in seconds.items()}
    return Figures(table.title, table.baseline, tenth, left_out)


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are numbers."""
    marks = ["---", *(["---:"] * (len(columns) - 1))]
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, marks, *rows)]
    return "\n".join([f"### {title}", "", *lines, ""])
