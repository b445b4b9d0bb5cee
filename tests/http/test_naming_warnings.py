"""A site whose users are not named, where they should be, finds a warning in its log, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Identity, Settings, asgi, wsgi
from pavior_middleware._adapters.naming import ENOUGH, MOST_SESSIONS, Naming
from pavior_middleware._http.headers import ASGI_FORM
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._page.pages import Pages
from pavior_middleware._page.request import PageRequest
from pavior_middleware._share import Sharing
from pavior_middleware._share.request import Request as Question
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware as StarletteMiddleware
from tests.support.adapters import PAGE
from tests.support.pages import init_call
from tests.support.sites import ADA, HELP, SETTINGS

NOBODY_NAMED = "Pavior's pages name nobody"
ONLY_ON_PAGES = "share-auth has found nobody in the same sessions"
SESSION = "session=5f0c"


@dataclass
class App:
    """An app that knows, by their cookie, the users who are logged in."""

    logged_in: set[str] = field(default_factory=lambda: {SESSION})
    status: int = 200

    def user(self, path: str, cookie: str) -> Identity | None:
        is_logged_in = not self.logged_in.isdisjoint(cookie.split("; "))
        return ADA if is_logged_in else None


class OnPages(App):
    """An app that knows nobody on paths that it has no page at."""

    def user(self, path: str, cookie: str) -> Identity | None:
        return None if path == SHARE_AUTH else super().user(path, cookie)


Get = Callable[..., bytes]


def through_wsgi(app: App, settings: Settings = SETTINGS, *, says: bool = True, **more: Any) -> Get:
    def page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if says:
            cookie = environ.get("HTTP_COOKIE", "")
            environ["pavior.identity"] = app.user(environ["PATH_INFO"], cookie)
        start_response(f"{app.status} Fine", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    client = TestApp(wsgi.PaviorMiddleware(page, settings, **more), lint=False)

    def get(path: str = "/", cookie: str = SESSION, **fields: str) -> bytes:
        headers = {"Cookie": cookie, **fields}
        return bytes(client.get(path, headers=headers, expect_errors=True).body)

    return get


def through_asgi(app: App, settings: Settings = SETTINGS, *, says: bool = True, **more: Any) -> Get:
    async def page(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        if says:
            cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
            scope["pavior.identity"] = app.user(scope["path"], cookie)
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": app.status, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    client = TestClient(asgi.PaviorMiddleware(page, settings, **more))

    def get(path: str = "/", cookie: str = SESSION, **fields: str) -> bytes:
        return client.get(path, headers={"Cookie": cookie, **fields}).content

    return get


@pytest.fixture(params=[through_wsgi, through_asgi])
def site(request: pytest.FixtureRequest) -> Callable[..., Get]:
    chosen: Callable[..., Get] = request.param
    return chosen


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_first_page_that_says_nothing_of_its_visitor_is_warned_of_once(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    get = site(App(), says=False)
    get(SHARE_AUTH)
    assert lines(caplog) == []
    get("/")
    get("/")
    (line,) = lines(caplog)
    assert NOBODY_NAMED in line
    assert "identify(scope, …)" in line


def test_a_first_page_that_is_an_error_causes_no_warning(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    app = App(status=404)
    get = site(app, says=False)
    get("/")
    assert lines(caplog) == []
    app.status = 200
    get("/")
    assert len(lines(caplog)) == 1


def test_a_site_that_says_who_is_visiting_or_that_it_is_nobody_is_not_warned_of(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    site(App())("/")
    site(App(set()))("/")
    site(App(), says=False, identity=lambda request: None)("/")
    assert lines(caplog) == []


def test_a_site_whose_pages_are_the_same_for_all_is_warned_of_at_the_first_question(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    get = site(App(), replace(SETTINGS, cacheable_pages=True), says=False)
    get("/")
    assert lines(caplog) == []
    get(SHARE_AUTH)
    get(SHARE_AUTH)
    assert len(lines(caplog)) == 1


def test_a_site_that_borrows_its_login_needs_no_users(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    borrower = Settings("acme", share_auth="www.example.com")
    get = site(App(), borrower, says=False, consent=lambda request: True)
    get("/")
    assert lines(caplog) == []


def test_flask_without_flask_login_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE.decode())
    Pavior(app, SETTINGS)
    client = app.test_client()
    client.get("/")
    client.get("/")
    assert [NOBODY_NAMED in line for line in lines(caplog)] == [True]


class NobodyIsLoggedIn:
    async def authenticate(self, conn: HTTPConnection) -> None:
        return None


@pytest.mark.parametrize("authenticates", [True, False])
def test_starlette_is_warned_of_where_it_authenticates_nobody(
    authenticates: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    backend: Any = NobodyIsLoggedIn()
    authentication = Middleware(AuthenticationMiddleware, backend=backend)
    pavior = Middleware(StarletteMiddleware, settings=SETTINGS)
    app = Starlette(
        routes=[Route("/", page)], middleware=[pavior, *([authentication] * authenticates)]
    )
    TestClient(app).get("/")
    assert len(lines(caplog)) == (0 if authenticates else 1)


def test_users_who_are_known_on_pages_only_are_warned_of_once(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    get = site(OnPages())
    assert get(SHARE_AUTH) == b"{}"
    for number in range(ENOUGH + 3):
        assert init_call(get("/"))["id"] == ADA.id
        assert len(lines(caplog)) == (number >= ENOUGH)
        assert get(SHARE_AUTH) == b"{}"
    (line,) = lines(caplog)
    assert ONLY_ON_PAGES in line
    assert "Have users known on every path" in line
    assert SESSION not in line


def test_cookies_that_change_with_each_page_do_not_hide_the_session(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    get = site(OnPages(), replace(SETTINGS, session_cookie="session"))
    for number in range(ENOUGH + 2):
        get(SHARE_AUTH, f"{SESSION}; _ga={number}.1")
        get("/", f"_ga={number}.2; {SESSION}")
    assert len(lines(caplog)) == 1


def test_a_logout_that_leaves_the_cookie_unchanged_causes_no_warning(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    """Another tab asks after the logout; the page of the login names nobody."""
    app = OnPages()
    get = site(app)
    get(SHARE_AUTH)
    for _ in range(ENOUGH + 3):
        get("/")
        app.logged_in.clear()
        get(SHARE_AUTH)
        get("/login")
        app.logged_in.add(SESSION)
    assert lines(caplog) == []


def test_a_logout_before_the_question_raises_no_alarm(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    app = OnPages()
    get = site(app)
    get(SHARE_AUTH)
    for _ in range(ENOUGH + 3):
        get("/")
        app.logged_in.clear()
        get("/goodbye")
        get(SHARE_AUTH)
        app.logged_in.add(SESSION)
    assert lines(caplog) == []


def test_a_site_of_which_a_question_has_found_somebody_is_never_warned_of(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture
) -> None:
    app = App()
    get = site(app)
    get(SHARE_AUTH)
    for _ in range(ENOUGH + 3):
        get("/")
        app.logged_in.clear()
        get(SHARE_AUTH)
        app.logged_in.add(SESSION)
    assert lines(caplog) == []


@pytest.mark.parametrize(
    ("cookie", "fields"),
    [
        ("session=another", {}),
        ("", {}),
        (SESSION, {"Origin": HELP}),
        (SESSION, {"Origin": HELP, "Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_question_of_another_session_or_site_causes_no_warning(
    site: Callable[..., Get],
    caplog: pytest.LogCaptureFixture,
    cookie: str,
    fields: dict[str, str],
) -> None:
    get = site(OnPages(), replace(SETTINGS, shared_auth_domains=[HELP.removeprefix("https://")]))
    caplog.clear()  # of the missing secret key
    get(SHARE_AUTH)
    for _ in range(ENOUGH + 2):
        get("/")
        get(SHARE_AUTH, cookie, **fields)
    assert lines(caplog) == []


@pytest.mark.parametrize("unknown", ["identity", "consent"])
def test_a_question_whose_lookup_fails_or_that_lacks_consent_causes_no_warning(
    site: Callable[..., Get], caplog: pytest.LogCaptureFixture, unknown: str
) -> None:
    def is_question(request: dict[str, Any]) -> bool:
        return request.get("PATH_INFO", request.get("path")) == SHARE_AUTH

    def identity(request: dict[str, Any]) -> Identity:
        if unknown == "identity" and is_question(request):
            raise ConnectionError
        return ADA

    def consent(request: dict[str, Any]) -> bool:
        return not (unknown == "consent" and is_question(request))

    get = site(App(), identity=identity, consent=consent)
    for _ in range(ENOUGH + 2):
        get(SHARE_AUTH)
        get("/")
    assert not any(ONLY_ON_PAGES in line for line in lines(caplog))


class Watched:
    """What a `Naming` watches, without a site."""

    def __init__(self) -> None:
        self.see_page: Any = None
        self.see_question: Any = None


def page_of(cookie: str, rules: Any) -> PageRequest:
    return PageRequest(rules, "GET", "https", "/", "", {"cookie": cookie}, False)


def test_what_is_remembered_of_sessions_is_bounded_and_ends_with_the_watch() -> None:
    watched = Watched()
    naming = Naming(watched, watched, pages_name_users=True)
    rules = Pages(SETTINGS, ASGI_FORM, report=lambda event: None).rules
    nobody, ada = Visitor(), Visitor(ADA)

    def question(visitor: Visitor) -> None:
        asked = Question("GET", "share-auth", "", {"cookie": [SESSION]}, SHARE_AUTH)
        watched.see_question(asked, visitor, ())

    watched.see_page(page_of(SESSION, rules), 200, nobody)
    assert not callable(watched.see_page), "pages are watched though no question has come"
    question(nobody)
    for number in range(MOST_SESSIONS + 10):
        watched.see_page(page_of(f"session={number}", rules), 200, ada)
    assert len(naming._sessions) == MOST_SESSIONS
    question(ada)
    assert (watched.see_page, watched.see_question) == (None, None)
    assert not naming._sessions


class EndingWatch:
    """A watch that another thread ends as soon as one has looked whether there is any."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, watched: Any, kind: type) -> Any:
        return vars(watched).pop(self._name, None)

    def __set__(self, watched: Any, see: Any) -> None:
        vars(watched)[self._name] = see


class PagesInThreads(Pages[str]):
    see_page = EndingWatch("see_page")


class SharingInThreads(Sharing):
    see_question = EndingWatch("see_question")


def page_of_wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


@pytest.mark.parametrize("path", ["/", SHARE_AUTH])
def test_a_watch_that_another_thread_ends_fails_no_request(path: str) -> None:
    middleware = wsgi.PaviorMiddleware(page_of_wsgi, SETTINGS, identity=lambda environ: ADA)
    site = middleware._site
    assert site is not None
    site.pages.__class__, site.sharing.__class__ = PagesInThreads, SharingInThreads
    assert TestApp(middleware).get(path).status_int == 200
