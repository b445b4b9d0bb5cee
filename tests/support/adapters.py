"""One app's response served through each of the two adapters, and read back the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from anyio.from_thread import start_blocking_portal
from httpx2 import ASGITransport, AsyncClient, Response
from webtest import TestRequest, lint
from werkzeug.datastructures import Headers

from pavior_middleware import Identity, Settings, asgi, wsgi

HTML_TYPE = ("Content-Type", "text/html; charset=utf-8")
PAGE = b"<!doctype html><title>A</title><h1>Hello</h1>"


@dataclass
class Reply:
    """An app's answer, the same for both protocols."""

    chunks: Sequence[bytes] = (PAGE,)
    headers: Sequence[tuple[str, str]] = (HTML_TYPE,)
    status: int = 200


@dataclass
class Seen:
    """The answer that a client got."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    """The body as it was sent, in its content codings."""


Fetch = Callable[..., Seen]
App = Callable[[dict[str, str]], Reply]
"""An app that looks at the fields of the request, in lower case."""


def answer(reply: Reply | App, fields: dict[str, str]) -> Reply:
    return reply if isinstance(reply, Reply) else reply(fields)


def wsgi_app(reply: Reply | App, method: str = "GET") -> Callable[..., list[bytes]]:
    """Return a WSGI app that always answers the same, or by a function of the request's fields."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        prefix = "HTTP_"
        fields = {
            name.removeprefix(prefix).lower().replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith(prefix)
        }
        answered = answer(reply, fields)
        status = HTTPStatus(answered.status)
        start_response(f"{status.value} {status.phrase}", list(answered.headers))
        return [] if method == "HEAD" else list(answered.chunks)

    return app


def asgi_app(reply: Reply | App, method: str = "GET") -> asgi.ASGIApp:
    """Return an ASGI app that always answers the same, or by a function of the request's fields."""

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        answered = answer(
            reply, {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        )
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in answered.headers]
        await send({"type": "http.response.start", "status": answered.status, "headers": raw})
        chunks = [] if method == "HEAD" else answered.chunks
        for chunk in chunks[:-1]:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        last = b"".join(chunks[-1:])
        # Quart's test client needs the key, which ASGI makes optional.
        await send({"type": "http.response.body", "body": last, "more_body": False})

    return app


def fetch_wsgi(
    reply: Reply | App,
    settings: Settings,
    identity: Identity | None = None,
    *,
    consent: bool | None = None,
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | None = None,
) -> Seen:
    middleware = wsgi.PaviorMiddleware(
        wsgi_app(reply, method),
        settings,
        identity=lambda environ: identity,
        consent=None if consent is None else lambda environ: consent,
    )
    # WebTest's TestApp would decode the body.
    request = TestRequest.blank(path, method=method, headers=headers or {})
    response = request.get_response(lint.middleware(middleware), catch_exc_info=True)
    return Seen(response.status_int, Headers(response.headerlist), response.body)


def fetch_asgi(
    reply: Reply | App,
    settings: Settings,
    identity: Identity | None = None,
    *,
    consent: bool | None = None,
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
) -> Seen:
    middleware = asgi.PaviorMiddleware(
        asgi_app(reply, method),
        settings,
        identity=lambda scope: identity,
        consent=None if consent is None else lambda scope: consent,
    )

    pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
    raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in pairs]

    async def request() -> tuple[Response, bytes]:
        transport = ASGITransport(middleware)
        async with (
            AsyncClient(transport=transport, base_url="http://a.test") as client,
            client.stream(method, path, headers=raw_headers) as response,
        ):
            return response, b"".join([piece async for piece in response.aiter_raw()])

    with start_blocking_portal() as portal:  # a thread without the loop of Playwright
        response, body = portal.call(request)
    raw = [(name.decode(), value.decode("latin-1")) for name, value in response.headers.raw]
    return Seen(response.status_code, Headers(raw), body)


ADAPTERS: dict[str, Fetch] = {"wsgi": fetch_wsgi, "asgi": fetch_asgi}
