"""Coded pages that are long to open leave the event loop to others, one piece of work at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pavior_middleware._page.body import WORK
from pavior_middleware._page.snippet import render
from pavior_middleware.asgi import Message, PaviorMiddleware, Receive, Scope, Send
from pavior_middleware.placement import insert
from pavior_middleware.wsgi import PaviorMiddleware as WSGIMiddleware
from tests.support.adapters import HTML_TYPE
from tests.support.sites import ADA, SETTINGS

START = b"<!doctype html><title>A</title><body>"
SNIPPET = render(SETTINGS, ADA).element()
PIECES = {
    "one piece that stands for 4 MiB": [b" " * 4 * 1024 * 1024],
    "1,000 pieces that stand for 4 KiB each": [b"<p>a row" * 512] * 1000,
    "5,000 pieces that stand for 4 bytes each": [b"<p>A"] * 5000,
}
LEAST_TURNS = {
    "one piece that stands for 4 MiB": 4 * 1024 * 1024 // WORK,
    "1,000 pieces that stand for 4 KiB each": 1000 * 4 * 1024 // WORK,
    "5,000 pieces that stand for 4 bytes each": 5000 * 1024 // WORK,
}


def coded(pieces: Sequence[bytes]) -> list[bytes]:
    """Return a page in gzip, flushed after its start and after each piece."""
    stream = zlib.compressobj(6, zlib.DEFLATED, 31)
    flushed = [
        stream.compress(piece) + stream.flush(zlib.Z_SYNC_FLUSH) for piece in (START, *pieces)
    ]
    return [*flushed, stream.flush()]


def turns_of_others(
    page: Sequence[bytes], *, responses: int = 1, backend: str = "asyncio"
) -> tuple[int, list[bytes]]:
    """Serve a page to some clients at once; return how many turns another task gets meanwhile.

    Neither the app nor the server ever waits. Also return the bodies.
    """
    headers = [(b"content-type", HTML_TYPE[1].encode()), (b"content-encoding", b"gzip")]
    bodies = [b""] * responses
    turns = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in page:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def identity(scope: Scope) -> Any:
        return ADA

    middleware = PaviorMiddleware(app, SETTINGS, identity=identity)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def serve(number: int) -> None:
        async def send(message: Message) -> None:
            bodies[number] += message.get("body", b"")

        scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await middleware(scope, receive, send)

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async def serve_all() -> None:
        async with anyio.create_task_group() as others:
            others.start_soon(count)
            async with anyio.create_task_group() as group:
                for number in range(responses):
                    group.start_soon(serve, number)
            others.cancel_scope.cancel()

    anyio.run(serve_all, backend=backend)
    return turns, bodies


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("name", PIECES)
def test_another_task_gets_a_turn_for_each_64_kib_of_a_coded_page(name: str, backend: str) -> None:
    turns, (body,) = turns_of_others(coded(PIECES[name]), backend=backend)
    assert turns >= LEAST_TURNS[name]
    assert gzip.decompress(body) == insert(START + b"".join(PIECES[name]), SNIPPET)


def test_another_task_gets_as_many_turns_for_50_coded_pages_as_one_after_another() -> None:
    page, size = coded([b" " * 1024 * 1024]), 1024 * 1024
    turns, bodies = turns_of_others(page, responses=50)
    assert turns >= 50 * size // WORK
    assert {gzip.decompress(body) for body in bodies} == {
        insert(START + b" " * size, SNIPPET),
    }


def test_a_coded_page_of_a_few_pieces_takes_no_turn() -> None:
    turns, _ = turns_of_others(coded([b"<p>A"] * 5))
    assert turns <= turns_of_others([b""])[0]


def test_a_wsgi_server_gets_no_more_empty_pieces_than_the_app_makes_pieces() -> None:
    page = coded([b" " * 4 * 1024 * 1024])

    def app(environ: dict[str, Any], start_response: Any) -> Sequence[bytes]:
        start_response("200 OK", [HTML_TYPE, ("Content-Encoding", "gzip")])
        return page

    middleware = WSGIMiddleware(app, SETTINGS, identity=lambda environ: ADA)
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    pieces = list(middleware(environ, lambda *given: lambda data: None))
    assert pieces.count(b"") <= len(page)
    assert gzip.decompress(b"".join(pieces)).startswith(insert(START, SNIPPET))
