"""A coded page of any length: it takes no more memory than a short one, and nothing waits."""

from __future__ import annotations

import http.client
import multiprocessing
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import anyio
import anyio.to_thread
import pytest

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import asgi, wsgi
from pavior_middleware._page.snippet import render
from pavior_middleware.placement import insert
from tests.support.codings import BR, GZIP, START, ZSTD, Form, StreamDecoder, peak_kib, streamed
from tests.support.covering import first_of
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import ADA, SETTINGS

pytestmark = pytest.mark.slow

SNIPPET = render(SETTINGS, ADA).element()

HEADERS = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip")]
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
ROWS = b"".join(
    b'<tr class="%s"><td>%d</td><td><a href="/orders/%d">A cloud of %d g</a></td></tr>\n'
    % (b"odd" if n % 2 else b"even", n, n * 7919 % 100_003, n * n % 997)
    for n in range(12_000)
)
LENGTHS = {"128 MiB": 2**27, "1 GiB": 2**30}
MOST_ADDED_KIB = 2 * 1024


def long_page(count: int) -> Iterator[bytes]:
    """Yield a page of one gzip member, its rows coded once and sent `count` times."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    yield compressor.compress(START) + compressor.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before.
    rows = compressor.compress(ROWS) + compressor.flush(zlib.Z_FULL_FLUSH)
    for _ in range(count):
        yield rows
    yield b"\x03\x00" + end_of_gzip(START, count)


def end_of_gzip(start: bytes, count: int) -> bytes:
    """Return the checksum and the length of the page if it starts so (RFC 1952 section 2.3.1)."""
    checksum = zlib.crc32(start)
    for _ in range(count):
        checksum = zlib.crc32(ROWS, checksum)
    return struct.pack("<II", checksum, (len(start) + count * len(ROWS)) % 2**32)


def end_through_wsgi(count: int, *, with_us: bool) -> bytes:
    """Serve the page and return the last bytes of it."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HEADERS)
        return long_page(count)

    middleware: Any = wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    end = b""
    for piece in (middleware if with_us else app)(environ, lambda *arguments: None):
        end = (end + piece)[-8:]
    return end


def end_through_asgi(count: int, *, with_us: bool) -> bytes:
    """Serve the page and return the last bytes of it."""
    end = b""

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
        for piece in long_page(count):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def receive() -> asgi.Message:
        return {"type": "http.disconnect"}

    async def send(message: asgi.Message) -> None:
        nonlocal end
        end = (end + message.get("body", b""))[-8:]

    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    scope: asgi.Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    anyio.run(middleware if with_us else app, scope, receive, send)
    return end


ENDS: dict[str, Callable[..., bytes]] = {"wsgi": end_through_wsgi, "asgi": end_through_asgi}


def serve_long_page(adapter: str, with_us: bool, count: int) -> tuple[int, bytes]:
    """Return the most memory that the process took for it, and the page's last bytes."""
    end = ENDS[adapter](count, with_us=with_us)
    return peak_kib(), end


@dataclass(frozen=True)
class Served:
    """How often a page repeats its rows; the memory it took, and its end, by who serves it."""

    count: int
    answers: dict[tuple[str, bool], AsyncResult[tuple[int, bytes]]]


@pytest.fixture(scope="module", params=first_of(LENGTHS))
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Serve it in processes of their own, each used once, as many at a time as adapters."""
    count = LENGTHS[request.param] // len(ROWS) + 1  # at least that long
    context = multiprocessing.get_context("spawn")
    with context.Pool(len(ENDS), maxtasksperchild=1) as pool:
        answers = {
            (adapter, with_us): pool.apply_async(serve_long_page, (adapter, with_us, count))
            for with_us in (True, False)
            for adapter in ENDS
        }
        yield Served(count, answers)


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="where the peak stands")
@pytest.mark.parametrize("adapter", ENDS)
def test_a_long_page_adds_less_than_2_mib_of_memory(adapter: str, served: Served) -> None:
    peak_with_us, end_with_us = served.answers[adapter, True].get()
    peak, end = served.answers[adapter, False].get()
    assert end == end_of_gzip(START, served.count)
    assert end_with_us == end_of_gzip(insert(START, SNIPPET), served.count)
    assert peak_with_us - peak < MOST_ADDED_KIB


PARTS = [START + b"<body><p>The first part", b"<p>The second part", b"<p>The last"]
FIRST = insert(PARTS[0], SNIPPET)
LONGEST_WAIT_SECONDS = 20


class Waiting:
    """An app that goes on after its first part only once that was seen."""

    def __init__(self, form: Form) -> None:
        self.name = form.name
        self.was_seen = threading.Event()
        self._pieces = streamed(PARTS, [form])

    def __iter__(self) -> Iterator[bytes]:
        first, *rest = self._pieces
        yield first
        assert self.was_seen.wait(LONGEST_WAIT_SECONDS)
        yield from rest

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HEADERS[0], ("Content-Encoding", self.name)])
        return iter(self)

    async def asgi(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        headers = [RAW_HEADERS[0], (b"content-encoding", self.name.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        pieces = iter(self)
        while piece := await anyio.to_thread.run_sync(next, pieces, b""):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize("form", [GZIP, BR, ZSTD], ids=["gzip", "br", "zstd"])
@pytest.mark.parametrize("adapter", ENDS)
def test_the_script_reaches_the_client_before_the_app_makes_the_second_part(
    adapter: str, form: Form
) -> None:
    app = Waiting(form)
    (port,) = free_ports([0])
    serving = (
        serving_wsgi(wsgi.PaviorMiddleware(app.wsgi, SETTINGS, identity=lambda environ: ADA), port)
        if adapter == "wsgi"
        else serving_asgi(
            asgi.PaviorMiddleware(app.asgi, SETTINGS, identity=lambda scope: ADA), port
        )
    )
    with (
        serving,
        closing(http.client.HTTPConnection(LOOPBACK, port, timeout=LONGEST_WAIT_SECONDS)) as client,
    ):
        client.request("GET", "/", headers={"Accept-Encoding": form.name})
        response = client.getresponse()
        decoder = StreamDecoder([form])
        while len(decoder.decoded) < len(FIRST):
            piece = response.read1()
            assert piece, "the page has ended"
            decoder.decode(piece)
        assert decoder.decoded == FIRST
        assert not app.was_seen.is_set()
        app.was_seen.set()
        decoder.decode(response.read())
    assert decoder.decoded == insert(b"".join(PARTS), SNIPPET)
