"""What all tests share: examples of properties, ids, and both adapters."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from tests.support.adapters import ADAPTERS, Fetch
from tests.support.ids import readable

TESTS = Path(__file__).parent

# How long an example takes depends most on what else the machine does: there is no deadline.
hypothesis.settings.register_profile("thorough", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("thorough")


LONGEST = [
    *("browser/pages/test_libraries", "browser/pages/test_moments"),
    *("browser/borrowers/test_trips", "browser/pages/test_cache"),
    *("browser/pages/test_doubts", "browser/attacks/test_logins"),
    *("browser/journeys/test_journeys", "browser/pages/test_turbo"),
    *("browser/pages/test_script_in_engines", "unit/test_linear_time"),
    *("browser/pages/test_react", "browser/sharing/test_engines", "caches/test_caches"),
]
"""The files that take longest, first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {TESTS / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name the values of parametrized tests by what they hold: no `headers3` in a log."""
    return readable(val)


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    """The interface through which the site of a test is asked: WSGI or ASGI."""
    return str(request.param)


@pytest.fixture
def fetch(adapter: str) -> Fetch:
    """What asks a site through the adapter of this test."""
    return ADAPTERS[adapter]
