"""Bottle, with the user in a signed cookie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bottle import Bottle, HTTPResponse, request, response, static_file

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated
from tests.frameworks.pages import FILES, POLICY, STATIC, User

INTERFACE = "wsgi"

SECRET = "a secret key for the tests only"


def current_user() -> User | None:
    return pages.USERS.get(request.get_cookie("user", "", secret=SECRET))


def page() -> str:
    return pages.page(current_user())


def has_consent(environ: dict[str, Any]) -> bool:
    return pages.has_consent(environ.get("HTTP_COOKIE", ""))


def make_app(settings: Settings) -> Any:
    app = Bottle()

    @app.post("/login")
    def login() -> Any:
        response.set_cookie("user", request.forms["user"], secret=SECRET)
        response.status = 303
        response.set_header("Location", "/")

    @app.post("/logout")
    def logout() -> Any:
        response.delete_cookie("user")
        response.status = 303
        response.set_header("Location", "/")

    app.get("/", callback=page)
    app.post("/echo", callback=page)

    @app.get("/api")
    def api() -> Any:
        user = current_user()
        return {"user": None if user is None else user.name}

    @app.get("/report")
    def report() -> Any:
        return static_file("report.txt", FILES)

    @app.get("/static/<path:path>")
    def static(path: str) -> Any:
        return static_file(path, STATIC)

    @app.get("/stream")
    def stream() -> Iterator[str]:
        yield from gated(pages.pieces(current_user()), request.query.get("gate"))

    @app.get("/boom")
    def boom() -> Any:
        raise RuntimeError("boom")

    @app.error(404)
    @app.error(500)
    def failed(error: Any) -> str:
        return page()

    @app.get("/tagged")
    def tagged() -> Any:
        tag = pages.tag_of(page())
        response.set_header("ETag", tag)
        if request.get_header("If-None-Match") == tag:
            return HTTPResponse(status=304)
        return page()

    @app.get("/gzip")
    def in_gzip() -> bytes:
        response.set_header("Content-Encoding", "gzip")
        return pages.page_in_gzip(current_user())

    @app.get("/nonce")
    def nonce() -> str:
        response.set_header("Content-Security-Policy", POLICY)
        return page()

    @app.get("/skipped")
    def skipped() -> str:
        skip(response)
        return page()

    return recipes.run(
        "bottle", app=app, current_user=current_user, has_consent=has_consent, settings=settings
    )["application"]
