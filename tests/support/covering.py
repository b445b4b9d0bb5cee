"""Which tests `make test` leaves to `make thorough`, and that to `make exhaustive`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

DEAR = ("browser", "cache", "slow")
"""The marks of tests for which `make test` leaves out combinations of parameters."""

DEAREST = "browser"
"""The mark of tests of which one version is in `make test`, or one for each engine."""

WHOLE = ("framework", "server")
"""The marks of tests that are slow to start but quick for each combination: all of these stay."""

USUAL_ENGINES = ("chromium", "tolerant chromium")
"""The browsers in order: `make test` runs a test in the first of its browsers."""


@dataclass(frozen=True)
class Version:
    """A version of a test: the values of its own parameters, and those of its fixtures'."""

    own: frozenset[Hashable]
    around: frozenset[Hashable]


def covering(versions: Sequence[Version], used: Counter[Hashable]) -> set[int]:
    """Return the places of a few of the versions that together hold each own value of all of them.

    Among those that hold as many, the ones around which the values are least used are chosen; those
    are counted in `used`.
    """
    missing = frozenset[Hashable]().union(*(version.own for version in versions))
    places: set[int] = set()

    def merit(place: int) -> tuple[int, int]:
        version = versions[place]
        return len(version.own & missing), -sum(used[value] for value in version.around)

    while missing or not places:
        best = max(range(len(versions)), key=merit)
        places.add(best)
        missing -= versions[best].own
        used.update(versions[best].around)
    return places


def first_of(values: Iterable[Any]) -> list[ParameterSet]:
    """Return the values of a parameter; tests with any but the first are `thorough`."""
    first, *others = values
    return [pytest.param(first), *(thorough(value) for value in others)]


def some_of(values: Iterable[Any], kept: Container[Any]) -> list[ParameterSet]:
    """Return the values of a parameter; tests with one that is not to be kept are `thorough`."""
    return [pytest.param(value) if value in kept else thorough(value) for value in values]


def thorough(value: Any) -> ParameterSet:
    """Return a value of a parameter; tests with it are `thorough`."""
    return pytest.param(value, marks=pytest.mark.thorough)


def mark_thorough(items: Iterable[pytest.Item]) -> None:
    """Mark versions of tests whose parameters take other values in versions that stay unmarked.

    Of a test in a browser, one version stays unmarked. Of any other test marked as one of `DEAR`,
    each value of each parameter stays unmarked once. The values of fixtures take turns. If a test
    has a version in Chromium, those in other browsers are marked, unless it is marked
    `each_engine`.

    Of the versions that are marked, those are `exhaustive` that are not needed to have each value
    of each parameter, those of fixtures too, and each browser, once.
    """
    used: defaultdict[Path, Counter[Hashable]] = defaultdict(Counter)
    tests: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        is_dear, is_whole = (any(map(item.get_closest_marker, marks)) for marks in (DEAR, WHOLE))
        if is_dear and not is_whole:
            tests[item.nodeid.partition("[")[0]].append(item)
    for every in tests.values():
        engines = set(map(_engine, every))
        usual = next((name for name in USUAL_ENGINES if name in engines), None)
        for item in every:
            is_elsewhere = usual is not None and _engine(item) != usual
            if is_elsewhere and not item.get_closest_marker("each_engine"):
                item.add_marker("thorough")
        same = [item for item in every if not item.get_closest_marker("thorough")]
        if same:
            is_dearest = same[0].get_closest_marker(DEAREST) is not None
            in_each_engine = same[0].get_closest_marker("each_engine") is not None
            versions = [
                version(item, has_values=not is_dearest, has_engines=in_each_engine)
                for item in same
            ]
            kept = covering(versions, used[same[0].path])
            for place, item in enumerate(same):
                if place not in kept:
                    item.add_marker("thorough")
        versions = [version(item, has_values=True, has_engines=True) for item in every]
        of_fixtures, nothing = [each.own | each.around for each in versions], frozenset[Hashable]()
        kept = covering([Version(values, nothing) for values in of_fixtures], Counter())
        for place, item in enumerate(every):
            if place not in kept and item.get_closest_marker("thorough"):
                item.add_marker("exhaustive")


def version(item: pytest.Item, *, has_values: bool, has_engines: bool) -> Version:
    """Return the values of a test's parameters, those that are set together as one.

    Without `has_values`, its own parameters count as those of its fixtures. With `has_engines`, the
    browser counts as one of its own parameters.
    """
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return Version(frozenset(), frozenset())
    left = dict(item.callspec.params)
    own: set[Hashable] = set()
    for mark in item.iter_markers("parametrize") if has_values else []:
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
        values = [(name, id(left.pop(name))) for name in map(str.strip, names)]
        # Fixtures are set apart from one another.
        own |= set(values) if mark.kwargs.get("indirect") else {tuple(values)}
    if has_engines and "engine" in left:
        own.add(("engine", left.pop("engine")))
    return Version(frozenset(own), frozenset((name, id(value)) for name, value in left.items()))


def _engine(item: pytest.Item) -> str | None:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    name = item.callspec.params.get("engine")
    return None if name is None else str(name)
