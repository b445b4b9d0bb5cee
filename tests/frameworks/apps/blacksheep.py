"""BlackSheep, with the user in its session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from blacksheep import (
    Application,
    Content,
    Request,
    Response,
    StreamedContent,
    WebSocket,
    file,
    html,
    json,
)
from blacksheep.exceptions import NotFound
from blacksheep.server.routing import Router

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "asgi"

NO_FIELDS: Mapping[str, str] = {}


def current_user(request: Request) -> User | None:
    return pages.USERS.get(request.session.get("user"))


def page(request: Request, status: int = 200, headers: Mapping[str, str] = NO_FIELDS) -> Response:
    response = html(pages.page(current_user(request)), status)
    for name, value in headers.items():
        response.add_header(name.encode(), value.encode())
    return response


def home() -> Response:
    return Response(303, [(b"Location", b"/")])


def has_consent(scope: Any) -> bool:
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    return all(map(pages.has_consent, cookies))


def make_app(settings: Settings) -> Any:
    app = Application(router=Router())  # the default one is for one app a process
    app.use_sessions("a secret key for the tests only")
    app.serve_files(STATIC, root_path="static")
    route = app.router

    @route.post("/login")
    async def login(request: Request) -> Response:
        form: Any = await request.form()
        request.session["user"] = form["user"]
        return home()

    @route.post("/logout")
    async def logout(request: Request) -> Response:
        request.session.clear()
        return home()

    @route.get("/")
    @route.post("/echo")
    async def show(request: Request) -> Response:
        return page(request)

    @route.head("/")
    async def head(request: Request) -> Response:
        return page(request)

    @route.get("/api")
    async def api(request: Request) -> Response:
        user = current_user(request)
        return json({"user": None if user is None else user.name})

    @route.get("/report")
    async def report(request: Request) -> Response:
        return file(str(REPORT), "text/plain")

    @route.get("/stream")
    async def stream(request: Request) -> Response:
        gate = request.query.get("gate", [None])[0]
        text = pages.pieces(current_user(request))

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in gated_async(text, gate):
                yield piece.encode()

        return Response(200, content=StreamedContent(b"text/html; charset=utf-8", pieces))

    @route.get("/boom")
    async def boom(request: Request) -> Response:
        raise RuntimeError("boom")

    async def missing(self: Application, request: Request, error: Exception) -> Response:
        return page(request, 404)

    async def failed(self: Application, request: Request, error: Exception) -> Response:
        return page(request, 500)

    app.exceptions_handlers[NotFound] = missing
    app.exceptions_handlers[404] = missing
    app.exceptions_handlers[RuntimeError] = failed

    @route.get("/tagged")
    async def tagged(request: Request) -> Response:
        tag = pages.tag_of(pages.page(current_user(request)))
        if request.get_first_header(b"If-None-Match") == tag.encode():
            return Response(304, [(b"ETag", tag.encode())])
        return page(request, headers={"ETag": tag})

    @route.get("/gzip")
    async def in_gzip(request: Request) -> Response:
        content = Content(b"text/html", pages.page_in_gzip(current_user(request)))
        return Response(200, [(b"Content-Encoding", b"gzip")], content)

    @route.get("/nonce")
    async def nonce(request: Request) -> Response:
        return page(request, headers={"Content-Security-Policy": POLICY})

    @route.get("/skipped")
    async def skipped(request: Request) -> Response:
        return skip(page(request))

    @route.ws("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    return recipes.run(
        "blacksheep", app=app, current_user=current_user, has_consent=has_consent, settings=settings
    )["application"]
