"""Flask: one line adds it, the app's own configuration and login feed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user, logout_user
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from pavior_middleware import Identity, Settings, SettingsError, sign
from pavior_middleware.flask import Pavior
from tests.support.pages import init_call
from tests.support.sites import API_KEY, TEAM


class User(UserMixin):  # type: ignore[misc]  # Flask-Login is untyped
    id = 7
    email = "ada@example.com"
    email_confirmed = True


USERS = {"7": User()}


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="a secret of the app",
        PAVIOR_TEAM_VANITY_ID=TEAM,
        PAVIOR_API_KEY=API_KEY,
        PAVIOR_EMAIL_CONFIRMED="email_confirmed",
    )

    @app.get("/")
    def home() -> str:
        return "<!doctype html><title>Home</title><h1>Home</h1>"

    @app.get("/data")
    def data() -> dict[str, int]:
        return {"a": 1}

    @app.get("/stream")
    def stream() -> Iterator[str]:
        def pieces() -> Iterator[str]:
            yield "<!doctype html><title>Stream</title>"
            yield f"<p>{flask.request.path}"

        return flask.stream_with_context(pieces())

    @app.get("/fail")
    def fail() -> str:
        raise RuntimeError

    return app


def with_login(app: Flask) -> Flask:
    logins = LoginManager(app)
    logins.user_loader(USERS.get)

    @app.post("/login")
    def login() -> str:
        login_user(USERS["7"])
        return "<!doctype html><title>Welcome</title>"

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return "<!doctype html><title>Bye</title>"

    return app


def init_of(client: TestApp, path: str = "/", **arguments: Any) -> dict[str, Any]:
    return init_call(client.get(path, **arguments).body)


def test_the_settings_are_the_apps_configuration(app: Flask) -> None:
    app.config["PAVIOR_DO_CHAT"] = False
    Pavior(app)
    assert init_of(TestApp(app)) == {"teamVanityId": TEAM, "doChat": False, "doTimeTravel": True}


def test_an_extension_may_get_its_app_later(app: Flask) -> None:
    pavior = Pavior()
    pavior.init_app(app)
    assert app.extensions["pavior"] is pavior
    assert init_of(TestApp(app))["teamVanityId"] == TEAM


def test_settings_may_be_passed_to_the_extension(app: Flask) -> None:
    Pavior(app, Settings("other", API_KEY))
    assert init_of(TestApp(app))["teamVanityId"] == "other"


def test_bad_settings_stop_the_app_at_start_up(app: Flask) -> None:
    app.config["PAVIOR_API_KEY"] = ""
    with pytest.raises(SettingsError, match="PAVIOR_API_KEY"):
        Pavior(app)


def test_flask_logins_user_is_known_from_login_to_logout(app: Flask) -> None:
    Pavior(with_login(app))
    client = TestApp(app)
    assert "id" not in init_of(client)
    ada = {"id": "7", "email": "ada@example.com", "hmac": sign(API_KEY, "7")}
    assert init_call(client.post("/login").body).items() >= ada.items()
    assert init_of(client).items() >= ada.items()
    assert "id" not in init_call(client.post("/logout").body)
    assert "id" not in init_of(client)


@pytest.mark.parametrize("path", ["/stream", "/fail", "/missing"])
def test_streams_and_error_pages_name_the_user(app: Flask, path: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    Pavior(with_login(app))
    client = TestApp(app)
    client.post("/login")
    assert init_of(client, path, status="*")["id"] == "7"


def test_a_callable_comes_before_flask_login_and_sees_the_request_context(app: Flask) -> None:
    def identity(environ: dict[str, Any]) -> Identity:
        flask.session["seen"] = True
        return Identity(flask.g.user_id, attributes={"name": environ["PATH_INFO"]})

    @app.before_request
    def load_user() -> None:
        flask.g.user_id = 8

    Pavior(with_login(app), identity=identity)
    assert init_of(TestApp(app)).items() >= {"id": "8", "name": "/"}.items()


@pytest.mark.parametrize("destination", ["document", "empty"])
def test_a_304_of_a_file_does_not_vary_by_cookie(app: Flask, destination: str) -> None:
    """It would if the session were read for it."""

    @app.get("/file")
    def file() -> Any:
        response = flask.Response("a text", content_type="text/plain")
        response.set_etag("1")
        return response.make_conditional(flask.request)

    Pavior(app, identity=lambda environ: Identity(flask.session.get("user", "7")))
    for fields in ({}, {"Range": "bytes=0-1"}):
        headers = {"Sec-Fetch-Dest": destination, "If-None-Match": '"1"', **fields}
        seen = TestApp(app).get("/file", headers=headers)
        assert seen.status_int == 304
        assert "Vary" not in seen.headers


def test_a_page_varies_by_cookie_once(app: Flask) -> None:
    Pavior(with_login(app))
    client = TestApp(app)
    client.post("/login")
    assert client.get("/").headers.getall("Vary") == ["Cookie, Sec-Fetch-Dest, Origin"]


def test_data_is_served_without_asking_who_the_user_is(app: Flask) -> None:
    def identity(environ: dict[str, Any]) -> Identity:
        return Identity(flask.session.get("user_id", 7))

    Pavior(app, identity=identity)
    response = TestApp(app).get("/data")
    assert response.json == {"a": 1}
    assert "Vary" not in response.headers  # which Flask adds once the session is read


def test_concurrent_requests_of_two_users_name_their_own_users(app: Flask) -> None:
    Pavior(with_login(app))
    ada, visitor = TestApp(app), TestApp(app)
    ada.post("/login")
    assert "id" in init_of(ada)
    assert "id" not in init_of(visitor)
    assert "id" in init_of(ada)


def test_the_login_of_a_flask_app_is_shared_with_a_whitelisted_site(app: Flask) -> None:
    app.config["PAVIOR_SHARED_AUTH_DOMAINS"] = ["help.example.com"]
    Pavior(with_login(app))
    client = TestApp(app)
    path, origin = "/.well-known/pavior/share-auth", {"Origin": "https://help.example.com"}
    assert client.get(path, headers=origin).json == {}
    client.post("/login")
    ada = {"id": "7", "email": "ada@example.com", "hmac": sign(API_KEY, "7")}
    assert client.get(path, headers=origin).json == ada
    client.get(path, headers={"Origin": "https://evil.example"}, status=403)


def test_a_flask_app_without_a_login_has_anonymous_pages(app: Flask) -> None:
    Pavior(app)
    assert "id" not in init_of(TestApp(app))


def test_a_second_extension_on_one_app_is_refused(app: Flask) -> None:
    Pavior(app)
    with pytest.raises(RuntimeError, match="once"):
        Pavior(app)


def test_the_user_is_looked_up_after_the_apps_last_hook(app: Flask) -> None:
    @app.after_request
    def log_out_late(response: flask.Response) -> flask.Response:
        flask.g.user_id = 8
        response.mimetype = "text/html"
        return response

    Pavior(app, identity=lambda environ: Identity(flask.g.user_id))
    assert init_of(TestApp(app))["id"] == "8"


def test_an_app_mounted_inside_another_names_no_user_of_the_outer_app(app: Flask) -> None:
    inner = Flask("inner")
    inner.config.update(PAVIOR_TEAM_VANITY_ID="inner", PAVIOR_API_KEY="the-key-of-the-inner-app")
    inner.add_url_rule("/", view_func=lambda: "<!doctype html><title>Inner</title>")
    Pavior(inner, identity=lambda environ: Identity("1"))
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/inner": inner})  # type: ignore[method-assign]
    Pavior(app)
    assert init_of(TestApp(app), "/inner/").items() >= {"teamVanityId": "inner", "id": "1"}.items()
    assert init_of(TestApp(app)) == {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}


def test_the_login_is_shared_by_a_flask_app_without_pages(app: Flask) -> None:
    @app.errorhandler(404)
    def not_found(error: Exception) -> tuple[dict[str, str], int]:
        return {"error": "not found"}, 404

    app.config["PAVIOR_SHARED_AUTH_DOMAINS"] = ["help.example.com"]
    Pavior(app, identity=lambda environ: Identity("7"))
    path, origin = "/.well-known/pavior/share-auth", {"Origin": "https://help.example.com"}
    assert TestApp(app).get(path, headers=origin).json["id"] == "7"
    mounted = {"SCRIPT_NAME": "/.well-known"}
    client = TestApp(app)
    response = client.get("/pavior/share-auth", headers=origin, extra_environ=mounted)
    assert response.json["id"] == "7"


def test_the_user_is_known_although_a_layer_between_copies_the_environ(app: Flask) -> None:
    wsgi_app = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: wsgi_app(  # type: ignore[method-assign]
        dict(environ), start_response
    )
    Pavior(app, identity=lambda environ: Identity("7"))
    assert init_of(TestApp(app))["id"] == "7"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (name, value, "must be text, not {}: put it in quotes. Where from_prefixed_env of Flask or")
        for name in ("TEAM_VANITY_ID", "API_KEY", "SECRET_KEY", "SHARE_AUTH", "SESSION_COOKIE")
        for value in ("1234567", "12e34")
    ]
    + [
        (name, "1", "must be True or False, not {}: write True or False in code, and true or false")
        for name in ("DO_CHAT", "ENABLED", "HANDOFF")
    ],
)
def test_digits_in_a_variable_of_flask_are_refused_with_how_to_write_them(
    name: str, value: str, message: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FLASK_PAVIOR_{name}", value)
    app.config.from_prefixed_env()
    with pytest.raises(SettingsError) as caught:
        Pavior(app)
    (problem,) = caught.value.problems
    kind = type(app.config[f"PAVIOR_{name}"]).__name__
    assert f"(PAVIOR_{name})" in problem
    assert message.format(kind) in problem
    assert value not in problem


@pytest.mark.parametrize("name", ["TEAM_VANITY_ID", "API_KEY"])
def test_digits_in_both_kinds_of_quotes_are_text_in_a_variable_of_flask(
    name: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FLASK_PAVIOR_{name}", '"12345678901234567"')  # as a shell passes it
    app.config.from_prefixed_env()
    Pavior(app)
    assert app.config[f"PAVIOR_{name}"] == "12345678901234567"
