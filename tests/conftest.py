"""Settings and sites that the tests share."""

from __future__ import annotations

import hypothesis
import pytest

from pavior_middleware import Identity, Settings
from pavior_middleware._page import snippet

# Pages of one user are the same bytes in all tests but those of the masks.
snippet.new_pad = bytes

API_KEY = "an api key for the tests only"
TEAM = "acme"

# How long an example takes says more of what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


BROWSERS = {"playwright", "engine"}
"""The fixtures that start a browser."""


LONGEST = [
    *("test_libraries", "test_browser_moments", "test_browser_share", "test_browser_cache"),
    *("test_browser_doubts", "test_browser_attacks", "test_journeys", "test_turbo"),
    *("test_script_in_engines", "test_linear_time", "test_react", "test_engines", "test_caches"),
]
"""The files that take longest, first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and mark the tests that `make quick` leaves out."""
    places = {f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    for item in items:
        name = item.path.name
        uses_browser = isinstance(item, pytest.Function) and BROWSERS & set(item.fixturenames)
        if uses_browser or name.startswith("test_browser"):
            item.add_marker("browser")
        if name == "test_caches.py":
            item.add_marker("cache")


@pytest.fixture
def settings() -> Settings:
    return Settings(TEAM, API_KEY)


@pytest.fixture
def user() -> Identity:
    return Identity(email="user@example.com")
