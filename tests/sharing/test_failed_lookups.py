"""Where `identity` or `consent` fails, the site does not say that its user has logged out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import flask
import pytest
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Identity, asgi, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.flask import Pavior
from tests.support.adapters import HTML_TYPE, PAGE
from tests.support.handing_over import asking_for, referer_of
from tests.support.login_cookies import SETTINGS
from tests.support.pages import init_call
from tests.support.sites import ADA, ADAS, HELP, LOGIN_COOKIE, SECRET_KEY

COOKIE = {"Cookie": f"theme=dark; {LOGIN_COOKIE}={Tokens([SECRET_KEY], 3600).cookie(ADA)}"}
JSON = ("Content-Type", "application/json")
PAGES = {
    "/page": (200, [HTML_TYPE], PAGE),
    "/redirect": (302, [("Location", "/page")], b""),
    "/json": (200, [JSON], b"{}"),
}


class NoDatabase(Exception):
    """What a failing callable raises."""


def fail(request: Any) -> Any:
    raise NoDatabase


def ada(request: Any) -> Identity:
    return ADA


def yes(request: Any) -> bool:
    return True


FAILURES = {"identity": (fail, yes), "consent": (ada, fail), "both": (fail, fail)}


class Answer:
    """What a client got, with names of fields in lower case."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


Ask = Callable[..., Answer]


def through_wsgi(identity: Any, consent: Any, method: str, path: str, fields: Any) -> Answer:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        status, headers, body = PAGES.get(environ["PATH_INFO"], (404, [JSON], b"{}"))
        start_response(f"{status} Fine", list(headers))
        return [body]

    site = TestApp(wsgi.PaviorMiddleware(app, SETTINGS, identity=identity, consent=consent))
    seen = site.request(path, method=method, headers=fields, expect_errors=True)
    return Answer(seen.status_int, dict(seen.headers), seen.body)


def through_asgi(identity: Any, consent: Any, method: str, path: str, fields: Any) -> Answer:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        status, headers, body = PAGES.get(scope["path"], (404, [JSON], b"{}"))
        raw = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    site = asgi.PaviorMiddleware(app, SETTINGS, identity=identity, consent=consent)
    seen = TestClient(site, follow_redirects=False).request(method, path, headers=fields)
    return Answer(seen.status_code, dict(seen.headers), seen.content)


def through_flask(identity: Any, consent: Any, method: str, path: str, fields: Any) -> Answer:
    app = flask.Flask(__name__)

    @app.route("/<name>", methods=["GET", "POST"])
    def page(name: str) -> flask.Response:
        status, headers, body = PAGES[f"/{name}"]
        return flask.Response(body, status, list(headers))

    Pavior(app, SETTINGS, identity=identity, consent=consent)
    seen = app.test_client(use_cookies=False).open(path, method=method, headers=fields)
    return Answer(seen.status_code, dict(seen.headers), seen.data)


@pytest.fixture(params=[through_wsgi, through_asgi, through_flask])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


BOTH = pytest.mark.parametrize("failing", FAILURES)


@BOTH
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/page"), ("POST", "/page"), ("GET", "/redirect"), ("POST", "/json")],
)
def test_a_failed_lookup_leaves_the_login_cookie_unchanged(
    ask: Ask, failing: str, method: str, path: str
) -> None:
    seen = ask(*FAILURES[failing], method, path, COOKIE)
    assert seen.status == PAGES[path][0]
    assert "set-cookie" not in seen.headers
    nobody = ask(lambda request: None, yes, method, path, COOKIE)
    assert f"{LOGIN_COOKIE}=;" in nobody.headers["set-cookie"]


def test_a_page_whose_lookup_has_failed_names_nobody(ask: Ask) -> None:
    assert "id" not in init_call(ask(fail, yes, "GET", "/page", {}).body)
    assert ask(ada, fail, "GET", "/page", {}).body == PAGE


@BOTH
@pytest.mark.parametrize(
    "fields",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-site", "Origin": HELP},
        {"Sec-Fetch-Site": "cross-site", "Origin": HELP, "Sec-Fetch-Storage-Access": "active"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HELP, "Sec-Fetch-Storage-Access": "inactive"},
    ],
)
def test_a_question_whose_lookup_has_failed_gets_no_answer(
    ask: Ask, failing: str, fields: dict[str, str]
) -> None:
    """So the page goes on with what it knows."""
    cookie = {} if fields["Sec-Fetch-Site"] == "cross-site" else COOKIE
    seen = ask(*FAILURES[failing], "GET", SHARE_AUTH, {**cookie, **fields})
    assert seen.status == 503
    assert "set-cookie" not in seen.headers
    assert seen.headers["cache-control"] == "no-store"
    assert seen.headers.get("access-control-allow-origin") == fields.get("Origin")
    assert b"ada" not in seen.body


@BOTH
def test_the_login_cookie_names_the_user_to_another_site_though_the_lookup_has_failed(
    ask: Ask, failing: str
) -> None:
    fields = {**COOKIE, "Sec-Fetch-Site": "cross-site", "Origin": HELP}
    seen = ask(*FAILURES[failing], "GET", SHARE_AUTH, fields)
    assert (seen.status, json.loads(seen.body)) == (200, ADAS)
    assert int(seen.headers["pavior-expires-in"]) <= 3600


@BOTH
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_handoff_whose_lookup_has_failed_brings_no_code(
    ask: Ask, failing: str, site: str
) -> None:
    """An empty code would say that nobody is logged in."""
    to = f"{HELP}/returns"
    fields = {"Referer": referer_of(to), "Sec-Fetch-Site": site}
    seen = ask(*FAILURES[failing], "GET", asking_for(to), fields)
    assert (seen.status, seen.headers["location"]) == (303, to)
