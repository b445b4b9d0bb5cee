"""Coded pages: decoded, given the script, and encoded again in the codings that the app chose."""

from __future__ import annotations

import gzip
import random
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import anyio
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

from pavior_middleware import asgi, wsgi
from pavior_middleware._http import codings
from pavior_middleware._page.body import MOST_HELD
from pavior_middleware._page.snippet import render
from pavior_middleware.flask import Pavior
from pavior_middleware.placement import Inserter, insert
from tests.support.adapters import ADAPTERS, HTML_TYPE, Fetch
from tests.support.codings import (
    BARE_DEFLATE,
    BR,
    DEFLATE,
    FORMS,
    FRAGMENT,
    GZIP,
    PAGE,
    ROWS,
    SNIPPET,
    START,
    VALIDATORS,
    X_GZIP,
    ZSTD,
    Form,
    StreamDecoder,
    assert_untouched,
    coded,
    coded_body,
    cut,
    decodable,
    decoded,
    drawn_pieces,
    each_form,
    fields_of,
    reply_of,
    streamed,
    through,
    warned,
    zstd,
)
from tests.support.pages import init_calls
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM


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
    ("encodings", "warning"),
    [
        (["compress"], "'compress'"),
        (["dcb"], "'dcb'"),
        (["gzip", "br, pack200-gzip"], "'pack200-gzip'"),
        (["gzip, gzip, gzip, gzip, gzip"], "too many"),
    ],
)
def test_an_unknown_coding_passes_untouched_and_is_logged_once(
    fetch: Fetch, encodings: list[str], warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert_untouched(fetch, reply_of([b"\x1f\x9d" + PAGE], *encodings, others=VALIDATORS))
    assert warning in warned(caplog)


@pytest.fixture
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches = (codings._brotli, codings._zstd)
    for cache in caches:
        cache.cache_clear()
    for module in ("brotli", zstd.__name__):
        monkeypatch.setitem(sys.modules, module, None)
    package, _, name = zstd.__name__.rpartition(".")
    monkeypatch.delattr(sys.modules[package], name, raising=False)
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
def test_another_backport_does_not_replace_the_missing_one(
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
