"""What happens to a response, through either adapter: pages gain the script, the rest stays."""

from __future__ import annotations

import dataclasses
import gzip
import logging
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings, sign
from tests.support.adapters import ADAPTERS, HTML_TYPE, PAGE, Fetch, Reply
from tests.support.pages import init_call, init_calls
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM


def with_headers(*headers: tuple[str, str]) -> Reply:
    return Reply(headers=(HTML_TYPE, *headers))


def test_a_page_names_its_user(fetch: Fetch) -> None:
    seen = fetch(Reply(), SETTINGS, ADA)
    assert init_call(seen.body) == {
        "teamVanityId": TEAM,
        "doChat": True,
        "doTimeTravel": True,
        "id": "7",
        "email": "ada@example.com",
        "firstName": "Ada",
        "hmac": sign(API_KEY, "7"),
    }
    assert API_KEY.encode() not in seen.body


def test_a_page_of_a_visitor_names_nobody(fetch: Fetch) -> None:
    seen = fetch(Reply(), SETTINGS)
    assert init_call(seen.body) == {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}


def test_a_page_of_a_borrowing_site_names_the_lender(fetch: Fetch) -> None:
    seen = fetch(Reply(), Settings(TEAM, share_auth="auth.example.com"), ADA)
    assert init_call(seen.body)["shareAuth"] == "auth.example.com"
    assert "email" not in init_call(seen.body)
    assert seen.headers["Vary"] == "Sec-Fetch-Dest"


@pytest.mark.parametrize("status", [200, 201, 400, 401, 404, 422, 500, 503])
def test_error_pages_gain_the_script(fetch: Fetch, status: int) -> None:
    seen = fetch(Reply(status=status), SETTINGS, ADA)
    assert seen.status == status
    assert init_call(seen.body)["id"] == "7"


def test_the_page_that_answers_a_posted_form_gains_the_script(fetch: Fetch) -> None:
    assert init_call(fetch(Reply(), SETTINGS, ADA, method="POST").body)["id"] == "7"


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "TEXT/HTML", 'text/html;charset="UTF-8"', " text/html ; charset=iso-8859-1"],
)
def test_html_is_recognized_in_any_spelling_of_its_media_type(
    fetch: Fetch, content_type: str
) -> None:
    reply = Reply(headers=[("Content-Type", content_type)])
    assert init_calls(fetch(reply, SETTINGS, ADA).body)


@pytest.mark.parametrize(
    ("values", "is_page"),
    [
        (["text/plain", "text/html"], True),
        (["text/html", "text/plain"], False),
        (["text/html", "nonsense"], True),
        (["text/html", "*/*"], True),
        (["text/html, text/plain"], False),
        (["text/plain, text/html"], True),
        (["text/html; charset=utf-16", "text/html"], False),  # the charset is carried over
        (["text/html; charset=utf-16", "text/plain", "text/html"], True),  # and here it is not
        (["text/html; charset=utf-16", "text/html; charset=utf-8"], True),
        ([""], False),
        (["text"], False),
        (["/html"], False),
    ],
    ids=lambda each: " then ".join(each) if isinstance(each, list) else None,
)
def test_of_several_media_types_the_last_good_one_counts(
    fetch: Fetch, values: list[str], is_page: bool
) -> None:
    """Fetch section 3.7, "extract a MIME type"."""
    reply = Reply(headers=[("Content-Type", value) for value in values])
    seen = fetch(reply, SETTINGS, ADA, headers={"Sec-Fetch-Dest": "document"})
    assert bool(init_calls(seen.body)) == is_page


@pytest.mark.parametrize("value", ["inline", "INLINE; filename=page.html"])
def test_a_page_with_an_inline_disposition_gains_the_script(fetch: Fetch, value: str) -> None:
    reply = with_headers(("Content-Disposition", value), ("Content-Encoding", "identity"))
    assert init_calls(fetch(reply, SETTINGS, ADA).body)


FRAGMENT = b"<tr><td>One more row"


@pytest.mark.parametrize(
    ("destination", "body", "gains"),
    [
        ("document", PAGE, True),
        ("document", FRAGMENT, True),  # a browser makes a document of it
        ("empty", PAGE, True),  # Turbo fetches whole pages
        ("empty", FRAGMENT, False),  # htmx fetches parts of one
        (None, PAGE, True),
        (None, FRAGMENT, False),
        ("iframe", PAGE, False),
        ("frame", PAGE, False),
        ("embed", PAGE, False),
        ("object", PAGE, False),
        ("fencedframe", PAGE, False),
        ("image", PAGE, False),
        ("document, document", PAGE, False),
    ],
)
def test_navigations_gain_the_script_and_subresources_do_not(
    fetch: Fetch, destination: str | None, body: bytes, gains: bool
) -> None:
    headers = {} if destination is None else {"Sec-Fetch-Dest": destination}
    seen = fetch(Reply([body]), SETTINGS, ADA, headers=headers)
    assert bool(init_calls(seen.body)) == gains
    assert gains or seen.body == body
    assert "Sec-Fetch-Dest" in seen.headers["Vary"]


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object", "fencedframe"])
def test_frames_gain_the_script_where_the_setting_says_so(fetch: Fetch, destination: str) -> None:
    settings = Settings(TEAM, API_KEY, inject_in_frames=True)
    seen = fetch(Reply(), settings, ADA, headers={"Sec-Fetch-Dest": destination})
    assert init_call(seen.body)["id"] == "7"


AMP = (
    "<!doctype html><html \u26a1 lang=en><head><meta charset=utf-8>"
    "<style amp-custom>p { margin: 0 }</style></head><body>Text"
).encode()
UNTOUCHED = {
    "not HTML": Reply(headers=[("Content-Type", "application/json")]),
    "XHTML": Reply(headers=[("Content-Type", "application/xhtml+xml")]),
    "text that looks like HTML": Reply(headers=[("Content-Type", "text/plain")]),
    "no type": Reply(headers=[("X-Name", "Zoe")]),
    "two types": with_headers(("Content-Type", "text/plain")),
    "a page that nginx sends": with_headers(("X-Accel-Redirect", "/protected/report.html")),
    "a page that Apache sends": with_headers(("X-Sendfile", "/srv/report.html")),
    "a page that lighttpd sends": with_headers(("X-LIGHTTPD-send-file", "/srv/report.html")),
    "a download": with_headers(("Content-Disposition", 'attachment; filename="a.html"')),
    "a download of an unknown kind": with_headers(("Content-Disposition", "form-data")),
    "a part": dataclasses.replace(with_headers(("Content-Range", "bytes 0-9/99")), status=206),
    "a part by its range": with_headers(("Content-Range", "bytes 0-9/99")),
    "a redirect": dataclasses.replace(with_headers(("Location", "/elsewhere")), status=302),
    "Shift codes": Reply(headers=[("Content-Type", "text/html; charset=ISO-2022-JP")]),
    "UTF-16": Reply(headers=[("Content-Type", "text/html; charset=UTF-16LE")]),
    "UTF-16 by its mark": Reply([b"\xff\xfe<\x00p\x00>\x00"], headers=[HTML_TYPE]),
    "AMP": Reply([AMP], headers=[HTML_TYPE, ("Content-Security-Policy", "script-src 'self'")]),
    "AMP in a stream": Reply([AMP[:60], b"", AMP[60:]]),
    "AMP, coded": Reply([gzip.compress(AMP)], headers=[HTML_TYPE, ("Content-Encoding", "gzip")]),
    "AMP with an entity tag": Reply([AMP], headers=[HTML_TYPE, ("ETag", '"1"')]),
}


@pytest.mark.parametrize("reply", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_a_response_that_is_no_page_passes_untouched(fetch: Fetch, reply: Reply) -> None:
    seen = fetch(reply, SETTINGS, ADA)
    assert seen.body == b"".join(reply.chunks)
    assert {(name.lower(), value) for name, value in reply.headers} <= {
        (name.lower(), value) for name, value in seen.headers
    }
    assert "Vary" not in seen.headers
    assert "Cache-Control" not in seen.headers


@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("cut", [1, 15, 20, 28, 40])
def test_an_amp_page_cut_anywhere_stays_unchanged(
    fetch: Fetch, cut: int, coding: str | None
) -> None:
    chunks, headers = [AMP[:cut], AMP[cut:]], [HTML_TYPE]
    if coding:
        compressor = zlib.compressobj(wbits=31)
        flushed = compressor.compress(chunks[0]) + compressor.flush(zlib.Z_SYNC_FLUSH)
        chunks = [flushed, compressor.compress(chunks[1]) + compressor.flush()]
        headers.append(("Content-Encoding", coding))
    seen = fetch(Reply(chunks, headers=headers), SETTINGS, ADA)
    assert (gzip.decompress(seen.body) if coding else seen.body) == AMP


@pytest.mark.parametrize("length", ["+45", "45, 45", "many"])
def test_a_content_length_that_is_no_number_is_removed(fetch: Fetch, length: str) -> None:
    if fetch is ADAPTERS["asgi"]:  # WebTest refuses to look at such a thing
        seen = fetch(with_headers(("Content-Length", length)), SETTINGS, ADA)
        assert "Content-Length" not in seen.headers


@pytest.mark.parametrize("chunks", [[], [b"", b""]])
def test_an_empty_body_is_a_document_only_if_the_browser_wants_one(
    fetch: Fetch, chunks: list[bytes]
) -> None:
    assert fetch(Reply(chunks), SETTINGS, ADA).body == b""
    seen = fetch(Reply(chunks), SETTINGS, ADA, headers={"Sec-Fetch-Dest": "document"})
    assert init_call(seen.body)["id"] == "7"


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_response_without_a_body_passes_untouched(fetch: Fetch, status: int) -> None:
    headers = [("ETag", '"1"'), ("Cache-Control", "max-age=60")]
    if status == 205:
        headers.append(HTML_TYPE)
    seen = fetch(Reply([], headers=headers, status=status), SETTINGS, ADA)
    assert (seen.status, seen.body) == (status, b"")
    assert (seen.headers["ETag"], seen.headers["Cache-Control"]) == ('"1"', "max-age=60")


def test_the_content_length_of_a_page_is_right(fetch: Fetch) -> None:
    seen = fetch(with_headers(("Content-Length", str(len(PAGE)))), SETTINGS, ADA)
    assert seen.headers["Content-Length"] == str(len(seen.body))


@pytest.mark.parametrize(
    "field",
    [
        ("Content-Length", "9" * 5000),
        ("Content-Security-Policy", f"script-src app.pavior.com:{'9' * 5000}"),
    ],
    ids=["length", "port"],
)
def test_a_number_of_5000_digits_in_a_field_does_not_fail_the_page(
    field: tuple[str, str],
) -> None:
    seen = ADAPTERS["asgi"](with_headers(field), SETTINGS, ADA)
    assert init_call(seen.body)["id"] == "7"


@given(data=st.data())
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_content_length_of_a_page_is_right_or_absent(adapter: str, data: st.DataObject) -> None:
    page = data.draw(st.sampled_from([PAGE, b"<!-- unfinished", b"\xef\xbb\xbf<p>", b"x", b"\xef"]))
    cut = data.draw(st.integers(0, len(page)))
    headers = (HTML_TYPE, ("Content-Length", str(len(page))))
    reply = Reply([page[:cut], page[cut:]], headers=headers)
    seen = ADAPTERS[adapter](reply, SETTINGS, ADA, headers={"Sec-Fetch-Dest": "document"})
    assert seen.headers.get("Content-Length", str(len(seen.body))) == str(len(seen.body))
    assert init_call(seen.body)["id"] == "7"


def test_head_gets_no_wrong_content_length_and_no_body(fetch: Fetch) -> None:
    reply = with_headers(("Content-Length", str(len(PAGE))), ("ETag", '"1"'))
    seen = fetch(reply, SETTINGS, ADA, method="HEAD")
    assert seen.body == b""
    assert "Content-Length" not in seen.headers
    got = fetch(reply, SETTINGS, ADA)
    assert seen.headers["ETag"] == got.headers["ETag"]
    assert seen.headers["Vary"] == got.headers["Vary"]
    assert "private" in seen.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], {"private", "no-cache"}),
        (["public, max-age=60"], {"private", "no-cache", "max-age=60"}),
        (["s-maxage=600", "must-revalidate"], {"private", "no-cache", "must-revalidate"}),
        (["no-store"], {"private", "no-cache", "no-store"}),
        (["no-store, must-understand"], {"private", "no-cache", "no-store", "must-understand"}),
        (["max-age=60, immutable"], {"private", "no-cache", "max-age=60"}),
        (["stale-while-revalidate=60", "stale-if-error=60"], {"private", "no-cache"}),
        (["Public, S-MaxAge=600"], {"private", "no-cache"}),
        (["No-Store"], {"private", "no-cache", "no-store"}),
    ],
)
def test_a_page_that_names_a_user_is_for_that_user_alone(
    fetch: Fetch, given: list[str], sent: set[str]
) -> None:
    seen = fetch(with_headers(*(("Cache-Control", value) for value in given)), SETTINGS, ADA)
    (value,) = seen.headers.getlist("Cache-Control")
    assert set(value.split(", ")) == sent


@pytest.mark.parametrize(
    "name",
    [
        *("CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Akamai-Cache-Control"),
        *("x-litespeed-cache-control", "Some-New-CACHE-CONTROL", "Surrogate-Control"),
        *("Edge-Control", "X-Accel-Expires"),
    ],
)
def test_a_page_that_names_a_user_loses_cache_fields_for_some_caches_only(
    fetch: Fetch, name: str
) -> None:
    assert name not in fetch(with_headers((name, "max-age=600")), SETTINGS, ADA).headers
    assert name in fetch(with_headers((name, "max-age=600")), SETTINGS).headers


def test_a_page_that_names_nobody_keeps_its_caching(fetch: Fetch) -> None:
    seen = fetch(with_headers(("Cache-Control", "public, max-age=60")), SETTINGS)
    assert seen.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], "Cookie, Sec-Fetch-Dest"),
        (["Accept-Encoding"], "Accept-Encoding, Cookie, Sec-Fetch-Dest"),
        (["Accept", "Origin"], "Accept, Origin, Cookie, Sec-Fetch-Dest"),
        (["cookie, Accept"], "cookie, Accept, Sec-Fetch-Dest"),
        (["*"], "*"),
    ],
)
@pytest.mark.parametrize("identity", [ADA, None])
def test_a_page_varies_by_the_fields_that_decided_about_it(
    fetch: Fetch, given: list[str], sent: str, identity: Identity | None
) -> None:
    seen = fetch(with_headers(*(("Vary", value) for value in given)), SETTINGS, identity)
    if identity is not None and sent != "*" and "Origin" not in sent:
        sent = f"{sent}, Origin"
    assert seen.headers.getlist("Vary") == [sent]


@pytest.mark.parametrize(
    "name",
    [
        "Last-Modified",
        "Expires",
        "Accept-Ranges",
        "Repr-Digest",
        "Content-MD5",
        "Digest",
        "Content-Digest",
    ],
)
def test_fields_that_describe_the_original_bytes_are_removed(fetch: Fetch, name: str) -> None:
    assert name not in fetch(with_headers((name, "x")), SETTINGS, ADA).headers


@pytest.mark.parametrize(
    ("covered", "stays"),
    [
        ('"@status" "date"', True),
        ('"content-digest"', False),
        ('"date" "Vary";sf', False),
        ('"content-security-policy-report-only"', False),
        ('"surrogate-control"', False),
        ('"akamai-cache-control"', False),
    ],
)
def test_a_signature_is_removed_if_it_covers_an_edited_field(
    fetch: Fetch, covered: str, stays: bool
) -> None:
    signature = [("Signature-Input", f"a=({covered});created=1"), ("Signature", "a=:AAAA:")]
    headers = fetch(with_headers(*signature), SETTINGS, ADA).headers
    assert [name in headers for name, _ in signature] == [stays, stays]


def test_other_header_fields_of_a_page_stay_unchanged(fetch: Fetch) -> None:
    fields = [("Set-Cookie", "a=1"), ("X-Name", "Zo\xeb"), ("Set-Cookie", "b=2")]
    seen = fetch(with_headers(*fields), SETTINGS, ADA)
    assert seen.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert seen.headers["X-Name"] == "Zo\xeb"


@pytest.mark.parametrize(
    "identity",
    [
        Identity("boss@bank.com", "ada@example.com"),
        Identity("boss\uff20bank.com"),
        Identity(email="7"),
        Identity("8", email="7"),
        Identity("\ud800"),
        Identity("7", attributes={"hmac": "x"}),
        Identity("7", attributes={"since": object()}),
        Identity("7", attributes={"name": "\ud800"}),
    ],
)
def test_a_refused_identity_is_left_out_and_logged_once(
    fetch: Fetch, identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    seen = fetch(Reply(), SETTINGS, identity)
    assert init_call(seen.body) == {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert API_KEY not in record.getMessage()
