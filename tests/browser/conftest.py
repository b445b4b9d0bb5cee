"""Real browsers, and the mark by which tests in them can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.support.browsers import PATIENCE_SECONDS, chromium_that
from tests.support.engines import chromium, firefox, webkit
from tests.support.engines.window import Engine, Window
from tests.support.tls import proxying

FOLDER = Path(__file__).parent

expect.set_options(timeout=PATIENCE_SECONDS * 1000)

# What drives a browser from outside loses a click or an answer now and then.
LOSES_INPUT = pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError", "BrowserError"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; have them run again if input was lost."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker("browser")
            item.add_marker(LOSES_INPUT)


@pytest.fixture(scope="package")  # no longer: its event loop would be in the way of others
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium, started once for the tests of this folder; it has an HTTP cache."""
    with chromium_that(playwright, freezes=False) as browser:
        yield browser


@pytest.fixture(scope="package")
def freezing(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium that keeps pages whole to go back to."""
    with chromium_that(playwright, freezes=True) as browser:
        yield browser


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def engine(request: pytest.FixtureRequest, playwright: Playwright) -> Iterator[Engine]:
    """A browser as it comes; with `parametrize(..., indirect=True)`, those that a test names."""
    # Those that are not tolerant block third-party cookies, or keep them apart for each site.
    engines: dict[str, Callable[[int], AbstractContextManager[Engine]]] = {
        "chromium": partial(chromium.running, playwright),
        "firefox": firefox.running,
        "webkit": webkit.running,
        "tolerant chromium": partial(chromium.running_tolerant, playwright),
        "tolerant firefox": firefox.running_tolerant,
        "tolerant webkit": webkit.running_tolerant,
    }
    with proxying() as proxy, engines[request.param](proxy) as engine:
        yield engine


@pytest.fixture
def window(engine: Engine) -> Iterator[Window]:
    """A window whose cookies are this test's alone."""
    with engine.window() as window:
        yield window
