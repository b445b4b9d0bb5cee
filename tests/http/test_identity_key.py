"""The key `pavior.identity`: an app says who is visiting, without a callable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest
from starlette.authentication import SimpleUser
from webtest import TestApp

from pavior_middleware import Identity, Settings, asgi, starlette, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.adapters import PAGE
from tests.support.pages import init_call
from tests.support.sites import ADA, BOB, SETTINGS

KEY = "pavior.identity"

Ask = Callable[..., bytes]


def ask_wsgi(
    set_in_app: dict[str, Any],
    set_outside: dict[str, Any],
    path: str = "/",
    settings: Settings = SETTINGS,
    **arguments: Any,
) -> bytes:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ.update(set_in_app)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    middleware = wsgi.PaviorMiddleware(app, settings, **arguments)
    return bytes(TestApp(middleware, lint=False).get(path, extra_environ=set_outside).body)


def ask_asgi(
    set_in_app: dict[str, Any],
    set_outside: dict[str, Any],
    path: str = "/",
    settings: Settings = SETTINGS,
    kind: type[asgi.PaviorMiddleware] = asgi.PaviorMiddleware,
    **arguments: Any,
) -> bytes:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        scope.update(set_in_app)
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    body: list[bytes] = []

    async def receive() -> asgi.Message:
        return {"type": "http.disconnect"}

    async def send(message: asgi.Message) -> None:
        body.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], **set_outside}
    anyio.run(kind(app, settings, **arguments), scope, receive, send)
    return b"".join(body)


ask_starlette = partial(ask_asgi, kind=starlette.PaviorMiddleware)


ASKS: dict[str, Ask] = {"wsgi": ask_wsgi, "asgi": ask_asgi, "starlette": ask_starlette}


@pytest.fixture(params=ASKS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return ASKS[request.param]


def id_in(page: bytes) -> object:
    return init_call(page).get("id")


def test_the_key_names_the_user_whatever_layer_sets_it(ask: Ask) -> None:
    assert id_in(ask({KEY: ADA}, {})) == ADA.id
    assert id_in(ask({}, {KEY: ADA})) == ADA.id
    assert id_in(ask({KEY: BOB}, {KEY: ADA})) == BOB.id


def test_without_the_key_or_with_none_the_page_is_anonymous(ask: Ask) -> None:
    assert id_in(ask({}, {})) is None
    assert id_in(ask({KEY: None}, {})) is None
    assert id_in(ask({KEY: None}, {KEY: ADA})) is None


def test_a_callable_comes_before_the_key(ask: Ask) -> None:
    assert id_in(ask({KEY: ADA}, {}, identity=lambda request: BOB)) == BOB.id
    assert id_in(ask({KEY: ADA}, {}, identity=lambda request: None)) is None


def test_the_key_is_not_read_without_consent(ask: Ask) -> None:
    assert ask({KEY: ADA}, {}, consent=lambda request: False) == PAGE


def test_the_key_answers_who_is_logged_in(ask: Ask) -> None:
    assert b'"id": "7"' in ask({KEY: ADA}, {}, SHARE_AUTH)
    assert ask({}, {}, SHARE_AUTH) == b"{}"


@pytest.mark.parametrize("value", ["7", {"id": "7"}, SimpleUser("ada"), 7, False])
def test_what_is_no_identity_is_logged_and_the_page_is_anonymous(
    ask: Ask, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert id_in(ask({KEY: value}, {})) is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"must return an Identity or None, not {type(value).__name__}" in caplog.text


def test_an_identity_that_must_not_be_signed_leaves_the_page_anonymous(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    assert id_in(ask({KEY: Identity("boss@bank.example")}, {})) is None
    assert "an '@'" in caplog.text


def test_the_key_comes_before_starlettes_user() -> None:
    user = {"user": SimpleUser("ada")}
    assert id_in(ask_starlette(user, {})) == "ada"
    assert id_in(ask_starlette({**user, KEY: BOB}, {})) == BOB.id
    assert id_in(ask_starlette({**user, KEY: None}, {})) is None
