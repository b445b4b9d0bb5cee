"""ASGI: a Starlette response, and a Starlette app, driven in process."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Awaitable, Callable
from functools import cache, partial
from gzip import compress, decompress
from http.cookies import SimpleCookie
from time import perf_counter
from typing import Any

from newrelic.api.asgi_application import ASGIBrowserMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pavior_middleware import Identity, Settings
from pavior_middleware.asgi import PaviorMiddleware

from .measuring import Serve, Table, Unavailable
from .new_relic import Transaction
from .pages import (
    API_KEY,
    EMAIL,
    FETCH,
    LENDING,
    NAVIGATION,
    NOBODY,
    NONCE_POLICY,
    ORDERS,
    PATH,
    POLICY,
    SETTINGS,
    TEAM,
    USER_ID,
    Answer,
    Page,
    by_hand,
    check_policy,
    check_script,
    check_text,
    check_whole,
    page_of,
    user,
)

Scope = dict[str, Any]
Message = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
Fields = list[tuple[str, str]]
Check = Callable[[Answer], None]


# ── The driver ─────────────────────────────────────────────────────────────────────────────────


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop in which all contenders run."""
    return asyncio.new_event_loop()


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ignore(message: Message) -> None:
    pass


def scope_of(fields: Fields, scheme: str = "http") -> Scope:
    """Return the scope of a GET as uvicorn makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
        "scheme": scheme,
        "method": "GET",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in fields],
        "state": {},
    }


def answer_of(app: App, scope: Scope) -> Answer:
    """Return what an app answers."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    _loop().run_until_complete(_awaited(app(_fresh(scope), _receive, keep)))
    start, *bodies = messages
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], headers, b"".join(each.get("body", b"") for each in bodies))


async def _awaited(answer: Awaitable[None]) -> None:
    await answer


def _fresh(scope: Scope) -> Scope:
    """Return a scope for one request: servers make its dictionaries and lists anew."""
    return {**scope, "headers": scope["headers"].copy(), "state": {}}


def serving(app: App, scope: Scope, check: Check) -> Serve:
    """Check an app's answer; return a function that serves requests by the app."""
    check(answer_of(app, scope))

    async def batch(count: int) -> float:
        started = perf_counter()
        for _ in range(count):
            await app(_fresh(scope), _receive, _ignore)
        return perf_counter() - started

    def serve(count: int) -> float:
        return _loop().run_until_complete(batch(count))

    return serve


# ── The app ────────────────────────────────────────────────────────────────────────────────────


def html(body: Callable[[], bytes], headers: Callable[[], dict[str, str]] = dict) -> App:
    """Return an app that answers with Starlette's `HTMLResponse`, without routing."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await HTMLResponse(body(), headers=headers())(scope, receive, send)

    return app


def bare(page: Page) -> App:
    """Return an app whose page has no script."""
    return html(page.without_element)


def hand_written(page: Page) -> App:
    """Return an app whose author has written the script into the page."""
    return html(lambda: page.with_element(by_hand(USER_ID, EMAIL)))


async def json_app(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with JSON."""
    await JSONResponse(ORDERS)(scope, receive, send)


def starlette_app(body: Callable[[], bytes], *middleware: Middleware) -> App:
    """Return a Starlette app with a route to the page."""

    async def view(request: Request) -> Response:  # noqa: ARG001
        return HTMLResponse(body())

    return Starlette(routes=[Route(PATH, view)], middleware=list(middleware))


# ── Other middleware ───────────────────────────────────────────────────────────────────────────


class PassThrough:
    """The least that a middleware for responses does: it sees each message."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Pass the messages on."""

        async def pass_on(message: Message) -> None:
            await send(message)

        await self.app(scope, receive, pass_on)


class Replacing(BaseHTTPMiddleware):
    """The usual advice on how to change a page with Starlette."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Put the script before the first `</head>` of a page."""
        response = await call_next(request)
        if not response.headers.get("content-type", "").startswith("text/html"):
            return response
        pieces = [piece async for piece in response.body_iterator]  # type: ignore[attr-defined]
        body = b"".join(pieces).replace(b"</head>", by_hand(USER_ID, EMAIL) + b"</head>", 1)
        headers = dict(response.headers)
        del headers["content-length"]
        return Response(body, response.status_code, headers)


def new_relic(app: App) -> App:
    """Return an app with New Relic's injector around each request."""
    transaction = Transaction()

    async def injecting(scope: Scope, receive: Any, send: Send) -> None:
        await ASGIBrowserMiddleware(app, transaction)(scope, receive, send)

    return injecting


# ── This package ───────────────────────────────────────────────────────────────────────────────


async def _known(scope: Any) -> Identity:  # noqa: ARG001
    return user()


def _known_at_once(scope: Any) -> Identity:  # noqa: ARG001
    return user()


def ours(app: App, settings: Settings = SETTINGS, identity: Any = None) -> App:
    """Return an app with this package's middleware."""
    return PaviorMiddleware(app, settings, identity=identity)


def named(page: Page) -> App:
    """Return our middleware around a page that names its user."""
    return ours(bare(page), identity=_known)


def _key_in_scope(page: Page) -> App:
    app = bare(page)

    async def naming(scope: Scope, receive: Any, send: Any) -> None:
        scope["pavior.identity"] = user()
        await app(scope, receive, send)

    served = ours(naming)
    if b"ada@example" not in answer_of(served, scope_of(NAVIGATION)).body:
        raise Unavailable('this version does not read scope["pavior.identity"]')
    return served


def _plain_callable(page: Page, *, may_block: bool) -> App:
    """Return our middleware with a callable that is a plain function."""
    if "identity_may_block" in inspect.signature(Settings).parameters:
        options: dict[str, Any] = {"identity_may_block": may_block}
        settings = Settings(TEAM, API_KEY, **options)
    elif may_block:
        raise Unavailable("this version has no setting `identity_may_block`, and no threads")
    else:
        settings = SETTINGS
    return ours(bare(page), settings, _known_at_once)


def _with_policy(page: Page, policy: str) -> App:
    headers = {"content-security-policy": policy}
    return ours(html(page.without_element, lambda: headers), identity=_known)


def _with_nonces(page: Page) -> App:
    numbers = itertools.count(1)

    def headers() -> dict[str, str]:
        nonce = f"{next(numbers):022x}"
        return {"content-security-policy": NONCE_POLICY.format(nonce=nonce)}

    return ours(html(page.without_element, headers), identity=_known)


def _with_different_heads(page: Page) -> App:
    numbers = itertools.count(1)

    def headers() -> dict[str, str]:
        number = next(numbers)
        return {
            "content-security-policy": f"{POLICY}; report-uri /csp/{number:016x}",
            "cache-control": f"private, max-age={number}",
        }

    return ours(html(page.without_element, headers), identity=_known)


def _every_user_new(page: Page) -> Serve:
    scope, numbers = scope_of(NAVIGATION), itertools.count(1)

    async def identity(scope: Any) -> Identity:  # noqa: ARG001
        number = next(numbers)
        return Identity(str(number), f"{number}@example.com")

    served = ours(html(page.without_element), identity=identity)
    for number in (1, 2):
        check_script(answer_of(served, scope), page, Identity(str(number), f"{number}@example.com"))
    return serving(served, scope, lambda answer: None)  # noqa: ARG005


def _lending(page: Page, *, returns: bool) -> Serve:
    """Return a function that serves a page of a lender: a visitor's first page, or a later one.

    The later requests hold the login cookie that the first answer sets.
    """
    served = ours(bare(page), LENDING, _known)
    scope = scope_of(NAVIGATION, "https")
    check = partial(check_script, page=page, user=user())
    if returns:
        cookie = login_cookie(answer_of(served, scope).header("set-cookie"))
        scope = scope_of(with_cookie(NAVIGATION, cookie), "https")
    return serving(served, scope, check)


def login_cookie(field: str | None) -> str:
    """Return the login cookie that an answer sets, as a request holds it."""
    assert field is not None, "no login cookie"
    ((name, morsel),) = SimpleCookie(field).items()
    return f"{name}={morsel.coded_value}"


def with_cookie(fields: Fields, cookie: str) -> Fields:
    """Return a request's fields, with one more cookie."""
    return [(name, f"{value}; {cookie}" if name == "cookie" else value) for name, value in fields]


# ── The tables ─────────────────────────────────────────────────────────────────────────────────

BARE, HAND_WRITTEN, PASS_THROUGH = "bare page", "hand-written page", "pass-through"
NEW_RELIC, REPLACE = "New Relic's injector", "BaseHTTPMiddleware and replace"
COPIED = "hand-written page, copied once"
ANONYMOUS, NAMED = "ours, anonymous", "ours, named"


def pages(size: int, title: str) -> Table:
    """Return the table of all contenders; for a larger page, that of the most important ones."""
    page = page_of(size)
    scope = scope_of(NAVIGATION)
    names = partial(check_script, page=page, user=user())
    names_nobody = partial(check_script, page=page, user=None)

    def is_bare(answer: Answer) -> None:
        check_text(answer, page.without_element())

    def allows(answer: Answer) -> None:
        names(answer)
        check_policy(answer)

    def contender(make: Callable[[], App], check: Check) -> Callable[[], Serve]:
        return lambda: serving(make(), scope, check)

    return Table(
        title,
        HAND_WRITTEN,
        {
            BARE: contender(lambda: bare(page), is_bare),
            HAND_WRITTEN: contender(lambda: hand_written(page), names),
            COPIED: contender(
                lambda: html(lambda: copied(page.with_element(by_hand(USER_ID, EMAIL)))), names
            ),
            PASS_THROUGH: contender(lambda: PassThrough(hand_written(page)), names),
            NEW_RELIC: contender(lambda: new_relic(bare(page)), names),
            REPLACE: contender(lambda: Replacing(bare(page)), names),
            ANONYMOUS: lambda: serving(ours(bare(page)), {**scope, **NOBODY}, names_nobody),
            NAMED: contender(lambda: named(page), names),
            "ours, named by a key in the scope": contender(lambda: _key_in_scope(page), names),
            "ours, named by a function that does not block": contender(
                lambda: _plain_callable(page, may_block=False), names
            ),
            "ours, named by a function in a thread": contender(
                lambda: _plain_callable(page, may_block=True), names
            ),
            "ours, every user new": lambda: _every_user_new(page),
            "ours, lending, first visit": lambda: _lending(page, returns=False),
            "ours, lending, returning visitor": lambda: _lending(page, returns=True),
            "ours, policy": contender(lambda: _with_policy(page, POLICY), allows),
            "ours, policy with a fresh nonce": contender(lambda: _with_nonces(page), allows),
            "ours, every head different": contender(lambda: _with_different_heads(page), allows),
        },
    )


def copied(body: bytes) -> bytes:
    """Return a copy of the bytes; `bytes(body)` would return the same object."""
    return bytes(memoryview(body))


IN_EVERY_SIZE = (BARE, HAND_WRITTEN, COPIED, NEW_RELIC, ANONYMOUS, NAMED)


def large_pages(size: int, title: str) -> Table:
    """Return the table of a large page."""
    table = pages(size, title)
    return Table(title, table.baseline, {name: table.contenders[name] for name in IN_EVERY_SIZE})


def apps() -> Table:
    """Return the table of a Starlette app with a route."""
    page = page_of(10_000)
    scope = scope_of(NAVIGATION)
    names = partial(check_script, page=page, user=user())

    def is_bare(answer: Answer) -> None:
        check_text(answer, page.without_element())

    def by_author(*middleware: Middleware) -> App:
        return starlette_app(lambda: page.with_element(by_hand(USER_ID, EMAIL)), *middleware)

    def without(*middleware: Middleware) -> App:
        return starlette_app(page.without_element, *middleware)

    def contender(make: Callable[[], App], check: Check = names) -> Callable[[], Serve]:
        return lambda: serving(make(), scope, check)

    our_middleware = Middleware(PaviorMiddleware, SETTINGS, identity=_known)
    return Table(
        "ASGI, a Starlette app with a route, page of 10 kB",
        HAND_WRITTEN,
        {
            BARE: contender(without, is_bare),
            HAND_WRITTEN: contender(by_author),
            PASS_THROUGH: contender(lambda: by_author(Middleware(PassThrough))),
            NEW_RELIC: contender(lambda: new_relic(without())),
            REPLACE: contender(lambda: without(Middleware(Replacing))),
            NAMED: contender(lambda: without(our_middleware)),
        },
    )


def gzipped() -> Table:
    """Return the table of a page that the app compresses."""
    page = page_of(10_000)
    scope = scope_of(NAVIGATION)

    def coded(body: Callable[[], bytes]) -> App:
        return html(lambda: compress(body(), 6, mtime=0), lambda: {"content-encoding": "gzip"})

    def names(answer: Answer) -> None:
        check_whole(answer)
        fields = [field for field in answer.headers if field[0].lower() != "content-length"]
        check_script(Answer(answer.status, fields, decompress(answer.body)), page, user())

    def by_author() -> App:
        return coded(lambda: page.with_element(by_hand(USER_ID, EMAIL)))

    def contender(make: Callable[[], App]) -> Callable[[], Serve]:
        return lambda: serving(make(), scope, names)

    once = compress(page.without_element(), 6, mtime=0)
    compressed_once = html(lambda: once, lambda: {"content-encoding": "gzip"})
    return Table(
        "ASGI, gzipped page of 10 kB",
        HAND_WRITTEN,
        {
            HAND_WRITTEN: contender(by_author),
            PASS_THROUGH: contender(lambda: PassThrough(by_author())),
            NAMED: contender(lambda: ours(coded(page.without_element), identity=_known)),
            "ours, named, compressed once": contender(
                lambda: ours(compressed_once, identity=_known)
            ),
        },
    )


def json() -> Table:
    """Return the table of an answer that is not a page."""
    scope = scope_of(FETCH)
    body = JSONResponse(ORDERS).body

    def is_same(answer: Answer) -> None:
        check_text(answer, bytes(body))
        assert answer.headers == answer_of(json_app, scope).headers, "other header fields"

    def lending() -> Serve:
        page = ours(bare(page_of(10_000)), LENDING, _known)
        cookie = login_cookie(answer_of(page, scope_of(NAVIGATION, "https")).header("set-cookie"))
        with_login = scope_of(with_cookie(FETCH, cookie), "https")
        return serving(ours(json_app, LENDING, _known), with_login, is_same)

    return Table(
        "ASGI, JSON",
        PASS_THROUGH,
        {
            "bare JSON": lambda: serving(json_app, scope, is_same),
            PASS_THROUGH: lambda: serving(PassThrough(json_app), scope, is_same),
            NEW_RELIC: lambda: serving(new_relic(json_app), scope, is_same),
            "ours": lambda: serving(ours(json_app, identity=_known), scope, is_same),
            "ours, lending, returning visitor": lending,
        },
    )


def tables() -> list[Table]:
    """Return all tables of ASGI."""
    return [
        pages(10_000, "ASGI, page of 10 kB"),
        large_pages(100_000, "ASGI, page of 100 kB"),
        large_pages(1_000_000, "ASGI, page of 1 MB"),
        apps(),
        gzipped(),
        json(),
    ]
