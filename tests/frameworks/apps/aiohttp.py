"""aiohttp with aiohttp-session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp_session import SimpleCookieStorage, get_session
from aiohttp_session import setup as setup_session

from pavior_middleware import Identity, Settings, skip
from pavior_middleware.aiohttp import setup
from tests.frameworks import pages
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC

INTERFACE = "aiohttp"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def user(request: web.Request) -> pages.User | None:
    session = await get_session(request)
    return pages.USERS.get(session.get("user", ""))


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


async def login(request: web.Request) -> web.StreamResponse:
    session = await get_session(request)
    session["user"] = (await request.post())["user"]
    raise web.HTTPSeeOther("/")


async def logout(request: web.Request) -> web.StreamResponse:
    (await get_session(request)).invalidate()
    raise web.HTTPSeeOther("/")


async def page(request: web.Request) -> web.Response:
    return html(pages.page(await user(request)))


async def api(request: web.Request) -> web.Response:
    who = await user(request)
    return web.json_response({"user": None if who is None else who.name})


async def report(request: web.Request) -> web.FileResponse:
    return web.FileResponse(REPORT)


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
    await response.prepare(request)
    async for piece in gated_async(pages.pieces(await user(request)), request.query.get("gate")):
        await response.write(piece.encode())
    await response.write_eof()
    return response


async def boom(request: web.Request) -> web.Response:
    raise RuntimeError("boom")


async def tagged(request: web.Request) -> web.Response:
    response = await page(request)
    response.etag = pages.tag_of(response.text or "").strip('"')
    if response.etag in (request.if_none_match or ()):
        return web.Response(status=304, headers={"ETag": response.headers["ETag"]})
    return response


async def in_gzip(request: web.Request) -> web.Response:
    response = await page(request)
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def nonce(request: web.Request) -> web.Response:
    response = await page(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


async def skipped(request: web.Request) -> web.Response:
    return skip(await page(request))


async def echo_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(await socket.receive_str())
    return socket


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return html(pages.page(await user(request)), 404)


async def identity(request: web.Request) -> Identity | None:
    who = await user(request)
    return None if who is None else Identity(who.id, who.confirmed_email)


async def consent(request: web.Request) -> bool:
    return pages.has_consent(request.headers.get("Cookie", ""))


def make_app(settings: Settings) -> web.Application:
    app = web.Application()
    setup_session(app, SimpleCookieStorage())
    app.middlewares.append(error_pages)
    app.add_routes(
        [
            web.get("/", page),
            web.post("/login", login),
            web.post("/logout", logout),
            web.get("/api", api),
            web.get("/report", report),
            web.static("/static", STATIC),
            web.get("/stream", stream),
            web.get("/boom", boom),
            web.get("/tagged", tagged),
            web.post("/echo", page),
            web.get("/gzip", in_gzip),
            web.get("/nonce", nonce),
            web.get("/skipped", skipped),
            web.get("/ws", echo_socket),
        ]
    )
    setup(app, settings, identity=identity, consent=consent)
    return app
