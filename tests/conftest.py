"""Settings and sites that the tests share."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from pavior_middleware import Identity, Settings
from pavior_middleware._page import snippet

# Pages of one user are the same bytes in all tests but those of the masks.
snippet.new_pad = bytes

TESTS = Path(__file__).parent

API_KEY = "an api key for the tests only"
TEAM = "acme"

# How long an example takes depends most on what else the machine does: there is no deadline.
hypothesis.settings.register_profile("thorough", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("thorough")


BROWSERS = {"playwright", "engine"}
"""The fixtures that start a browser."""


LONGEST = [
    *("browser/pages/test_libraries", "browser/pages/test_moments"),
    *("browser/sharing/test_share_script", "browser/pages/test_cache"),
    *("browser/pages/test_doubts", "browser/sharing/test_attacks"),
    *("browser/sharing/test_journeys", "browser/pages/test_turbo"),
    *("browser/pages/test_script_in_engines", "unit/test_linear_time"),
    *("browser/pages/test_react", "browser/sharing/test_engines", "caches/test_caches"),
]
"""The files that take longest, first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and mark the tests that `make quick` leaves out."""
    places = {TESTS / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        uses_browser = isinstance(item, pytest.Function) and BROWSERS & set(item.fixturenames)
        if uses_browser or item.path.is_relative_to(TESTS / "browser"):
            item.add_marker("browser")
        if item.path.is_relative_to(TESTS / "caches"):
            item.add_marker("cache")


@pytest.fixture
def settings() -> Settings:
    return Settings(TEAM, API_KEY)


@pytest.fixture
def user() -> Identity:
    return Identity(email="user@example.com")
