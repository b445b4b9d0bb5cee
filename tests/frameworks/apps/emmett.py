"""Emmett, with the user in its session."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from emmett import App, current, redirect
from emmett.sessions import SessionManager

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "asgi"
LACKS = {
    "a static file is left unchanged": "Emmett 2.8 has static files under its own server alone.",
    "a websocket passes": "Emmett 2.8 has websockets under its own server alone.",
}

HTML = "text/html; charset=utf-8"


def current_user() -> User | None:
    return pages.USERS.get(str(current.session.user))


def page() -> str:
    current.response.content_type = HTML
    return pages.page(current_user())


def page_of_error() -> str:
    """Return a page that does without the session, as Emmett has closed it by then."""
    current.response.content_type = HTML
    return pages.page(None)


def has_consent(scope: Any) -> bool:
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    return all(map(pages.has_consent, cookies))


def make_app(settings: Settings) -> Any:
    # It makes folders there.
    root = Path(tempfile.gettempdir()) / "pavior-middleware-emmett"
    root.mkdir(exist_ok=True)
    app = App(__name__, root_path=str(root))
    app.static_path = str(STATIC)
    app.pipeline = [SessionManager.cookies("a secret key for the tests only")]
    application = recipes.run(
        "emmett", app=app, current_user=current_user, has_consent=has_consent, settings=settings
    )["application"]

    @app.route("/login", methods="post")
    async def login() -> None:
        form = await current.request.body_params
        current.session.user = form.user
        redirect("/")

    @app.route("/logout", methods="post")
    async def logout() -> None:
        del current.session.user
        redirect("/")

    @app.route("/", methods=["get", "head"])
    async def home() -> str:
        return page()

    @app.route("/echo", methods="post")
    async def echo() -> str:
        return page()

    @app.route("/api", methods="get")
    async def api() -> str:
        user = current_user()
        current.response.content_type = "application/json"
        return '{"user": null}' if user is None else f'{{"user": "{user.name}"}}'

    @app.route("/report", methods="get")
    async def report() -> Any:
        return current.response.wrap_file(str(REPORT))

    @app.route("/stream", methods="get")
    async def stream() -> Any:
        pieces = gated_async(pages.pieces(current_user()), current.request.query_params.gate)
        current.response.content_type = HTML
        return await current.response.stream(pieces)

    @app.route("/boom", methods="get")
    async def boom() -> str:
        raise RuntimeError("boom")

    @app.on_error(404)
    async def missing() -> str:
        return page_of_error()

    @app.on_error(500)
    async def failed() -> str:
        return page_of_error()

    @app.route("/tagged", methods="get")
    async def tagged() -> str:
        text = page()
        tag = pages.tag_of(text)
        current.response.headers["ETag"] = tag
        if current.request.headers.get("If-None-Match") == tag:
            current.response.status = 304
            return ""
        return text

    @app.route("/gzip", methods="get", output="bytes")
    async def in_gzip() -> bytes:
        current.response.content_type = HTML
        current.response.headers["Content-Encoding"] = "gzip"
        return pages.page_in_gzip(current_user())

    @app.route("/nonce", methods="get")
    async def nonce() -> str:
        current.response.headers["Content-Security-Policy"] = POLICY
        return page()

    @app.route("/skipped", methods="get")
    async def skipped() -> str:
        skip(current.response)
        return page()

    @app.websocket("/ws")
    async def echo_socket() -> None:
        await current.websocket.send(await current.websocket.receive())

    recipes.run("emmett", block=1, app=app)
    return application
