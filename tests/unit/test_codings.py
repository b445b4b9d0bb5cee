"""Coded pages: opened, given the script, and closed in the codings that the app had chosen."""

from __future__ import annotations

import gzip
import logging
import multiprocessing
import random
import re
import sys
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import anyio
import brotli
import flask
import pytest
from flask_compress import Compress
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from werkzeug.test import Client

from pavior_middleware import asgi, wsgi
from pavior_middleware._http import codings
from pavior_middleware._page.body import FREE_EXPANSION, MOST_EXPANSION, MOST_HELD, CodedBody
from pavior_middleware._page.snippet import render
from pavior_middleware.flask import Pavior
from pavior_middleware.placement import Inserter, insert
from tests.support.adapters import ADAPTERS, HTML_TYPE, Fetch, Reply
from tests.support.pages import init_calls
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SNIPPET = render(SETTINGS, ADA).element()

START = b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orders</title></head>'
ROWS = b"".join(b"<tr><td>%d<td>A cloud, %d g" % (n, n * n % 997) for n in range(200))
PAGE = START + b"<body><table>" + ROWS + b"</table></body></html>"
FRAGMENT = b"<tr><td>One more row" + ROWS

Coded = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Compressor:
    """One stream as an app would write it."""

    encode: Coded
    flush: Callable[[], bytes]
    finish: Callable[[], bytes]


@dataclass(frozen=True)
class Form:
    """One form of a coding: its name, and what makes and reads it without this package."""

    name: str
    compressor: Callable[[], Compressor]
    decoder: Callable[[], Coded]
    """Returns what takes a stream piece by piece and gives what can be told by then."""
    decode: Coded
    """Takes a whole stream and refuses one that is not."""

    def encode(self, data: bytes) -> bytes:
        compressor = self.compressor()
        return compressor.encode(data) + compressor.finish()


def deflating(wbits: int) -> Compressor:
    stream = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return Compressor(stream.compress, partial(stream.flush, zlib.Z_SYNC_FLUSH), stream.flush)


def brotling() -> Compressor:
    stream = brotli.Compressor(quality=5)
    return Compressor(stream.process, stream.flush, stream.finish)


def zstding() -> Compressor:
    stream = zstd.ZstdCompressor()
    return Compressor(
        stream.compress,
        partial(stream.flush, stream.FLUSH_BLOCK),
        partial(stream.flush, stream.FLUSH_FRAME),
    )


def inflating(wbits: int) -> Coded:
    return zlib.decompressobj(wbits).decompress


def unbrotling() -> Coded:
    stream = brotli.Decompressor()

    def decode(data: bytes) -> bytes:
        """Ask until nothing comes: a call that gives something may have left some more."""
        decoded = b""
        while not stream.is_finished() and (more := stream.process(data)):
            decoded += more
            data = b""
        return decoded

    return decode


def inflated(data: bytes, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    inflated = stream.decompress(data)
    assert stream.eof
    assert not stream.unused_data
    return inflated


GZIP = Form("gzip", partial(deflating, 31), partial(inflating, 31), gzip.decompress)
X_GZIP = replace(GZIP, name="x-gzip")
DEFLATE = Form(
    "deflate", partial(deflating, 15), partial(inflating, 15), partial(inflated, wbits=15)
)
BARE_DEFLATE = Form(
    "deflate", partial(deflating, -15), partial(inflating, -15), partial(inflated, wbits=-15)
)
BR = Form("br", brotling, unbrotling, brotli.decompress)
ZSTD = Form("zstd", zstding, lambda: zstd.ZstdDecompressor().decompress, zstd.decompress)
FORMS = (GZIP, X_GZIP, DEFLATE, BARE_DEFLATE, BR, ZSTD)
IDS = ("gzip", "x-gzip", "deflate", "bare deflate", "br", "zstd")

each_form = pytest.mark.parametrize("form", FORMS, ids=IDS)


def coded(page: bytes, forms: Sequence[Form]) -> bytes:
    for form in forms:
        page = form.encode(page)
    return page


def decoded(body: bytes, forms: Sequence[Form]) -> bytes:
    for form in reversed(forms):
        body = form.decode(body)
    return body


class StreamDecoder:
    """Decodes what came by now, through all the codings."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self._decoders = [form.decoder() for form in reversed(forms)]
        self.decoded = b""

    def decode(self, data: bytes) -> bytes:
        """Return what these bytes tell that was not known before."""
        for decode in self._decoders:
            data = decode(data) if data else b""
        self.decoded += data
        return data


def streamed(pieces: Sequence[bytes], forms: Sequence[Form]) -> list[bytes]:
    """Code pieces as an app does that flushes after each of them."""
    for form in forms:
        compressor = form.compressor()
        pieces = [compressor.encode(piece) + compressor.flush() for piece in pieces]
        pieces = [*pieces, compressor.finish()]
    return list(pieces)


def decodable(body: bytes, forms: Sequence[Form]) -> bytes:
    decoder = StreamDecoder(forms)
    decoder.decode(body)
    return decoder.decoded


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def fields_of(forms: Sequence[Form]) -> tuple[str, ...]:
    return (", ".join(form.name for form in forms),)


def reply_of(
    chunks: Sequence[bytes], *encodings: str, others: Sequence[tuple[str, str]] = ()
) -> Reply:
    named = [("Content-Encoding", encoding) for encoding in encodings]
    return Reply(chunks, (HTML_TYPE, *named, *others))


def coded_body(
    forms: Sequence[Form], warnings: list[str] | None = None, **options: Any
) -> CodedBody:
    inserter = Inserter(SNIPPET, **{"charset_is_known": True, **options})
    warn = list[str]().append if warnings is None else warnings.append
    return CodedBody(codings.codings([form.name for form in forms]), inserter, warn)


def through(body: CodedBody, pieces: Sequence[bytes]) -> bytes:
    fed = [b"".join(body.feed(piece)) for piece in pieces]
    return b"".join([*fed, *body.feed(b"", is_last=True)])


# What goes in coded comes out in the same codings.


@each_form
@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_a_coded_page_gains_the_script_and_keeps_its_coding(
    fetch: Fetch, form: Form, size: int
) -> None:
    seen = fetch(reply_of(cut(form.encode(PAGE), size), form.name), SETTINGS, ADA)
    assert form.decode(seen.body) == insert(PAGE, SNIPPET)
    assert seen.headers.getlist("Content-Encoding") == [form.name]


@pytest.mark.parametrize(
    ("fields", "forms"),
    [
        (["gzip, br"], [GZIP, BR]),
        (["deflate, gzip"], [DEFLATE, GZIP]),
        (["deflate, gzip"], [BARE_DEFLATE, GZIP]),
        (["zstd", "br"], [ZSTD, BR]),
        (["br", "gzip, zstd"], [BR, GZIP, ZSTD]),
        (["gzip, gzip,gzip,gzip"], [GZIP, GZIP, GZIP, GZIP]),
        (["identity, gzip, identity"], [GZIP]),
        (["gzip", "identity", "br"], [GZIP, BR]),
        (["identity"], []),
        (["GZip"], [GZIP]),
        ([" ,  X-GZIP ,, BR "], [X_GZIP, BR]),
        (["Identity,dEfLaTe"], [BARE_DEFLATE]),
    ],
)
def test_codings_are_closed_in_the_order_in_which_they_were_listed(
    fetch: Fetch, fields: list[str], forms: list[Form]
) -> None:
    seen = fetch(reply_of([coded(PAGE, forms)], *fields), SETTINGS, ADA)
    assert decoded(seen.body, forms) == insert(PAGE, SNIPPET)
    assert [field.strip() for field in seen.headers.getlist("Content-Encoding")] == [
        field.strip() for field in fields
    ]


@each_form
def test_a_page_that_is_nothing_but_a_head_gains_the_script(fetch: Fetch, form: Form) -> None:
    seen = fetch(reply_of([form.encode(b"<!doctype html><title>A")], form.name), SETTINGS, ADA)
    assert form.decode(seen.body) == insert(b"<!doctype html><title>A", SNIPPET)


NUMBERS = b"".join(b"<tr><td>%d" % (n * n * 7919 % 1_000_003) for n in range(60_000))


@pytest.mark.parametrize("length", [50_000, 100_000, 200_000, len(NUMBERS)])
@pytest.mark.parametrize("size", [1_000, 16 * 1024, codings.PIECE, len(NUMBERS)])
@each_form
def test_a_page_longer_than_what_is_decoded_at_a_time_arrives_whole(
    form: Form, size: int, length: int
) -> None:
    page = START + NUMBERS[:length]
    warnings: list[str] = []
    sent = through(coded_body([form], warnings), cut(form.encode(page), size))
    assert decodable(sent, [form]) == insert(page, SNIPPET)
    assert form.decode(sent) == insert(page, SNIPPET)
    assert warnings == []


TOKENS = (
    *(b"<!doctype html>", b"<html>", b"<head>", b"<meta charset=utf-8>", b"<title>", b"</title>"),
    *(b"<script>", b"</script>", b"<style>", b"</style>", b"<!--", b"-->", b"</head>", b"<body>"),
    *(b"<p>A", b"<", b'<link rel="x', b'">', b" ", b"\n", b"\x00", b"&#32;", b"\xef\xbb\xbf"),
    *(b"<template>", b"</html>", ROWS),
)
pages = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=30), max_size=25).map(b"".join)
form_lists = st.lists(st.sampled_from(FORMS), min_size=1, max_size=4)


def drawn_pieces(data: st.DataObject, whole: bytes) -> list[bytes]:
    places = data.draw(st.lists(st.integers(0, len(whole)), max_size=8))
    return [whole[start:end] for start, end in pairwise([0, *sorted(places), len(whole)])]


def drawn_stream(data: st.DataObject, page: bytes, forms: Sequence[Form]) -> bytes:
    """Code a page as an app does that flushes here and there."""
    pieces = drawn_pieces(data, page)
    for form in forms:
        compressor = form.compressor()
        out = []
        for piece in pieces:
            out.append(compressor.encode(piece))
            if data.draw(st.booleans()):
                out.append(compressor.flush())
        pieces = [*out, compressor.finish()]
    return b"".join(pieces)


@given(data=st.data(), page=pages, forms=form_lists)
def test_any_page_cut_anywhere_gains_the_script_and_nothing_of_it_waits(
    data: st.DataObject, page: bytes, forms: list[Form]
) -> None:
    """What can be decoded of the output is, at any time, what would come of the bare page."""
    whole = drawn_stream(data, page, forms)
    warnings: list[str] = []
    documents_only = data.draw(st.booleans())
    body = coded_body(forms, warnings, documents_only=documents_only)
    bare = Inserter(SNIPPET, charset_is_known=True, documents_only=documents_only)
    came, went = StreamDecoder(forms), StreamDecoder(forms)
    sent, expected = b"", b""
    for piece in drawn_pieces(data, whole):
        sent_now = b"".join(body.feed(piece))
        sent += sent_now
        known = came.decode(piece)
        if known:
            expected += bare.feed(known) + bare.flush()
        if not body.stays:
            went.decode(sent_now)
            assert went.decoded == expected
    sent += b"".join(body.feed(b"", is_last=True))
    expected += bare.finish()
    assert warnings == []
    if body.stays:
        assert sent == whole
        assert bare.added == 0 or page == b""
    else:
        assert decoded(sent, forms) == expected
        whole_page = Inserter(SNIPPET, charset_is_known=True)
        inserted = whole_page.feed(page) + whole_page.finish()
        assert not bare.is_determined or bare.added == 0 or expected == inserted


@given(data=st.data(), forms=form_lists)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_cuts_of_a_coded_page_and_its_flushes_change_nothing(
    adapter: str, data: st.DataObject, forms: list[Form]
) -> None:
    pieces = drawn_pieces(data, drawn_stream(data, PAGE, forms))
    seen = ADAPTERS[adapter](reply_of(pieces, *fields_of(forms)), SETTINGS, ADA)
    assert decoded(seen.body, forms) == insert(PAGE, SNIPPET)


# Nothing waits.


def sent_when_app_went_on_wsgi(chunks: Sequence[bytes], encoding: str) -> list[bytes]:
    sent: list[bytes] = []
    seen: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML_TYPE, ("Content-Encoding", encoding)])
        for chunk in chunks:
            yield chunk
            seen.append(b"".join(sent))

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    middleware = wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)
    sent.extend(middleware(environ, lambda *arguments: sent.append))
    return [*seen, b"".join(sent)]


def sent_when_app_went_on_asgi(chunks: Sequence[bytes], encoding: str) -> list[bytes]:
    sent: list[bytes] = []
    seen: list[bytes] = []

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        headers = [
            (b"content-type", HTML_TYPE[1].encode()),
            (b"content-encoding", encoding.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            seen.append(b"".join(sent))
        await send({"type": "http.response.body"})

    async def send(message: asgi.Message) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> asgi.Message:
        return {"type": "http.disconnect"}

    async def call() -> None:
        scope: asgi.Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)(scope, receive, send)

    anyio.run(call)
    return [*seen, b"".join(sent)]


SENT_WHEN_APP_WENT_ON = {"wsgi": sent_when_app_went_on_wsgi, "asgi": sent_when_app_went_on_asgi}


@pytest.mark.parametrize(
    "forms", [*([form] for form in FORMS), [GZIP, BR], [BARE_DEFLATE, ZSTD, GZIP]]
)
def test_flushed_bytes_can_be_decoded_before_the_app_goes_on(
    adapter: str, forms: list[Form]
) -> None:
    parts = [
        b"<!doctype html><title>Or",
        b'ders</title><link rel="',  # which the parser would drop if nothing followed
        b'x"></head><p>One',
        b"<p>Two",
        ROWS,
    ]
    expected = insert(b"".join(parts), SNIPPET)
    shown = [
        b"<!doctype html><title>Or",
        b"<!doctype html><title>Orders</title>",
        expected[: -len(b"<p>Two" + ROWS)],
        expected[: -len(ROWS)],
        expected,
    ]
    chunks = streamed(parts, forms)
    seen = SENT_WHEN_APP_WENT_ON[adapter](chunks, *fields_of(forms))
    assert [decodable(sent, forms) for sent in seen[: len(parts)]] == shown
    assert decoded(seen[-1], forms) == expected


@each_form
def test_a_long_part_that_was_flushed_can_be_decoded_at_once(form: Form) -> None:
    parts = [START + b"<p>" + NUMBERS, b"<p>The last"]
    chunks = streamed(parts, [form])
    body, decoder = coded_body([form]), StreamDecoder([form])
    decoder.decode(b"".join(body.feed(chunks[0])))
    assert decoder.decoded == insert(parts[0], SNIPPET)


# Several members, and what follows them.


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 100_000])
def test_several_gzip_members_are_one_page(fetch: Fetch, size: int) -> None:
    whole = b"".join(gzip.compress(part) for part in (b"", START[:20], START[20:], ROWS, b""))
    seen = fetch(reply_of(cut(whole, size), "gzip"), SETTINGS, ADA)
    assert gzip.decompress(seen.body) == insert(START + ROWS, SNIPPET)


def skippable(kind: int, data: bytes) -> bytes:
    """Return a frame of RFC 8878 section 3.1.2."""
    return bytes([0x50 + kind]) + b"\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 100_000])
def test_several_zstd_frames_are_one_page_and_skippable_ones_are_skipped(
    fetch: Fetch, size: int
) -> None:
    whole = b"".join(
        [
            skippable(0, b"some note"),
            zstd.compress(START[:20]),
            zstd.compress(START[20:]),
            skippable(15, b"x" * 300),
            skippable(1, b""),
            zstd.compress(ROWS),
            skippable(7, b"the end"),
        ]
    )
    seen = fetch(reply_of(cut(whole, size), "zstd"), SETTINGS, ADA)
    assert zstd.decompress(seen.body) == insert(START + ROWS, SNIPPET)


@given(data=st.data(), parts=st.lists(st.sampled_from([b"", START, ROWS, b"<p>"]), min_size=1))
@pytest.mark.parametrize("form", [GZIP, ZSTD], ids=["gzip", "zstd"])
def test_gzip_members_may_be_cut_anywhere(
    form: Form, data: st.DataObject, parts: list[bytes]
) -> None:
    page = START + b"".join(parts)
    whole = form.encode(START) + b"".join(map(form.encode, parts))
    sent = through(coded_body([form]), drawn_pieces(data, whole))
    assert form.decode(sent) == insert(page, SNIPPET)


@pytest.mark.parametrize(
    "garbage", [b"\x00", b"\x00" * 512, b"\n", b"\x1f", b"\x1f\x8b", b"<!-- cached -->" * 9]
)
@pytest.mark.parametrize("size", [5, 100_000])
@pytest.mark.parametrize("form", [form for form in FORMS if form is not BR])
def test_bytes_behind_the_end_of_a_coded_page_are_dropped(
    form: Form, garbage: bytes, size: int
) -> None:
    warnings: list[str] = []
    sent = through(coded_body([form], warnings), cut(form.encode(PAGE) + garbage, size))
    assert form.decode(sent) == insert(PAGE, SNIPPET)
    assert warnings == []


def test_pieces_behind_the_end_of_a_br_page_are_dropped() -> None:
    sent = through(coded_body([BR]), [BR.encode(PAGE), b"<!-- cached -->", b"x"])
    assert BR.decode(sent) == insert(PAGE, SNIPPET)


def test_a_br_page_in_one_piece_with_bytes_behind_its_end_passes_untouched() -> None:
    """The library takes no data in which the page ends, and gives nothing of it."""
    warnings: list[str] = []
    page = BR.encode(PAGE) + b"<!-- cached -->"
    assert through(coded_body([BR], warnings), [page]) == page
    assert len(warnings) == 1


# What is not what its `Content-Encoding` says.


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("size", [7, 100_000])
@each_form
def test_a_coded_page_that_is_cut_short_stays_cut_short(form: Form, part: float, size: int) -> None:
    whole = b"".join(streamed(cut(PAGE, 100), [form]))
    whole = whole[: int(len(whole) * part)]
    warnings: list[str] = []
    sent = through(coded_body([form], warnings), cut(whole, size))
    assert decodable(sent, [form]) == insert(decodable(whole, [form]), SNIPPET)
    assert decodable(sent, [form]).endswith(decodable(whole, [form])[-50:])
    with pytest.raises((AssertionError, EOFError, ValueError, brotli.error, zstd.ZstdError)):
        form.decode(sent)
    assert warnings == []


def test_a_coded_page_that_is_cut_short_arrives_up_to_the_cut(fetch: Fetch) -> None:
    first, *_ = streamed([START + b"<p>A", b"<p>B"], [GZIP])
    seen = fetch(reply_of([first], "gzip"), SETTINGS, ADA)
    assert decodable(seen.body, [GZIP]) == insert(START + b"<p>A", SNIPPET)
    assert "Content-Length" not in seen.headers


VALIDATORS = (("ETag", '"1"'), ("Cache-Control", "max-age=60"), ("Last-Modified", "yesterday"))


def warned(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    return record.getMessage()


def assert_untouched(fetch: Fetch, reply: Reply, **request: Any) -> None:
    seen = fetch(reply, SETTINGS, ADA, **request)
    assert seen.body == b"".join(reply.chunks)
    assert sorted((name.lower(), value) for name, value in seen.headers) == sorted(
        (name.lower(), value) for name, value in reply.headers
    )


@pytest.mark.parametrize("size", [9, 100_000])
@each_form
def test_a_body_that_is_not_coded_passes_untouched_and_is_logged_once(
    fetch: Fetch, form: Form, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    not_coded = b"\xff\xff" + PAGE
    reply = reply_of(cut(not_coded, size), form.name, others=VALIDATORS)
    assert_untouched(fetch, reply)
    assert "Content-Encoding" in warned(caplog)


@each_form
def test_a_coding_error_before_anything_was_sent_passes_the_page_untouched(
    fetch: Fetch, form: Form, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, *_ = streamed([START + b"<p>A", b"<p>B"], [form])
    reply = reply_of([first + second + b"\xff" * 50], form.name, others=VALIDATORS)
    if fetch is ADAPTERS["wsgi"]:  # one that tells that this piece is all of the page
        assert_untouched(fetch, reply)
        assert "Content-Encoding" in warned(caplog)


@each_form
def test_a_coding_error_after_bytes_were_sent_ends_the_page_and_is_logged_once(
    fetch: Fetch, form: Form, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, *rest = streamed([START + b"<p>A", b"<p>B", ROWS], [form])
    wrong = [first, second, b"\xff" * 50, *rest, b"\xff" * 50]
    seen = fetch(reply_of(wrong, form.name), SETTINGS, ADA)
    assert decodable(seen.body, [form]) == insert(START + b"<p>A<p>B", SNIPPET)
    assert "Content-Encoding" in warned(caplog)


@each_form
def test_a_coding_error_in_the_head_is_like_a_page_that_is_cut_short(form: Form) -> None:
    head = b"<!doctype html><head><title>A</title>"
    first, *_ = streamed([head, b"<p>A"], [form])
    sent = through(coded_body([form]), [first, b"\xff" * 50, b"more"])
    assert decodable(sent, [form]) == insert(head, SNIPPET)


def with_wrong_checksum(form: Form) -> bytes:
    whole, length = form.encode(PAGE), {"gzip": 8, "deflate": 4}[form.name]
    return whole[:-length] + bytes(byte ^ 1 for byte in whole[-length:])


@pytest.mark.parametrize("form", [GZIP, DEFLATE], ids=["gzip", "deflate"])
def test_a_page_that_comes_whole_with_a_wrong_checksum_passes_as_it_came(form: Form) -> None:
    warnings: list[str] = []
    page = with_wrong_checksum(form)
    assert through(coded_body([form], warnings), [page]) == page
    assert len(warnings) == 1


@pytest.mark.parametrize("form", [GZIP, DEFLATE], ids=["gzip", "deflate"])
def test_a_page_in_pieces_with_a_wrong_checksum_ends_there(form: Form) -> None:
    warnings: list[str] = []
    sent = through(coded_body([form], warnings), cut(with_wrong_checksum(form), 1))
    assert decodable(sent, [form]) == insert(PAGE, SNIPPET)
    assert len(warnings) == 1


@pytest.mark.parametrize("size", [1, 100_000])
def test_any_header_of_a_gzip_member_is_skipped(size: int) -> None:
    compressor = zlib.compressobj(wbits=-15)
    bare = compressor.compress(PAGE) + compressor.flush()
    check = zlib.crc32(PAGE).to_bytes(4, "little") + len(PAGE).to_bytes(4, "little")
    flags, extra = bytes([0x1F]), b"\x03\x00abc"
    header = b"\x1f\x8b\x08" + flags + bytes(6) + extra + b"a name\x00a comment\x00"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    sent = through(coded_body([GZIP]), cut(header + bare + check, size))
    assert GZIP.decode(sent) == insert(PAGE, SNIPPET)


@pytest.mark.parametrize(
    ("form", "beginning"), [(GZIP, b"\x1f\x8b\x08\xe0"), (DEFLATE, b"\x78\xbb")]
)
def test_a_body_that_browsers_cannot_decode_passes_untouched(form: Form, beginning: bytes) -> None:
    warnings: list[str] = []
    page = beginning + form.encode(PAGE)[len(beginning) :]
    assert through(coded_body([form], warnings), [page]) == page
    assert len(warnings) == 1


def test_a_coding_error_is_logged_once_however_often_the_page_is_requested(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML_TYPE, ("Content-Encoding", "br")])
        return [b"\xff" * 50]

    client = Client(wsgi.PaviorMiddleware(app, SETTINGS))
    for _ in range(3):
        assert client.get("/").data == b"\xff" * 50
    assert warned(caplog)


# Bombs: few bytes that stand for very many.

MIB = 1024 * 1024
ZEROS = bytes(16 * MIB)


def flushed_zeros(form: Form, count: int) -> bytes:
    """Code 16 MiB of zeros so many times, at the cost of three."""
    first, second, third, end = streamed([ZEROS] * 3, [form])
    assert second == third
    return first + second * (count - 1) + end


def gzip_bomb() -> bytes:
    return flushed_zeros(BARE_DEFLATE, 64)


def br_bomb() -> bytes:
    return flushed_zeros(BR, 640)


def zstd_bomb() -> bytes:
    return zstd.compress(ZEROS) * 640


BOMBS: Mapping[str, tuple[Callable[[], bytes], Sequence[Form]]] = {
    "1 GiB in deflate": (gzip_bomb, [BARE_DEFLATE]),
    "10 GiB in br": (br_bomb, [BR]),
    "10 GiB in zstd": (zstd_bomb, [ZSTD]),
    "1 GiB in deflate in gzip in br": (
        lambda: coded(gzip_bomb(), [GZIP, BR]),
        [BARE_DEFLATE, GZIP, BR],
    ),
}
MOST_ADDED_KIB = 48 * 1024  # what the largest windows take, and the encoders


def peak_kib() -> int:
    """Return the most memory that this process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def explode(name: str) -> tuple[int, list[str], int]:
    """Feed a bomb; return how many bytes came out, the warnings, and the memory it took."""
    bomb, forms = BOMBS[name]
    data = bomb()
    warnings: list[str] = []
    list(coded_body(forms).feed(coded(PAGE, forms)))  # what the codecs take in any case
    before = peak_kib()
    size = sum(map(len, coded_body(forms, warnings).feed(data)))
    return size, warnings, peak_kib() - before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="where the peak stands")
@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.slow
def test_a_bomb_takes_little_memory(name: str) -> None:
    context = multiprocessing.get_context("spawn")  # so that nothing else adds to its peak
    with context.Pool(1) as pool:
        size, warnings, added_kib = pool.apply(explode, (name,))
    assert added_kib < MOST_ADDED_KIB
    if name == "1 GiB in deflate":  # no more than deflate can reach
        assert (warnings, size > 0) == ([], True)
    else:
        (warning,) = warnings
        assert str(MOST_EXPANSION) in warning


@pytest.mark.parametrize(
    ("data", "forms"),
    [
        (flushed_zeros(BR, 10), [BR]),
        (coded(flushed_zeros(GZIP, 2), [GZIP]), [GZIP, GZIP]),
        (coded(flushed_zeros(GZIP, 2), [GZIP, BR]), [GZIP, GZIP, BR]),
    ],
    ids=["br", "gzip in gzip", "gzip in gzip in br"],
)
def test_a_bomb_in_one_piece_passes_untouched(
    fetch: Fetch, data: bytes, forms: list[Form], caplog: pytest.LogCaptureFixture
) -> None:
    assert_untouched(fetch, reply_of([data], *fields_of(forms), others=VALIDATORS))
    assert str(MOST_EXPANSION) in warned(caplog)


def test_a_page_that_turns_out_to_be_a_bomb_is_cut_off_there(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    first, *rest = streamed([START + b"<p>", *[ZEROS] * 9], [BR])
    seen = fetch(reply_of([first, b"".join(rest)], "br"), SETTINGS, ADA)
    shown = decodable(seen.body, [BR])
    assert shown.startswith(insert(START + b"<p>", SNIPPET))
    expanded = len(shown) - FREE_EXPANSION
    assert expanded < MOST_EXPANSION * sum(map(len, [first, *rest])) + codings.PIECE
    assert str(MOST_EXPANSION) in warned(caplog)


def test_a_page_of_many_like_rows_is_no_bomb() -> None:
    page = START + b"<tr><td>0<td>0" * 1_000_000
    body = coded_body([GZIP])
    sent = b"".join(body.feed(GZIP.encode(page), is_last=True))
    assert GZIP.decode(sent) == insert(page, SNIPPET)


EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # of deflate (RFC 1951 section 3.2.4)


def test_a_bomb_that_goes_off_between_two_codings_is_given_up() -> None:
    warnings: list[str] = []
    compressor = BR.compressor()
    blocks = EMPTY_BLOCK * 1_000_000
    bomb = [compressor.encode(gzip.compress(b"")[:10])]
    bomb += [compressor.encode(blocks) for _ in range(10)]
    bomb += [compressor.finish()]
    list(coded_body([GZIP, BR], warnings).feed(b"".join(bomb)))
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("form", "start", "nothing"),
    [
        (GZIP, gzip.compress(b"")[:10], EMPTY_BLOCK * 2_000),
        (GZIP, b"\x1f\x8b\x08\x08" + bytes(6), b"a file name without end" * 400),
        (ZSTD, b"", skippable(0, bytes(10_000))),
    ],
    ids=["empty blocks", "a long name", "skippable frames"],
)
def test_coded_bytes_that_decode_to_nothing_are_not_held(
    form: Form, start: bytes, nothing: bytes
) -> None:
    body = coded_body([form])
    pieces = [start, *[nothing] * 400]
    sent = sum(len(out) for piece in pieces for out in body.feed(piece))
    assert sent > sum(map(len, pieces)) - MOST_HELD


class Counting:
    """Counts the bytes that are handed to the members of a gzip stream."""

    def __init__(self) -> None:
        self.handed = 0

    def __call__(self) -> Any:
        member = codings._ZlibMember(31)
        decompress = member.decompress

        def counted(data: bytes, max_length: int) -> bytes:
            self.handed += len(data)
            return decompress(data, max_length)

        member.decompress = counted  # type: ignore[method-assign]
        return member


def test_twice_as_many_members_in_one_piece_are_twice_the_work() -> None:
    some, twice = Counting(), Counting()
    for count, members in ((10_000, some), (20_000, twice)):
        list(codings._Members(members, codings._GZIP_MAGIC).decode(gzip.compress(b"") * count))
    assert twice.handed < 2.5 * some.handed


# What stays as it is.


@pytest.mark.parametrize("destination", ["empty", None])
@each_form
def test_the_body_of_a_coded_fragment_passes_untouched(
    fetch: Fetch, form: Form, destination: str | None
) -> None:
    headers = {"Sec-Fetch-Dest": destination} if destination else {}
    reply = reply_of([form.encode(FRAGMENT)], form.name, others=VALIDATORS)
    seen = fetch(reply, SETTINGS, ADA, headers=headers)
    assert seen.body == reply.chunks[0]
    assert "Sec-Fetch-Dest" in seen.headers["Vary"]


def test_a_coded_fragment_that_a_browser_navigates_to_gains_the_script(fetch: Fetch) -> None:
    reply = reply_of([gzip.compress(FRAGMENT)], "gzip")
    seen = fetch(reply, SETTINGS, ADA, headers={"Sec-Fetch-Dest": "document"})
    assert gzip.decompress(seen.body) == insert(FRAGMENT, SNIPPET)


@pytest.mark.parametrize("chunks", [[], [b""]])
def test_a_coded_body_without_a_byte_passes_untouched(fetch: Fetch, chunks: list[bytes]) -> None:
    headers = {"Sec-Fetch-Dest": "document"}
    assert_untouched(fetch, reply_of(chunks, "gzip", others=VALIDATORS), headers=headers)


@pytest.mark.parametrize(
    ("encodings", "told"),
    [
        (["compress"], "'compress'"),
        (["dcb"], "'dcb'"),
        (["gzip", "br, pack200-gzip"], "'pack200-gzip'"),
        (["gzip, gzip, gzip, gzip, gzip"], "too many"),
    ],
)
def test_an_unknown_coding_passes_untouched_and_is_logged_once(
    fetch: Fetch, encodings: list[str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert_untouched(fetch, reply_of([b"\x1f\x9d" + PAGE], *encodings, others=VALIDATORS))
    assert told in warned(caplog)


@pytest.fixture
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches = (codings._brotli, codings._zstd)
    for cache in caches:
        cache.cache_clear()
    for module in ("brotli", zstd.__name__):
        monkeypatch.setitem(sys.modules, module, None)
    package, _, name = zstd.__name__.rpartition(".")
    monkeypatch.delattr(sys.modules[package], name)
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("without_libraries")
@pytest.mark.parametrize("form", [BR, ZSTD], ids=["br", "zstd"])
def test_a_coding_without_its_library_passes_untouched_and_the_remedy_is_logged_once(
    fetch: Fetch, form: Form, caplog: pytest.LogCaptureFixture
) -> None:
    assert_untouched(fetch, reply_of([form.encode(PAGE)], form.name, others=VALIDATORS))
    assert 'pip install "pavior-middleware[codings]"' in warned(caplog)


@pytest.mark.usefixtures("without_libraries")
def test_gzip_needs_no_library(fetch: Fetch) -> None:
    seen = fetch(reply_of([gzip.compress(PAGE)], "gzip"), SETTINGS, ADA)
    assert gzip.decompress(seen.body) == insert(PAGE, SNIPPET)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="where zstd is Python's own")
@pytest.mark.usefixtures("without_libraries")
def test_another_backport_does_not_stand_for_the_one_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "backports.zstd")
    monkeypatch.setattr(sys.modules["backports"], "__path__", [str(tmp_path)])
    assert_untouched(ADAPTERS["wsgi"], reply_of([ZSTD.encode(PAGE)], "zstd"))
    assert "backports.zstd" in warned(caplog)


@pytest.mark.usefixtures("without_libraries")
def test_an_old_brotli_that_cannot_be_kept_within_bounds_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Old:
        class Decompressor:
            pass

    monkeypatch.setitem(sys.modules, "brotli", Old)
    assert_untouched(ADAPTERS["wsgi"], reply_of([BR.encode(PAGE)], "br"))
    assert "Brotli 1.2" in warned(caplog)


# What the head says of it.


@each_form
def test_the_content_length_of_a_coded_page_that_came_whole_is_right(
    fetch: Fetch, form: Form
) -> None:
    data = form.encode(PAGE)
    others = [("Content-Length", str(len(data)))]
    seen = fetch(reply_of([data], form.name, others=others), SETTINGS, ADA)
    assert seen.headers["Content-Length"] == str(len(seen.body))
    assert form.decode(seen.body) == insert(PAGE, SNIPPET)


@each_form
def test_a_content_length_that_is_not_known_in_time_is_removed(fetch: Fetch, form: Form) -> None:
    pieces = streamed([START + b"<p>A", ROWS], [form])
    others = [("Content-Length", str(sum(map(len, pieces))))]
    seen = fetch(reply_of(pieces, form.name, others=others), SETTINGS, ADA)
    assert "Content-Length" not in seen.headers
    assert form.decode(seen.body) == insert(START + b"<p>A" + ROWS, SNIPPET)


@given(data=st.data())
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_content_length_of_a_coded_page_is_right_or_absent(
    adapter: str, data: st.DataObject
) -> None:
    whole = ZSTD.encode(PAGE)
    others = [("Content-Length", str(len(whole)))]
    seen = ADAPTERS[adapter](
        reply_of(drawn_pieces(data, whole), "zstd", others=others), SETTINGS, ADA
    )
    assert seen.headers.get("Content-Length", str(len(seen.body))) == str(len(seen.body))
    assert ZSTD.decode(seen.body) == insert(PAGE, SNIPPET)


def test_a_coded_page_without_a_content_length_gets_none(fetch: Fetch) -> None:
    seen = fetch(reply_of([gzip.compress(PAGE)], "gzip"), SETTINGS, ADA)
    assert "Content-Length" not in seen.headers


def test_a_coded_page_too_long_to_hold_has_no_content_length(fetch: Fetch) -> None:
    page = START + b"<img src=data:;base64," + b64encode(random.Random(1).randbytes(1_500_000))
    data = gzip.compress(page, 1)
    others = [("Content-Length", str(len(data)))]
    seen = fetch(reply_of([data], "gzip", others=others), SETTINGS, ADA)
    assert len(seen.body) > MOST_HELD
    assert "Content-Length" not in seen.headers
    assert gzip.decompress(seen.body) == insert(page, SNIPPET)


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', '"1:gzip"'])
def test_the_validator_of_a_coded_page_is_weak_since_compressors_differ(
    fetch: Fetch, etag: str
) -> None:
    reply = reply_of([gzip.compress(PAGE)], "gzip", others=[("ETag", etag)])
    assert fetch(reply, SETTINGS, ADA).headers["ETag"].startswith('W/"pavior.')


def test_a_coded_page_still_varies_by_the_codings_that_the_client_takes(fetch: Fetch) -> None:
    reply = reply_of([gzip.compress(PAGE)], "gzip", others=[("Vary", "Accept-Encoding")])
    vary = fetch(reply, SETTINGS, ADA).headers["Vary"].split(", ")
    assert vary == ["Accept-Encoding", "Cookie", "Sec-Fetch-Dest", "Origin"]


@each_form
def test_a_head_request_for_a_coded_page_gets_no_wrong_length(fetch: Fetch, form: Form) -> None:
    length = str(len(form.encode(PAGE)))
    others = [("Content-Length", length), ("ETag", '"1"'), ("Vary", "Accept-Encoding")]
    seen = fetch(reply_of([], form.name, others=others), SETTINGS, ADA, method="HEAD")
    assert seen.body == b""
    assert "Content-Length" not in seen.headers
    assert seen.headers["Content-Encoding"] == form.name
    assert seen.headers["ETag"].startswith('W/"pavior.')
    assert "Accept-Encoding" in seen.headers["Vary"]


# Beside what frameworks compress with.

PARTS = (START.decode(), "<body><table>", ROWS.decode(), "</table></body></html>")


async def whole_page(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def streamed_page(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for part in PARTS:
            yield part

    return StreamingResponse(parts(), media_type="text/html")


OURS = Middleware(asgi.PaviorMiddleware, settings=SETTINGS, identity=lambda scope: ADA)
THEIRS = Middleware(GZipMiddleware)


@pytest.mark.parametrize("path", ["/whole", "/streamed"])
@pytest.mark.parametrize("order", [[OURS, THEIRS], [THEIRS, OURS]], ids=["inside", "outside"])
def test_a_page_is_right_with_starlettes_gzip_inside_or_around_the_middleware(
    order: list[Middleware], path: str
) -> None:
    routes = [Route("/whole", whole_page), Route("/streamed", streamed_page)]
    client = TestClient(Starlette(routes=routes, middleware=order))
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as response:
        body = b"".join(response.iter_raw())
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers.get("Content-Length", str(len(body))) == str(len(body))
    assert "accept-encoding" in response.headers["Vary"].lower()
    assert gzip.decompress(body) == insert(PAGE, SNIPPET)
    assert len(init_calls(gzip.decompress(body))) == 1


@pytest.mark.parametrize("path", ["/whole", "/streamed"])
@pytest.mark.parametrize("form", [GZIP, BR, ZSTD, DEFLATE], ids=["gzip", "br", "zstd", "deflate"])
@pytest.mark.parametrize("is_ours_first", [True, False])
def test_a_page_that_flask_compress_has_coded_is_right(
    form: Form, path: str, is_ours_first: bool
) -> None:
    app = flask.Flask(__name__)
    app.config.update(
        PAVIOR_TEAM_VANITY_ID=TEAM,
        PAVIOR_API_KEY=API_KEY,
        COMPRESS_ALGORITHM_STREAMING=["gzip", "br", "zstd", "deflate"],
    )
    for extension in (Pavior, Compress) if is_ours_first else (Compress, Pavior):
        extension(app)

    @app.get("/whole")
    def whole() -> str:
        return PAGE.decode()

    @app.get("/streamed")
    def streamed() -> flask.Response:
        return flask.Response(iter(PARTS), mimetype="text/html")

    response = app.test_client().get(path, headers={"Accept-Encoding": form.name})
    assert response.headers["Content-Encoding"] == form.name
    assert ("Content-Length" in response.headers) == (path == "/whole")
    assert "Accept-Encoding" in response.headers["Vary"]
    page = form.decode(response.data)
    assert len(init_calls(page)) == 1
    assert page == insert(PAGE, render(SETTINGS).element())
