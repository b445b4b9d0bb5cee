"""What a response leaves behind: nothing that only the garbage collector could free."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from pavior_middleware import asgi, wsgi
from tests.support.adapters import PAGE
from tests.support.sites import ADA, SETTINGS

HTML, JSON = b"text/html; charset=utf-8", b"application/json"


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

    def serve() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"a")]}
        with pytest.raises(StopIteration):  # it waits for nothing, so it needs no event loop
            middleware(scope, receive, send).__await__().__next__()

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


@pytest.mark.parametrize("serve", [serve_asgi, serve_wsgi])
@pytest.mark.parametrize("content_type", [HTML, JSON])
def test_a_response_leaves_no_reference_cycle(
    serve: Callable[[bytes], Callable[[], None]], content_type: bytes
) -> None:
    once = serve(content_type)
    once()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            once()
        assert gc.collect() < 20
    finally:
        gc.enable()
