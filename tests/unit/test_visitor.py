"""What a site's callables say of a visitor: asked so that they fail no request."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import anyio
import pytest

from pavior_middleware import Identity
from pavior_middleware._model.callbacks import Callbacks
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware._model.visitor import Visitor
from tests.support.sites import ADA

Ask = Callable[[Callbacks], Visitor]


def ask_async(source: Callbacks) -> Visitor:
    return anyio.run(source.visitor_async, {})


@pytest.fixture(params=[lambda source: source.visitor({}), ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


def raises(error: Exception) -> Callable[[Any], Any]:
    def fail(request: object) -> object:
        raise error

    return fail


def test_without_callables_a_visitor_is_unknown_and_consents(ask: Ask) -> None:
    assert ask(Callbacks(None)) == Visitor(None, consents=True)


def test_the_visitor_is_the_identity_that_the_callable_returns(ask: Ask) -> None:
    assert ask(Callbacks(lambda request: ADA)) == Visitor(ADA)


def test_an_exception_of_the_callable_is_logged_and_fails_no_request(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(Callbacks(raises(ConnectionError("no database")))) == Visitor(lookup_failed=True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert isinstance(record.exc_info[1], ConnectionError)


def test_a_refusal_is_logged_once(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    source = Callbacks(raises(IdentityRefused("because")))
    assert ask(source) == ask(source) == Visitor()
    (record,) = caplog.records
    assert "because" in record.getMessage()


@pytest.mark.parametrize(
    ("identity", "consent", "message"),
    [
        (lambda request: "user@example.com", None, "must return an Identity or None, not str"),
        (None, lambda request: None, "must return True or False, not NoneType"),
    ],
)
def test_a_callable_that_returns_another_type_is_logged(
    ask: Ask, identity: Any, consent: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = ask(Callbacks(identity, consent))
    assert (visitor.identity, visitor.lookup_failed) == (None, True)
    assert message in caplog.text


def test_without_consent_the_identity_callable_is_not_called(ask: Ask) -> None:
    asked: list[object] = []
    source = Callbacks(asked.append, lambda request: False)
    assert ask(source) == Visitor(None, consents=False)
    assert asked == []


def test_consent_that_cannot_be_learned_is_not_given(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = ask(Callbacks(lambda request: ADA, raises(KeyError("banner"))))
    assert visitor == Visitor(consents=False, lookup_failed=True)
    assert "banner" in caplog.text


def test_coroutine_functions_are_awaited() -> None:
    async def identity(request: object) -> Identity:
        await anyio.lowlevel.checkpoint()
        return ADA

    async def consent(request: object) -> bool:
        await anyio.lowlevel.checkpoint()
        return True

    assert ask_async(Callbacks(identity, consent)) == Visitor(ADA)


CAN_TELL = sys.version_info >= (3, 11)
"""Whether a task can tell that it is cancelled itself."""


def test_a_task_that_somebody_else_cancels_is_a_failure_of_the_callable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def identity(request: object) -> Identity:
        refreshing = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(refreshing.cancel)
        await refreshing
        return ADA

    source = Callbacks(identity)
    with nullcontext() if CAN_TELL else pytest.raises(asyncio.CancelledError):
        assert ask_async(source) == Visitor(lookup_failed=True)
    assert [each.levelno for each in caplog.records] == [logging.ERROR] * CAN_TELL


def test_a_task_that_is_cancelled_in_an_event_loop_of_the_callable_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    source = Callbacks(lambda request: asyncio.run(cancelled()))
    assert source.visitor({}) == Visitor(lookup_failed=True)
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_cancellation_of_the_request_is_raised(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[str] = []

    async def identity(request: object) -> Identity:
        try:
            await anyio.sleep_forever()
        finally:
            ends.append("identity")
        return ADA

    async def request() -> None:
        with anyio.move_on_after(0.01):
            await Callbacks(identity).visitor_async({})
            ends.append("answered")

    anyio.run(request, backend=backend)
    assert ends == ["identity"]
    assert caplog.records == []


def test_the_cancellation_of_the_requests_task_is_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        has_begun = asyncio.Event()

        async def identity(request: object) -> Identity:
            has_begun.set()
            await asyncio.Event().wait()
            return ADA

        request = asyncio.ensure_future(Callbacks(identity).visitor_async({}))
        await has_begun.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(main())
    assert caplog.records == []


def test_a_system_exit_of_the_callable_is_not_swallowed(ask: Ask) -> None:
    with pytest.raises(SystemExit):
        ask(Callbacks(raises(SystemExit())))  # type: ignore[arg-type]
