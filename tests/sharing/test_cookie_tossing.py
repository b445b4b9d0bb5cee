"""A session that another host of the domain may have set for our paths: nobody is named by it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from typing import Any

import flask
import pytest
from flask_login import LoginManager
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Identity, Settings, SettingsError, sign
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._share.tokens import Loan, Tokens
from pavior_middleware._share.tossing import believed
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import PAGE, Fetch, Reply, Seen, fetch_asgi
from tests.support.handing_over import asking_for
from tests.support.sites import ADA, API_KEY, HELP, LOGIN_COOKIE, MALLORY, SECRET_KEY, TEAM

site = partial(Settings, TEAM, API_KEY)
LENDS = site(shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY, session_cookie="sid")
WITHOUT_KEY = site(shared_auth_domains=["help.example.com"], session_cookie="sid")
LENDS_NOTHING = site(cacheable_pages=True, session_cookie="sid")
JSON = Reply([b"{}"], [("Content-Type", "application/json")])
TWO = "sid=adas; theme=dark; sid=mallorys"


def login_cookie(user: Identity, age: int = 0) -> str:
    return f"{LOGIN_COOKIE}={Tokens([SECRET_KEY], 3600, lambda: time.time() - age).cookie(user)}"


ASKING: dict[str, tuple[str, dict[str, str]]] = {
    "the site": (SHARE_AUTH, {"Sec-Fetch-Site": "same-origin"}),
    "a borrower of the same site": (SHARE_AUTH, {"Origin": HELP, "Sec-Fetch-Site": "same-site"}),
    "a borrower": (SHARE_AUTH, {"Origin": HELP, "Sec-Fetch-Site": "cross-site"}),
    "a borrower whose cookies get through": (
        SHARE_AUTH,
        {"Origin": HELP, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Storage-Access": "active"},
    ),
    "a frame in a borrower": (
        f"{SHARE_AUTH}?origin={HELP}",
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Storage-Access": "active"},
    ),
    "a borrower on its way": (
        asking_for(f"{HELP}/"),
        {"Referer": f"{HELP}/", "Sec-Fetch-Site": "cross-site"},
    ),
}


def ask(
    fetch: Fetch,
    who_asks: str,
    cookies: str,
    user: Identity | None = ADA,
    settings: Settings = LENDS,
) -> Seen:
    path, headers = ASKING[who_asks]
    return fetch(JSON, settings, user, path=path, headers={**headers, "Cookie": cookies})


def is_named(seen: Seen) -> bool:
    """Whether an answer names somebody: in JSON, or by a code."""
    if seen.status == 303:
        _, _, code = seen.headers["Location"].partition("#pavior-handoff=")
        return bool(code)
    assert seen.status == 200
    return bool(json.loads(seen.body))


@pytest.mark.parametrize("who_asks", ASKING)
def test_two_session_cookies_name_nobody(
    fetch: Fetch, who_asks: str, caplog: pytest.LogCaptureFixture
) -> None:
    for cookies in (TWO, "sid=a; sid=a", "sid=; sid=a", f"{TWO}; {LOGIN_COOKIE}=of-nobody"):
        assert not is_named(ask(fetch, who_asks, cookies))
    warnings = {each.getMessage() for each in caplog.records}
    assert len(warnings) == 1
    assert "__Host-" in warnings.pop()


@pytest.mark.parametrize("name", ["\x85sid", "\xa0sid", "sid\xa0", "\x1fsid", " sid "])
def test_a_name_that_a_framework_trims_to_that_of_the_session_counts_as_it(
    fetch: Fetch, name: str
) -> None:
    """Starlette and Django trim what Python calls white space, a browser less (RFC 6265bis)."""
    assert not is_named(ask(fetch, "the site", f"sid=adas; {name}=mallorys"))


@pytest.mark.parametrize("settings", [LENDS_NOTHING, WITHOUT_KEY])
def test_two_session_cookies_name_nobody_on_a_site_without_a_login_cookie(
    fetch: Fetch, settings: Settings
) -> None:
    assert is_named(ask(fetch, "the site", "sid=adas", settings=settings))
    assert not is_named(ask(fetch, "the site", TWO, settings=settings))
    cookies = f"{TWO}; {login_cookie(ADA)}"  # which such a site does not read
    assert not is_named(ask(fetch, "the site", cookies, settings=settings))


@pytest.mark.parametrize("who_asks", ASKING)
@pytest.mark.parametrize(
    "cookies",
    ["sid=adas", "theme=dark; theme=light; sid=adas", "SID=a; sid=b; xsid=c; sidx=d", "theme=dark"],
)
def test_cookies_beside_one_session_cookie_change_nothing(
    fetch: Fetch, who_asks: str, cookies: str
) -> None:
    assert is_named(ask(fetch, who_asks, cookies))


@pytest.mark.parametrize("who_asks", ASKING)
@pytest.mark.parametrize("cookies", [TWO, "sid=adas"])
def test_a_login_cookie_of_the_apps_user_outweighs_two_session_cookies(
    fetch: Fetch, who_asks: str, cookies: str
) -> None:
    """One for the domain beside one for the host is common."""
    assert is_named(ask(fetch, who_asks, f"{cookies}; {login_cookie(ADA, 3000)}"))
    of_before = login_cookie(Identity("7", "ada@old.example", authenticated=False))
    assert is_named(ask(fetch, who_asks, f"{cookies}; {of_before}"))


@pytest.mark.parametrize("who_asks", ASKING)
@pytest.mark.parametrize("cookies", [TWO, "sid=mallorys", "theme=dark"])
def test_nobody_is_named_where_the_login_cookie_names_another_user_than_the_app(
    fetch: Fetch, who_asks: str, cookies: str
) -> None:
    seen = ask(fetch, who_asks, f"{cookies}; {login_cookie(ADA)}", MALLORY)
    assert not is_named(seen)
    assert "Set-Cookie" not in seen.headers  # or the next question would name Mallory
    if seen.status == 200 and "Origin" in ASKING[who_asks][1]:
        assert seen.headers["Pavior-Expires-In"] == "0"


@pytest.mark.parametrize("who_asks", ASKING)
def test_an_expired_or_forged_login_cookie_does_not_count(fetch: Fetch, who_asks: str) -> None:
    forged = f"{LOGIN_COOKIE}={Tokens(['another key'], 3600).cookie(MALLORY)}"
    for cookie in (
        login_cookie(MALLORY, 3700),
        forged,
        f"{LOGIN_COOKIE}=",
        f"{LOGIN_COOKIE}=a; {LOGIN_COOKIE}=b",
    ):
        assert is_named(ask(fetch, who_asks, f"sid=adas; {cookie}"))
        assert not is_named(ask(fetch, who_asks, f"{TWO}; {cookie}"))


def test_the_next_page_sets_the_login_cookie_to_the_apps_user(fetch: Fetch) -> None:
    headers = {"Cookie": f"sid=adas; {login_cookie(MALLORY)}", "Sec-Fetch-Dest": "document"}
    (cookie,) = fetch(Reply(), LENDS, ADA, headers=headers).headers.getlist("Set-Cookie")
    assert is_named(ask(fetch, "the site", f"{TWO}; {cookie.partition(';')[0]}"))


@pytest.mark.parametrize(
    "reply", [JSON, Reply([], [("Location", "/")], 303)], ids=["JSON", "a redirect"]
)
def test_the_response_to_a_login_by_fetch_sets_the_login_cookie_to_the_apps_user(
    fetch: Fetch, reply: Reply
) -> None:
    headers = {"Cookie": f"sid=adas; {login_cookie(MALLORY)}", "Sec-Fetch-Site": "same-origin"}
    seen = fetch(reply, LENDS, ADA, method="POST", path="/login", headers=headers)
    (cookie,) = seen.headers.getlist("Set-Cookie")
    assert is_named(ask(fetch, "the site", f"sid=adas; {cookie.partition(';')[0]}"))


@pytest.mark.parametrize("cacheable", [False, True])
@pytest.mark.parametrize("destination", ["image", "iframe", "script", "video", "empty"])
def test_a_redirect_of_a_subresource_sets_no_login_cookie(
    fetch: Fetch, destination: str, cacheable: bool
) -> None:
    """An avatar may be one, and the session one that another host has set for its path alone."""
    asked = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": destination}
    headers = {**asked, "Cookie": f"sid=mallorys; {login_cookie(ADA)}"}
    reply = Reply([], [("Location", "https://cdn.example/7.png")], 302)
    settings = replace(LENDS, cacheable_pages=cacheable)
    assert "Set-Cookie" not in fetch(reply, settings, MALLORY, headers=headers).headers
    assert "Set-Cookie" in fetch(reply, settings, None, headers=headers).headers
    headers["Sec-Fetch-Dest"] = "document"
    assert "Set-Cookie" in fetch(reply, settings, MALLORY, headers=headers).headers


@pytest.mark.parametrize("destination", ["empty", "iframe", "image", "document"])
@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_response_to_another_origins_request_sets_no_login_cookie(
    fetch: Fetch, destination: str, site: str
) -> None:
    """The session may be one that it has set for this path alone."""
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": destination}
    headers = {**asked, "Cookie": f"sid=mallorys; {login_cookie(ADA)}"}
    for reply in (JSON, Reply([], [("Location", "/")], 303), Reply([], [], 204)):
        seen = fetch(reply, LENDS, MALLORY, method="POST", path="/basket", headers=headers)
        assert "Set-Cookie" not in seen.headers
    if destination != "document":
        framed = replace(LENDS, inject_in_frames=True)
        assert "Set-Cookie" not in fetch(Reply(), framed, MALLORY, headers=headers).headers


@pytest.mark.parametrize("reply", [JSON, Reply([], [("Location", "/")], 303), Reply()])
def test_a_response_to_a_fetch_with_two_session_cookies_sets_no_login_cookie(
    fetch: Fetch, reply: Reply
) -> None:
    """Another host of the domain may have set one of them for a path that the site's pages call."""
    asked = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
    headers = {**asked, "Cookie": f"sid=mallorys; sid=adas; {login_cookie(ADA)}"}
    seen = fetch(reply, LENDS, MALLORY, method="POST", path="/heartbeat", headers=headers)
    assert "Set-Cookie" not in seen.headers
    logged_out = fetch(reply, LENDS, None, method="POST", path="/heartbeat", headers=headers)
    assert "Max-Age=0" in logged_out.headers["Set-Cookie"]
    headers["Sec-Fetch-Dest"] = "document"
    assert "Set-Cookie" in fetch(Reply(), LENDS, MALLORY, headers=headers).headers


def test_session_cookies_in_several_fields_count_together() -> None:
    path, headers = ASKING["the site"]
    fields = [*headers.items(), ("Cookie", "sid=adas"), ("Cookie", "sid=mallorys")]
    assert not is_named(fetch_asgi(JSON, LENDS, ADA, path=path, headers=fields))
    fields.append(("Cookie", login_cookie(ADA)))
    assert is_named(fetch_asgi(JSON, LENDS, ADA, path=path, headers=fields))


def test_the_handoff_does_not_ask_again_where_session_and_login_cookie_disagree(
    fetch: Fetch,
) -> None:
    seen = ask(fetch, "a borrower on its way", f"sid=a; {login_cookie(ADA)}", MALLORY)
    assert (seen.status, seen.headers["Location"]) == (303, f"{HELP}/#pavior-handoff=")


users = st.builds(Identity, st.sampled_from(["7", "8", None]), st.sampled_from(["a@b.test", None]))
names = st.sampled_from(["sid", "remember", "theme"])


@given(
    user=users,
    of_cookie=st.none() | users,
    sent=st.lists(names, max_size=5),
    session_cookies=st.lists(names, unique=True),
    consents=st.booleans(),
)
def test_the_believed_user_is_the_apps_user_or_nobody(
    user: Identity,
    of_cookie: Identity | None,
    sent: list[str],
    session_cookies: list[str],
    consents: bool,
) -> None:
    visitor = Visitor(user if consents else None, consents)
    loan = None if of_cookie is None else Loan(of_cookie, 0)
    result = believed(visitor, loan, [f"{name}=x" for name in sent], session_cookies)
    assert result.consents == visitor.consents
    assert result.user in (visitor.user, None)
    has_two = any(sent.count(name) > 1 for name in session_cookies)
    agrees = of_cookie is not None and of_cookie.identifier == user.identifier
    is_doubtful = visitor.user is not None and (has_two if of_cookie is None else not agrees)
    assert result.is_doubtful == is_doubtful
    assert (result.user is None) == (is_doubtful or visitor.user is None)


# ── Where the name comes from ──────────────────────────────────────────────────────────────────


def flask_app(settings: Settings | None = None, **config: object) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config.update(PAVIOR_TEAM_VANITY_ID=TEAM, PAVIOR_API_KEY=API_KEY, **config)
    Pavior(app, settings, identity=lambda environ: ADA)
    return app


def flask_names(app: flask.Flask, cookies: str) -> bool:
    return bool(TestApp(app).get(SHARE_AUTH, headers={"Cookie": cookies}).json)


def test_flasks_session_cookie_is_found_by_its_configured_name() -> None:
    app = flask_app()
    assert flask_names(app, "session=a; sid=a; sid=b")
    assert not flask_names(app, "session=a; session=b")
    app = flask_app(SESSION_COOKIE_NAME="sid")
    assert flask_names(app, "sid=a; session=a; session=b")
    assert not flask_names(app, "sid=a; sid=b")
    app = flask_app(site())
    assert not flask_names(app, "session=a; session=b")


def test_flasks_session_cookie_is_found_by_the_name_of_another_session_interface() -> None:
    class Sessions(flask.sessions.SecureCookieSessionInterface):
        def get_cookie_name(self, app: flask.Flask) -> str:
            return "mine"

    app = flask_app()
    app.session_interface = Sessions()
    assert flask_names(app, "session=a; session=b")
    assert not flask_names(app, "mine=a; mine=b")


def test_flask_logins_remember_cookie_counts_as_a_session_cookie() -> None:
    assert flask_names(flask_app(), "remember_token=a; remember_token=b")
    app = flask_app()
    LoginManager(app)
    assert not flask_names(app, "remember_token=a; remember_token=b")
    app.config["REMEMBER_COOKIE_NAME"] = "me"
    assert flask_names(app, "remember_token=a; remember_token=b")
    assert not flask_names(app, "me=a; me=b")


def test_the_session_cookie_setting_goes_before_flasks_names() -> None:
    for app in (flask_app(PAVIOR_SESSION_COOKIE="mine"), flask_app(site(session_cookie="mine"))):
        assert flask_names(app, "session=a; session=b")
        assert not flask_names(app, "mine=a; mine=b")


def with_session(*given: Any, **more: Any) -> Middleware:
    return Middleware(SessionMiddleware, "the session's", *given, **more)


OURS = Middleware(PaviorMiddleware, settings=site(), identity=lambda scope: ADA)


def wrapped(app: Any, settings: Settings | None = None) -> Any:
    return PaviorMiddleware(app, settings or site(), identity=lambda scope: ADA)


class Sessions(SessionMiddleware):
    """An app's own kind."""


def added() -> Any:
    app = Starlette()
    app.add_middleware(PaviorMiddleware, settings=site(), identity=lambda scope: ADA)
    app.add_middleware(SessionMiddleware, secret_key="the session's", session_cookie="sid")
    return app


WITH_SID = {
    "within": Starlette(middleware=[OURS, with_session(session_cookie="sid")]),
    "around": Starlette(middleware=[with_session(session_cookie="sid"), OURS]),
    "around, without its name": Starlette(middleware=[with_session("sid"), OURS]),
    "of the app's own kind": Starlette(
        middleware=[Middleware(Sessions, secret_key="x", session_cookie="sid"), OURS]
    ),
    "of a whole app": wrapped(Starlette(middleware=[with_session(session_cookie="sid")])),
    "of a whole app, by hand": wrapped(
        SessionMiddleware(Starlette(), "the session's", session_cookie="sid")
    ),
    "added, as in FastAPI": added(),
    "by the setting": wrapped(
        Starlette(middleware=[with_session(session_cookie="x")]), site(session_cookie="sid")
    ),
}


def starlette_names(app: Any, cookies: str) -> bool:
    return bool(TestClient(app).get(SHARE_AUTH, headers={"Cookie": cookies}).json())


@pytest.mark.parametrize("app", WITH_SID.values(), ids=list(WITH_SID))
def test_starlettes_session_cookie_is_found_wherever_its_middleware_stands(app: Any) -> None:
    assert starlette_names(app, "sid=a; session=a; session=b")
    assert not starlette_names(app, "sid=a; sid=b")


@pytest.mark.parametrize(
    "app", [Starlette(middleware=[OURS]), Starlette(middleware=[with_session(), OURS])]
)
def test_a_starlette_site_without_another_name_has_starlettes_default_session_cookie(
    app: Any,
) -> None:
    assert starlette_names(app, "session=a; sid=a; sid=b")
    assert not starlette_names(app, "session=a; session=b")


@pytest.mark.parametrize("given", ["sid", "sid, other", "sid\nother\n", ["sid", "other"]])
def test_the_session_cookie_setting_is_a_name_or_several(given: Any) -> None:
    settings = Settings.from_mapping(
        {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY, "PAVIOR_SESSION_COOKIE": given}
    )
    assert settings.session_cookie in (("sid",), ("sid", "other"))
    assert hash(settings) == hash(settings)
    assert site().session_cookie == ()


@pytest.mark.parametrize("given", ["a=b", "a;b", 7, b"sid", ["sid", None], "ä", {"sid": 1}])
def test_a_bad_name_of_a_session_cookie_stops_the_app(given: Any) -> None:
    with pytest.raises(SettingsError, match=r"PAVIOR_SESSION_COOKIE.* name of a cookie"):
        site(session_cookie=given)


# ── A login by fetch ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [None, "mallory"])
def test_a_user_who_logged_in_by_fetch_is_named_before_any_page_is_loaded(
    before: str | None,
) -> None:
    app = flask.Flask(__name__)
    app.secret_key = "the session's"
    Pavior(app, LENDS, identity=lambda environ: Identity(flask.session.get("user")))

    @app.get("/")
    def home() -> bytes:
        return PAGE

    @app.post("/as/<user>")
    def log_in(user: str) -> Any:
        flask.session["user"] = user
        return flask.jsonify(ok=True)

    client = TestApp(app, extra_environ={"wsgi.url_scheme": "https"})
    if before:
        client.post(f"/as/{before}")
        client.get("/")
        assert LOGIN_COOKIE in client.cookies
    client.post("/as/ada")
    answer = client.get(SHARE_AUTH, headers={"Origin": HELP, "Sec-Fetch-Site": "same-site"}).json
    assert answer == {"id": "ada", "hmac": sign(API_KEY, "ada")}


def test_the_recommended_session_cookie_is_one_that_no_other_host_can_set() -> None:
    """Browsers take a `__Host-` name with `Secure`, `Path=/` and no `Domain` alone."""
    of_flask = flask_app(
        SECRET_KEY="the app's",
        SESSION_COOKIE_NAME="__Host-session",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PATH="/",
    )
    of_flask.add_url_rule("/", view_func=lambda: flask.session.setdefault("user", "7"))

    def log_in(request: Request) -> Response:
        request.session["user"] = "7"
        return Response()

    sessions = with_session(session_cookie="__Host-session", https_only=True)
    of_starlette = Starlette(routes=[Route("/", log_in)], middleware=[sessions, OURS])
    for field in (
        TestApp(of_flask).get("/").headers["Set-Cookie"],
        TestClient(of_starlette).get("/").headers["Set-Cookie"],
    ):
        name, *attributes = map(str.strip, field.lower().split(";"))
        assert name.startswith("__host-session=")
        assert {"secure", "path=/"} <= set(attributes)
        assert "domain" not in field.lower()
