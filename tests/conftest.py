"""What all tests share: examples of properties, ids, and both adapters."""

from __future__ import annotations

import logging
from pathlib import Path

import hypothesis
import pytest

from tests.support.adapters import ADAPTERS, Fetch
from tests.support.covering import mark_thorough
from tests.support.ids import readable

TESTS = Path(__file__).parent

# How long an example takes depends most on what else the machine does: there is no deadline.
for profile, examples in {"quick": 20, "ordinary": 30, "thorough": 100}.items():
    hypothesis.settings.register_profile(profile, deadline=None, max_examples=examples)
hypothesis.settings.load_profile("ordinary")


LONGEST = [
    "http/test_any_response",  # in make thorough
    *("browser/pages/test_libraries", "browser/test_examples", "browser/borrowers/test_trips"),
    *("browser/attacks/test_logins", "browser/journeys/test_journeys"),
    *("browser/sharing/test_links", "browser/test_accessibility", "browser/pages/test_moments"),
    *("browser/pages/test_doubts", "browser/pages/test_script_in_engines"),
    "browser/borrowers/test_borrowed_login",
    *("browser/attacks/test_codes_and_ids", "browser/pages/test_cache", "browser/pages/test_csp"),
    *("browser/test_inbox", "browser/borrowers/test_frame", "browser/pages/test_csp_gains"),
    *("browser/sharing/test_cookie_tossing", "browser/pages/test_turbo"),
    *("browser/borrowers/test_address", "browser/pages/test_strangers"),
    *("browser/test_emulator_borrowing", "browser/borrowers/test_init"),
    *("browser/sharing/test_engines", "browser/borrowers/test_clicks"),
    *("docs/test_site", "check/test_in_a_browser", "package/test_distributions"),
    *("frameworks/test_journey", "servers/test_servers", "http/test_hanging_lookup"),
    *("http/test_cost", "unit/test_memos", "unit/test_csp", "unit/test_response_states"),
    *("unit/test_placement", "sharing/test_handoff", "http/test_decompression_bombs"),
]
"""The files that take longest, first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves out; put the longest files first."""
    mark_thorough(items)
    places = {TESTS / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name the values of parametrized tests by what they hold: no `headers3` in a log."""
    return readable(val)


@pytest.fixture(autouse=True)
def root_log_level() -> None:
    """Have warnings logged, and no more: an app of an earlier test, as Litestar's, changes that."""
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    """The interface through which the site of a test is asked: WSGI or ASGI."""
    return str(request.param)


@pytest.fixture
def fetch(adapter: str) -> Fetch:
    """What asks a site through the adapter of this test."""
    return ADAPTERS[adapter]
