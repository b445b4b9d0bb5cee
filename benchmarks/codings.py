"""What it costs to decode a page, insert the script and encode it again, beside the app's own cost.

    python -m benchmarks.codings

Times are the best of several rounds, in microseconds for one page. The contenders take turns within
a round, so other work of the machine slows all of them alike. Memory is the peak of a fresh
process, as Linux reports it.
"""

from __future__ import annotations

import gzip
import itertools
import multiprocessing
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter

import brotli

from pavior_middleware._http.codings import codings
from pavior_middleware._page.body import CodedBody
from pavior_middleware.placement import Inserter, insert

from .placement import END, PARTS, SNIPPET, START, microseconds, pieces, show

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CHUNK = 16 * 1024
"""The number of bytes of a coded page that an app or a server reads at a time."""

LENGTH_OF_STREAM = 2**30
WORDS = (
    *("cloud", "order", "shop", "rain", "price", "small", "large", "light", "grey", "white"),
    *("morning", "evening", "delivery", "address", "invoice", "customer", "summer", "winter"),
)


def realistic(size: int) -> bytes:
    """Return a page of about this size, with rows that are similar but not the same."""
    rows = []
    length = 0
    number = 1
    while length < size:
        words = []
        for _ in range(12):
            number = number * 48_271 % 2_147_483_647
            words.append(WORDS[number % len(WORDS)])
        rows.append(
            f'<tr class="row"><td><a href="/orders/{number}">{words[0]} {number % 9973}</a></td>'
            f"<td>{' '.join(words)}</td><td>{number % 997} EUR</td></tr>\n".encode()
        )
        length += len(rows[-1])
    return START + b"".join(PARTS) + END + b"<table>\n" + b"".join(rows)


def brotli_at(quality: int, page: bytes) -> bytes:
    """Encode a page as an app does."""
    coded: bytes = brotli.compress(page, quality=quality)
    return coded


ENCODERS: Mapping[str, tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip 6": ("gzip", partial(gzip.compress, compresslevel=6), gzip.decompress),
    "gzip 9": ("gzip", partial(gzip.compress, compresslevel=9), gzip.decompress),
    "br 4": ("br", partial(brotli_at, 4), brotli.decompress),
    "zstd 3": ("zstd", partial(zstd.compress, level=3), zstd.decompress),
}


def passed(coding: str, coded: list[bytes]) -> bytes:
    """Pass a page through, in one piece or many."""
    body = CodedBody(codings([coding]), Inserter(SNIPPET), sys.exit)
    sent: list[bytes] = []
    for index, piece in enumerate(coded):
        sent.extend(body.feed(piece, is_last=index == len(coded) - 1))
    return b"".join(sent)


def recoded(
    decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes], coded: bytes
) -> bytes:
    """Decode a page and encode it as the app did."""
    return encode(decode(coded))


def compare_pages() -> None:
    """Show what pages of four sizes cost, and how long they get."""
    times_rows, size_rows = [], []
    for (name, (coding, encode, decode)), size in itertools.product(ENCODERS.items(), SIZES):
        page = realistic(size)
        coded = encode(page)
        chunks = pieces(coded, CHUNK)
        sent = passed(coding, [coded]), passed(coding, chunks)
        for each in sent:  # check the page, since the time of a wrong page is worthless
            assert decode(each) == insert(page, SNIPPET), f"{name}, {size:,} B: a wrong page"
        times = microseconds(
            {
                "whole": partial(passed, coding, [coded]),
                "chunks": partial(passed, coding, chunks),
                "decode": partial(decode, coded),
                "recode": partial(recoded, decode, encode, coded),
                "encode": partial(encode, page),
            }
        )
        ours = times["whole"]
        cells = [f"{time:,.0f} ({time / ours:.2f}x)" for time in times.values()]
        times_rows.append([name, f"{size:,} B", *cells])
        ratios = [f"{len(each):,} ({len(each) / len(coded):.2f}x)" for each in sent]
        size_rows.append([name, f"{len(page):,}", f"{len(coded):,}", *ratios])
    show(
        "One page, µs (and as a multiple of our time in one piece)",
        [
            *("app's coding", "page", "ours, whole", f"ours, {CHUNK // 1024} KiB chunks"),
            *("decode only", "decode and encode", "app's encode"),
        ],
        times_rows,
    )
    show(
        "Its length, B (and as a multiple of what the app sent)",
        ["app's coding", "page", "app", "ours, whole", f"ours, {CHUNK // 1024} KiB chunks"],
        size_rows,
    )


def long_stream() -> Iterator[bytes]:
    """Yield a gzipped page whose rows are encoded once and sent many times."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    rows = realistic(500_000)
    yield compressor.compress(rows) + compressor.flush(zlib.Z_FULL_FLUSH)
    rows = rows[rows.index(b"<tr") :]
    again = compressor.compress(rows) + compressor.flush(zlib.Z_FULL_FLUSH)
    yield from itertools.repeat(again, LENGTH_OF_STREAM // len(rows))


def serve_long_stream(*, with_us: bool) -> tuple[float, int]:
    """Return the seconds that the stream took, and the most memory, in KiB."""
    body = CodedBody(codings(["gzip"]), Inserter(SNIPPET), sys.exit)
    start = perf_counter()
    for piece in long_stream():
        if with_us:
            for _ in body.feed(piece):
                pass
    seconds = perf_counter() - start
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return seconds, int(found[1]) if found else 0


def measure_memory() -> None:
    """Show what a page of 1 GiB adds to the memory of a process."""
    rows = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name, with_us in (("without us", False), ("with us", True)):
            seconds, peak = pool.apply(serve_long_stream, kwds={"with_us": with_us})
            rows.append([name, f"{seconds:.1f} s", f"{peak:,} KiB"])
    show("A gzipped stream of 1 GiB", ["", "time", "peak of memory"], rows)


if __name__ == "__main__":
    compare_pages()
    measure_memory()
