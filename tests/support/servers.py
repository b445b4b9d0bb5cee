"""Real servers on loopback, each in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn
import werkzeug.serving

from example_help_center.serve import create_server

LOOPBACK = "127.0.0.1"
LONGEST_START_SECONDS = 10


@contextmanager
def serving_asgi(app: Any, port: int, *, root_path: str = "") -> Iterator[None]:
    """Run an ASGI app under uvicorn, as `uvicorn --root-path` does."""
    config = uvicorn.Config(
        app,
        host=LOOPBACK,
        port=port,
        http="h11",  # and not the one that happens to be installed
        log_level="critical",
        root_path=root_path,
        timeout_graceful_shutdown=1,
    )
    server = _Announcing(config)
    with running(server.run):
        assert server.has_started.wait(LONGEST_START_SECONDS)
        try:
            yield
        finally:
            server.should_exit = True


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.has_started.set()


@contextmanager
def serving_wsgi(app: Any, port: int) -> Iterator[None]:
    """Run a WSGI app under the standard library's server, a thread for each request."""
    with (
        make_server(LOOPBACK, port, app, _ThreadingServer, _QuietHandler) as server,
        running(partial(server.serve_forever, poll_interval=0.05)),
    ):
        try:
            yield
        finally:
            server.shutdown()


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    """Waits for its threads when it is closed."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class _KeepAliveHandler(werkzeug.serving.WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def serving_http_1_1(app: Any, port: int) -> Iterator[None]:
    """Run a WSGI app over HTTP/1.1; Chromium stores no `ETag` of a server that speaks HTTP/1.0."""
    server = werkzeug.serving.make_server(
        LOOPBACK, port, app, threaded=True, request_handler=_KeepAliveHandler
    )
    with running(partial(server.serve_forever, poll_interval=0.05)):
        try:
            yield
        finally:
            server.shutdown()
    server.server_close()


@contextmanager
def serving_help_center(port: int, embed_url: str, share_auth: str) -> Iterator[None]:
    """Run the example help center."""
    server = create_server(LOOPBACK, port, embed_url, share_auth)
    with server, running(partial(server.serve_forever, poll_interval=0.05)):
        try:
            yield
        finally:
            server.shutdown()


@contextmanager
def running(target: Callable[[], object]) -> Iterator[None]:
    """Run a server's loop in a thread, which has ended when the block is left."""
    thread = threading.Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join()
