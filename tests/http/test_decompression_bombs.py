"""Decompression bombs: few bytes that decode to very many cost little memory and time."""

from __future__ import annotations

import gzip
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pavior_middleware._http import codings
from pavior_middleware._page.body import FREE_EXPANSION, MOST_EXPANSION, MOST_HELD
from pavior_middleware.placement import insert
from tests.http.test_broken_codings import skippable
from tests.support.adapters import Fetch
from tests.support.codings import (
    BARE_DEFLATE,
    BR,
    GZIP,
    PAGE,
    SNIPPET,
    START,
    VALIDATORS,
    ZSTD,
    Form,
    assert_untouched,
    coded,
    coded_body,
    decodable,
    fields_of,
    peak_kib,
    reply_of,
    streamed,
    warned,
    zstd,
)
from tests.support.covering import first_of
from tests.support.sites import ADA, SETTINGS

MIB = 1024 * 1024

ZEROS = bytes(16 * MIB)


def flushed_zeros(form: Form, count: int) -> bytes:
    """Code 16 MiB of zeros this number of times, at the cost of three."""
    first, second, third, end = streamed([ZEROS] * 3, [form])
    assert second == third
    return first + second * (count - 1) + end


def small_bomb() -> bytes:
    return flushed_zeros(BARE_DEFLATE, 8)


def gzip_bomb() -> bytes:
    return flushed_zeros(BARE_DEFLATE, 64)


def br_bomb() -> bytes:
    return flushed_zeros(BR, 640)


def zstd_bomb() -> bytes:
    return zstd.compress(ZEROS) * 640


LARGEST_IN_DEFLATE = "1 GiB in deflate"
BOMBS: Mapping[str, tuple[Callable[[], bytes], Sequence[Form]]] = {
    "128 MiB in deflate": (small_bomb, [BARE_DEFLATE]),
    LARGEST_IN_DEFLATE: (gzip_bomb, [BARE_DEFLATE]),
    "10 GiB in br": (br_bomb, [BR]),
    "10 GiB in zstd": (zstd_bomb, [ZSTD]),
    "1 GiB in deflate in gzip in br": (
        lambda: coded(gzip_bomb(), [GZIP, BR]),
        [BARE_DEFLATE, GZIP, BR],
    ),
}

MOST_ADDED_KIB = 48 * 1024  # what the largest windows take, and the encoders


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
@pytest.mark.parametrize("name", first_of(BOMBS))
@pytest.mark.slow
def test_a_bomb_takes_little_memory(name: str) -> None:
    context = multiprocessing.get_context("spawn")  # so that nothing else adds to its peak
    with context.Pool(1) as pool:
        size, warnings, added_kib = pool.apply(explode, (name,))
    assert added_kib < MOST_ADDED_KIB
    if name.endswith("MiB in deflate") or name == LARGEST_IN_DEFLATE:  # no more than it can reach
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


def test_a_page_of_many_similar_rows_is_no_bomb() -> None:
    page = START + b"<tr><td>0<td>0" * 1_000_000
    body = coded_body([GZIP])
    sent = b"".join(body.feed(GZIP.encode(page), is_last=True))
    assert GZIP.decode(sent) == insert(page, SNIPPET)


EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # of deflate (RFC 1951 section 3.2.4)


def test_a_page_that_expands_too_much_between_two_codings_is_given_up() -> None:
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
