"""Starlette with its own SessionMiddleware and AuthenticationMiddleware."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from pavior_middleware import Settings, skip
from pavior_middleware.asgi import ASGIApp
from pavior_middleware.starlette import PaviorMiddleware
from tests.frameworks import pages
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC

INTERFACE = "asgi"


class User(BaseUser):
    is_authenticated = True

    def __init__(self, user: pages.User) -> None:
        self.id, self.email, self.user = user.id, user.email, user
        self.email_confirmed = user.is_confirmed

    @property
    def display_name(self) -> str:
        return self.user.name


class Session(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        name = conn.session.get("user")
        return None if name is None else (AuthCredentials(), User(pages.USERS[name]))


def user(request: Request) -> pages.User | None:
    return getattr(request.user, "user", None)


async def login(request: Request) -> Response:
    async with request.form() as form:
        request.session["user"] = form["user"]
    return RedirectResponse("/", 303)


async def logout(request: Request) -> Response:
    request.session.clear()
    return RedirectResponse("/", 303)


async def page(request: Request) -> Response:
    return HTMLResponse(pages.page(user(request)))


async def api(request: Request) -> Response:
    who = user(request)
    return JSONResponse({"user": None if who is None else who.name})


async def report(request: Request) -> Response:
    return FileResponse(REPORT)


async def stream(request: Request) -> Response:
    pieces = gated_async(pages.pieces(user(request)), request.query_params.get("gate"))
    return StreamingResponse(pieces, media_type="text/html")


async def boom(request: Request) -> Response:
    raise RuntimeError("boom")


async def tagged(request: Request) -> Response:
    text = pages.page(user(request))
    headers = {"ETag": pages.tag_of(text)}
    if headers["ETag"] == request.headers.get("If-None-Match"):
        return Response(status_code=304, headers=headers)
    return HTMLResponse(text, headers=headers)


async def in_gzip(request: Request) -> Response:
    return HTMLResponse(pages.page_in_gzip(user(request)), headers={"Content-Encoding": "gzip"})


async def nonce(request: Request) -> Response:
    return HTMLResponse(pages.page(user(request)), headers={"Content-Security-Policy": POLICY})


async def skipped(request: Request) -> Response:
    return skip(HTMLResponse(pages.page(user(request))))


async def echo_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def missing(request: Request, error: Exception) -> Response:
    return HTMLResponse(pages.page(user(request)), 404)


async def failed(request: Request, error: Exception) -> Response:
    return HTMLResponse(pages.page(user(request)), 500)


def consent(scope: dict[str, Any]) -> bool:
    return pages.has_consent(HTTPConnection(scope).headers.get("Cookie", ""))


def make_app(settings: Settings, *more: Route) -> ASGIApp:
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/api", api),
            Route("/report", report),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/stream", stream),
            Route("/boom", boom),
            Route("/tagged", tagged),
            Route("/echo", page, methods=["POST"]),
            Route("/gzip", in_gzip),
            Route("/nonce", nonce),
            Route("/skipped", skipped),
            WebSocketRoute("/ws", echo_socket),
            *more,
        ],
        middleware=[
            Middleware(SessionMiddleware, secret_key="a secret key for the tests only"),
            Middleware(AuthenticationMiddleware, backend=Session()),
        ],
        exception_handlers={404: missing, 500: failed},
    )
    # Around the whole app, so that the page of an error is named, too.
    settings = replace(settings, email_confirmed="email_confirmed")
    return PaviorMiddleware(app, settings, consent=consent)
