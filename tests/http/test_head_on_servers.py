"""`HEAD` for a page under real servers: what they make of a head without a length.

granian --interface wsgi --factory tests.http.test_head_on_servers:wsgi_site
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo import servers
from demo.commands import Command
from demo.ports import LOOPBACK, free_ports
from pavior_middleware import asgi, wsgi
from tests.support.adapters import HTML_TYPE, PAGE
from tests.support.processes import wait_for_responses
from tests.support.servers import serving_wsgi
from tests.support.sites import ADA, SETTINGS

pytestmark = pytest.mark.slow

LENGTH = ("Content-Length", str(len(PAGE)))
LONGEST_WAIT_SECONDS = 10

# What an app sends: how it answers a `HEAD` for the page is in the path.
PATHS = {
    "an app that declares the length": "/",
    "an app that declares none": "/undeclared",
    "an app that sends the page all the same": "/with-body",
    "a generator that sends the page all the same": "/generator/with-body",
}


def wsgi_site() -> Callable[..., Iterable[bytes]]:
    def pieces(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        path = environ["PATH_INFO"]
        start_response("200 OK", [HTML_TYPE, *([] if "undeclared" in path else [LENGTH])])
        if environ["REQUEST_METHOD"] == "GET" or "with-body" in path:
            yield PAGE

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        made = pieces(environ, start_response)
        return made if "generator" in environ["PATH_INFO"] else list(made)

    return wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)


def asgi_site() -> asgi.ASGIApp:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        assert scope["type"] == "http"
        fields = [HTML_TYPE, *([] if "undeclared" in scope["path"] else [LENGTH])]
        headers = [(name.lower().encode(), value.encode()) for name, value in fields]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        has_body = scope["method"] == "GET" or "with-body" in scope["path"]
        pieces = [PAGE[:9], PAGE[9:]] if "generator" in scope["path"] else [PAGE]
        for piece in pieces if has_body else []:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def identity(scope: asgi.Scope) -> Any:
        return ADA

    return asgi.PaviorMiddleware(app, SETTINGS, identity=identity)


WSGI, ASGI = f"{__name__}:wsgi_site", f"{__name__}:asgi_site"
PORT = "PORT"
AT, BIND = f"--host {LOOPBACK} --port {PORT}", f"--bind {LOOPBACK}:{PORT}"


@dataclass(frozen=True)
class Server:
    """A server, and what it makes of a `HEAD` without a length.

    `arguments` come behind `python -m`. `told_length` is what it says of the length, None for
    nothing. `keeps_alive`: the connection serves the next request.
    """

    arguments: str = ""
    told_length: str | None = None
    keeps_alive: bool = True


SERVERS = {
    "granian, WSGI": Server(f"granian --interface wsgi --factory {WSGI} --no-ws {AT}"),
    "granian, ASGI": Server(f"granian --interface asgi --factory {ASGI} --no-ws {AT}"),
    "gunicorn": Server(f"gunicorn {WSGI}() --worker-class gthread {BIND}"),
    "uvicorn": Server(f"uvicorn --factory {ASGI} {AT}"),
    "hypercorn": Server(f"hypercorn {ASGI}() {BIND}"),
    # It closes the connection, and says so, after each response without a length.
    "waitress": Server(f"waitress --listen {LOOPBACK}:{PORT} --call {WSGI}", keeps_alive=False),
    # It speaks HTTP/1.0.
    "wsgiref": Server(keeps_alive=False),
    # It adds up the pieces. Where it cannot, it sends the end of a chunked body, which the client
    # would take for the next response.
    "gevent": Server(f"tests.support.gevent_server {PORT} {WSGI}", told_length="0"),
}


@pytest.fixture(scope="module", params=SERVERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, int]]:
    """Run the site under a server; give the server and its port."""
    name: str = request.param
    server = SERVERS[name]
    (port,) = free_ports([0])
    if name == "wsgiref":
        with serving_wsgi(wsgi_site(), port):
            yield server, port
        return
    arguments = server.arguments.replace(PORT, str(port)).split()
    logs: Path = tmp_path_factory.mktemp("logs")
    process = servers.start(Command(name, port, arguments, os.environ), logs)
    try:
        wait_for_responses([process])
        yield server, port
    finally:
        servers.stop([process])


@dataclass(frozen=True)
class Response:
    """A response as it is sent: its head, and all that follows on the connection."""

    version: str
    fields: Mapping[str, str]
    rest: bytes

    @property
    def closes(self) -> bool:
        """Whether the server says that it closes the connection."""
        return self.version == "HTTP/1.0" or self.fields.get("connection") == "close"


def read(head: bytes, rest: bytes) -> Response:
    status, *lines = head.decode("latin-1").split("\r\n")
    version, code, _ = status.split(" ", 2)
    assert code == "200"
    pairs = (line.split(": ", 1) for line in lines)
    return Response(version, {name.lower(): value.lower() for name, value in pairs}, rest)


def head_and_next(port: int, path: str) -> tuple[Response, Response | None]:
    """Ask for a head, then for the page on the same connection unless the server closes it."""

    def asked(method: str, more: str = "") -> bytes:
        fields = f"Host: a\r\nSec-Fetch-Dest: document\r\n{more}"
        return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()

    with closing(socket.create_connection((LOOPBACK, port), LONGEST_WAIT_SECONDS)) as client:
        client.sendall(asked("HEAD"))
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65536) or pytest.fail(f"closed after {received!r}")
        head, _, rest = received.partition(b"\r\n\r\n")
        is_closed = read(head, b"").closes
        if not is_closed:
            client.sendall(asked("GET", "Connection: close\r\n"))
        while piece := client.recv(65536):
            rest += piece
    return read(head, rest), None if is_closed else read(*rest.split(b"\r\n\r\n", 1))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_head_request_gets_no_length_except_that_of_the_page_with_the_script(
    served: tuple[Server, int], path: str
) -> None:
    server, port = served
    response, _ = head_and_next(port, path)
    assert response.fields.get("content-length") == server.told_length
    assert response.fields["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_head_is_followed_by_the_next_response_or_by_the_end_that_it_announces(
    served: tuple[Server, int], path: str
) -> None:
    server, port = served
    response, following = head_and_next(port, path)
    assert (following is not None) == server.keeps_alive
    if following is None:
        assert response.rest in (b"", b"0\r\n\r\n")
    else:
        assert response.rest.startswith(b"HTTP/1.1 200 ")
        assert b"data-pavior" in following.rest
