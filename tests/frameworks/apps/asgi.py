"""An ASGI app without a framework: its requests and responses are Starlette's objects."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.websockets import WebSocket

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "asgi"

COOKIE = "user"
FILES = {"/report": REPORT, "/static/style.css": STATIC / "style.css"}


async def current_user(scope: Any) -> User | None:
    return pages.USERS.get(Request(scope).cookies.get(COOKIE, ""))


def to_home(user: str | None) -> Response:
    response = RedirectResponse("/", 303)
    if user is None:
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(COOKIE, user, httponly=True)
    return response


async def answer(request: Request) -> Response:
    user = await current_user(request.scope)
    match request.method, request.url.path:
        case "POST", "/login":
            async with request.form() as form:
                return to_home(str(form["user"]))
        case "POST", "/logout":
            return to_home(None)
        case "POST", "/echo":
            return HTMLResponse(pages.page(user))
        case (("GET" | "HEAD"), path):
            return at(path, request, user, pages.page(user))
    return HTMLResponse(pages.page(user), 405)


def at(path: str, request: Request, user: User | None, text: str) -> Response:
    match path:
        case "/":
            return HTMLResponse(text)
        case "/api":
            return JSONResponse({"user": None if user is None else user.name})
        case "/report" | "/static/style.css":
            return FileResponse(FILES[path])
        case "/stream":
            pieces = gated_async(pages.pieces(user), request.query_params.get("gate"))
            return StreamingResponse(pieces, media_type="text/html")
        case "/boom":
            raise RuntimeError("boom")
        case "/tagged":
            headers = {"ETag": pages.tag_of(text)}
            if headers["ETag"] == request.headers.get("If-None-Match"):
                return Response(status_code=304, headers=headers)
            return HTMLResponse(text, headers=headers)
        case "/gzip":
            return HTMLResponse(pages.page_in_gzip(user), headers={"Content-Encoding": "gzip"})
        case "/nonce":
            return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})
        case "/skipped":
            return skip(HTMLResponse(text))
    return HTMLResponse(text, 404)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await echo(WebSocket(scope, receive, send))
    elif scope["type"] == "http":
        request = Request(scope, receive)
        try:
            response = await answer(request)
        except RuntimeError:
            response = HTMLResponse(pages.page(await current_user(scope)), 500)
        await response(scope, receive, send)


async def has_consent(scope: Any) -> bool:
    return pages.has_consent(Request(scope).headers.get("Cookie", ""))


def make_app(settings: Settings) -> Any:
    return recipes.run(
        "asgi", app=app, current_user=current_user, has_consent=has_consent, settings=settings
    )["application"]
