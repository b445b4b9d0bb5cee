"""WebKitGTK's own small browser, through WebDriver, on a virtual screen.

In WebKitGTK 2.50, WebDriver cannot click as a person does. A click with the middle button arrives
as one with the left button. A click with Control arrives as one without. So neither opens a tab.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Remote, WebKitGTKOptions
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.support.ui import WebDriverWait
from selenium.webdriver.webkitgtk.service import Service

from ..programs import path
from .window import LONGEST_WAIT_SECONDS, BrowserError, Window

LONGEST_COMMAND_SECONDS = 60

PREVENT_TRACKING = "--enable-itp"


@contextmanager
def running(
    proxy: int, *, arguments: Sequence[str] = (PREVENT_TRACKING,)
) -> Iterator[WebKitEngine]:
    """Run a driver with a browser for each window; like Safari, it blocks third-party cookies."""
    with _screen() as display:
        environment = {
            **os.environ,
            "DISPLAY": display,
            # A proxy from the capabilities would have to speak TLS itself.
            "GIO_USE_PROXY_RESOLVER": "libproxy",
            "https_proxy": f"http://127.0.0.1:{proxy}",
            "no_proxy": "",
            "GSETTINGS_BACKEND": "memory",
            "NO_AT_BRIDGE": "1",
        }
        service = Service(executable_path=path("WebKitWebDriver"), env=environment)
        service.start()
        try:
            yield WebKitEngine(service.service_url, display, arguments)
        finally:
            service.stop()


@contextmanager
def running_tolerant(proxy: int) -> Iterator[WebKitEngine]:
    """Run a driver with a browser that sends third parties the cookies that they have set."""
    with running(proxy, arguments=()) as engine:
        yield engine


@contextmanager
def _screen() -> Iterator[str]:
    reading, writing = os.pipe()
    with (
        os.fdopen(reading) as numbers,
        subprocess.Popen(
            [path("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x1024x24"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        os.close(writing)
        try:
            yield f":{numbers.readline().strip()}"
        finally:
            process.terminate()


class WebKitEngine:
    def __init__(self, driver: str, display: str, arguments: Sequence[str]) -> None:
        self._driver = driver
        self._display = display
        self._arguments = arguments

    @contextmanager
    def window(self) -> Iterator[WebKitWindow]:
        options = WebKitGTKOptions()
        options.binary_location = path("MiniBrowser")
        options.add_argument("--automation")
        for argument in self._arguments:
            options.add_argument(argument)
        options.accept_insecure_certs = True
        with Remote(
            RemoteConnection(
                client_config=ClientConfig(self._driver, timeout=LONGEST_COMMAND_SECONDS)
            ),
            options=options,
        ) as driver:
            yield WebKitWindow(driver, self._display)


class WebKitWindow(Window):
    opens_tabs = False  # under WebDriver, MiniBrowser opens all links in the same tab

    def __init__(self, driver: Remote, display: str) -> None:
        self._driver = driver
        self._display = display
        driver.set_script_timeout(2 * LONGEST_WAIT_SECONDS)
        self._seen = set(driver.window_handles)

    def open(self, url: str) -> None:
        self._driver.get(url)

    def switch_to_new_tab(self) -> None:
        def new(driver: Remote) -> set[str]:
            return set(driver.window_handles) - self._seen

        tab = WebDriverWait(self._driver, LONGEST_WAIT_SECONDS, 0.05).until(new).pop()
        self._seen.add(tab)
        self._driver.switch_to.window(tab)

    def click_and_agree(self, css: str) -> None:
        width, height, below = self.evaluate("[outerWidth, outerHeight, innerHeight]")
        self.click(css)
        # The question is a bar above the page, with the button for Yes at its right end.
        less = self.wait_for(f"innerHeight < {below} && innerHeight")
        _click_on_screen(self._display, width - 50, height - (below + less) // 2)
        self.wait_for(f"innerHeight == {below}")

    def _run(self, promise: str) -> str | None:
        script = f"const done = arguments[0]; {promise}.then(v => done([v]), e => done(String(e)))"
        try:
            answer = self._driver.execute_async_script(script)
        except WebDriverException as error:
            raise BrowserError(str(error)) from error
        if isinstance(answer, str):
            raise BrowserError(answer)
        text: str | None = answer[0]
        return text

    def _press_pointer(self, x: int, y: int, button: int, *, key: str | None = None) -> None:
        actions = ActionChains(self._driver, duration=0)
        pointer: Any = actions.w3c_actions.pointer_action  # untyped
        if key:
            actions.key_down(key)
        pointer.move_to_location(x, y)
        pointer.pointer_down(button=button)
        pointer.pointer_up(button=button)
        if key:
            actions.key_up(key)
        actions.perform()

    def _press_keys(self, keys: str) -> None:
        ActionChains(self._driver).send_keys(keys).perform()


def _click_on_screen(display: str, x: int, y: int) -> None:
    """Click outside of the page, where WebDriver cannot click."""
    x11, test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    screen = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    test.XTestFakeMotionEvent(screen, -1, x, y, 0)
    for pressed in (True, False):
        test.XTestFakeButtonEvent(screen, 1, pressed, 0)
    x11.XCloseDisplay(screen)
