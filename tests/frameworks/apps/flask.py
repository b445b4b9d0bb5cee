"""Flask with Flask-Login."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flask
from flask import Flask, Response, request
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from pavior_middleware import Settings, skip
from pavior_middleware.flask import Pavior
from tests.frameworks import pages
from tests.frameworks.gates import gated
from tests.frameworks.pages import FILES, POLICY, STATIC

INTERFACE = "wsgi"


class User(UserMixin):  # type: ignore[misc]  # Flask-Login is untyped
    def __init__(self, user: pages.User) -> None:
        self.id, self.email, self.user = user.id, user.email, user
        self.email_confirmed = user.is_confirmed


def user() -> pages.User | None:
    return getattr(current_user, "user", None)


def make_app(settings: Settings) -> Flask:
    app = Flask(__name__, static_folder=str(STATIC))
    app.secret_key = "a secret key for the tests only"
    users = {each.id: User(each) for each in pages.USERS.values()}
    LoginManager(app).user_loader(users.get)

    @app.post("/login")
    def login() -> Any:
        login_user(users[pages.USERS[request.form["user"]].id])
        return flask.redirect("/", 303)

    @app.post("/logout")
    def logout() -> Any:
        logout_user()
        return flask.redirect("/", 303)

    @app.get("/")
    def home() -> str:
        return pages.page(user())

    @app.get("/api")
    def api() -> dict[str, str | None]:
        who = user()
        return {"user": None if who is None else who.name}

    @app.get("/report")
    def report() -> Any:
        return flask.send_from_directory(FILES, "report.txt")

    @app.get("/stream")
    def stream() -> Response:
        return Response(gated(pages.pieces(user()), request.args.get("gate")))

    @app.get("/boom")
    def boom() -> Any:
        raise RuntimeError("boom")

    @app.get("/tagged")
    def tagged() -> Any:
        response = flask.make_response(pages.page(user()))
        response.add_etag()
        return response.make_conditional(request)

    @app.post("/echo")
    def echo() -> str:
        return pages.page(user())

    @app.get("/gzip")
    def in_gzip() -> Response:
        return Response(pages.page_in_gzip(user()), headers={"Content-Encoding": "gzip"})

    @app.get("/nonce")
    def nonce() -> Response:
        return Response(pages.page(user()), headers={"Content-Security-Policy": POLICY})

    @app.get("/skipped")
    def skipped() -> Response:
        return skip(flask.make_response(pages.page(user())))

    def consent(environ: dict[str, Any]) -> bool:
        return pages.has_consent(environ.get("HTTP_COOKIE", ""))

    pavior = Pavior(settings=replace(settings, email_confirmed="email_confirmed"), consent=consent)
    pavior.init_app(app)
    return app
