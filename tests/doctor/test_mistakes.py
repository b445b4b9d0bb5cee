"""Mistakes become visible, and what a message says to do mends them."""

from __future__ import annotations

import re

import pytest

from .mistakes import MISTAKES, Mistake, Way
from .town import Machine, Observer

pytestmark = pytest.mark.cache  # it needs nginx

WAYS = [
    pytest.param(mistake, way, id=f"{mistake.name}: {way.where}")
    for mistake in MISTAKES
    for way in mistake.ways
]


@pytest.fixture(scope="module")
def observer(machine: Machine) -> Observer:
    """What looks at the towns of all tests here."""
    return Observer(machine)


@pytest.mark.parametrize(("mistake", "way"), WAYS)
def test_a_mistake_is_found_and_the_advice_of_the_message_corrects_it(
    mistake: Mistake, way: Way, observer: Observer
) -> None:
    seen = observer.see(mistake.town)
    named = re.search(way.says, way.message(seen))
    assert named, seen
    assert seen.checked is None or seen.checked.status == (1 if seen.findings else 0)
    mended = observer.see(way.mend(mistake.town, named))
    assert (mended.start_up, mended.log, mended.findings) == ("", "", {})
    assert mended.checked is not None
    assert mended.checked.status == 0
    assert mended.emulator == "signup: authenticated"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_nothing_but_the_mistake_is_found(mistake: Mistake, observer: Observer) -> None:
    seen = observer.see(mistake.town)
    places = {way.where for way in mistake.ways}
    assert set(seen.findings) == places - {"start-up", "log", "emulator"}
    assert bool(seen.log) == ("log" in places)
