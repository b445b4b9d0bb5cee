"""A Flask site under real WSGI servers, some of which read the head before they ask for the body.

granian --interface wsgi --factory tests.http.test_wsgi_servers:site
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Flask

from demo import servers
from demo.commands import Command
from demo.ports import LOOPBACK, free_ports
from pavior_middleware._page.snippet import render
from pavior_middleware.flask import Pavior
from pavior_middleware.placement import insert
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.adapters import HTML_TYPE, PAGE
from tests.support.processes import wait_for_responses
from tests.support.servers import serving_wsgi
from tests.support.sites import ADA, SETTINGS

pytestmark = pytest.mark.slow

PIECES = [b"<!doctype html><title>A</title>", b"<p>B", b"<p>C"]
LONGEST_WAIT_SECONDS = 10


def site() -> Callable[..., Iterable[bytes]]:
    """Return a site whose every answer sets a cookie."""
    app = Flask(__name__)
    app.secret_key = "only for tests"

    @app.before_request
    def log_in() -> None:
        flask.session["user"] = "7"

    @app.get("/")
    def page() -> bytes:
        return PAGE

    @app.get("/stream")
    def stream() -> Iterator[bytes]:
        return iter(PIECES)

    @app.get("/data")
    def data() -> dict[str, int]:
        return {"a": 1}

    Pavior(app, SETTINGS, identity=lambda environ: ADA)
    generated = PaviorMiddleware(generator, SETTINGS, identity=lambda environ: ADA)

    def either(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chosen: Any = generated if environ["PATH_INFO"] == "/generator" else app
        body: Iterable[bytes] = chosen(environ, start_response)
        return body

    return either


def generator(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A WSGI app that calls start_response only when its first piece is requested."""
    start_response("200 OK", [HTML_TYPE, ("Set-Cookie", "session=of-the-generator")])
    yield from PIECES


def arguments(name: str, port: int) -> list[str]:
    factory = f"{__name__}:site"
    return {
        "granian": [
            *("granian", "--interface", "wsgi", "--factory", factory),
            *("--host", LOOPBACK, "--port", str(port), "--no-ws"),
        ],
        "gevent": ["tests.support.gevent_server", str(port), factory],
        "gunicorn": ["gunicorn", f"{factory}()", "--bind", f"{LOOPBACK}:{port}"],
        "waitress": ["waitress", "--listen", f"{LOOPBACK}:{port}", "--call", factory],
    }[name]


@pytest.fixture(scope="module", params=["granian", "gevent", "gunicorn", "waitress", "wsgiref"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the site under a server; give its port."""
    name: str = request.param
    (port,) = free_ports([0])
    if name == "wsgiref":
        with serving_wsgi(site(), port):
            yield port
        return
    logs: Path = tmp_path_factory.mktemp("logs")
    server = servers.start(Command(name, port, arguments(name, port), os.environ), logs)
    try:
        wait_for_responses([server])
        yield port
    finally:
        servers.stop([server])


def fetch(port: int, path: str) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection(LOOPBACK, port, timeout=LONGEST_WAIT_SECONDS)) as client:
        client.request("GET", path, headers={"Sec-Fetch-Dest": "document"})
        response = client.getresponse()
        return response, response.read()


@pytest.mark.parametrize(
    ("path", "page"),
    [("/", PAGE), ("/stream", b"".join(PIECES)), ("/generator", b"".join(PIECES))],
)
def test_a_page_arrives_with_the_status_and_fields_of_the_app(
    port: int, path: str, page: bytes
) -> None:
    response, body = fetch(port, path)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Set-Cookie"].startswith("session=")
    assert body == insert(page, render(SETTINGS, ADA).element())


def test_a_missing_page_arrives_as_a_404(port: int) -> None:
    response, body = fetch(port, "/missing")
    assert response.status == 404
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert render(SETTINGS, ADA).element() in body


def test_a_response_that_is_no_page_arrives_as_the_app_made_it(port: int) -> None:
    response, body = fetch(port, "/data")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert body == b'{"a":1}\n'
