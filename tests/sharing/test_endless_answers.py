"""ASGI: an app whose answer goes on is stopped once `share-auth` knows who is there."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from httpx2 import Client
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.ports import free_ports
from pavior_middleware import Identity
from pavior_middleware._model.paths import HANDOFF, SHARE_AUTH
from pavior_middleware.asgi import ASGIApp, Message, PaviorMiddleware, Receive, Scope, Send
from tests.support.handing_over import asking_for, referer_of
from tests.support.login_cookies import SETTINGS
from tests.support.servers import LOOPBACK, serving_asgi
from tests.support.sites import ADA, ADAS, HELP

pytestmark = pytest.mark.not_quick

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
SECONDS = 20
"""After which a test has failed."""

START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/html")],
}
MORE: Message = {"type": "http.response.body", "body": b"x" * 1000, "more_body": True}

of_request: ContextVar[str] = ContextVar("of_request")


@dataclass
class Asked:
    """One question, and what became of it."""

    spec_version: str = "2.3"
    path: str = SHARE_AUTH
    headers: tuple[tuple[bytes, bytes], ...] = ((b"origin", HELP.encode()),)
    query: str = ""
    sent: list[Message] = field(default_factory=list)
    turns_of_others: int = 0
    """How often another task had its turn while the app was running after the answer."""

    def run(self, app: ASGIApp, backend: str, identity: Any = lambda scope: ADA) -> None:
        """Ask through the middleware; fail if the app does not end."""
        anyio.run(partial(self._run, app, identity), backend=backend)
        assert [each["type"] for each in self.sent] == [
            "http.response.start",
            "http.response.body",
        ]

    def options(self) -> Any:
        """Return what the answer says."""
        return json.loads(self.sent[1]["body"])

    async def _run(self, app: ASGIApp, identity: Any) -> None:
        middleware = PaviorMiddleware(app, SETTINGS, identity=identity)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": self.spec_version},
            "method": "GET",
            "path": self.path,
            "query_string": self.query.encode(),
            "headers": list(self.headers),
        }
        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as others:
                others.start_soon(self._count)
                of_request.set("the request's")
                await middleware(scope, self._receive, self._send)
                assert of_request.get() in ("the request's", "the app's")
                others.cancel_scope.cancel()

    async def _count(self) -> None:
        while True:
            await checkpoint()
            self.turns_of_others += bool(self.sent)

    async def _receive(self) -> Message:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await anyio.sleep_forever()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    _is_asked = False


@dataclass
class Log:
    """What an app did in the end."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


async def pieces(log: Log) -> AsyncIterator[bytes]:
    """A page without end, which holds something open."""
    try:
        while True:
            yield b"<p>And on."
    finally:
        log("closed")


def streaming(log: Log, *middleware: Any) -> ASGIApp:
    def page(request: Request) -> Response:
        return StreamingResponse(pieces(log), media_type="text/html")

    async def on_error(request: Request, error: Exception) -> Response:
        log(f"error handler: {error!r}")
        return HTMLResponse("Sorry", 500)

    return Starlette(
        routes=[Route("/{path:path}", page)],
        exception_handlers={Exception: on_error},
        middleware=list(middleware),
    )


async def in_dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


BASE = Middleware(BaseHTTPMiddleware, dispatch=in_dispatch)


# Trio warns of what Starlette leaves to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@BACKENDS
@pytest.mark.parametrize("spec_version", ["2.0", "2.3", "2.4"])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_endless_streaming_response_is_stopped_and_closed_without_an_error(
    backend: str, spec_version: str, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    log, asked = Log(), Asked(spec_version)
    app = streaming(log, *[BASE] * depth)

    async def and_collected(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:  # an asynchronous generator that is left is closed by a task of the event loop
            gc.collect()
            for _ in range(10):
                await checkpoint()

    asked.run(and_collected, backend)
    assert asked.options() == ADAS
    assert log.lines == ["closed"]
    assert caplog.records == []


async def plain(log: Log, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends, and waits for nothing else."""
    await send(START)
    try:
        while True:
            await send(MORE)
    finally:
        for _ in range(3):
            await checkpoint()
        log("closed")


async def that_catches(log: Log, scope: Scope, receive: Receive, send: Send) -> None:
    """Takes no `Exception` for a reason to stop."""
    await send(START)
    try:
        while True:
            try:
                await send(MORE)
            except Exception:  # noqa: BLE001, PERF203  # what such an app does
                log("caught")
    finally:
        log("closed")


async def in_tasks(log: Log, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends from a task group, in which another task never ends."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            group.start_soon(partial(plain, Log(), scope, receive, send))
    finally:
        log("closed")


async def that_listens(log: Log, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends nothing more until its client has gone."""
    async with anyio.create_task_group() as group:

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            log("closed")
            group.cancel_scope.cancel()

        group.start_soon(listen)
        await checkpoint()
        await send(START)
        await anyio.sleep_forever()


PLAIN_APPS = [plain, that_catches, in_tasks, that_listens]


@BACKENDS
@pytest.mark.parametrize("app", PLAIN_APPS, ids=lambda app: str(app.__name__))
def test_an_app_that_sends_without_end_is_stopped(
    backend: str, app: Callable[..., Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    log, asked = Log(), Asked()
    asked.run(partial(app, log), backend)
    assert asked.options() == ADAS
    assert log.lines == ["closed"]
    assert caplog.records == []


@BACKENDS
def test_other_tasks_have_their_turn_even_if_an_app_never_stops_sending(backend: str) -> None:
    asked = Asked()
    enough = 200

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(10 * enough):
            try:
                await send(MORE)
            except BaseException:  # noqa: BLE001, PERF203  # what such an app does
                continue

    asked.run(app, backend)
    assert asked.turns_of_others >= enough


@BACKENDS
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_short_answer_ends_as_always_and_its_background_task_runs(
    backend: str, depth: int
) -> None:
    log, asked = Log(), Asked()

    async def mail() -> None:
        for _ in range(3):
            await checkpoint()
        log("sent by mail")

    async def page(request: Request) -> Response:
        assert of_request.get() == "the request's"
        of_request.set("the app's")
        return HTMLResponse("<p>Hello", background=BackgroundTask(mail))

    async def saving(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        await checkpoint()
        log("saved")

    app = Starlette(routes=[Route("/{path:path}", page)], middleware=[BASE] * depth)
    asked.run(saving, backend)
    assert asked.options() == ADAS
    assert log.lines == ["sent by mail", "saved"]


@BACKENDS
def test_what_an_app_raises_while_it_is_stopped_is_raised(backend: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def fail_in_the_end() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                raise OSError("no disk")

        async with anyio.create_task_group() as group:
            group.start_soon(fail_in_the_end)
            await plain(Log(), scope, receive, send)

    raised: list[BaseException] = []

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    with pytest.raises(BaseException) as caught:  # noqa: PT011  # what it is, is looked at below
        Asked().run(outer, backend)
    waiting: list[BaseException] = [caught.value]
    while waiting:
        each = waiting.pop()
        inner = getattr(each, "exceptions", None)
        if inner is None:
            raised.append(each)
        else:
            waiting.extend(inner)
    assert [repr(each) for each in raised] == ["OSError('no disk')"]


@BACKENDS
def test_a_handoff_stops_an_endless_app_too(backend: str) -> None:
    log = Log()
    path, _, query = asking_for(f"{HELP}/").partition("?")
    referer = (b"referer", referer_of(f"{HELP}/").encode())
    asked = Asked(path=path, query=query, headers=(referer,))
    asked.run(partial(plain, log), backend)
    assert path == HANDOFF
    assert asked.sent[0]["status"] == 303
    assert log.lines == ["closed"]


@BACKENDS
def test_the_answer_to_an_app_that_has_given_up_on_the_visitor_is_that_of_its_next_start(
    backend: str,
) -> None:
    visitors: list[Identity | None] = [None, ADA]

    async def identity(scope: Scope) -> Identity | None:
        visitor = visitors.pop(0)
        if visitor is None:
            await anyio.sleep_forever()
        return visitor

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.move_on_after(0.01):
            await send(START)
        await send({**START, "status": 503})
        await send({"type": "http.response.body"})

    asked = Asked()
    asked.run(app, backend, identity)
    assert asked.options() == ADAS


@BACKENDS
def test_an_app_that_is_asked_again_is_stopped_before(backend: str) -> None:
    """Its first answer is a part of a page, which nobody gets."""
    log = Log()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope["headers"]).get(b"range"):
            part = [*START["headers"], (b"content-range", b"bytes 0-9/*")]
            try:
                await send({**START, "status": 206, "headers": part})
                while True:
                    await send(MORE)
            finally:
                log("closed")
        log("asked again")
        await send(START)
        await send({"type": "http.response.body", "body": b"<!doctype html><p>All"})

    headers = ((b"range", b"bytes=0-9"), (b"if-range", b'"1"'), (b"sec-fetch-dest", b"document"))
    asked = Asked(path="/", headers=headers)
    asked.run(app, backend)
    assert log.lines == ["closed", "asked again"]
    assert asked.sent[0]["status"] == 200


def test_a_server_answers_others_while_apps_without_end_are_stopped() -> None:
    log = Log()
    middleware = PaviorMiddleware(partial(plain, log), SETTINGS, identity=lambda scope: ADA)
    (port,) = free_ports([0])
    with (
        serving_asgi(middleware, port),
        Client(base_url=f"http://{LOOPBACK}:{port}", timeout=SECONDS) as client,
    ):
        for _ in range(20):
            answer = client.get(SHARE_AUTH, headers={"Origin": HELP})
            assert answer.json() == ADAS
    assert log.lines == ["closed"] * 20
