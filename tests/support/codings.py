"""Content codings as apps and clients use them: forms, streams, and decoded text."""

from __future__ import annotations

import gzip
import logging
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import strategies as st

from pavior_middleware._http import codings
from pavior_middleware._page.body import CodedBody
from pavior_middleware._page.snippet import render
from pavior_middleware.placement import Inserter
from tests.support.adapters import HTML_TYPE, Fetch, Reply
from tests.support.sites import ADA, SETTINGS

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

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
    """Returns what takes a stream piece by piece and gives what is decodable by then."""
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
        """Call until nothing comes: a call that returns bytes may have left more."""
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
    """Decodes what has come so far, through all codings."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self._decoders = [form.decoder() for form in reversed(forms)]
        self.decoded = b""

    def decode(self, data: bytes) -> bytes:
        """Return what these bytes add to the decoded text."""
        for decode in self._decoders:
            data = decode(data) if data else b""
        self.decoded += data
        return data


def streamed(pieces: Sequence[bytes], forms: Sequence[Form]) -> list[bytes]:
    """Encode pieces as an app that flushes after each piece."""
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


def drawn_pieces(data: st.DataObject, whole: bytes) -> list[bytes]:
    places = data.draw(st.lists(st.integers(0, len(whole)), max_size=8))
    return [whole[start:end] for start, end in pairwise([0, *sorted(places), len(whole)])]


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


def peak_kib() -> int:
    """Return the most memory that this process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])
