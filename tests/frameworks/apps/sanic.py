"""Sanic under ASGI, with the user in the context of the request."""

from __future__ import annotations

import itertools
from typing import Any

from sanic import HTTPResponse, Request, Sanic, empty, file, html, json, redirect
from sanic.exceptions import NotFound

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC

INTERFACE = "asgi"

_numbers = itertools.count()
"""Sanic keeps each app by its name."""


def page(
    request: Request, status: int = 200, headers: dict[str, str] | None = None
) -> HTTPResponse:
    return html(pages.page(request.ctx.user), status, headers)


def has_consent(scope: Any) -> bool:
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    return all(map(pages.has_consent, cookies))


def make_app(settings: Settings) -> Any:
    app = Sanic(f"site-{next(_numbers)}")
    # Or it rewrites its own methods at start-up, which the second app of a process finds rewritten.
    app.config.TOUCHUP = False
    app.static("/static", STATIC)

    @app.on_request
    async def know_user(request: Request) -> None:
        request.ctx.user = pages.USERS.get(str(request.cookies.get("user")))

    @app.post("/login")
    async def login(request: Request) -> HTTPResponse:
        form: Any = request.form
        response = redirect("/", status=303)
        response.add_cookie("user", form.get("user"), secure=False, httponly=True)
        return response

    @app.post("/logout")
    async def logout(request: Request) -> HTTPResponse:
        response = redirect("/", status=303)
        response.delete_cookie("user")
        return response

    @app.route("/", methods=["GET", "HEAD"])
    async def home(request: Request) -> HTTPResponse:
        return page(request)

    @app.post("/echo")
    async def echo(request: Request) -> HTTPResponse:
        return page(request)

    @app.get("/api")
    async def api(request: Request) -> HTTPResponse:
        user = request.ctx.user
        return json({"user": None if user is None else user.name})

    @app.get("/report")
    async def report(request: Request) -> HTTPResponse:
        return await file(REPORT)

    @app.get("/stream")
    async def stream(request: Request) -> None:
        response = await request.respond(content_type="text/html; charset=utf-8")
        async for piece in gated_async(pages.pieces(request.ctx.user), request.args.get("gate")):
            await response.send(piece)
        await response.eof()

    @app.get("/boom")
    async def boom(request: Request) -> HTTPResponse:
        raise RuntimeError("boom")

    @app.exception(NotFound)
    async def missing(request: Request, error: Exception) -> HTTPResponse:
        return page(request, 404)

    @app.exception(RuntimeError)
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        return page(request, 500)

    @app.get("/tagged")
    async def tagged(request: Request) -> HTTPResponse:
        tag = pages.tag_of(pages.page(request.ctx.user))
        if request.headers.get("If-None-Match") == tag:
            return empty(304, {"ETag": tag})
        return page(request, headers={"ETag": tag})

    @app.get("/gzip")
    async def in_gzip(request: Request) -> HTTPResponse:
        text = pages.page_in_gzip(request.ctx.user)
        return html(text, headers={"Content-Encoding": "gzip"})

    @app.get("/nonce")
    async def nonce(request: Request) -> HTTPResponse:
        return page(request, headers={"Content-Security-Policy": POLICY})

    @app.get("/skipped")
    async def skipped(request: Request) -> HTTPResponse:
        return skip(page(request))

    @app.websocket("/ws")
    async def echo_socket(request: Request, socket: Any) -> None:
        await socket.send(await socket.recv())

    return recipes.run("sanic", app=app, has_consent=has_consent, settings=settings)["application"]
