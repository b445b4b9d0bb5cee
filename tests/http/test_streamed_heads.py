"""When the head of a page leaves under ASGI: before the body, where nothing in it has to tell."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import anyio
import anyio.to_thread
import pytest

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Settings
from pavior_middleware._page.snippet import render
from pavior_middleware.asgi import Message, PaviorMiddleware, Receive, Scope, Send
from pavior_middleware.placement import insert
from tests.support.adapters import HTML_TYPE, PAGE
from tests.support.servers import serving_asgi
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

SNIPPET = render(SETTINGS, ADA).element()
DOCUMENT = {"sec-fetch-dest": "document"}
ETAG = ("ETag", '"1"')
PLAIN_TYPE = ("Content-Type", "text/html")
LONGEST_WAIT_SECONDS = 10
Fields = Sequence[tuple[str, str]]


def raw(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in fields]


def serve(
    headers: Fields,
    pieces: Sequence[bytes],
    fields: Mapping[str, str] = DOCUMENT,
    settings: Settings = SETTINGS,
) -> tuple[int, list[Message]]:
    """Return how many messages were sent before the app made its first piece, and all of them."""
    sent: list[Message] = []
    before = -1

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal before
        await send({"type": "http.response.start", "status": 200, "headers": raw(headers)})
        before = len(sent)
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": raw([*fields.items()])}
    anyio.run(PaviorMiddleware(app, settings, identity=lambda scope: ADA), scope, receive, send)
    return before, sent


def body(messages: Sequence[Message]) -> bytes:
    return b"".join(message["body"] for message in messages if "body" in message)


def test_the_head_of_a_streamed_document_goes_before_its_first_piece() -> None:
    before, (start, *rest) = serve([HTML_TYPE, ETAG], [PAGE])
    head = dict(start["headers"])
    assert before == 1
    assert head[b"etag"].startswith(b'W/"pavior.')
    assert head[b"cache-control"] == b"private, no-cache"
    assert body(rest) == insert(PAGE, SNIPPET)


def test_the_head_of_a_page_in_a_frame_that_may_have_the_chat_goes_before_its_first_piece() -> None:
    settings = Settings(TEAM, API_KEY, inject_in_frames=True)
    before, (_, *rest) = serve([HTML_TYPE], [PAGE], {"sec-fetch-dest": "iframe"}, settings)
    assert before == 1
    assert b"data-pavior" in body(rest)


@pytest.mark.parametrize("fields", [{}, {"sec-fetch-dest": "empty"}])
def test_the_head_waits_if_only_the_markup_shows_what_the_response_is(
    fields: Mapping[str, str],
) -> None:
    before, (start, *rest) = serve([HTML_TYPE, ETAG], [b"<tr><td>A row"], fields)
    assert before == 0
    assert dict(start["headers"])[b"etag"] == b'"pavior.part.s.1"'
    assert body(rest) == b"<tr><td>A row"


def test_the_head_waits_on_a_site_whose_pages_are_the_same_for_all() -> None:
    settings = Settings(TEAM, API_KEY, cacheable_pages=True)
    before, (start, *_) = serve([HTML_TYPE, ETAG], [b"<tr><td>A row"], settings=settings)
    assert before == 0
    assert start["headers"] == raw([HTML_TYPE, ETAG])


def test_the_head_of_a_coded_page_waits_and_is_the_apps_if_the_page_is_not_so_coded() -> None:
    headers = [HTML_TYPE, ("Content-Encoding", "gzip"), ETAG]
    before, (start, *rest) = serve(headers, [b"not coded at all"])
    assert before == 0
    assert start["headers"] == raw(headers)
    assert body(rest) == b"not coded at all"
    before, (_, *rest) = serve(headers, [gzip.compress(PAGE)])
    assert before == 0
    assert gzip.decompress(body(rest)) == insert(PAGE, SNIPPET)


def test_the_head_of_a_page_that_declares_its_length_waits_for_the_new_length() -> None:
    before, (start, *rest) = serve([HTML_TYPE, ("Content-Length", str(len(PAGE)))], [PAGE])
    assert before == 0
    assert int(dict(start["headers"])[b"content-length"]) == len(body(rest))


GAINS_NOTHING = {
    "an AMP page": b"<!doctype html><html amp><head></head>",
    "a page in UTF-16 that only its byte order mark tells": b"\xff\xfe" + "<p>A".encode("utf-16le"),
    "a page whose charset would be pushed out of sight": (
        b"<!doctype html><meta http-equiv=Content-Security-Policy content=a><meta charset=utf-8>"
    ),
}


@pytest.mark.parametrize("page", GAINS_NOTHING.values(), ids=GAINS_NOTHING)
def test_a_document_that_gains_nothing_keeps_its_bytes_under_the_head_that_has_gone(
    page: bytes,
) -> None:
    before, (start, *rest) = serve([PLAIN_TYPE, ETAG], [page])
    assert before == 1
    assert dict(start["headers"])[b"etag"].startswith(b'W/"pavior.')
    assert body(rest) == page


def test_a_browser_gets_the_head_of_a_document_while_the_app_has_no_piece_yet() -> None:
    has_head = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        headers = raw([HTML_TYPE, ("Link", "</a.css>; rel=preload; as=style")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        assert await anyio.to_thread.run_sync(has_head.wait, LONGEST_WAIT_SECONDS)
        await send({"type": "http.response.body", "body": PAGE})

    middleware = PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    (port,) = free_ports([0])
    with (
        serving_asgi(middleware, port),
        closing(socket.create_connection((LOOPBACK, port), LONGEST_WAIT_SECONDS)) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Dest: document\r\n\r\n")
        head = received_until(client, b"\r\n\r\n")
        assert b"link: </a.css>" in head.lower()
        assert b"doctype" not in head
        has_head.set()
        assert SNIPPET in received_until(client, b"0\r\n\r\n")


def received_until(client: socket.socket, end: bytes) -> bytes:
    received: Any = bytearray()
    while not received.endswith(end):
        piece = client.recv(65536)
        assert piece, f"the connection was closed after {bytes(received)!r}"
        received += piece
    return bytes(received)
