"""shareAuth: whitelisted origins learn who is logged in, and nobody else does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin

import anyio
import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from pavior_middleware import Identity, Settings, asgi, sign, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.flask import Pavior
from tests.support.adapters import PAGE, Fetch, Reply, Seen
from tests.support.pages import data_in_head
from tests.support.sites import ADA, API_KEY, HELP, TEAM

SETTINGS = Settings(
    TEAM,
    API_KEY,
    shared_auth_domains=["help.example.com", "localhost:8003"],
    secret_key="a secret key for the tests only",
)


def share_auth(
    fetch: Fetch, identity: Identity | None, origin: str | None = HELP, method: str = "GET"
) -> Seen:
    headers = {} if origin is None else {"Origin": origin}
    app = Reply([b"not found"], [("Content-Type", "text/plain")], status=404)
    return fetch(app, SETTINGS, identity, method=method, path=SHARE_AUTH, headers=headers)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (None, {}),
        (Identity(), {}),
        (Identity(email="a@example.com", authenticated=False), {"email": "a@example.com"}),
        (ADA, {"id": "7", "email": "ada@example.com", "hmac": sign(API_KEY, "7")}),
    ],
)
def test_a_whitelisted_origin_gets_the_fields_of_init(
    fetch: Fetch, identity: Identity | None, expected: dict[str, str]
) -> None:
    seen = share_auth(fetch, identity)
    assert seen.status == 200
    assert seen.headers["Content-Type"] == "application/json"
    assert json.loads(seen.body) == expected
    assert seen.headers["Access-Control-Allow-Origin"] == HELP
    assert seen.headers["Access-Control-Allow-Credentials"] == "true"
    assert API_KEY.encode() not in seen.body


@pytest.mark.parametrize("identity", [ADA, None])
@pytest.mark.parametrize("origin", [HELP, "https://evil.example"])
def test_no_response_of_share_auth_is_stored(
    fetch: Fetch, identity: Identity | None, origin: str
) -> None:
    headers = share_auth(fetch, identity, origin).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Vary"].startswith("Origin, Sec-Fetch-Site")
    assert headers["X-Content-Type-Options"] == "nosniff"


FOREIGN_ORIGINS = [
    "",
    "null",
    "*",
    "https://evil.example",
    "http://help.example.com",
    "https://help.example.com:444",
    "https://help.example.com:443",
    "https://help.example.com.",
    "https://help.example.com/",
    "https://HELP.example.com",
    "https://help.example.com.evil.example",
    "https://evilhelp.example.com",
    "https://a.help.example.com",
    "https://example.com",
    "https://user@help.example.com",
    "https://help.example.com@evil.example",
    "https://help.example.com, https://help.example.com",
    "https://help.example.com https://evil.example",
    "https://help_example.com",
    "help.example.com",
    "//help.example.com",
    "ftp://help.example.com",
    "https://localhost",
    "http://localhost:8004",
    "https://help.example.com%60.evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_any_other_origin_gets_the_same_403_for_every_user(fetch: Fetch, origin: str) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        known = share_auth(fetch, ADA, origin, method)
        unknown = share_auth(fetch, None, origin, method)
        assert known == unknown
        assert known.status == 403
        assert not [name for name, _ in known.headers if "access-control" in str(name).lower()]
        assert b"ada" not in known.body


def test_a_preflight_of_a_whitelisted_origin_names_the_allowed_methods(fetch: Fetch) -> None:
    seen = share_auth(fetch, ADA, method="OPTIONS")
    assert (seen.status, seen.body) == (204, b"")
    assert seen.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert "Access-Control-Allow-Headers" not in seen.headers
    assert seen.headers["Access-Control-Allow-Origin"] == HELP


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_share_auth_refuses_methods_that_change_something(fetch: Fetch, method: str) -> None:
    seen = share_auth(fetch, ADA, method=method)
    assert (seen.status, seen.body) == (405, b"")
    assert seen.headers["Allow"] == "GET, HEAD, POST, OPTIONS"


def test_head_gets_the_length_of_share_auth_without_a_body(fetch: Fetch) -> None:
    seen = share_auth(fetch, ADA, method="HEAD")
    assert seen.body == b""
    assert seen.headers["Content-Length"] == str(len(share_auth(fetch, ADA).body))


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}])
@pytest.mark.parametrize("whitelist", [[], ["help.example.com"]])
def test_the_sites_own_pages_get_the_attributes_too(
    fetch: Fetch, headers: dict[str, str], whitelist: list[str]
) -> None:
    settings = Settings(TEAM, API_KEY, shared_auth_domains=whitelist)
    seen = fetch(Reply(), settings, ADA, path=SHARE_AUTH, headers=headers)
    assert json.loads(seen.body) == {
        "firstName": "Ada",
        "id": "7",
        "email": "ada@example.com",
        "hmac": sign(API_KEY, "7"),
    }
    assert not [name for name, _ in seen.headers if "access-control" in name.lower()]
    assert seen.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin, cross-site"])
def test_a_request_of_another_site_without_cors_gets_the_same_403_for_every_user(
    fetch: Fetch, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site}
    seen = fetch(Reply(), SETTINGS, ADA, path=SHARE_AUTH, headers=headers)
    assert seen.status == 403
    assert seen == fetch(Reply(), SETTINGS, None, path=SHARE_AUTH, headers=headers)


def test_without_consent_the_sites_own_pages_get_null(fetch: Fetch) -> None:
    seen = fetch(Reply(), SETTINGS, ADA, consent=False, path=SHARE_AUTH, headers={})
    assert json.loads(seen.body) is None


def test_a_site_that_borrows_its_login_leaves_the_path_of_share_auth_to_the_app(
    fetch: Fetch,
) -> None:
    app = Reply([b"mine"], [("Content-Type", "text/plain")])
    settings = Settings(TEAM, share_auth="auth.example.com")
    assert fetch(app, settings, ADA, path=SHARE_AUTH).body == b"mine"


def test_a_refused_identity_is_not_shared_and_is_logged_once(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    assert json.loads(share_auth(fetch, Identity("boss@bank.com")).body) == {}
    (record,) = caplog.records
    assert "not shared" in record.getMessage()


def messages_of(method: str, origins: list[str]) -> list[asgi.Message]:
    """Return the messages that a server is sent, of which a client may show less."""
    sent: list[asgi.Message] = []

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def receive() -> asgi.Message:
        raise AssertionError

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": SHARE_AUTH,
        "headers": [(b"origin", origin.encode()) for origin in origins],
    }
    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    anyio.run(middleware, scope, receive, send)
    return sent


def test_several_origin_fields_are_refused() -> None:
    assert messages_of("GET", [HELP, HELP])[0]["status"] == 403


def test_a_head_request_to_share_auth_sends_the_server_no_body() -> None:
    assert messages_of("GET", [HELP])[1]["body"] != b""
    assert messages_of("HEAD", [HELP])[1]["body"] == b""


def test_share_auth_is_found_at_the_root_however_the_server_splits_the_path() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"mine"
        raise AssertionError

    client = TestApp(wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA))
    split = {"SCRIPT_NAME": "/.well-known"}
    origin = {"Origin": HELP}
    assert client.get("/pavior/share-auth", headers=origin, extra_environ=split).json["id"] == "7"


@pytest.mark.parametrize("root_path", ["/shop", "/caf\xe9"])
def test_pages_of_a_wsgi_site_below_a_path_find_share_auth_below_that_path(root_path: str) -> None:
    app = Flask(__name__)
    Pavior(app, SETTINGS, identity=lambda environ: ADA)

    @app.get("/")
    def home() -> bytes:
        return PAGE

    client = TestApp(DispatcherMiddleware(NotFound(), {root_path.encode().decode("latin-1"): app}))
    page = client.get(f"{quote(root_path)}/").body
    (data,) = data_in_head(page)
    question = f"{quote(root_path)}{SHARE_AUTH}"
    assert urljoin(data["urls"][1], "share-auth") == question
    assert client.get(question).json["id"] == "7"


def test_pages_of_an_asgi_site_below_a_path_find_share_auth_below_that_path() -> None:
    app = Mount(
        "/shop", asgi.PaviorMiddleware(HTMLResponse(PAGE), SETTINGS, identity=lambda _: ADA)
    )
    client = TestClient(Starlette(routes=[app]))
    (data,) = data_in_head(client.get("/shop/").content)
    assert data["urls"][1].startswith("/shop/.well-known/pavior/page-")
    assert client.get(f"/shop{SHARE_AUTH}").json()["id"] == "7"


def test_the_body_of_the_app_is_closed_where_share_auth_answers_in_its_place() -> None:
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written")
        return Body([b"mine"])

    client = TestApp(wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA))
    assert client.get(SHARE_AUTH, headers={"Origin": HELP}).json["id"] == "7"
    assert closed == [True]


def test_a_wsgi_app_that_starts_twice_is_asked_for_the_visitor_of_its_last_start() -> None:
    """An app may replace its response by that of an error (PEP 3333)."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["pavior.identity"] = None
        start_response("200 OK", [("Content-Type", "text/plain")])
        environ["pavior.identity"] = ADA
        try:
            raise ValueError
        except ValueError:
            start_response("404 Not Found", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"not found"]

    site = TestApp(wsgi.PaviorMiddleware(app, SETTINGS))
    assert site.get(SHARE_AUTH, headers={"Origin": HELP}).json["id"] == "7"


def test_an_asgi_app_that_starts_twice_is_answered_for_once() -> None:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        for identity in (ADA, None):
            scope["pavior.identity"] = identity
            await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    response = TestClient(asgi.PaviorMiddleware(app, SETTINGS)).get(
        SHARE_AUTH, headers={"Origin": HELP}
    )
    assert response.json()["id"] == "7"
