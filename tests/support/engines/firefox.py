"""Firefox, through WebDriver BiDi."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from ..programs import path
from .bidi import Connection, RefusedError, connection
from .window import LONGEST_WAIT_SECONDS, BrowserError, Window

LISTENS = "WebDriver BiDi listening on "
LONGEST_STOP_SECONDS = 20
PREFERENCES = {
    "network.proxy.allow_hijacking_localhost": True,  # the proxy is for names under localhost, too
    # The browser agrees at once when a frame asks for storage access.
    "dom.storage_access.prompt.testing": True,
    "dom.storage_access.prompt.testing.allow": True,
}
TOLERANT = {"network.cookie.cookieBehavior": 0}
"""The preference that allows third-party cookies."""

# The frame that lies at a place, and where that place is in it.
FRAME = """((x, y) => {
    let element = document.elementFromPoint(x, y);
    while (element?.shadowRoot) element = element.shadowRoot.elementFromPoint(x, y);
    if (!(element instanceof HTMLIFrameElement)) return null;
    const box = element.getBoundingClientRect();
    return [
        element.contentWindow,
        Math.floor(x - box.x - element.clientLeft),
        Math.floor(y - box.y - element.clientTop),
    ];
})(%d, %d)"""


@contextmanager
def running(proxy: int, **preferences: Any) -> Iterator[FirefoxEngine]:
    """Run a Firefox as it comes: a third-party cookie is kept apart for each site."""
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        _started(profile, {**PREFERENCES, **preferences}) as url,
        connection(f"{url}/session") as browser,
    ):
        address = f"127.0.0.1:{proxy}"
        browser.send(
            "session.new",
            capabilities={
                "alwaysMatch": {
                    "acceptInsecureCerts": True,
                    "proxy": {"proxyType": "manual", "sslProxy": address},
                }
            },
        )
        browser.send("session.subscribe", events=["browsingContext.contextCreated"])
        yield FirefoxEngine(browser)
        browser.send("browser.close")


@contextmanager
def running_tolerant(proxy: int) -> Iterator[FirefoxEngine]:
    """Run a Firefox that allows third-party cookies."""
    with running(proxy, **TOLERANT) as engine:
        yield engine


@contextmanager
def _started(profile: str, preferences: dict[str, Any]) -> Iterator[str]:
    Path(profile, "user.js").write_text(
        "".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in preferences.items()
        )
    )
    command = [path("firefox-esr"), "--headless", "--no-remote", "--profile", profile]
    with subprocess.Popen(
        [*command, "--remote-debugging-port=0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        try:
            yield _address(process.stderr)
            process.wait(LONGEST_STOP_SECONDS)
        finally:
            process.kill()


def _address(log: IO[str]) -> str:
    lines = []
    for line in log:
        lines.append(line)
        if line.startswith(LISTENS):
            # Otherwise the pipe would fill up, and Firefox would wait.
            threading.Thread(target=deque, args=(log, 0), daemon=True).start()
            return line.removeprefix(LISTENS).strip()
    raise RuntimeError("Firefox ended: " + "".join(lines))


class FirefoxEngine:
    def __init__(self, browser: Connection) -> None:
        self._browser = browser

    @contextmanager
    def window(self) -> Iterator[FirefoxWindow]:
        user = self._browser.send("browser.createUserContext", acceptInsecureCerts=True)
        try:
            yield FirefoxWindow(self._browser, user["userContext"])
        finally:
            self._browser.send("browser.removeUserContext", userContext=user["userContext"])
            self._browser.events.clear()


class FirefoxWindow(Window):
    def __init__(self, browser: Connection, user: str) -> None:
        self._browser = browser
        self._user = user
        created = browser.send("browsingContext.create", type="tab", userContext=user)
        self._tab: str = created["context"]
        self._seen = {self._tab}

    def open(self, url: str) -> None:
        self._browser.send(
            "browsingContext.navigate", context=self._tab, url=url, wait="interactive"
        )

    def switch_to_new_tab(self) -> None:
        while not (new := [tab for tab in self._tabs() if tab not in self._seen]):
            self._browser.wait_for_event(LONGEST_WAIT_SECONDS)
        self._tab = new[0]
        self._seen.add(self._tab)
        self._browser.send("browsingContext.activate", context=self._tab)

    def _tabs(self) -> list[str]:
        created = [event["params"] for event in self._browser.events]
        return [
            each["context"]
            for each in created
            if each["parent"] is None and each["userContext"] == self._user
        ]

    def click_and_agree(self, css: str) -> None:
        self.click(css)  # a preference grants the access

    def _run(self, promise: str) -> str | None:
        text: str | None = self._script(self._tab, promise).get("value")
        return text

    def _script(self, context: str, expression: str) -> dict[str, Any]:
        try:
            answer = self._browser.send(
                "script.evaluate",
                expression=expression,
                target={"context": context},
                awaitPromise=True,
            )
        except RefusedError as error:
            raise BrowserError(str(error)) from error
        if answer["type"] == "exception":
            raise BrowserError(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    def _press_pointer(self, x: int, y: int, button: int, *, key: str | None = None) -> None:
        # A click on a frame of another site arrives only if it is made in the frame.
        context = self._tab
        while frame := self._script(context, FRAME % (x, y)).get("value"):
            inner, x, y = (each["value"] for each in frame)
            context = inner["context"]
        pointer = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": button},
            {"type": "pointerUp", "button": button},
        ]
        pause = {"type": "pause"}
        before = {"type": "keyDown", "value": key} if key else pause
        after = {"type": "keyUp", "value": key} if key else pause
        self._act(
            context,
            {"type": "key", "id": "keys", "actions": [before, pause, pause, pause, after]},
            {"type": "pointer", "id": "mouse", "actions": [pause, *pointer, pause]},
        )

    def _press_keys(self, keys: str) -> None:
        actions = [{"type": type_, "value": key} for key in keys for type_ in ("keyDown", "keyUp")]
        self._act(self._tab, {"type": "key", "id": "keys", "actions": actions})

    def _act(self, context: str, *actions: dict[str, Any]) -> None:
        self._browser.send("input.performActions", context=context, actions=actions)
