"""Flask: factories, blueprints, dispatched apps, async views, and extensions that log users in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import flask
import flask_jwt_extended
import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask_jwt_extended import JWTManager, create_access_token, set_access_cookies
from flask_login import LoginManager, UserMixin, login_user
from flask_security.core import RoleMixin, Security
from flask_security.core import UserMixin as SecurityUserMixin
from flask_security.datastore import UserDatastore
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from pavior_middleware import Identity, sign
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware.flask import Pavior
from pavior_middleware.signed_cookie import SignedCookieUser
from tests.frameworks.recipes import blocks
from tests.support.pages import init_call
from tests.support.sites import API_KEY, TEAM

PAGE = "<!doctype html><title>A site</title><h1>Hello</h1>"
EMAIL = "ada@example.com"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NOW = datetime(2024, 5, 6, tzinfo=timezone.utc)


class User(UserMixin):  # type: ignore[misc]  # Flask-Login is untyped
    def __init__(self, user_id: int) -> None:
        self.id = user_id


def new_app(name: str = __name__, **config: object) -> Flask:
    app = Flask(name)
    app.config.update(
        {"SECRET_KEY": "s" * 40, "PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY, **config}
    )
    app.add_url_rule("/", view_func=lambda: PAGE)
    return app


def with_login(app: Flask) -> Flask:
    LoginManager(app).user_loader(lambda user_id: User(int(user_id)))

    @app.post("/login/<int:user_id>")
    def login(user_id: int) -> str:
        login_user(User(user_id))
        return PAGE

    return app


def user_of(client: Client, path: str = "/", **arguments: Any) -> dict[str, Any]:
    """Return the init options of a page that say who the user is."""
    options = init_call(client.get(path, **arguments).data)
    return {name: options[name] for name in ("id", "email", "hmac") if name in options}


def named(user_id: str, **more: str) -> dict[str, str]:
    return {"id": user_id, "hmac": sign(API_KEY, user_id), **more}


def test_one_extension_serves_each_app_that_a_factory_makes() -> None:
    pavior = Pavior()
    first, second = with_login(new_app()), with_login(new_app(PAVIOR_TEAM_VANITY_ID="other"))
    for app in (first, second):
        pavior.init_app(app)
    client, other = first.test_client(), second.test_client()
    client.post("/login/7")
    other.post("/login/8")
    assert user_of(client) == named("7")
    assert user_of(other) == named("8")
    assert init_call(other.get("/").data)["teamVanityId"] == "other"


def test_an_extension_may_be_initialized_before_flask_login() -> None:
    app = new_app()
    Pavior(app)
    with_login(app)
    client = app.test_client()
    client.post("/login/7")
    assert user_of(client) == named("7")


def test_views_and_error_pages_of_blueprints_name_the_user() -> None:
    app = with_login(new_app())
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    inner.add_url_rule("/page", view_func=lambda: PAGE)

    @inner.get("/teapot")
    def teapot() -> str:
        flask.abort(418)

    @inner.errorhandler(418)
    def is_a_teapot(_error: Exception) -> tuple[str, int]:
        return PAGE, 418

    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    Pavior(app)
    client = app.test_client()
    client.post("/login/7")
    assert user_of(client, "/outer/inner/page") == named("7")
    assert user_of(client, "/outer/inner/teapot") == named("7")


def test_dispatched_apps_name_their_own_users() -> None:
    shop, forum = with_login(new_app("shop")), with_login(new_app("forum", SECRET_KEY="f" * 40))
    for app in (shop, forum):
        app.config["SESSION_COOKIE_NAME"] = app.name
        Pavior(app)
    client = Client(DispatcherMiddleware(shop, {"/forum": forum}))
    client.post("/login/7")
    assert (user_of(client), user_of(client, "/forum/")) == (named("7"), {})
    client.post("/forum/login/8")
    assert (user_of(client), user_of(client, "/forum/")) == (named("7"), named("8"))
    answer = client.get("/forum/.well-known/pavior/share-auth", headers=SAME_ORIGIN)
    assert answer.json is not None
    assert answer.json["id"] == "8"


def test_an_app_that_a_view_of_another_app_calls_names_its_own_user() -> None:
    shop, forum = with_login(new_app("shop")), with_login(new_app("forum"))

    @shop.get("/forum")
    def call_forum() -> Any:
        return flask.Response.from_app(forum.wsgi_app, {**flask.request.environ, "PATH_INFO": "/"})

    forum.config["SESSION_COOKIE_NAME"] = "forum"
    Pavior(shop)
    Pavior(forum)
    client = shop.test_client()
    client.post("/login/7")
    assert (user_of(client), user_of(client, "/forum")) == (named("7"), {})


def test_an_async_view_names_the_user_and_may_be_streamed() -> None:
    app = with_login(new_app())

    @app.get("/async")
    async def view() -> str:
        return PAGE

    @app.get("/stream")
    async def stream() -> Any:
        def pieces() -> Iterator[str]:
            yield PAGE
            yield f"<p>{flask.request.path}"

        return flask.stream_with_context(pieces())

    Pavior(app)
    client = app.test_client()
    client.post("/login/7")
    assert user_of(client, "/async") == named("7")
    assert user_of(client, "/stream") == named("7")
    assert client.get("/stream").data.endswith(b"<p>/stream")


def test_an_identity_in_the_environ_goes_before_flask_login() -> None:
    app = with_login(new_app())

    @app.after_request
    def name_user(response: flask.Response) -> flask.Response:
        flask.request.environ["pavior.identity"] = Identity("9")
        return response

    Pavior(app)
    client = app.test_client()
    client.post("/login/7")
    assert user_of(client) == named("9")


# ── Flask-Security ─────────────────────────────────────────────────────────────────────────────
@dataclass(eq=False)
class Member(SecurityUserMixin):
    id: int
    email: str
    confirmed_at: datetime | None
    fs_uniquifier: str = ""
    password: str = "password"
    active: bool = True
    roles: list[Any] = field(default_factory=list)


class Members(UserDatastore):
    """Flask-Security's users, in memory."""

    def __init__(self) -> None:
        super().__init__(Member, RoleMixin)
        self.all = [
            Member(7, EMAIL, NOW, "a" * 32),
            Member(8, "bob@example.com", None, "b" * 32),
        ]

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> Member | None:
        found = (
            each
            for each in self.all
            if all(getattr(each, name) == value for name, value in wanted.items())
        )
        return next(found, None)

    def put(self, model: Any) -> Any:
        return model

    def commit(self) -> None:
        pass


@pytest.fixture
def security_client() -> FlaskClient:
    app = new_app(
        SECURITY_PASSWORD_HASH="plaintext",
        SECURITY_PASSWORD_SALT="salt",
        WTF_CSRF_ENABLED=False,
    )
    Security(app, Members())
    Pavior(app)
    return app.test_client()


def security_login(client: FlaskClient, email: str) -> None:
    data = {"email": email, "password": "password"}
    assert client.post("/login", data=data).status_code == 302


def test_a_user_of_flask_security_is_named_with_the_email_that_it_has_confirmed(
    security_client: FlaskClient,
) -> None:
    security_login(security_client, EMAIL)
    assert user_of(security_client) == named("7", email=EMAIL)
    security_client.post("/logout")
    assert user_of(security_client) == {}


def test_a_user_of_flask_security_is_named_without_an_email_that_is_not_confirmed(
    security_client: FlaskClient,
) -> None:
    security_login(security_client, "bob@example.com")
    assert user_of(security_client) == named("8")
    assert b"b" * 32 not in security_client.get("/").data


def test_the_uniquifier_in_the_session_of_flask_security_is_not_taken_for_an_id(
    security_client: FlaskClient,
) -> None:
    security_login(security_client, EMAIL)
    cookie = security_client.get_cookie("session")
    assert cookie is not None
    with pytest.raises(IdentityRefused, match="fs_uniquifier"):
        SignedCookieUser.flask("s" * 40, "_user_id")({"HTTP_COOKIE": f"session={cookie.value}"})


# ── Flask-JWT-Extended ─────────────────────────────────────────────────────────────────────────
def document(number: int, **names: Any) -> dict[str, Any]:
    """Run a block of Python of the document; return its names."""
    exec(compile(blocks("flask")[number], "flask.md", "exec", dont_inherit=True), names)
    return names


@pytest.fixture
def jwt_client() -> FlaskClient:
    app = new_app(
        JWT_SECRET_KEY="j" * 40,
        JWT_TOKEN_LOCATION=["cookies"],
        JWT_COOKIE_SECURE=False,
        JWT_COOKIE_CSRF_PROTECT=False,
    )
    JWTManager(app)

    @app.post("/login/<seconds>")
    def login(seconds: str) -> flask.Response:
        response = flask.make_response(PAGE)
        expires = timedelta(seconds=int(seconds))
        set_access_cookies(response, create_access_token("7", expires_delta=expires))
        return response

    @app.get("/account")
    @flask_jwt_extended.jwt_required()  # type: ignore[untyped-decorator]
    def account() -> str:
        return PAGE

    Pavior(app, identity=document(1)["identity"])
    return app.test_client()


def test_a_user_of_flask_jwt_extended_is_named_on_each_path(jwt_client: FlaskClient) -> None:
    assert user_of(jwt_client) == {}
    jwt_client.post("/login/60")
    for path in ("/", "/account", "/missing"):
        assert user_of(jwt_client, path) == named("7")
    answer = jwt_client.get("/.well-known/pavior/share-auth", headers=SAME_ORIGIN)
    assert answer.json is not None
    assert answer.json["id"] == "7"


def test_an_expired_token_of_flask_jwt_extended_names_nobody_without_an_error(
    jwt_client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    jwt_client.post("/login/-60")
    assert user_of(jwt_client) == {}
    assert caplog.records == []


def test_the_factory_of_the_document_makes_an_app_with_the_chat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", "s" * 40)
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", TEAM)
    monkeypatch.setenv("PAVIOR_API_KEY", API_KEY)
    app = document(0, __name__=__name__)["create_app"]()
    app.add_url_rule("/", view_func=lambda: PAGE)
    assert init_call(with_login(app).test_client().get("/").data)["teamVanityId"] == TEAM
