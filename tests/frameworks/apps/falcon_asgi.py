"""Falcon under ASGI, with the user in the context of the request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import falcon.asgi

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.apps.falcon import go_home, show, tagged, user, zipped
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC

INTERFACE = "asgi"


class Users:
    """Knows who is logged in, by a cookie."""

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        req.context.user = pages.USERS.get(req.cookies.get("user", ""))


class Page:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        show(req, resp)

    on_head = on_post = on_get


class Login:
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.set_cookie("user", (await req.get_media())["user"], secure=False)
        go_home(resp)


class Logout:
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.unset_cookie("user")
        go_home(resp)


class Api:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        who = user(req)
        resp.media = {"user": None if who is None else who.name}


class Report:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async def contents() -> AsyncIterator[bytes]:
            yield REPORT.read_bytes()

        resp.content_type = falcon.MEDIA_TEXT
        resp.set_stream(contents(), REPORT.stat().st_size)


class Stream:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        pieces = gated_async(pages.pieces(user(req)), req.get_param("gate"))
        resp.content_type = falcon.MEDIA_HTML
        resp.stream = (piece.encode() async for piece in pieces)


class Boom:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        raise RuntimeError("boom")


class Tagged:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        show(req, resp)
        tagged(req, resp)


class InGzip:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        show(req, resp)
        zipped(req, resp)


class Nonce:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        show(req, resp)
        resp.set_header("Content-Security-Policy", POLICY)


class Skipped:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        show(req, resp)
        skip(resp)


class Socket:
    async def on_websocket(self, req: falcon.asgi.Request, ws: falcon.asgi.WebSocket) -> None:
        await ws.accept()
        await ws.send_text(await ws.receive_text())


async def missing(req: Any, resp: Any, error: Exception, params: Any) -> None:
    show(req, resp)
    resp.status = 404


async def failed(req: Any, resp: Any, error: Exception, params: Any) -> None:
    show(req, resp)
    resp.status = 500


def has_consent(scope: Any) -> bool:
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    return all(map(pages.has_consent, cookies))


def make_app(settings: Settings) -> Any:
    app = falcon.asgi.App(middleware=[Users()])
    resources = {
        "/": Page(),
        "/echo": Page(),
        "/login": Login(),
        "/logout": Logout(),
        "/api": Api(),
        "/report": Report(),
        "/stream": Stream(),
        "/boom": Boom(),
        "/tagged": Tagged(),
        "/gzip": InGzip(),
        "/nonce": Nonce(),
        "/skipped": Skipped(),
        "/ws": Socket(),
    }
    for path, resource in resources.items():
        app.add_route(path, resource)
    app.add_static_route("/static", STATIC)
    app.add_error_handler(falcon.HTTPRouteNotFound, missing)
    app.add_error_handler(RuntimeError, failed)
    return recipes.run("falcon", "ASGI", app=app, has_consent=has_consent, settings=settings)[
        "application"
    ]
