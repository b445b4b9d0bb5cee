"""One app's response served through each of the two shells, and read back the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from anyio.from_thread import start_blocking_portal
from httpx2 import ASGITransport, AsyncClient, Response
from webtest import TestApp
from werkzeug.datastructures import Headers

from pavior_middleware import Identity, Settings, asgi, wsgi

HTML_TYPE = ("Content-Type", "text/html; charset=utf-8")
PAGE = b"<!doctype html><title>A</title><h1>Hello</h1>"


@dataclass
class Reply:
    """What an app answers; the same through either protocol."""

    chunks: Sequence[bytes] = (PAGE,)
    headers: Sequence[tuple[str, str]] = (HTML_TYPE,)
    status: int = 200


@dataclass
class Seen:
    """What a client got."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


Fetch = Callable[..., Seen]


def fetch_wsgi(
    reply: Reply,
    settings: Settings,
    identity: Identity | None = None,
    *,
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | None = None,
) -> Seen:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        status = HTTPStatus(reply.status)
        start_response(f"{status.value} {status.phrase}", list(reply.headers))
        return [] if method == "HEAD" else list(reply.chunks)

    client = TestApp(wsgi.PaviorMiddleware(app, settings, identity=lambda environ: identity))
    response = client.request(path, method=method, headers=headers or {}, status="*")
    return Seen(response.status_int, Headers(response.headerlist), response.body)


def fetch_asgi(
    reply: Reply,
    settings: Settings,
    identity: Identity | None = None,
    *,
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | None = None,
) -> Seen:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for chunk in () if method == "HEAD" else reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    shell = asgi.PaviorMiddleware(app, settings, identity=lambda scope: identity)

    async def request() -> Response:
        async with AsyncClient(transport=ASGITransport(shell), base_url="http://a.test") as client:
            response: Response = await client.request(method, path, headers=headers)
            return response

    with start_blocking_portal() as portal:  # in a thread of its own: Playwright has a loop here
        response = portal.call(request)
    raw = [(name.decode(), value.decode("latin-1")) for name, value in response.headers.raw]
    return Seen(response.status_code, Headers(raw), response.content)


SHELLS: dict[str, Fetch] = {"wsgi": fetch_wsgi, "asgi": fetch_asgi}
