"""Chromium, through Playwright."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright

from .. import chromium
from ..browsers import FLAGS
from ..tls import fingerprint
from .window import CONTROL, ENTER, LONGEST_WAIT_SECONDS, BrowserError, Window

NAMES_OF_KEYS = {ENTER: "Enter", CONTROL: "Control"}
TOLERANT = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
"""The preferences of a profile that allows third-party cookies."""


@contextmanager
def running(playwright: Playwright, proxy: int) -> Iterator[ChromiumEngine]:
    """Run a Chromium whose windows are incognito: these block third-party cookies."""
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright), args=_flags(proxy)
    ) as browser:
        yield ChromiumEngine(browser)


@contextmanager
def running_tolerant(playwright: Playwright, proxy: int) -> Iterator[TolerantChromiumEngine]:
    """Run Chromiums that allow third-party cookies."""
    yield TolerantChromiumEngine(playwright, proxy)


def _flags(proxy: int) -> list[str]:
    return [
        *FLAGS,
        f"--proxy-server=https=127.0.0.1:{proxy}",
        "--proxy-bypass-list=<-loopback>",
        f"--ignore-certificate-errors-spki-list={fingerprint()}",
    ]


@dataclass
class ChromiumEngine:
    browser: Browser

    @contextmanager
    def window(self) -> Iterator[ChromiumWindow]:
        with self.browser.new_context() as context:
            yield ChromiumWindow(context)


@dataclass
class TolerantChromiumEngine:
    playwright: Playwright
    proxy: int

    @contextmanager
    def window(self) -> Iterator[ChromiumWindow]:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            preferences = Path(folder) / "Default" / "Preferences"
            preferences.parent.mkdir()
            preferences.write_text(json.dumps(TOLERANT))
            with self.playwright.chromium.launch_persistent_context(
                folder, executable_path=chromium.path(self.playwright), args=_flags(self.proxy)
            ) as context:
                yield ChromiumWindow(context)


class ChromiumWindow(Window):
    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._seen: list[Page] = []
        self._look_at(context.pages[0] if context.pages else context.new_page())

    def _look_at(self, page: Page) -> None:
        self._seen.append(page)
        self._page = page
        self._protocol = self._context.new_cdp_session(page)

    def open(self, url: str) -> None:
        self._page.goto(url)

    def switch_to_new_tab(self) -> None:
        new = [page for page in self._context.pages if page not in self._seen]
        if not new:
            new = [self._context.wait_for_event("page", timeout=LONGEST_WAIT_SECONDS * 1000)]
        self._look_at(new[0])

    def click_and_agree(self, css: str) -> None:
        self._context.grant_permissions(["storage-access"])
        self.click(css)

    def _run(self, promise: str) -> str | None:
        # Playwright's own evaluate() would count as a click.
        try:
            answer = self._protocol.send(
                "Runtime.evaluate",
                {"expression": promise, "awaitPromise": True, "returnByValue": True},
            )
        except Error as error:
            raise BrowserError(str(error)) from error
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        text: str | None = answer["result"].get("value")
        return text

    def _press_pointer(self, x: int, y: int, button: int, *, key: str | None = None) -> None:
        if key:
            self._page.keyboard.down(NAMES_OF_KEYS[key])
        self._page.mouse.click(x, y, button="middle" if button else "left")
        if key:
            self._page.keyboard.up(NAMES_OF_KEYS[key])

    def _press_keys(self, keys: str) -> None:
        for key in keys:
            if key in NAMES_OF_KEYS:
                self._page.keyboard.press(NAMES_OF_KEYS[key])
            else:
                self._page.keyboard.type(key)
