"""Two of these middlewares around one response: the inner one decides, and the outer one passes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from urllib.parse import urljoin

import httpx2
import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

from pavior_middleware import Event, Identity, Settings, asgi, wsgi
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import HTML_TYPE, PAGE, App, Reply, asgi_app, wsgi_app
from tests.support.pages import data_in_head, init_call, init_calls
from tests.support.sites import ADA, BOB, HELP, LOGIN_COOKIE, SECRET_KEY

SHARE_AUTH = "/.well-known/pavior/share-auth"
INNER = Settings("inner", "the-key-of-the-inner-site")
OUTER = Settings("outer", "the-key-of-the-outer-site")
LENDING = Settings(
    "lending",
    "the-key-of-a-site-that-lends",
    shared_auth_domains=["help.example.com"],
    secret_key=SECRET_KEY,
)

Wrap = Callable[[Any], Any]


def copying_wsgi(app: Any) -> Any:
    def copied(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body: Iterable[bytes] = app(dict(environ), start_response)
        return body

    return copied


def copying_asgi(app: Any) -> Any:
    async def copied(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await app(dict(scope), receive, send)

    return copied


class Site:
    """A site behind two middlewares of one interface."""

    def __init__(self, adapter: str, between: Wrap) -> None:
        self._adapter = adapter
        self._between = between

    def client(
        self,
        reply: Reply | App = Reply(),  # noqa: B008  # nobody changes it
        *,
        inner: Settings = INNER,
        outer: Settings = OUTER,
        user: Identity | None = ADA,
        outer_user: Identity | None = BOB,
        consents: bool = True,
    ) -> httpx2.Client:
        """Return what asks the site; `user` and `consents` are what the inner middleware hears."""
        if self._adapter == "wsgi":
            nested = wsgi.PaviorMiddleware(
                wsgi_app(reply),
                inner,
                identity=lambda environ: user,
                consent=lambda environ: consents,
            )
            around = wsgi.PaviorMiddleware(
                self._between(nested), outer, identity=lambda environ: outer_user
            )
            return httpx2.Client(transport=httpx2.WSGITransport(around), base_url="http://a.test")
        inside = asgi.PaviorMiddleware(
            asgi_app(reply), inner, identity=lambda scope: user, consent=lambda scope: consents
        )
        return TestClient(
            asgi.PaviorMiddleware(self._between(inside), outer, identity=lambda scope: outer_user),
            "http://a.test",
        )


BETWEEN: dict[str, dict[str, Wrap]] = {
    "wsgi": {"nothing": lambda app: app, "a copy": copying_wsgi},
    "asgi": {"nothing": lambda app: app, "a copy": copying_asgi},
}


@pytest.fixture(params=["nothing", "a copy"])
def site(adapter: str, request: pytest.FixtureRequest) -> Site:
    """A site between whose middlewares there is nothing, or what copies the scope or environ."""
    return Site(adapter, BETWEEN[adapter][request.param])


def test_a_page_behind_two_middlewares_has_the_script_of_the_inner_one(site: Site) -> None:
    options = init_call(site.client().get("/").content)
    assert (options["teamVanityId"], options["id"]) == ("inner", "7")


def test_where_the_inner_middleware_names_nobody_the_outer_one_does_not_either(
    site: Site,
) -> None:
    options = init_call(site.client(user=None).get("/").content)
    assert options == {"teamVanityId": "inner", "doChat": True, "doTimeTravel": True}


def test_a_response_that_the_app_skips_has_no_script_of_the_outer_middleware(site: Site) -> None:
    response = site.client(Reply(headers=[HTML_TYPE, ("Pavior-Skip", "1")])).get("/")
    assert response.content == PAGE
    assert "pavior-skip" not in response.headers


def test_a_path_that_the_inner_middleware_skips_has_no_script_of_the_outer_one(
    site: Site,
) -> None:
    skipping = Settings("inner", INNER.api_key, skip_paths=["/admin/*"])
    client = site.client(inner=skipping)
    assert client.get("/admin/users").content == PAGE
    assert init_call(client.get("/").content)["teamVanityId"] == "inner"


def test_a_page_without_consent_has_no_script_of_the_outer_middleware(site: Site) -> None:
    assert site.client(consents=False).get("/").content == PAGE


def test_a_page_has_the_script_of_the_outer_middleware_where_the_inner_one_is_switched_off(
    site: Site,
) -> None:
    off = Settings("inner", INNER.api_key, enabled=False)
    options = init_call(site.client(inner=off).get("/").content)
    assert (options["teamVanityId"], options["id"]) == ("outer", "8")


def revalidating(fields: dict[str, str]) -> Reply:
    """Answer as an app that knows its own entity tag alone."""
    described = [HTML_TYPE, ("ETag", '"1"')]
    is_held = fields.get("if-none-match") == '"1"'
    return Reply([], described[1:], status=304) if is_held else Reply([PAGE], described)


def test_a_page_behind_two_middlewares_holds_for_the_same_user_at_a_second_visit(
    site: Site,
) -> None:
    etag = site.client(revalidating).get("/").headers["ETag"]
    conditions = {"If-None-Match": etag}
    asked: list[dict[str, str]] = []

    def app(fields: dict[str, str]) -> Reply:
        asked.append(fields)
        return revalidating(fields)

    again = site.client(app).get("/", headers=conditions)
    assert (again.status_code, again.headers["ETag"], len(asked)) == (304, etag, 1)
    assert (
        site.client(revalidating, outer_user=None).get("/", headers=conditions).status_code == 304
    )
    other = site.client(revalidating, user=BOB).get("/", headers=conditions)
    assert (other.status_code, init_call(other.content)["id"]) == (200, "8")


def test_what_the_outer_middleware_takes_out_of_a_request_reaches_an_app_that_the_inner_skips(
    site: Site,
) -> None:
    asked: list[dict[str, str]] = []

    def app(fields: dict[str, str]) -> Reply:
        asked.append(fields)
        return Reply()

    etag = site.client(revalidating).get("/").headers["ETag"]
    fields = {
        "if-none-match": etag,
        "if-modified-since": "Mon, 02 Mar 2026 09:00:00 GMT",
        "range": "bytes=0-1, 2-3",
    }
    skipping = Settings("inner", INNER.api_key, skip_paths=["*"])
    site.client(app, inner=skipping).get("/", headers=fields)
    assert len(asked) == 1
    assert fields.items() <= asked[0].items()


def test_share_auth_behind_two_middlewares_answers_for_the_user_of_the_inner_one(
    site: Site,
) -> None:
    client = site.client(inner=LENDING, outer=LENDING)
    assert client.get(SHARE_AUTH).json()["id"] == "7"
    borrowed = client.get(SHARE_AUTH, headers={"Origin": HELP})
    assert borrowed.json()["id"] == "7"
    assert borrowed.headers["Access-Control-Allow-Origin"] == HELP
    assert client.head(SHARE_AUTH).status_code == 200
    assert site.client(user=None).get(SHARE_AUTH).json().get("id") is None
    assert site.client(consents=False).get(SHARE_AUTH).json() is None


def test_the_outer_middleware_answers_share_auth_where_the_inner_one_borrows(site: Site) -> None:
    borrowing = Settings("inner", share_auth="auth.example.com")
    assert site.client(inner=borrowing).get(SHARE_AUTH).json()["id"] == "8"


def test_the_login_cookie_behind_two_middlewares_is_that_of_the_inner_ones_user(
    site: Site,
) -> None:
    fields = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
    response = site.client(inner=LENDING, outer=LENDING).get("/", headers=fields)
    (cookie,) = response.headers.get_list("Set-Cookie")
    assert cookie.startswith(f"{LOGIN_COOKIE}=")
    borrowed = site.client(Reply(status=404), inner=LENDING, outer=LENDING, user=None).get(
        SHARE_AUTH,
        headers={
            "Origin": HELP,
            "Sec-Fetch-Site": "cross-site",
            "Cookie": cookie.partition(";")[0],
        },
    )
    assert borrowed.json()["id"] == "7"


def test_a_page_that_replaces_another_one_has_the_script_of_the_inner_middleware() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML_TYPE])
        try:
            raise RuntimeError
        except RuntimeError:
            start_response("500 Internal Server Error", [HTML_TYPE], sys.exc_info())
        return [PAGE]

    inner = wsgi.PaviorMiddleware(app, INNER, identity=lambda environ: ADA)
    outer = wsgi.PaviorMiddleware(inner, OUTER, identity=lambda environ: BOB)
    response = TestApp(outer).get("/", status=500)
    assert init_call(response.body)["id"] == "7"


def test_a_page_that_replaces_an_answer_of_the_inner_middleware_has_the_outer_ones_script() -> None:
    """As where one app after another is tried until one does not answer 404."""
    missing = wsgi.PaviorMiddleware(wsgi_app(Reply(status=404)), INNER)

    def cascade(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        run_wsgi_app(missing, environ)
        body: Iterable[bytes] = wsgi_app(Reply())(environ, start_response)
        return body

    around = wsgi.PaviorMiddleware(cascade, OUTER, identity=lambda environ: BOB)
    body, _, _ = run_wsgi_app(around, create_environ())
    assert init_call(b"".join(body))["teamVanityId"] == "outer"


def test_a_page_whose_app_has_requested_another_page_of_its_site_has_the_script() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            run_wsgi_app(site, {**environ, "PATH_INFO": "/part"})
        body: Iterable[bytes] = wsgi_app(Reply())(environ, start_response)
        return body

    site = wsgi.PaviorMiddleware(app, OUTER, identity=lambda environ: BOB)
    body, _, headers = run_wsgi_app(site, create_environ())
    assert init_call(b"".join(body))["teamVanityId"] == "outer"
    assert "Pavior-Inner" not in headers


def test_a_page_whose_asgi_app_has_requested_another_page_of_its_site_has_the_script() -> None:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["path"] == "/":
            await site({**scope, "path": "/part"}, receive, ignore)
        await asgi_app(Reply())(scope, receive, send)

    async def ignore(message: asgi.Message) -> None:
        pass

    site = asgi.PaviorMiddleware(app, OUTER, identity=lambda scope: BOB)
    response = TestClient(site, "http://a.test").get("/")
    assert init_call(response.content)["teamVanityId"] == "outer"
    assert "pavior-inner" not in response.headers


def test_an_event_of_the_outer_middleware_says_that_the_inner_one_has_made_the_response(
    site: Site,
) -> None:
    events: list[Event] = []
    heard = Settings("outer", OUTER.api_key, on_event=events.append)
    site.client(outer=heard).get("/")
    (event,) = events
    assert (event.outcome, event.reason) == ("passed", "inner")


# ── In frameworks ──────────────────────────────────────────────────────────────────────────────


def teams_and_ids(page: bytes) -> list[tuple[Any, Any]]:
    return [(options["teamVanityId"], options.get("id")) for options in init_calls(page)]


def mounted_flask(*, json_errors: bool, inner_user: Identity | None = ADA) -> httpx2.Client:
    inner, outer = Flask("inner"), Flask("outer")
    for app, user, settings in ((inner, inner_user, LENDING), (outer, BOB, OUTER)):
        app.add_url_rule("/", view_func=lambda: PAGE)
        if json_errors:
            app.register_error_handler(404, lambda error: ({"error": "not found"}, 404))
        Pavior(app, settings, identity=lambda environ, user=user: user)  # type: ignore[misc]
    outer.wsgi_app.app = DispatcherMiddleware(  # type: ignore[attr-defined]
        outer.wsgi_app.app,  # type: ignore[attr-defined]
        {"/inner": inner},
    )
    return httpx2.Client(transport=httpx2.WSGITransport(outer), base_url="http://a.test")


def question_in(page: bytes) -> str:
    """Return the path at which the page's script asks who is logged in."""
    (data,) = data_in_head(page)
    return urljoin(str(data["urls"][1]), "share-auth")


@pytest.mark.parametrize("user", [ADA, None])
def test_a_page_of_a_mounted_site_asks_that_site_who_is_logged_in(user: Identity | None) -> None:
    client = mounted_flask(json_errors=False, inner_user=user)
    assert question_in(client.get("/inner/").content) == "/inner" + SHARE_AUTH
    assert question_in(client.get("/").content) == SHARE_AUTH


def test_a_prefix_from_a_field_of_the_request_is_not_where_a_site_is_mounted() -> None:
    inner = wsgi.PaviorMiddleware(wsgi_app(Reply()), INNER)
    outer = wsgi.PaviorMiddleware(ProxyFix(inner, x_prefix=1), OUTER)
    client = httpx2.Client(transport=httpx2.WSGITransport(outer), base_url="http://a.test")
    page = client.get("/", headers={"X-Forwarded-Prefix": "/evil"}).content
    assert question_in(page) == SHARE_AUTH


@pytest.mark.parametrize("json_errors", [True, False])
def test_a_flask_app_that_is_mounted_inside_another_has_its_own_chat_and_paths(
    json_errors: bool,
) -> None:
    client = mounted_flask(json_errors=json_errors)
    assert teams_and_ids(client.get("/inner/").content) == [("lending", "7")]
    assert teams_and_ids(client.get("/").content) == [("outer", "8")]
    assert client.get("/inner" + SHARE_AUTH).json()["id"] == "7"
    assert client.get(SHARE_AUTH).json()["id"] == "8"


def test_the_frame_of_a_mounted_site_has_no_script_of_the_outer_middleware() -> None:
    page = mounted_flask(json_errors=False).get(f"/inner/.well-known/pavior/frame?origin={HELP}")
    assert page.status_code == 200
    assert b"data-pavior" not in page.content


async def home(request: Request) -> Response:
    if "fail" in request.query_params:
        raise RuntimeError
    return HTMLResponse(PAGE)


async def server_error(request: Request, error: Exception) -> Response:
    return HTMLResponse("<!doctype html><title>Sorry</title>", status_code=500)


def starlette_site(*middleware: Middleware, mounts: Sequence[Mount] = ()) -> Starlette:
    routes = [Route("/", home), *mounts]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={500: server_error})


def listed(settings: Settings, user: Identity) -> Middleware:
    return Middleware(PaviorMiddleware, settings=settings, identity=lambda scope: user)


def test_the_middleware_may_be_listed_and_wrapped_around_a_starlette_app() -> None:
    app = PaviorMiddleware(starlette_site(listed(INNER, ADA)), OUTER, identity=lambda scope: BOB)
    client = TestClient(app, raise_server_exceptions=False)
    assert teams_and_ids(client.get("/").content) == [("inner", "7")]
    assert client.get(SHARE_AUTH).json()["id"] == "7"
    # Starlette makes this page outside of the middleware that it lists.
    assert teams_and_ids(client.get("/?fail").content) == [("outer", "8")]


def test_a_starlette_app_that_is_mounted_inside_another_has_its_own_chat_and_paths() -> None:
    mount = Mount("/inner", starlette_site(listed(INNER, ADA)))
    client = TestClient(starlette_site(listed(OUTER, BOB), mounts=[mount]))
    assert teams_and_ids(client.get("/inner/").content) == [("inner", "7")]
    assert teams_and_ids(client.get("/").content) == [("outer", "8")]
    assert client.get("/inner" + SHARE_AUTH).json()["id"] == "7"
    assert client.get(SHARE_AUTH).json()["id"] == "8"


def test_an_asgi_middleware_gives_way_to_that_of_a_flask_app_inside_of_it() -> None:
    flask_app = Flask("inner")
    flask_app.add_url_rule("/", view_func=lambda: PAGE)
    Pavior(flask_app, INNER, identity=lambda environ: ADA)
    around = asgi.PaviorMiddleware(
        WSGIMiddleware(cast("Any", flask_app)), OUTER, identity=lambda scope: BOB
    )
    client = TestClient(around)
    assert teams_and_ids(client.get("/").content) == [("inner", "7")]
    assert client.get(SHARE_AUTH).json()["id"] == "7"
