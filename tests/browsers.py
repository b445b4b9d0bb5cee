"""A real Chromium, started once for each module of tests that looks at pages in one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from . import chromium

# A popup of the address bar is a page of its own, which each window makes and nobody looks at: it
# takes a third of the time. The list stands in the place of Playwright's, so that storage is kept
# apart as in a browser that people use; of theirs, `HttpsUpgrades` would be in the way.
_OFF = ("HttpsUpgrades", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup")

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    f"--disable-features={','.join(_OFF)}",
]


@pytest.fixture(scope="module")  # no longer: its event loop would be in the way of others
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")  # no longer: its event loop would be in the way of others
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright), args=FLAGS
    ) as browser:
        yield browser
