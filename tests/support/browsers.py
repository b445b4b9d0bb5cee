"""How tests start Chromium, and what they ask of its pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Browser, Error, Frame, Page, Playwright

from . import chromium
from .engines.window import WAIT

# A popup of the address bar is a page of its own, which each window makes and nobody looks at: it
# takes a third of the time. A spare renderer is a process that each page starts for the next one.
# The list replaces Playwright's, so that storage is kept apart as in a browser that
# people use; Playwright's `HttpsUpgrades` would be in the way, and the rest is services.
_OFF = (
    *("HttpsUpgrades", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    *("SpareRendererForSitePerProcess", "OptimizationHints", "MediaRouter", "Translate"),
    *("DestroyProfileOnBrowserClose", "DialMediaRouteProvider", "GlobalMediaControls"),
    "LensOverlay",
)

PATIENCE_SECONDS = 15
"""The seconds that a test waits for an expected event: several browsers make a machine slow."""

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    f"--disable-features={','.join(_OFF)}",
]


@contextmanager
def chromium_that(playwright: Playwright, *, freezes: bool) -> Iterator[Browser]:
    """Run a Chromium with its HTTP cache; one that `freezes` keeps pages whole to go back to."""
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright),
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"] if freezes else [],
    ) as browser:
        yield browser


def evaluate(page: Page, expression: str) -> Any:
    """Return the JSON value of a JavaScript expression, awaited.

    Playwright's own `evaluate` and `wait_for_function` are user activations, as clicks are: with
    these, share.js waits before it goes to the lender.
    """
    session = page.context.new_cdp_session(page)
    answer = session.send(
        "Runtime.evaluate",
        {"expression": expression, "awaitPromise": True, "returnByValue": True},
    )
    session.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")


def wait_for(page: Page, expression: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until an expression is true on the page there is then, without user activation."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with suppress(Error):  # the next page is on its way
            if evaluate(page, WAIT % (left * 1000, f"!!({expression})")):
                return
    raise TimeoutError(f"not true in time: {expression}")


def loads_of(page: Page | Frame, end: str) -> int:
    """Return how often a page or a frame has loaded a file whose URL has this end."""
    names: list[str] = page.evaluate(
        "performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    return sum(name.endswith(end) for name in names)
