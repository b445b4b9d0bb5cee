"""The login cookie of Flask and Starlette sites, from login to logout, and who signs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, jsonify, redirect
from flask_login import LoginManager, UserMixin, login_user, logout_user
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.config import Config
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Settings
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import PAGE
from tests.support.login_cookies import DELETION, SETTINGS, site, timeless, with_hmac
from tests.support.sites import ADA, API_KEY, HELP, LOGIN_COOKIE, SECRET_KEY, TEAM


# ── Flask ──────────────────────────────────────────────────────────────────────────────────────
class User(UserMixin):  # type: ignore[misc]  # Flask-Login is untyped
    id = 7
    email = "ada@example.com"
    email_confirmed = True


def flask_app(settings: Settings | None = None, **config: object) -> Flask:
    """Return a shop with a login, whose settings are in its configuration unless given."""
    app = Flask(__name__)
    app.config.update(
        PAVIOR_TEAM_VANITY_ID=TEAM,
        PAVIOR_API_KEY=API_KEY,
        PAVIOR_SHARED_AUTH_DOMAINS="help.example.com",
        PAVIOR_EMAIL_CONFIRMED="email_confirmed",
    )
    app.config.update(config)
    user = User()
    LoginManager(app).user_loader(lambda _: user)

    @app.get("/")
    def home() -> bytes:
        return PAGE

    @app.post("/login")
    def login() -> Any:
        login_user(user)
        return redirect("/", 303)

    @app.post("/logout")
    def logout() -> Any:
        logout_user()
        return redirect("/", 303)

    @app.route("/moved", methods=["GET", "POST"])
    def moved() -> Any:
        return redirect("/", 303)

    @app.post("/form")
    def form() -> bytes:
        return PAGE

    @app.post("/api/logout")
    def api_logout() -> Any:
        logout_user()
        return jsonify(ok=True)

    Pavior(app, settings)
    return app


def tls(app: Any) -> TestApp:
    return TestApp(app, extra_environ={"wsgi.url_scheme": "https"})


def logged_in(app: Flask) -> TestApp:
    client = tls(app)
    assert client.post("/login").status_int == 303
    return client


def cookie_of(app: Flask) -> str:
    """Return the value of the cookie that a user's page sets, '' if none."""
    client = logged_in(app)
    client.get("/")
    found: str = client.cookies.get(LOGIN_COOKIE, "")
    return found


def flask_lends(app: Flask, cookie: str) -> dict[str, str]:
    headers = {"Origin": HELP, "Cookie": f"{LOGIN_COOKIE}={cookie}"}
    answer: dict[str, str] = tls(app).get(SHARE_AUTH, headers=headers).json
    return answer


@pytest.mark.parametrize("logout", ["/logout", "/api/logout"])
def test_flask_keeps_the_login_cookie_from_login_to_logout(logout: str) -> None:
    app = flask_app(SECRET_KEY=SECRET_KEY)
    client = logged_in(app)
    assert LOGIN_COOKIE not in client.cookies  # which a page sets, and the login was none
    client.get("/")
    assert flask_lends(app, client.cookies[LOGIN_COOKIE]) == with_hmac(ADA)
    response = client.post(logout)
    assert DELETION in timeless(response.headers.getall("Set-Cookie"))
    assert LOGIN_COOKIE not in client.cookies
    assert "Set-Cookie" not in client.get("/").headers


@pytest.mark.parametrize(
    ("method", "path", "destination"),
    [
        ("GET", "/moved", "image"),
        ("POST", "/moved", "iframe"),
        ("POST", "/form", "iframe"),
        ("POST", "/moved", "document"),
    ],
)
@pytest.mark.parametrize("cacheable", [False, True])
def test_flask_keeps_the_login_cookie_of_a_user_who_stays_logged_in(
    cacheable: bool, method: str, path: str, destination: str
) -> None:
    cookie = cookie_of(flask_app(SECRET_KEY=SECRET_KEY))
    client = logged_in(flask_app(SECRET_KEY=SECRET_KEY, PAVIOR_CACHEABLE_PAGES=cacheable))
    client.set_cookie(LOGIN_COOKIE, cookie)
    fields = {"Sec-Fetch-Dest": destination, "Sec-Fetch-Site": "same-origin"}
    response = client.request(path, method=method, headers=fields)
    assert DELETION not in timeless(response.headers.getall("Set-Cookie"))


def test_flask_deletes_the_login_cookie_when_the_session_has_ended() -> None:
    client = tls(flask_app(SECRET_KEY=SECRET_KEY))
    client.set_cookie(LOGIN_COOKIE, "left-over")
    assert timeless(client.get("/").headers.getall("Set-Cookie")) == [DELETION]


def test_flasks_secret_key_signs_the_login_cookie_by_default() -> None:
    for key in (SECRET_KEY, SECRET_KEY.encode(), b"\xff\x00\n bytes", " as it is ", "short"):
        app = flask_app(SECRET_KEY=key)
        assert flask_lends(app, cookie_of(app)) == with_hmac(ADA)
        assert flask_lends(flask_app(SECRET_KEY="another key"), cookie_of(app)) == {}
    text, raw = flask_app(SECRET_KEY=SECRET_KEY), flask_app(SECRET_KEY=SECRET_KEY.encode())
    assert flask_lends(text, cookie_of(raw)) == with_hmac(ADA)


def test_flasks_fallback_keys_verify_login_cookies() -> None:
    old, new = flask_app(SECRET_KEY="old"), flask_app(SECRET_KEY="new")
    older = flask_app(SECRET_KEY="older")
    both = flask_app(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old", b"older"])
    assert flask_lends(both, cookie_of(old)) == with_hmac(ADA)
    assert flask_lends(both, cookie_of(older)) == with_hmac(ADA)
    assert flask_lends(new, cookie_of(both)) == with_hmac(ADA)
    assert flask_lends(old, cookie_of(both)) == {}
    assert flask_lends(new, cookie_of(old)) == {}


def test_the_pavior_secret_key_goes_before_flasks_own() -> None:
    app = flask_app(SECRET_KEY="the app's", PAVIOR_SECRET_KEY=SECRET_KEY)
    other = flask_app(SECRET_KEY="another", PAVIOR_SECRET_KEY=SECRET_KEY)
    assert flask_lends(other, cookie_of(app)) == with_hmac(ADA)
    assert flask_lends(flask_app(SECRET_KEY="the app's"), cookie_of(app)) == {}
    several = flask_app(SECRET_KEY="x", PAVIOR_SECRET_KEY=["old", SECRET_KEY])
    assert flask_lends(app, cookie_of(several)) == with_hmac(ADA)
    lines = flask_app(SECRET_KEY="x", PAVIOR_SECRET_KEY=f"old\n\n {SECRET_KEY} \n")
    assert flask_lends(app, cookie_of(lines)) == with_hmac(ADA)


def test_a_settings_object_without_a_secret_key_gets_flasks() -> None:
    without = site(shared_auth_domains=["help.example.com"], email_confirmed="email_confirmed")
    app = flask_app(without, SECRET_KEY=SECRET_KEY)
    assert flask_lends(flask_app(SECRET_KEY=SECRET_KEY), cookie_of(app)) == with_hmac(ADA)
    own = flask_app(replace(SETTINGS, email_confirmed="email_confirmed"), SECRET_KEY="the app's")
    assert flask_lends(flask_app(SECRET_KEY=SECRET_KEY), cookie_of(own)) == with_hmac(ADA)
    assert flask_lends(flask_app(SECRET_KEY="the app's"), cookie_of(own)) == {}


def test_a_flask_site_without_a_whitelist_sets_no_login_cookie() -> None:
    assert cookie_of(flask_app(SECRET_KEY=SECRET_KEY, PAVIOR_SHARED_AUTH_DOMAINS="")) == ""
    assert cookie_of(flask_app(site(), SECRET_KEY=SECRET_KEY)) == ""


def test_flasks_fallback_keys_alone_sign_no_login_cookie(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY_FALLBACKS"] = ["old"]
    app.add_url_rule("/", view_func=lambda: PAGE)
    Pavior(app, site(shared_auth_domains=["help.example.com"]), identity=lambda _: ADA)
    assert "Set-Cookie" not in tls(app).get("/").headers
    (record,) = caplog.records
    assert "set secret_key (PAVIOR_SECRET_KEY)" in record.getMessage()


# ── Starlette ──────────────────────────────────────────────────────────────────────────────────
class Customer(BaseUser):
    is_authenticated = True
    identity = "7"
    email = "ada@example.com"
    email_confirmed = True


class Backend(AuthenticationBackend):
    """The user who has logged in is the customer."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        return (AuthCredentials(), Customer()) if "user" in conn.session else None


def starlette_client(**environ: str) -> TestClient:
    """Return a client of a shop with a login, whose settings are a `Config`."""
    prefix = "SHOP_" if any(name.startswith("SHOP_") for name in environ) else ""
    config = Config(
        environ={
            f"{prefix}PAVIOR_TEAM_VANITY_ID": TEAM,
            f"{prefix}PAVIOR_API_KEY": API_KEY,
            f"{prefix}PAVIOR_SHARED_AUTH_DOMAINS": "help.example.com",
            f"{prefix}PAVIOR_EMAIL_CONFIRMED": "email_confirmed",
            **environ,
        },
        env_prefix=prefix,
    )

    async def home(request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def login(request: Request) -> Response:
        request.session["user"] = "ada"
        return RedirectResponse("/", 303)

    async def logout(request: Request) -> Response:
        request.session.clear()
        # As an app does that logs out for the rest of this request too.
        request.scope.pop("user")
        return RedirectResponse("/", 303)

    async def api_logout(request: Request) -> Response:
        await logout(request)
        return JSONResponse({"ok": True})

    async def forget(request: Request) -> Response:
        request.session.clear()  # and for the rest of this request the user stays
        return HTMLResponse(PAGE)

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/api/logout", api_logout, methods=["POST"]),
            Route("/forget", forget, methods=["POST"]),
        ],
        middleware=[
            Middleware(PaviorMiddleware, settings=config),
            Middleware(SessionMiddleware, secret_key="the session's", https_only=True),
            Middleware(AuthenticationMiddleware, backend=Backend()),
        ],
    )
    return TestClient(app, base_url="https://shop.example", follow_redirects=False)


def starlette_cookie(client: TestClient) -> str:
    client.post("/login")
    client.get("/")
    return client.cookies.get(LOGIN_COOKIE) or ""


def starlette_lends(client: TestClient, cookie: str) -> dict[str, str]:
    client.cookies.clear()
    headers = {"Origin": HELP, "Cookie": f"{LOGIN_COOKIE}={cookie}"}
    answer: dict[str, str] = client.get(SHARE_AUTH, headers=headers).json()
    return answer


@pytest.mark.parametrize("logout", ["/logout", "/api/logout"])
def test_starlette_keeps_the_login_cookie_from_login_to_logout(logout: str) -> None:
    client = starlette_client(SECRET_KEY=SECRET_KEY)
    cookie = starlette_cookie(client)
    assert starlette_lends(starlette_client(SECRET_KEY=SECRET_KEY), cookie) == with_hmac(ADA)
    response = client.post(logout)
    assert DELETION in timeless(response.headers.get_list("set-cookie"))
    assert LOGIN_COOKIE not in client.cookies
    assert "set-cookie" not in client.get("/").headers


def test_a_logout_that_leaves_the_request_its_user_sets_no_login_cookie() -> None:
    client = starlette_client(SECRET_KEY=SECRET_KEY)
    client.post("/login")
    assert LOGIN_COOKIE not in client.post("/forget").headers["set-cookie"]
    starlette_cookie(client)
    assert LOGIN_COOKIE not in client.post("/forget").headers["set-cookie"]
    assert DELETION in timeless(client.get("/").headers.get_list("set-cookie"))


def test_the_secret_key_of_a_starlette_config_signs_by_default() -> None:
    cookie = starlette_cookie(starlette_client(SECRET_KEY=SECRET_KEY))
    assert starlette_lends(starlette_client(PAVIOR_SECRET_KEY=SECRET_KEY), cookie) == with_hmac(ADA)
    assert starlette_lends(starlette_client(SHOP_SECRET_KEY=SECRET_KEY), cookie) == with_hmac(ADA)
    assert starlette_lends(starlette_client(SECRET_KEY="another"), cookie) == {}
    odd = " as it is "
    cookie = starlette_cookie(starlette_client(SECRET_KEY=odd))
    assert starlette_lends(starlette_client(SECRET_KEY=odd), cookie) == with_hmac(ADA)


def test_the_pavior_secret_key_of_a_starlette_config_goes_first() -> None:
    client = starlette_client(SECRET_KEY="the app's", PAVIOR_SECRET_KEY=SECRET_KEY)
    cookie = starlette_cookie(client)
    assert starlette_lends(starlette_client(PAVIOR_SECRET_KEY=SECRET_KEY), cookie) == with_hmac(ADA)
    assert starlette_lends(starlette_client(SECRET_KEY="the app's"), cookie) == {}


@pytest.mark.parametrize(
    "environ", [{}, {"SECRET_KEY": ""}, {"SHOP_X": "", "SECRET_KEY": SECRET_KEY}]
)
def test_a_starlette_config_without_a_secret_key_sets_no_login_cookie(
    environ: dict[str, str],
) -> None:
    assert starlette_cookie(starlette_client(**environ)) == ""
