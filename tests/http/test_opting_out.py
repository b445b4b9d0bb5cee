"""No chat: by path, by response, by request, by environment."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import anyio
import blacksheep
import falcon.asgi
import flask
import pytest
from blacksheep.server.routing import Router
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.config import Config
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Settings, asgi, skip, wsgi
from pavior_middleware._page.rules import site_rules
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import HTML_TYPE, PAGE, Fetch, Reply
from tests.support.pages import init_call
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

OFF = Settings(enabled=False, team_vanity_id="", api_key="")


# ── By path ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pattern", "path", "is_skipped"),
    [
        ("/admin/*", "/admin/users/7", True),
        ("/admin/*", "/admin", False),
        ("/admin/*", "/shop/admin/x", False),
        ("*/print", "/orders/7/print", True),
        ("/a.b", "/aXb", False),
        ("/caf\xe9/*", "/caf%C3%A9/menu", True),
        ("/", "/", True),
        ("/", "/x", False),
    ],
)
def test_a_skipped_path_gets_no_chat(
    fetch: Fetch, pattern: str, path: str, is_skipped: bool
) -> None:
    settings = Settings(TEAM, API_KEY, skip_paths=["/other", pattern])
    reply = Reply(headers=[HTML_TYPE, ("ETag", '"1"')])
    seen = fetch(reply, settings, ADA, path=path)
    assert (seen.body == PAGE) == is_skipped
    assert ("Vary" not in seen.headers) == is_skipped
    assert (seen.headers["ETag"] == '"1"') == is_skipped


@given(
    pattern=st.text("/*ab\n.[", max_size=8),
    path=st.text("/ab\n.[*", max_size=10),
    before=st.sampled_from("/*"),
)
def test_a_star_in_a_skip_path_matches_any_text(pattern: str, path: str, before: str) -> None:
    written = before + pattern
    settings = Settings(TEAM, API_KEY, skip_paths=[written])
    rules = site_rules(settings, asks_consent=False)
    expression = ".*".join(map(re.escape, written.strip().split("*")))
    assert rules.skips("/" + path) == bool(re.fullmatch(expression, "/" + path, re.DOTALL))


def test_a_request_for_a_skipped_path_reaches_the_app_untouched(fetch: Fetch) -> None:
    asked: list[dict[str, str]] = []

    def app(fields: dict[str, str]) -> Reply:
        asked.append(fields)
        return Reply()

    marked = fetch(Reply(headers=[HTML_TYPE, ("ETag", '"1"')]), SETTINGS).headers["ETag"]
    headers = {"If-None-Match": marked, "If-Modified-Since": "yesterday", "Range": "bytes=0-1, 2-3"}
    fetch(app, Settings(TEAM, API_KEY, skip_paths=["*"]), ADA, headers=headers)
    assert {name.lower(): value for name, value in headers.items()}.items() <= asked[0].items()


# ── By response ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["Pavior-Skip", "pavior-skip", "PAVIOR-SKIP"])
def test_a_response_with_the_skip_field_passes_without_it(fetch: Fetch, name: str) -> None:
    reply = Reply(headers=[HTML_TYPE, (name, "yes"), ("ETag", '"1"'), ("X-Name", "Zoe")])
    seen = fetch(reply, SETTINGS, ADA)
    assert seen.body == PAGE
    assert "Pavior-Skip" not in seen.headers
    assert (seen.headers["ETag"], seen.headers["X-Name"]) == ('"1"', "Zoe")
    assert "Vary" not in seen.headers


def test_the_skip_field_is_removed_from_a_response_that_is_no_page(fetch: Fetch) -> None:
    reply = Reply([b"{}"], [("Content-Type", "application/json"), ("Pavior-Skip", "1")])
    seen = fetch(reply, Settings(TEAM, API_KEY, skip_paths=["*"]), ADA)
    assert seen.body == b"{}"
    assert "Pavior-Skip" not in seen.headers


def test_a_304_for_a_skipped_page_is_valid_for_no_copy_with_a_script(fetch: Fetch) -> None:
    etag = fetch(Reply(headers=[HTML_TYPE, ("ETag", '"1"')]), SETTINGS, ADA).headers["ETag"]

    def app(fields: dict[str, str]) -> Reply:
        described = [("ETag", '"1"'), ("Pavior-Skip", "1")]
        is_held = '"1"' in fields.get("if-none-match", "")
        return Reply([], described, 304) if is_held else Reply([PAGE], [HTML_TYPE, *described])

    for tags, status in ((etag, 200), ('"1"', 304), (f'{etag}, "1"', 304)):
        seen = fetch(app, SETTINGS, headers={"If-None-Match": tags})
        assert (seen.status, seen.headers["ETag"]) == (status, '"1"')
        assert seen.body == (PAGE if status == 200 else b"")
        assert "Pavior-Skip" not in seen.headers


def test_skip_passes_a_flask_response() -> None:
    app = Flask(__name__)
    Pavior(app, SETTINGS, identity=lambda environ: ADA)

    @app.get("/")
    def home() -> flask.Response:
        return skip(flask.make_response(PAGE))

    response = TestApp(app).get("/")
    assert response.body == PAGE
    assert "Pavior-Skip" not in response.headers


def test_skip_passes_a_starlette_response() -> None:
    async def home(request: Request) -> Response:
        return skip(HTMLResponse(PAGE))

    middleware = [Middleware(PaviorMiddleware, settings=SETTINGS)]
    response = TestClient(Starlette(routes=[Route("/", home)], middleware=middleware)).get("/")
    assert response.content == PAGE
    assert "pavior-skip" not in response.headers


class FalconPage:
    """A resource of Falcon's."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.content_type, response.data = falcon.MEDIA_HTML, PAGE
        skip(response)


class AsyncFalconPage:
    """The same, of an ASGI app."""

    async def on_get(self, request: object, response: falcon.asgi.Response) -> None:
        response.content_type, response.data = falcon.MEDIA_HTML, PAGE
        skip(response)


def test_skip_passes_a_response_of_a_falcon_app_under_asgi() -> None:
    app = falcon.asgi.App()
    app.add_route("/", AsyncFalconPage())
    site = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    response = TestClient(site).get("/")
    assert response.content == PAGE
    assert "pavior-skip" not in response.headers


def test_skip_passes_a_response_of_a_blacksheep_app() -> None:
    app = blacksheep.Application(router=Router())  # the default one is for one app a process

    @app.router.get("/")
    async def home() -> blacksheep.Response:
        return skip(blacksheep.html(PAGE.decode()))

    site = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    with TestClient(site) as client:  # which starts the app
        response = client.get("/")
    assert response.content == PAGE
    assert "pavior-skip" not in response.headers


def test_skip_passes_a_response_of_a_falcon_app_under_wsgi() -> None:
    app = falcon.App()
    app.add_route("/", FalconPage())
    wsgi_app = cast("Any", app)
    site = wsgi.PaviorMiddleware(wsgi_app, SETTINGS, identity=lambda environ: ADA)
    response = TestApp(site).get("/")
    assert response.body == PAGE
    assert "Pavior-Skip" not in response.headers


@pytest.mark.parametrize(
    "returned",
    ["<!doctype html>", (PAGE, 404), {"a": 1}, None, Request({"type": "http", "headers": []})],
    ids=lambda returned: type(returned).__name__,
)
def test_skip_says_what_to_pass_it_in_place_of_what_is_no_response(returned: Any) -> None:
    name = type(returned).__name__
    with pytest.raises(TypeError, match=rf"not {name}: pass .*make_response.*Pavior-Skip"):
        skip(returned)


# ── By request ─────────────────────────────────────────────────────────────────────────────────


def test_without_consent_a_page_has_no_script_and_no_name(fetch: Fetch) -> None:
    seen = fetch(Reply(), SETTINGS, ADA, consent=False)
    assert seen.body == PAGE
    assert seen.headers["Vary"] == "Cookie, Sec-Fetch-Dest"
    assert init_call(fetch(Reply(), SETTINGS, ADA, consent=True).body)["id"] == "7"


def test_a_copy_from_before_a_change_of_consent_is_not_valid_after_it(fetch: Fetch) -> None:
    def app(fields: dict[str, str]) -> Reply:
        described = [HTML_TYPE, ("ETag", '"1"')]
        is_held = fields.get("if-none-match") == '"1"'
        return Reply([], described[1:], status=304) if is_held else Reply([PAGE], described)

    for before in (True, False):
        etag = fetch(app, SETTINGS, ADA, consent=before).headers["ETag"]
        for now in (True, False):
            seen = fetch(app, SETTINGS, ADA, consent=now, headers={"If-None-Match": etag})
            assert seen.status == (304 if before == now else 200)


def test_a_borrowing_site_varies_by_cookie_only_where_it_asks_for_consent(fetch: Fetch) -> None:
    settings = Settings(TEAM, share_auth="auth.example.com")
    for consent in (True, False):
        assert "Cookie" in fetch(Reply(), settings, consent=consent).headers["Vary"]
    assert fetch(Reply(), settings).headers["Vary"] == "Sec-Fetch-Dest"


def test_flask_asks_for_consent_within_the_request_context() -> None:
    app = Flask(__name__)

    @app.get("/")
    def home() -> bytes:
        return PAGE

    def consent(environ: dict[str, Any]) -> bool:
        return flask.request.cookies.get("consent") == "yes"

    Pavior(app, SETTINGS, identity=lambda environ: ADA, consent=consent)
    client = TestApp(app)
    assert client.get("/").body == PAGE
    client.set_cookie("consent", "yes")
    assert init_call(client.get("/").body)["id"] == "7"


def test_a_page_that_flask_did_not_see_has_no_consent() -> None:
    app = Flask(__name__)

    def closed(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [HTML_TYPE])
        return [PAGE]

    app.wsgi_app = closed  # type: ignore[method-assign]
    Pavior(app, SETTINGS, consent=lambda environ: True)
    assert TestApp(app).get("/", status=503).body == PAGE


# ── By environment ─────────────────────────────────────────────────────────────────────────────


def test_a_wsgi_middleware_that_is_switched_off_passes_the_same_objects() -> None:
    environ = {"PATH_INFO": "/.well-known/pavior/share-auth"}
    body = [PAGE]

    def app(seen: dict[str, Any], start: object) -> list[bytes]:
        assert (seen is environ, start is start_response) == (True, True)
        return body

    def start_response(*_: object) -> Callable[[bytes], object]:
        raise AssertionError

    off = wsgi.PaviorMiddleware(app, OFF, identity=lambda environ: ADA)
    assert off(environ, start_response) is body
    assert list(environ) == ["PATH_INFO"]


@pytest.mark.parametrize(
    "off",
    [
        lambda app: asgi.PaviorMiddleware(app, OFF, consent=lambda scope: True),
        lambda app: PaviorMiddleware(app, Config(environ={"PAVIOR_ENABLED": "false"})),
    ],
    ids=["asgi", "starlette, by its config"],
)
def test_an_asgi_middleware_that_is_switched_off_passes_the_same_objects(
    off: Callable[[Any], Any],
) -> None:
    scope = {"type": "http", "path": "/.well-known/pavior/share-auth"}
    asked: list[tuple[object, ...]] = []

    async def app(*given: object) -> None:
        asked.append(given)

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    anyio.run(off(app), scope, receive, send)
    ((seen, *given),) = asked
    assert seen is scope
    assert given == [receive, send]
    assert list(scope) == ["type", "path"]


@pytest.mark.parametrize(
    "middleware", [wsgi.PaviorMiddleware, asgi.PaviorMiddleware, PaviorMiddleware]
)
def test_a_misspelt_argument_is_an_error_where_the_middleware_is_switched_off(
    middleware: Callable[..., Any],
) -> None:
    with pytest.raises(TypeError, match="identiy"):
        middleware(lambda *given: None, OFF, identiy=lambda request: ADA)


def test_a_flask_app_that_is_switched_off_is_left_unchanged() -> None:
    app = Flask(__name__)
    app.config["PAVIOR_ENABLED"] = False
    wsgi_app = app.wsgi_app
    Pavior(app)
    assert app.wsgi_app == wsgi_app
    assert not app.after_request_funcs
    with app.test_request_context():
        assert flask.render_template_string("<p>{{ pavior_snippet() }}") == "<p>"
