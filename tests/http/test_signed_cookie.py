"""`SignedCookieUser`: the session of a Flask or Starlette app that runs in another process."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import flask
import flask_login
import pytest
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner
from itsdangerous.encoding import base64_encode
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from werkzeug.test import Client

from pavior_middleware import Identity, asgi, wsgi
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware.signed_cookie import SignedCookieUser
from tests.frameworks.recipes import blocks
from tests.support.adapters import PAGE
from tests.support.login_cookies import site
from tests.support.pages import init_call
from tests.support.sites import HELP

SETTINGS = site(shared_auth_domains=["help.example.com"])
SECRET = "a secret of the app"
DAY = 24 * 60 * 60


def flask_app(**config: object) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config.update({"SECRET_KEY": SECRET, **config})

    @app.post("/login")
    def login() -> bytes:
        flask.session.permanent = True
        flask.session["user"] = flask.request.form["user"]
        flask.session["uuid"] = UUID(int=7)
        flask.session["padding"] = "so that the session is compressed " * 9
        return PAGE

    @app.post("/logout")
    def logout() -> bytes:
        flask.session.clear()
        return PAGE

    @app.get("/")
    def home() -> bytes:
        return PAGE

    return app


def starlette_app(**options: Any) -> Starlette:
    async def login(request: Request) -> Response:
        async with request.form() as form:
            request.session["user"] = form["user"]
        return HTMLResponse(PAGE)

    async def logout(request: Request) -> Response:
        request.session.clear()
        return HTMLResponse(PAGE)

    async def home(request: Request) -> Response:
        return HTMLResponse(PAGE)

    arguments = {"secret_key": SECRET, **options}
    return Starlette(
        routes=[
            Route("/", home),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
        ],
        middleware=[Middleware(SessionMiddleware, **arguments)],
    )


class Browser:
    """A browser of an app behind a middleware, which knows nothing of the app but its cookie."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, method: str, path: str, user: str | None = None, **headers: str) -> Any:
        data = {} if user is None else {"data": {"user": user}}
        return self._client.open(path, method=method, headers=headers, **data)

    def user(self, method: str = "GET", path: str = "/", user: str | None = None) -> str | None:
        """Return the id of the user that a page names."""
        name: str | None = init_call(self.send(method, path, user).data).get("id")
        return name

    @property
    def cookie(self) -> str:
        """The value of the session's cookie."""
        value: str = self._client.cookie("session")
        return value


class OfFlask(Client):
    def cookie(self, name: str) -> str:
        cookie = self.get_cookie(name)
        return "" if cookie is None else str(cookie.value)


class OfStarlette(TestClient):
    def open(self, path: str, method: str, **arguments: Any) -> Any:
        response = self.request(method, path, **arguments)
        return SimpleNamespace(data=response.content, json=lambda: response.json())

    def cookie(self, name: str) -> str:
        return str(self.cookies.get(name, ""))


def flask_browser(identity: Any = None, **config: object) -> Browser:
    identity = identity or SignedCookieUser.flask(SECRET, "user")
    return Browser(OfFlask(wsgi.PaviorMiddleware(flask_app(**config), SETTINGS, identity=identity)))


def starlette_browser(identity: Any = None, **options: Any) -> Browser:
    identity = identity or SignedCookieUser.starlette(SECRET, "user")
    app = asgi.PaviorMiddleware(starlette_app(**options), SETTINGS, identity=identity)
    return Browser(OfStarlette(app))


BROWSERS = pytest.mark.parametrize("browser_of", [flask_browser, starlette_browser])


@BROWSERS
def test_the_user_of_a_signed_cookie_is_named_from_login_to_logout(
    browser_of: Callable[..., Browser],
) -> None:
    browser = browser_of()
    assert browser.user() is None
    assert browser.user("POST", "/login", "7") == "7"  # by the cookie that this response sets
    assert browser.user() == "7"
    assert browser.user("POST", "/login", "8") == "8"
    assert browser.user("POST", "/logout") is None
    assert browser.user() is None


@BROWSERS
def test_a_question_who_is_logged_in_is_answered_from_the_signed_cookie(
    browser_of: Callable[..., Browser],
) -> None:
    browser = browser_of()
    browser.send("POST", "/login", "7")
    answer = browser.send("GET", "/.well-known/pavior/share-auth", Origin=HELP)
    assert json.loads(answer.data)["id"] == "7"


@BROWSERS
def test_a_cookie_of_another_key_names_nobody(browser_of: Callable[..., Browser]) -> None:
    key = {"SECRET_KEY": "another"} if browser_of is flask_browser else {"secret_key": "another"}
    browser = browser_of(**key)
    browser.send("POST", "/login", "7")
    assert browser.cookie
    assert browser.user() is None


def flask_cookie(**config: object) -> str:
    browser = flask_browser(**config)
    browser.send("POST", "/login", "7")
    return browser.cookie


def starlette_cookie(**options: Any) -> str:
    browser = starlette_browser(**options)
    browser.send("POST", "/login", "7")
    return browser.cookie


def scope(cookies: str) -> dict[str, Any]:
    return {"type": "http", "headers": [(b"cookie", cookies.encode("latin-1"))]}


def environ(cookies: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "HTTP_COOKIE": cookies}


REQUESTS = pytest.mark.parametrize("request_of", [scope, environ])
FRAMEWORKS = pytest.mark.parametrize(
    ("of", "cookie_of"),
    [(SignedCookieUser.flask, flask_cookie), (SignedCookieUser.starlette, starlette_cookie)],
    ids=["flask", "starlette"],
)


@REQUESTS
@FRAMEWORKS
def test_the_user_is_read_out_of_a_scope_and_an_environ(
    request_of: Callable[[str], dict[str, Any]], of: Any, cookie_of: Callable[[], str]
) -> None:
    user, cookie = of(SECRET, "user"), cookie_of()
    assert user(request_of(f"session={cookie}")) == Identity("7")
    assert user(request_of(f"a=b; session={cookie} ; c")) == Identity("7")
    assert user(request_of(f"sessions={cookie}")) is None
    assert user(request_of("session=")) is None
    assert user({"headers": []}) is None
    assert user({}) is None


def test_a_cookie_that_http_2_has_cut_from_others_is_found() -> None:
    cookie = flask_cookie().encode()
    headers = [(b"cookie", b"a=b"), (b"cookie", b"session=" + cookie), (b"cookie", b"c=d")]
    assert SignedCookieUser.flask(SECRET, "user")({"headers": headers}) == Identity("7")


@FRAMEWORKS
def test_a_cookie_counts_under_each_key_of_a_rotation(
    of: Any, cookie_of: Callable[[], str]
) -> None:
    request = environ(f"session={cookie_of()}")
    assert of(["old", SECRET], "user")(request) == Identity("7")
    assert of([SECRET.encode(), b"new"], "user")(request) == Identity("7")
    assert of(["old", "new"], "user")(request) is None


@FRAMEWORKS
def test_a_cookie_that_is_older_than_max_age_names_nobody(
    of: Any, cookie_of: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = environ(f"session={cookie_of()}")
    default, short, endless = (
        of(SECRET, "user"),
        of(SECRET, "user", max_age=60),
        of(SECRET, "user", max_age=None),
    )
    now = int(time.time())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + 90)
    assert (default(request), short(request)) == (Identity("7"), None)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + 32 * DAY)
    assert (default(request), endless(request)) == (None, Identity("7"))


@pytest.mark.parametrize(
    ("of", "app", "options"),
    [
        (SignedCookieUser.flask, flask_app, {"SESSION_COOKIE_NAME": "shop"}),
        (SignedCookieUser.starlette, starlette_app, {"session_cookie": "shop"}),
    ],
    ids=["flask", "starlette"],
)
def test_the_cookie_may_have_another_name(of: Any, app: Any, options: dict[str, str]) -> None:
    browser_of = flask_browser if app is flask_app else starlette_browser
    browser = browser_of(of(SECRET, "user", cookie="shop"), **options)
    assert browser.user("POST", "/login", "7") == "7"
    assert browser.user() == "7"


def test_a_cookie_of_another_salt_counts_only_with_that_salt() -> None:
    app = flask.Flask(__name__)
    app.secret_key = SECRET
    interface = SecureCookieSessionInterface()
    interface.salt = "shop"
    serializer = interface.get_signing_serializer(app)
    assert serializer is not None
    request = environ(f"session={serializer.dumps({'user': '7'})}")
    assert SignedCookieUser.flask(SECRET, "user")(request) is None
    assert SignedCookieUser.flask(SECRET, "user", salt="shop")(request) == Identity("7")


@pytest.mark.parametrize("user", ["7", 7, UUID(int=7)])
def test_an_id_of_each_type_that_flask_writes_is_read(user: object) -> None:
    app = flask_app()
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    value = serializer.dumps(
        {"user": user, "flashes": [("message", "Hello")], "at": datetime.now()}
    )
    assert SignedCookieUser.flask(SECRET, "user")(environ(f"session={value}")) == Identity(
        str(user)
    )


def test_of_two_session_cookies_the_one_that_the_framework_reads_counts() -> None:
    def read(request: Request) -> Response:
        return PlainTextResponse(request.session.get("user", ""))

    app = starlette_app()
    app.routes.append(Route("/user", read))
    browser = starlette_browser()
    browser.send("POST", "/login", "8")
    cookies = f"session={starlette_cookie()}; session={browser.cookie}"
    assert TestClient(app).get("/user", headers={"Cookie": cookies}).text == "8"
    assert SignedCookieUser.starlette(SECRET, "user")(scope(cookies)) == Identity("8")

    flask_one = flask_app()
    flask_one.add_url_rule("/user", view_func=lambda: flask.session.get("user", ""))
    other = flask_browser()
    other.send("POST", "/login", "8")
    cookies = f"session={flask_cookie()}; session={other.cookie}"
    client = flask_one.test_client(use_cookies=False)
    assert client.get("/user", headers={"Cookie": cookies}).text == "7"
    assert SignedCookieUser.flask(SECRET, "user")(environ(cookies)) == Identity("7")


def test_a_callable_makes_the_identity_of_a_session() -> None:
    def user(session: Any) -> Identity | None:
        return Identity(session["uuid"], attributes={"name": session["user"]})

    identity = SignedCookieUser.flask(SECRET, user)(environ(f"session={flask_cookie()}"))
    assert identity == Identity(UUID(int=7), attributes={"name": "7"})


def test_flask_logins_user_is_read_out_of_its_cookie() -> None:
    app = flask.Flask(__name__)
    app.secret_key = SECRET
    user = flask_login.UserMixin()
    user.id = 7
    flask_login.LoginManager(app).user_loader(lambda _: user)

    @app.get("/login")
    def login() -> bytes:
        flask_login.login_user(user)
        return PAGE

    identity = SignedCookieUser.flask(SECRET, "_user_id")
    browser = Browser(OfFlask(wsgi.PaviorMiddleware(app, SETTINGS, identity=identity)))
    assert browser.user("GET", "/login") == "7"
    assert browser.user() == "7"


def test_flask_securitys_uniquifier_in_a_cookie_is_refused() -> None:
    app = flask_app()
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    session = {"_user_id": "a" * 32, "fs_cc": "set"}
    with pytest.raises(IdentityRefused, match="fs_uniquifier"):
        SignedCookieUser.flask(SECRET, "_user_id")(environ(f"session={serializer.dumps(session)}"))


@pytest.mark.parametrize("of", [SignedCookieUser.flask, SignedCookieUser.starlette])
@pytest.mark.parametrize("payload", [b"[7]", b"null", b"not json", b"\xff", b"W10=", b"[" * 9999])
def test_a_signed_cookie_that_holds_no_session_names_nobody(of: Any, payload: bytes) -> None:
    signers = [
        TimestampSigner(SECRET, salt="cookie-session", key_derivation="hmac"),
        TimestampSigner(SECRET),
    ]
    for signer in signers:
        for value in (payload, base64_encode(payload), b64encode(payload)):
            cookie = signer.sign(value).decode("latin-1")
            assert of(SECRET, "user")(environ(f"session={cookie}")) is None


@pytest.mark.parametrize("of", [SignedCookieUser.flask, SignedCookieUser.starlette])
@pytest.mark.parametrize("key", ["", b"", [], [SECRET, ""]])
def test_an_empty_secret_key_is_refused(of: Any, key: Any) -> None:
    with pytest.raises(ValueError, match="secret_key is empty: pass the key"):
        of(key, "user")


@pytest.mark.parametrize("of", [SignedCookieUser.flask, SignedCookieUser.starlette])
@pytest.mark.parametrize("key", [None, 7, [SECRET, None]])
def test_a_secret_key_of_another_type_is_refused(of: Any, key: Any) -> None:
    with pytest.raises(TypeError, match="secret_key must be text, bytes or a list"):
        of(key, "user")


def shown(raised: pytest.ExceptionInfo[BaseException]) -> str:
    """Return the locals of the frames below the test's own."""
    return "".join(repr(entry.frame.f_locals) for entry in raised.traceback[1:])


@pytest.mark.parametrize("of", [SignedCookieUser.flask, SignedCookieUser.starlette])
def test_a_traceback_of_a_refused_secret_key_does_not_show_the_others(of: Any) -> None:
    with pytest.raises(TypeError) as raised:
        of([SECRET, None], "user")
    assert SECRET not in shown(raised)


@FRAMEWORKS
def test_no_representation_and_no_traceback_shows_the_secret_key(
    of: Any, cookie_of: Callable[[], str]
) -> None:
    def fails(session: Any) -> Identity:
        raise RuntimeError

    identity = of(SECRET, fails)
    assert SECRET not in repr(identity)
    with pytest.raises(RuntimeError) as raised:
        identity(environ(f"session={cookie_of()}"))
    assert SECRET not in shown(raised)


def test_the_lines_of_the_document_name_the_user_of_a_cookie() -> None:
    (lines,) = blocks("signed-cookie")
    app = flask_app()
    names: dict[str, Any] = {"secret_key": SECRET, "app": app, "settings": SETTINGS}
    exec(compile(lines.replace('"user_id"', '"user"'), "signed-cookie.md", "exec"), names)
    browser = Browser(OfFlask(names["application"]))
    assert browser.user("POST", "/login", "7") == "7"
    assert browser.user() == "7"
