"""What a site's callables say of a visitor: asked so that they fail no request."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
    assert ask(Callbacks(raises(ConnectionError("no database")))) == Visitor()
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
    assert ask(Callbacks(identity, consent)).identity is None
    assert message in caplog.text


def test_without_consent_the_identity_callable_is_not_called(ask: Ask) -> None:
    asked: list[object] = []
    source = Callbacks(asked.append, lambda request: False)
    assert ask(source) == Visitor(None, consents=False)
    assert asked == []


def test_consent_that_cannot_be_learned_is_not_given(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    assert not ask(Callbacks(lambda request: ADA, raises(KeyError("banner")))).consents
    assert "banner" in caplog.text


def test_coroutine_functions_are_awaited() -> None:
    async def identity(request: object) -> Identity:
        await anyio.lowlevel.checkpoint()
        return ADA

    async def consent(request: object) -> bool:
        await anyio.lowlevel.checkpoint()
        return True

    assert ask_async(Callbacks(identity, consent)) == Visitor(ADA)


def test_a_system_exit_of_the_callable_is_not_swallowed(ask: Ask) -> None:
    with pytest.raises(SystemExit):
        ask(Callbacks(raises(SystemExit())))  # type: ignore[arg-type]
