"""Litestar with a session and its own authentication, as docs/frameworks/litestar.md has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, Response, WebSocket, get, head, post, websocket
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import Body
from litestar.response import File, Redirect, Stream
from litestar.static_files import create_static_files_router

from pavior_middleware import Settings
from tests.frameworks import pages
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC
from tests.frameworks.recipes import run

INTERFACE = "asgi"

AnyRequest = Request[Any, Any, Any]


@dataclass
class Login:
    user: str


class SessionUser(AbstractAuthenticationMiddleware):
    """Knows who is logged in, and lets in everybody."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        return AuthenticationResult(pages.USERS.get(connection.session.get("user", "")), None)


def user_of(request: AnyRequest) -> pages.User | None:
    user: pages.User | None = request.user
    return user


def html(content: str | bytes, **more: Any) -> Response[str | bytes]:
    return Response(content, media_type=MediaType.HTML, **more)


@get("/", sync_to_thread=False)
def page(request: AnyRequest) -> Response[str | bytes]:
    return html(pages.page(user_of(request)))


@head("/", media_type=MediaType.HTML, sync_to_thread=False)
def page_head() -> None: ...


@post("/echo", status_code=200, sync_to_thread=False)
def echo(request: AnyRequest) -> Response[str | bytes]:
    return html(pages.page(user_of(request)))


@post("/login", sync_to_thread=False)
def login(
    data: Annotated[Login, Body(media_type=RequestEncodingType.URL_ENCODED)], request: AnyRequest
) -> Redirect:
    request.set_session({"user": data.user})
    return Redirect("/", status_code=303)


@post("/logout", sync_to_thread=False)
def logout(request: AnyRequest) -> Redirect:
    request.clear_session()
    return Redirect("/", status_code=303)


@get("/api", sync_to_thread=False)
def api(request: AnyRequest) -> dict[str, str | None]:
    user = user_of(request)
    return {"user": None if user is None else user.name}


@get("/report", sync_to_thread=False)
def report() -> File:
    return File(REPORT, content_disposition_type="inline", media_type=MediaType.TEXT)


@get("/stream", sync_to_thread=False)
def stream(request: AnyRequest) -> Stream:
    pieces = gated_async(pages.pieces(user_of(request)), request.query_params.get("gate"))
    return Stream(pieces, media_type=MediaType.HTML)


@get("/boom", sync_to_thread=False)
def boom() -> None:
    raise RuntimeError("boom")


@get("/tagged", sync_to_thread=False)
def tagged(request: AnyRequest) -> Response[str | bytes]:
    text = pages.page(user_of(request))
    headers = {"ETag": pages.tag_of(text)}
    if headers["ETag"] == request.headers.get("If-None-Match"):
        return html("", status_code=304, headers=headers)
    return html(text, headers=headers)


@get("/gzip", sync_to_thread=False)
def in_gzip(request: AnyRequest) -> Response[str | bytes]:
    body = pages.page_in_gzip(user_of(request))
    return html(body, headers={"Content-Encoding": "gzip"})


@get("/nonce", sync_to_thread=False)
def nonce(request: AnyRequest) -> Response[str | bytes]:
    return html(pages.page(user_of(request)), headers={"Content-Security-Policy": POLICY})


@get("/skipped", sync_to_thread=False)
def skipped(request: AnyRequest) -> Response[str | bytes]:
    return html(pages.page(user_of(request)), headers={"Pavior-Skip": "1"})


@websocket("/ws")
async def echo_socket(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


def error_page(request: AnyRequest, error: Exception) -> Response[str | bytes]:
    return html(pages.page(None), status_code=getattr(error, "status_code", 500))


def make_app(settings: Settings) -> Litestar:
    settings = replace(settings, email_confirmed="is_confirmed")
    handlers = [page, page_head, echo, login, logout, api, report, stream, boom, tagged]
    return Litestar(
        [
            *(*handlers, in_gzip, nonce, skipped, echo_socket),
            create_static_files_router("/static", [STATIC]),
        ],
        middleware=[ServerSideSessionConfig().middleware, SessionUser],
        exception_handlers={404: error_page, 500: error_page},
        plugins=[run("litestar", settings=settings)["pavior"]],
        logging_config=None,
    )
