"""Opens the page in Chromium, by Playwright, and records what the browser reports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    TimeoutError,  # noqa: A004  # Playwright's own
    sync_playwright,
)

from .addresses import with_fresh_query
from .evidence import Init, Opened, Violation
from .fetching import Login

PATH_VARIABLE = "CHROMIUM_PATH"
SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_BEGUN = """Promise.race([
    paviorCheck.begun, new Promise(resolve => { setTimeout(resolve, %d); })])"""

_LOAD_SECONDS = 30
_INIT_SECONDS = 10
_QUIET_SECONDS = 5
_MOST_MESSAGES = 20
_LONGEST_MESSAGE = 500  # characters

# Records each call of init, what the emulator says of it, and each violation of an enforced policy.
# It is set up before any script of the page. If an embed declares its function, calls are not seen.
_WATCH = """(() => {
    const seen = {calls: [], events: [], violations: [], refusal: ''};
    let begin;
    const begun = new Promise(resolve => { begin = resolve; });
    Object.defineProperty(window, 'paviorCheck', {value: {seen, begun}});
    const text = value => value == null ? null : String(value);
    let pavior;
    Object.defineProperty(window, 'Pavior', {
        configurable: true,
        enumerable: true,
        get: () => pavior,
        set: value => {
            pavior = typeof value !== 'function' ? value : new Proxy(value, {
                apply(target, self, call) {
                    const [command, options = {}] = call;
                    if (command === 'init') {
                        seen.calls.push(
                            [text(options.id), text(options.email), Boolean(options.hmac)]);
                        begin();
                    }
                    return Reflect.apply(target, self, call);
                },
            });
        },
    });
    addEventListener('pavior:identity', ({detail}) => {
        seen.events.push([text(detail.id), text(detail.email), detail.authenticated]);
        begin();
    });
    addEventListener('pavior:ready', ({detail}) => {
        seen.refusal = detail?.authenticated ? '' : text(detail?.reason) ?? '';
    });
    addEventListener('securitypolicyviolation', event => {
        if (event.disposition === 'enforce')
            seen.violations.push([event.effectiveDirective, event.blockedURI]);
    });
})();"""


def open_page(
    url: str, login: Login | None, connect_to: str = "", *, named_url: str = ""
) -> tuple[Opened, ...]:
    """Open a page as nobody and, with a login, as somebody; each in its own profile.

    With a login, `named_url` is opened with a fresh query, if it is given. The login's cookies are
    set for the host of `url` alone, and only for https if `url` is https.
    """
    with sync_playwright() as playwright:
        program = _program(playwright)
        if program is None:
            return (
                Opened(
                    is_named=False,
                    failure="there is no Chromium: run `playwright install chromium`, or set"
                    f" {PATH_VARIABLE}",
                ),
            )
        try:
            with playwright.chromium.launch(
                executable_path=program, args=_arguments(url, connect_to)
            ) as browser:
                opened = [_opened(browser, url, None)]
                if login is not None:
                    opened.append(_opened(browser, with_fresh_query(named_url or url), login))
        except Error as error:
            return (Opened(is_named=False, failure=_first_line(error)),)
        return tuple(opened)


def _program(playwright: Playwright) -> str | None:
    given = os.environ.get(PATH_VARIABLE)
    own = playwright.chromium.executable_path
    candidates = (given, own if Path(own).exists() else None, *map(shutil.which, SYSTEM_NAMES))
    return next(filter(None, candidates), None)


def _arguments(url: str, connect_to: str) -> list[str]:
    arguments = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # with a sandbox, Chromium does not start for root
    if connect_to:
        parts = urlsplit(url)
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        arguments.append(f"--host-resolver-rules=MAP {host} {connect_to}")
    return arguments


def _opened(browser: Browser, url: str, login: Login | None) -> Opened:
    with browser.new_context() as context:
        try:
            if login is not None:
                _log_in(context, login)
            return _seen(context.new_page(), url, is_named=login is not None)
        except Error as error:
            return Opened(is_named=login is not None, failure=_first_line(error))


def _log_in(context: BrowserContext, login: Login) -> None:
    pairs = (pair.strip().partition("=") for pair in login.cookie.split(";"))
    context.add_cookies(
        [{"name": name, "value": value, "url": f"{login.origin}/"} for name, _, value in pairs]
    )


def _seen(page: Page, url: str, *, is_named: bool) -> Opened:
    messages: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            messages.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.add_init_script(_WATCH)
    page.goto(url, wait_until="load", timeout=_LOAD_SECONDS * 1000)
    _evaluated(page, _BEGUN % (_INIT_SECONDS * 1000))
    with suppress(TimeoutError):  # a page may send requests without end
        page.wait_for_load_state("networkidle", timeout=_QUIET_SECONDS * 1000)
    seen: Mapping[str, Any] = _evaluated(page, "paviorCheck.seen")
    return Opened(
        is_named,
        tuple(message[:_LONGEST_MESSAGE] for message in messages[:_MOST_MESSAGES]),
        tuple(Violation(*each) for each in seen["violations"][:_MOST_MESSAGES]),
        tuple(Init(*each) for each in seen["calls"] or seen["events"]),
        refusal=seen["refusal"],
    )


def _evaluated(page: Page, expression: str) -> Any:
    """Await an expression and return its JSON value, even if the page's policy forbids eval."""
    session = page.context.new_cdp_session(page)
    answer = session.send(
        "Runtime.evaluate",
        {"expression": expression, "awaitPromise": True, "returnByValue": True},
    )
    session.detach()
    return answer["result"].get("value") or {}


def _first_line(error: Error) -> str:
    return str(error.message).partition("\n")[0][:_LONGEST_MESSAGE]
