"""Coverage-guided fuzzing of coded pages: any bytes under any coding, cut anywhere.

    pip install atheris
    python fuzz/fuzz_codings.py -max_total_time=600 -timeout=5 -rss_limit_mb=1024

Arguments are libFuzzer's; with a folder as the first, it keeps the inputs it found there.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import atheris
import brotli

with atheris.instrument_imports():
    from pavior_middleware._http.codings import codings
    from pavior_middleware._page.body import CodedBody
    from pavior_middleware.placement import Inserter

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SNIPPET = b"\x01snippet\x02"
MOST_DECODED = 16 * 1024 * 1024
"""The most bytes that the check itself decodes; a longer page is a bomb."""

PAGE = b"<!doctype html><title>A</title><p>" + bytes(range(256)) * 3
LONG_PAGE = PAGE + b"".join(b"<p>%d" % (n * n * 7919 % 1_000_003) for n in range(40_000))
NAMES = ("gzip", "deflate", "br", "zstd")
ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
SEEDS = (
    *((index, encode(PAGE)) for index, encode in enumerate(ENCODERS.values())),
    *((index, encode(LONG_PAGE)) for index, encode in enumerate(ENCODERS.values())),
    (0, gzip.compress(PAGE) + gzip.compress(b"") + b"\x00\x00"),
    (1, zlib.compress(PAGE)[2:-4]),
    (3, b"\x50\x2a\x4d\x18\x02\x00\x00\x00xx" + zstd.compress(PAGE) * 2),
)


class Decoder:
    """Decodes one coding as a client does: it shows all bytes up to the first error."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: Any = None
        self._beginning = b""
        self.is_over = False

    def decode(self, data: bytes) -> bytes:
        """Return what can be decoded now and could not before."""
        shown = b""
        try:
            for decoded in self._decode(data):
                shown += decoded
        except (zlib.error, brotli.error, zstd.ZstdError):
            self.is_over = True
        return shown

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data and not self.is_over:
            if self._stream is None:
                data = self._beginning = self._beginning + data
                if self._name == "deflate" and len(data) < 2:
                    return
                self._stream = self._opened(data)
            if self._name == "br":
                self.is_over = self._stream.is_finished()
                if not self.is_over:
                    yield from self._drained(data)
                return
            yield self._stream.decompress(data, MOST_DECODED)
            if not self._stream.eof:
                return
            data, self._beginning = self._stream.unused_data, b""
            self._stream = None
            self.is_over = self._name == "deflate"

    def _drained(self, data: bytes) -> Iterator[bytes]:
        """Yield all decoded bytes: a call that returns some may have left more."""
        length = 0
        while length < MOST_DECODED and not self._stream.is_finished():
            decoded = self._stream.process(data, output_buffer_limit=MOST_DECODED)
            data = b""
            if not decoded:
                return
            length += len(decoded)
            yield decoded

    def _opened(self, data: bytes) -> Any:
        self._beginning = b""
        if self._name == "br":
            return brotli.Decompressor()
        if self._name == "zstd":
            limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
            return zstd.ZstdDecompressor(options=limit)
        if self._name == "gzip":
            return zlib.decompressobj(31)
        is_zlib = data[0] & 0x8F == 0x08 and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(15 if is_zlib else -15)


class Client:
    """A client that gets a page in several codings."""

    def __init__(self, names: list[str]) -> None:
        self._decoders = [Decoder(name) for name in reversed(names)]
        self.shown = b""

    def take(self, data: bytes) -> bytes:
        """Take the next bytes and return what is shown of them."""
        for decoder in self._decoders:
            data = decoder.decode(data) if data else b""
        self.shown += data
        return data


def check(data: bytes) -> None:
    """Raise `AssertionError` if the rules for coded pages do not hold for one input."""
    provider = atheris.FuzzedDataProvider(data)
    count = provider.ConsumeIntInRange(1, 3)
    names = [NAMES[provider.ConsumeIntInRange(0, len(NAMES) - 1)] for _ in range(count)]
    ends_at_once = provider.ConsumeBool()
    encodes = provider.ConsumeBool()  # all but the innermost coding; raw bytes rarely decode
    copies = provider.ConsumeIntInRange(0, 2_000)  # a page longer than one step of decoding
    cut_count = provider.ConsumeIntInRange(0, 6)
    sizes = [provider.ConsumeIntInRange(0, 255) for _ in range(cut_count)]
    whole = provider.ConsumeBytes(sys.maxsize)
    if encodes and copies:
        whole = ENCODERS[names[0]](PAGE + b"".join(whole + b"%d" % n for n in range(copies)))
    if encodes:
        for name in names[1:]:
            whole = ENCODERS[name](whole)
    cuts = [0, *sorted(size for size in sizes if size < len(whole)), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(cuts)]
    check_page(names, pieces, ends_at_once=ends_at_once)


def check_page(names: list[str], pieces: list[bytes], *, ends_at_once: bool) -> None:
    """Pass a page through and compare what clients show of it before and after."""
    warnings: list[str] = []
    body = CodedBody(codings(names), Inserter(SNIPPET, charset_is_known=True), warnings.append)
    bare = Inserter(SNIPPET, charset_is_known=True)
    before, after = Client(names), Client(names)
    sent = expected = b""
    for index, piece in enumerate(pieces):
        is_last = ends_at_once and index == len(pieces) - 1
        passed = b"".join(body.feed(piece, is_last=is_last))
        sent += passed
        after.take(passed)
        known = before.take(piece) if len(before.shown) < MOST_DECODED else b""
        if known:
            expected += bare.feed(known) + bare.flush()
        if not body.stays and not warnings:
            assert after.shown.startswith(expected), "something waits"
    passed = b"".join(body.feed(b"", is_last=True))
    sent += passed
    after.take(passed)

    assert len(warnings) <= 1, "a warning is repeated"
    if body.stays:
        assert sent == b"".join(pieces), "a page that should stay unchanged has changed"
    elif warnings:
        assert after.shown.startswith(expected), "something of the page is lost"
    else:
        assert after.shown == expected + bare.finish(), "the page is not what was to come of it"


def main() -> None:
    """Run libFuzzer with the command line's arguments."""
    for index, seed in SEEDS:
        for ends_at_once in (True, False):
            check_page([NAMES[index]], [seed[:60], seed[60:]], ends_at_once=ends_at_once)
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
