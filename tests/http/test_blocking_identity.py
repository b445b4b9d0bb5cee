"""ASGI: a plain `identity` or `consent` may block, and holds up no other request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pavior_middleware import Identity
from pavior_middleware._model.threads import MOST_THREADS
from pavior_middleware.asgi import Message, PaviorMiddleware, Receive, Scope, Send
from pavior_middleware.starlette import PaviorMiddleware as StarletteMiddleware
from tests.support.adapters import PAGE
from tests.support.named_pages import get, id_in, page_app
from tests.support.pages import init_call
from tests.support.sites import ADA, SETTINGS

SECONDS = 30
"""After which a test that waits for a thread has failed."""

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
BLOCKS_NOT = replace(SETTINGS, identity_may_block=False)

user_of_request: ContextVar[str] = ContextVar("user_of_request")


async def app_with_user(scope: Scope, receive: Receive, send: Send) -> None:
    user_of_request.set(scope["path"].strip("/"))
    await page_app(scope, receive, send)


@dataclass
class Gate:
    """A callable that waits, where the path is /slow, until the test lets it go on."""

    answer: Any = ADA
    is_open: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    arrivals: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    departures: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    waiting: int = 0
    most: int = 0
    calls: int = 0

    def __call__(self, scope: Scope) -> Any:
        if scope["path"] != "/slow":
            return self.answer
        with self.lock:
            self.calls += 1
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.arrivals.release()
        is_let_go = self.is_open.wait(SECONDS)
        with self.lock:
            self.waiting -= 1
        self.departures.release()
        assert is_let_go, "the test did not let it go on"
        return self.answer

    async def arrived(self, count: int = 1) -> None:
        """Wait until this number of further requests wait here."""
        for _ in range(count):
            arrived = partial(self.arrivals.acquire, timeout=SECONDS)
            assert await anyio.to_thread.run_sync(arrived)

    def have_left(self, count: int) -> bool:
        """Wait until this number of calls are over; abandoned ones may still be on the way."""
        return all(self.departures.acquire(timeout=SECONDS) for _ in range(count))


def identity_at(gate: Gate) -> PaviorMiddleware:
    return PaviorMiddleware(page_app, SETTINGS, identity=gate)


def consent_at(gate: Gate) -> PaviorMiddleware:
    gate.answer = True
    return PaviorMiddleware(page_app, SETTINGS, identity=lambda scope: ADA, consent=gate)


@BACKENDS
@pytest.mark.parametrize("make", [identity_at, consent_at], ids=["identity", "consent"])
def test_a_plain_callable_that_blocks_holds_up_no_other_request(
    backend: str, make: Callable[[Gate], PaviorMiddleware]
) -> None:
    gate = Gate()
    app = make(gate)
    named: list[object] = []

    async def ask_slowly() -> None:
        named.append(await id_in(app, "/slow"))

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            requests.start_soon(ask_slowly)
            await gate.arrived()
            assert await id_in(app, "/other") == ADA.id
            assert named == []
            gate.is_open.set()

    anyio.run(main, backend=backend)
    assert named == [ADA.id]


@BACKENDS
def test_a_plain_callable_sees_the_context_variables_of_its_request(backend: str) -> None:
    def identity(scope: Scope) -> Identity:
        assert threading.current_thread() is not threading.main_thread()
        return Identity(user_of_request.get())

    app = PaviorMiddleware(app_with_user, SETTINGS, identity=identity)
    ids = {}

    async def ask(path: str) -> None:
        ids[path] = await id_in(app, path)

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for path in ("/ada", "/bob"):
                requests.start_soon(ask, path)

    anyio.run(main, backend=backend)
    assert ids == {"/ada": "ada", "/bob": "bob"}


@BACKENDS
def test_a_limited_number_of_callables_block_at_once_and_the_others_wait_for_their_turn(
    backend: str,
) -> None:
    gate = Gate()
    app = identity_at(gate)
    more = 5

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + more):
                requests.start_soon(get, app, "/slow")
            await gate.arrived(MOST_THREADS)
            await anyio.wait_all_tasks_blocked()
            assert gate.waiting == MOST_THREADS
            # What the app itself does in threads goes on.
            assert await anyio.to_thread.run_sync(lambda: "free") == "free"
            gate.is_open.set()

    anyio.run(main, backend=backend)
    assert (gate.calls, gate.most) == (MOST_THREADS + more, MOST_THREADS)


def test_the_plain_routes_of_a_starlette_app_go_on_while_all_callables_block() -> None:
    gate = Gate()

    def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    def data(request: Request) -> Response:
        return PlainTextResponse("data")

    app = Starlette(
        routes=[Route("/slow", page), Route("/data", data)],
        middleware=[Middleware(StarletteMiddleware, settings=SETTINGS, identity=gate)],
    )

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + 1):
                requests.start_soon(get, app, "/slow")
            await gate.arrived(MOST_THREADS)
            assert await get(app, "/data") == b"data"
            gate.is_open.set()

    anyio.run(main)


@BACKENDS
def test_a_callable_that_does_not_block_runs_in_the_thread_of_the_event_loop(backend: str) -> None:
    threads: list[threading.Thread] = []

    def identity(scope: Scope) -> Identity:
        threads.append(threading.current_thread())
        return ADA

    def consent(scope: Scope) -> bool:
        threads.append(threading.current_thread())
        return True

    app = PaviorMiddleware(page_app, BLOCKS_NOT, identity=identity, consent=consent)

    async def main() -> None:
        assert await id_in(app) == ADA.id

    anyio.run(main, backend=backend)
    assert threads == [threading.current_thread()] * 2


class AsyncCallable:
    async def __call__(self, scope: Scope) -> Identity:
        return await asynchronous(scope)


async def asynchronous(scope: Scope) -> Identity:
    await anyio.lowlevel.checkpoint()
    assert threading.current_thread() is threading.main_thread()
    return ADA


async def with_more(more: object, scope: Scope) -> Identity:
    return await asynchronous(scope)


def returning_an_awaitable(scope: Scope) -> Awaitable[Identity]:
    return asynchronous(scope)


@BACKENDS
@pytest.mark.parametrize("settings", [SETTINGS, BLOCKS_NOT], ids=["may block", "blocks not"])
@pytest.mark.parametrize(
    "identity",
    [
        *(asynchronous, AsyncCallable(), AsyncCallable().__call__),
        *(partial(with_more, 1), partial(AsyncCallable()), returning_an_awaitable),
    ],
    ids=[
        *("a coroutine function", "an object with an async __call__", "an async method"),
        *("a partial of a coroutine function", "a partial of such an object", "a plain function"),
    ],
)
def test_a_coroutine_is_awaited_in_the_event_loop_however_it_is_made(
    backend: str, settings: Any, identity: Any
) -> None:
    app = PaviorMiddleware(page_app, settings, identity=identity)

    async def main() -> None:
        assert await id_in(app) == ADA.id

    anyio.run(main, backend=backend)


class User(BaseUser):
    """A user that says from which thread it was looked at."""

    display_name = "Ada"
    id = "7"
    email = None

    def __init__(self) -> None:
        self.threads: list[int] = []

    @property
    def is_authenticated(self) -> bool:
        self.threads.append(threading.get_ident())
        return True


@dataclass
class Backend(AuthenticationBackend):
    """Whose user is always logged in."""

    user: User

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        return AuthCredentials(), self.user


def test_starlettes_user_is_read_in_the_thread_of_the_event_loop() -> None:
    user, loops = User(), []

    async def page(request: Request) -> Response:
        loops.append(threading.get_ident())
        return HTMLResponse(PAGE)

    app = Starlette(
        routes=[Route("/", page)],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=Backend(user)),
            Middleware(StarletteMiddleware, settings=SETTINGS),
        ],
    )
    assert init_call(TestClient(app).get("/").content)["id"] == "7"
    assert user.threads == loops


@BACKENDS
def test_what_a_callable_raises_in_its_thread_is_logged_with_its_traceback(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    def look_up_in_database(scope: Scope) -> Identity:
        raise ConnectionError("no database")

    app = PaviorMiddleware(page_app, SETTINGS, identity=look_up_in_database)

    async def main() -> None:
        assert await id_in(app) is None

    anyio.run(main, backend=backend)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "in look_up_in_database" in caplog.text
    assert "no database" in caplog.text


@BACKENDS
def test_requests_that_are_cancelled_give_their_threads_back(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    app = identity_at(gate)
    finished: list[str] = []

    async def ask_slowly() -> None:
        await get(app, "/slow")
        finished.append("slow")

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + 5):
                requests.start_soon(ask_slowly)
            await gate.arrived(MOST_THREADS)
            requests.cancel_scope.cancel()
        gate.is_open.set()
        # All threads are free again: as many requests as before get through at once.
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + 5):
                requests.start_soon(get, app, "/slow")
        assert await id_in(app, "/other") == ADA.id

    anyio.run(main, backend=backend)
    assert finished == []
    assert gate.calls == MOST_THREADS + MOST_THREADS + 5
    assert gate.have_left(gate.calls)
    assert gate.waiting == 0
    assert caplog.records == []


def test_one_middleware_serves_one_event_loop_after_another() -> None:
    app = PaviorMiddleware(page_app, SETTINGS, identity=lambda scope: ADA)
    for backend in ("asyncio", "trio", "asyncio"):
        assert anyio.run(id_in, app, backend=backend) == ADA.id


@BACKENDS
def test_an_app_that_gives_up_waiting_for_the_lookup_may_begin_another_response(
    backend: str,
) -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/html")]
        with anyio.move_on_after(0.01):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        headers.append((b"pavior-skip", b"1"))
        await send({"type": "http.response.start", "status": 504, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    async def identity(scope: Scope) -> Identity:
        await anyio.sleep(SECONDS)
        return ADA

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    middleware = PaviorMiddleware(app, SETTINGS, identity=identity)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    anyio.run(middleware, scope, receive, send, backend=backend)
    start, body = sent
    assert (start["status"], start["headers"]) == (504, [(b"content-type", b"text/html")])
    assert body["body"] == PAGE
