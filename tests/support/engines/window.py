"""What a test can do in every browser."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, Protocol

LONGEST_WAIT_SECONDS = 15

ENTER = "\ue007"  # as WebDriver writes keys, https://www.w3.org/TR/webdriver2/#keyboard-actions
CONTROL = "\ue009"

# Returns where the pointer is over an element, once the element has an area and is painted.
# Chromium drops input to a page that it has not shown yet.
PLACE = """(async () => {
    const element = document.querySelector(%s);
    if (!element) return null;
    element.scrollIntoView({block: 'center', behavior: 'instant'});
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const box = element.getClientRects()[0];
    if (!box || !box.width || !box.height) return null;
    return [Math.floor(box.x + box.width / 2), Math.floor(box.y + box.height / 2)];
})()"""

# Looks until the expression is true, until the time is up, or until the page goes away. A browser
# may keep a page that has gone for going back, and then the promise would never end.
WAIT = """Promise.race([
    new Promise(done => addEventListener('pagehide', () => done(null), {once: true})),
    (async () => {
        const end = performance.now() + %d;
        for (;;) {
            try {
                const value = await (%s);
                if (value || performance.now() > end) return value;
            } catch (error) {
                if (performance.now() > end) throw error;
            }
            await new Promise(done => setTimeout(done, 10));
        }
    })(),
])"""


class BrowserError(Exception):
    """A command failed: the script threw, or its page went away."""


class Window(ABC):
    """A browser with cookies of its own, and the tab in it that is looked at.

    Input is what the browser takes for a person's: it moves the pointer and presses keys.
    """

    opens_tabs = True
    """Whether a link for another tab opens there."""

    def click(self, css: str) -> None:
        """Click in the middle of the element, or on what covers it."""
        self._press_pointer(*self._place(css), 0)

    def middle_click(self, css: str) -> None:
        """Click with the middle button."""
        self._press_pointer(*self._place(css), 1)

    def ctrl_click(self, css: str) -> None:
        """Click with Control held down."""
        self._press_pointer(*self._place(css), 0, key=CONTROL)

    def press_enter_on(self, css: str) -> None:
        """Press Enter on the element, which has the focus."""
        self._place(css)
        self.evaluate(f"document.querySelector({json.dumps(css)}).focus()")
        self._press_keys(ENTER)

    def type_into(self, css: str, text: str) -> None:
        """Click on a field and type."""
        self.click(css)
        self._press_keys(text)

    def wait_for(self, expression: str) -> Any:
        """Wait until a JavaScript expression is true, on whatever page there is then; return it."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            left = deadline - time.monotonic()
            try:
                value = self.evaluate(WAIT % (max(0, left) * 1000, expression))
            except BrowserError as error:  # the next page is on its way
                if left < 0:
                    raise TimeoutError(f"not true in time: {expression}") from error
            else:
                if value:
                    return value
                if left < 0:
                    raise TimeoutError(f"not true in time: {expression}")

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of a JavaScript expression, awaited; raise `BrowserError`.

        It is no user activation, as a click would be.
        """
        text = self._run(f"(async () => JSON.stringify(await ({expression})))()")
        return None if text is None else json.loads(text)

    def url(self) -> str:
        """Return the URL in the address bar."""
        url: str = self.evaluate("location.href")
        return url

    def _place(self, css: str) -> tuple[int, int]:
        x, y = self.wait_for(PLACE % json.dumps(css))
        return x, y

    @abstractmethod
    def open(self, url: str) -> None:
        """Go to a page as from the address bar, and wait until it is loaded."""

    @abstractmethod
    def switch_to_new_tab(self) -> None:
        """Wait for a new tab, and switch to it."""

    @abstractmethod
    def click_and_agree(self, css: str) -> None:
        """Click, and agree when the browser asks whether a frame may have its cookies."""

    @abstractmethod
    def _run(self, promise: str) -> str | None:
        """Return the text, or nothing, that the JavaScript promise comes to."""

    @abstractmethod
    def _press_pointer(self, x: int, y: int, button: int, *, key: str | None = None) -> None: ...

    @abstractmethod
    def _press_keys(self, keys: str) -> None: ...


class Engine(Protocol):
    """A browser that is running, or can be at once."""

    def window(self) -> AbstractContextManager[Window]:
        """Open a window with its own cookies and storage."""
