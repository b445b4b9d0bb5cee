"""ASGI: an `identity` or `consent` that hangs costs a page `identity_timeout` seconds, and no more.

Each request asks in the test's own process. A lookup that hangs waits for `Database.is_back`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from pavior_middleware import Event, Identity, Settings
from pavior_middleware._model.callbacks import Callbacks
from pavior_middleware._model.events import Reason
from pavior_middleware._model.in_time import MOST_CANCELLATIONS
from pavior_middleware._model.threads import MOST_THREADS
from pavior_middleware._model.visitor import Visitor
from pavior_middleware.asgi import IdentityOfScope, PaviorMiddleware, Scope
from pavior_middleware.starlette import PaviorMiddleware as StarletteMiddleware
from tests.support.adapters import PAGE
from tests.support.named_pages import get, id_in, page_app
from tests.support.pages import init_call
from tests.support.sites import ADA, SETTINGS

pytestmark = pytest.mark.not_quick

LONG = 30
"""Seconds after which a test that waits has failed."""

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def patient(seconds: float, **more: Any) -> Settings:
    return replace(SETTINGS, identity_timeout=seconds, **more)


@dataclass
class Database:
    """It answers at once for /other, and else when it is back."""

    is_back: threading.Event = field(default_factory=threading.Event)
    arrivals: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    asked: int = 0
    error: Exception | None = None

    def user_in_thread(self, scope: Scope) -> Identity:
        if scope["path"] != "/other":
            self.asked += 1
            self.arrivals.release()
            self.is_back.wait()
            if self.error is not None:
                raise self.error
        return ADA

    def consent_in_thread(self, scope: Scope) -> bool:
        return self.user_in_thread(scope) is ADA

    async def arrived(self, count: int) -> None:
        """Wait until this number of further lookups hang."""
        for _ in range(count):
            arrived = partial(self.arrivals.acquire, timeout=LONG)
            assert await anyio.to_thread.run_sync(arrived)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.is_back.set()  # so that no thread outlives its test


async def wait_forever(scope: Scope) -> Any:
    await anyio.sleep_forever()


def waiting_forever(scope: Scope) -> Awaitable[Any]:
    return wait_forever(scope)


HANGING: dict[str, Callable[[Database], Any]] = {
    "a coroutine function": lambda database: wait_forever,
    "a plain function that returns a coroutine": lambda database: waiting_forever,
    "a plain function": lambda database: database.user_in_thread,
}
CALLABLES = pytest.mark.parametrize("kind", HANGING)


BEGINNINGS = pytest.mark.parametrize(
    "makes",
    [
        pytest.param(lambda identity: identity, id="a coroutine function"),
        pytest.param(lambda identity: lambda scope: identity(scope), id="a plain function"),
    ],
)
"""How a coroutine begins: in the request's own task, with Python 3.11; or after its time limit."""


@BACKENDS
@CALLABLES
def test_a_page_whose_identity_hangs_is_anonymous_after_the_timeout(
    backend: str, kind: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    settings = patient(0.5, on_event=events.append)
    app = PaviorMiddleware(page_app, settings, identity=HANGING[kind](database))

    async def main() -> None:
        with anyio.fail_after(LONG):
            assert await id_in(app) is None

    anyio.run(main, backend=backend)
    assert events == [Event("lookup_failed", Reason.TIMEOUT), Event("injected")]
    assert len(caplog.records) == 1
    place = "in user_in_thread" if kind == "a plain function" else "in wait_forever"
    assert place in caplog.text
    assert "within 0.5 seconds (identity_timeout, PAVIOR_IDENTITY_TIMEOUT)" in caplog.text


@BACKENDS
@CALLABLES
def test_a_page_whose_consent_hangs_has_no_chat_after_the_timeout(
    backend: str, kind: str, database: Database
) -> None:
    settings = patient(0.5)
    app = PaviorMiddleware(
        page_app, settings, identity=lambda scope: ADA, consent=HANGING[kind](database)
    )

    async def main() -> None:
        with anyio.fail_after(LONG):
            assert await get(app) == PAGE

    anyio.run(main, backend=backend)


@BACKENDS
@CALLABLES
def test_a_lookup_that_hangs_does_not_say_that_nobody_is_logged_in(
    backend: str, kind: str, database: Database
) -> None:
    """So the login cookie stays, and a question who is logged in gets a 503."""
    hanging = HANGING[kind](database)

    async def main() -> None:
        named = Callbacks(hanging, may_block=True, seconds=0.5)
        assert await named.visitor_async({"path": "/"}) == Visitor(lookup_failed=True)
        asked = Callbacks(None, hanging, may_block=True, seconds=0.5)
        without_consent = Visitor(consents=False, lookup_failed=True)
        assert await asked.visitor_async({"path": "/"}) == without_consent

    anyio.run(main, backend=backend)


@BACKENDS
def test_a_coroutine_that_is_overdue_is_cancelled(backend: str) -> None:
    ends: list[str] = []

    async def identity(scope: Scope) -> Identity:
        try:
            await anyio.sleep_forever()
        finally:
            ends.append("cancelled")
        return ADA

    app = PaviorMiddleware(page_app, patient(0.5), identity=identity)
    anyio.run(get, app, backend=backend)
    assert ends == ["cancelled"]


@BEGINNINGS
@pytest.mark.parametrize("times", [1, LONG])
def test_a_coroutine_that_waits_on_though_it_is_cancelled_is_given_up(
    times: int, makes: Callable[[IdentityOfScope], IdentityOfScope]
) -> None:
    caught: list[BaseException] = []

    async def identity(scope: Scope) -> Identity:
        while len(caught) < times:
            try:
                await anyio.sleep_forever()
            except asyncio.CancelledError as cancelled:  # noqa: PERF203  # each is another one
                caught.append(cancelled)
        await anyio.sleep_forever()
        return ADA

    async def main() -> None:
        asked = Callbacks(makes(identity), may_block=True, seconds=0.1)
        assert await asked.visitor_async({"path": "/"}) == Visitor(lookup_failed=True)

    asyncio.run(asyncio.wait_for(main(), LONG))
    assert len(caught) == min(times, MOST_CANCELLATIONS)


@BEGINNINGS
def test_the_cancellation_of_a_request_reaches_its_task_from_a_coroutine_that_cleans_up(
    makes: Callable[[IdentityOfScope], IdentityOfScope],
) -> None:
    async def identity(scope: Scope) -> Identity:
        try:
            await anyio.sleep_forever()
        finally:
            await asyncio.sleep(0.1)
        return ADA

    async def main() -> None:
        asked = Callbacks(makes(identity), may_block=True, seconds=LONG)
        request = asyncio.create_task(asked.visitor_async({"path": "/"}))
        await asyncio.sleep(0.05)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(main())


@pytest.mark.slow
@BACKENDS
def test_a_database_that_hangs_for_ever_holds_up_no_function_of_the_app(
    backend: str, database: Database
) -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    def data(request: Request) -> Response:
        return PlainTextResponse("data")

    middleware = Middleware(
        StarletteMiddleware, settings=SETTINGS, identity=database.user_in_thread
    )
    app = Starlette(routes=[Route("/", page), Route("/data", data)], middleware=[middleware])
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append(await get(app))

    async def main() -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        async with anyio.create_task_group() as requests:
            for _ in range(500):
                requests.start_soon(ask)
            await database.arrived(MOST_THREADS)
            assert await get(app, "/data") == b"data"
        assert limiter.borrowed_tokens == 0
        begun = time.monotonic()
        assert await id_in(app) is None
        waited = time.monotonic() - begun
        assert waited < SETTINGS.identity_timeout / 2, "a page waited though no thread was free"

    anyio.run(main, backend=backend)
    assert len(answers) == 500
    assert {init_call(page).get("id") for page in answers} == {None}
    assert database.asked == MOST_THREADS


@BACKENDS
def test_a_page_waits_for_a_free_thread_within_the_same_time(
    backend: str, database: Database
) -> None:
    app = PaviorMiddleware(page_app, patient(LONG), identity=database.user_in_thread)
    named: list[object] = []

    async def ask() -> None:
        named.append(await id_in(app))

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + 5):
                requests.start_soon(ask)
            await database.arrived(MOST_THREADS)
            await anyio.wait_all_tasks_blocked()
            assert database.asked == MOST_THREADS
            database.is_back.set()

    anyio.run(main, backend=backend)
    assert named == [ADA.id] * (MOST_THREADS + 5)


@BACKENDS
def test_pages_are_named_again_once_the_database_is_back(backend: str, database: Database) -> None:
    app = PaviorMiddleware(page_app, patient(0.2), identity=database.user_in_thread)

    async def main() -> None:
        async with anyio.create_task_group() as requests:
            for _ in range(MOST_THREADS + 5):
                requests.start_soon(get, app)
        assert await id_in(app, "/other") is None  # no thread is free though it would answer
        database.is_back.set()
        with anyio.fail_after(LONG):
            while await id_in(app, "/other") is None:
                await anyio.lowlevel.checkpoint()

    anyio.run(main, backend=backend)
    assert database.asked == MOST_THREADS, "a lookup was made for a page that had gone out"


@BACKENDS
def test_a_request_that_is_cancelled_does_not_wait_for_its_lookup(
    backend: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    app = PaviorMiddleware(page_app, patient(LONG), identity=database.user_in_thread)
    ends: list[str] = []

    async def ask() -> None:
        try:
            await get(app)
        finally:
            ends.append("over")

    async def main() -> None:
        with anyio.fail_after(LONG):
            async with anyio.create_task_group() as requests:
                requests.start_soon(ask)
                await database.arrived(1)
                requests.cancel_scope.cancel()
            assert not database.is_back.is_set()

    anyio.run(main, backend=backend)
    assert ends == ["over"]
    assert caplog.records == []


@BACKENDS
def test_what_a_lookup_raises_after_its_time_is_logged(
    backend: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.error = ConnectionError("the database is gone")
    app = PaviorMiddleware(page_app, patient(0.5), identity=database.user_in_thread)

    async def main() -> None:
        assert await id_in(app) is None
        database.is_back.set()
        with anyio.fail_after(LONG):
            while "the database is gone" not in caplog.text:
                await anyio.lowlevel.checkpoint()

    anyio.run(main, backend=backend)
    assert len(caplog.records) == 2


def test_a_lookup_that_ends_after_its_event_loop_has_closed_disturbs_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    app = PaviorMiddleware(page_app, patient(0.5), identity=database.user_in_thread)
    anyio.run(get, app)
    database.is_back.set()
    assert anyio.run(id_in, app, "/other", backend="trio") == ADA.id
    assert len(caplog.records) == 1


HANGING_PROGRAM = """
import threading, anyio
from pavior_middleware import Settings
from pavior_middleware.asgi import PaviorMiddleware
from tests.http.test_hanging_lookup import get, page_app

def identity(scope):
    threading.Event().wait()

app = PaviorMiddleware(page_app, Settings("acme", "key", identity_timeout=0.5), identity=identity)
assert b"pavior" in anyio.run(get, app, backend="BACKEND")
print("answered")
"""


@pytest.mark.slow
@BACKENDS
def test_the_interpreter_ends_though_a_lookup_hangs(backend: str) -> None:
    program = HANGING_PROGRAM.replace("BACKEND", backend)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=LONG, check=False
    )
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr
