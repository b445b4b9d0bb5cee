"""What a response leaves behind: nothing that only the garbage collector could free."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pavior_middleware import asgi, wsgi
from pavior_middleware._adapters import asgi_response, wsgi_response
from pavior_middleware._page.request import PageRequest
from pavior_middleware._page.response import PageResponse
from tests.support.adapters import PAGE
from tests.support.sites import ADA, SETTINGS

HTML, JSON = b"text/html; charset=utf-8", b"application/json"

pytestmark = pytest.mark.not_quick


def serve_asgi(content_type: bytes) -> Callable[[], None]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(PAGE))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    async def identity(scope: object) -> Any:
        return ADA

    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=identity)

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    async def serve_all() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"a")]}
        await middleware(scope, receive, send)

    loop = asyncio.new_event_loop()
    weakref.finalize(middleware, loop.close)

    def serve() -> None:
        loop.run_until_complete(serve_all())

    return serve


def serve_wsgi(content_type: bytes) -> Callable[[], None]:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        headers = [("Content-Type", content_type.decode()), ("Content-Length", str(len(PAGE)))]
        start_response("200 OK", headers)
        return [PAGE]

    middleware = wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)

    def serve() -> None:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "https"}
        list(middleware(environ, lambda *given: lambda data: None))

    return serve


OF_A_RESPONSE = (PageRequest, PageResponse, asgi_response.Response, wsgi_response.Response)
"""Sites of earlier tests may be freed here, too, when their threads have ended."""


@pytest.mark.parametrize("serve", [serve_asgi, serve_wsgi])
@pytest.mark.parametrize("content_type", [HTML, JSON])
def test_a_response_leaves_no_reference_cycle(
    serve: Callable[[bytes], Callable[[], None]], content_type: bytes
) -> None:
    once = serve(content_type)
    once()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            once()
        gc.collect()
        assert [each for each in gc.garbage if isinstance(each, OF_A_RESPONSE)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
