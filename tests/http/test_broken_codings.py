"""Coded pages of several members, cut short, or not in the coding that they name."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from pavior_middleware import wsgi
from pavior_middleware.placement import insert
from tests.support.adapters import ADAPTERS, HTML_TYPE, Fetch
from tests.support.codings import (
    BR,
    DEFLATE,
    FORMS,
    GZIP,
    PAGE,
    ROWS,
    SNIPPET,
    START,
    VALIDATORS,
    ZSTD,
    Form,
    assert_untouched,
    coded_body,
    cut,
    decodable,
    drawn_pieces,
    each_form,
    reply_of,
    streamed,
    through,
    warned,
    zstd,
)
from tests.support.sites import ADA, SETTINGS


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
    if fetch is ADAPTERS["wsgi"]:  # which knows that this piece is all of the page
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

    client = Client(wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: None))
    for _ in range(3):
        assert client.get("/").data == b"\xff" * 50
    assert warned(caplog)
