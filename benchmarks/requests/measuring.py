"""Contenders take turns, a request each; a contender's time is the 10th percentile of its requests.

So each request finds the processor's caches as another one has left them, as it does behind a
server, and what else the machine does falls on all contenders.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

TURNS_A_ROUND = 25
"""So many requests of each contender are one round."""

_WARM_UP = 60  # requests, so that a contender's own caches hold what they hold in a running site

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
    for serve in serving.values():
        serve(_WARM_UP)
    gc.collect()
    gc.freeze()  # what the set-up made is no request's
    seconds: dict[str, list[float]] = {name: [] for name in serving}
    order = list(serving)
    for _ in range(rounds * TURNS_A_ROUND):
        random.shuffle(order)  # so that none comes always behind the same one
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
