"""Whatever an app answers: the two adapters agree, and what always holds, holds.

The outcome is read independently of the package: headers by the names of the standards, bodies by
the codecs' own libraries, the page by html5lib.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import brotli
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, sign
from pavior_middleware._http import csp
from pavior_middleware._page.snippet import Snippet, render
from pavior_middleware.placement import insert
from tests.support.adapters import Reply, Seen, fetch_asgi, fetch_wsgi
from tests.support.pages import init_calls
from tests.support.sites import ADA, API_KEY, BOB, SETTINGS

VISITORS = (None, ADA, BOB)
STATUSES = [200, 201, 203, 204, 206, 301, 304, 400, 401, 403, 404, 410, 416, 500, 503]

CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "br": (brotli.compress, brotli.decompress),
}
PIECES = st.sampled_from(
    [
        *("<!doctype html>", "<html>", "<head>", "<title>A</title>", "<link rel=x>", "</head>"),
        *("<body>", "<p>", "text ", "<!-- c -->", "<script>a()</script>", "<style>b</style>"),
        *("<meta name=x>", "<table>", "\n", "<meta http-equiv=Content-Security-Policy>"),
    ]
)


@dataclass(frozen=True)
class Case:
    """One exchange: what the app answers, and who asks how."""

    reply: Reply
    page: bytes
    codings: tuple[str, ...]
    visitor: Identity | None
    method: str
    fields: dict[str, str]
    consent: bool | None = None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    page = "".join(draw(st.lists(PIECES, max_size=8))).encode()
    codings = tuple(draw(st.lists(st.sampled_from(list(CODECS)), max_size=2)))
    status = draw(st.sampled_from(STATUSES) | st.just(200))
    body = page
    for coding in codings:
        body = CODECS[coding][0](body)
    if status in (204, 304):
        body = b""
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    chunks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    headers = [] if status in (204, 304) else [("Content-Type", draw(content_types))]
    headers += [("Content-Encoding", ", ".join(codings))] if codings and body else []
    headers += [("Content-Length", str(len(body)))] if body and draw(st.booleans()) else []
    headers += draw(st.lists(other_headers, max_size=4, unique_by=lambda field: field[0].lower()))
    headers = draw(st.permutations(headers))
    destination = draw(st.sampled_from([None, "document", "empty", "iframe", "image"]))
    fields = {} if destination is None else {"Sec-Fetch-Dest": destination}
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "POST"]))
    return Case(
        Reply(chunks, headers, status),
        page,
        codings if body else (),
        draw(st.sampled_from(VISITORS)),
        method,
        fields,
        draw(st.sampled_from([None, None, True, False])),
    )


content_types = st.sampled_from(
    [
        *("text/html", "text/html; charset=utf-8", "TEXT/HTML ;charset=iso-8859-1", "text/html;"),
        *("application/json", "text/plain", "application/xhtml+xml", "image/svg+xml"),
    ]
)
other_headers = st.sampled_from(
    [
        ("ETag", '"v1"'),
        ("ETag", 'W/"v1"'),
        ("Last-Modified", "Tue, 24 Nov 2026 06:00:00 GMT"),
        ("Expires", "Tue, 24 Nov 2026 07:00:00 GMT"),
        ("Cache-Control", "public, max-age=60"),
        ("cache-control", "S-MaxAge=60, stale-while-revalidate=5"),
        ("Cache-Control", "no-store"),
        ("Vary", "Accept-Encoding"),
        ("VARY", "*"),
        ("CDN-Cache-Control", "max-age=60"),
        ("Surrogate-Control", "max-age=60"),
        ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Signature-Input", 'sig=("content-digest");created=1'),
        ("Accept-Ranges", "bytes"),
        ("Set-Cookie", "a=1"),
        ("X-Name", "Zo\xeb"),
        ("Content-Disposition", "attachment"),
        ("Content-Disposition", "inline"),
        ("Content-Security-Policy", "script-src 'self'"),
        ("Content-Security-Policy", "script-src 'nonce-abc'"),
        ("Content-Security-Policy", "sandbox"),
        ("Pavior-Skip", "1"),
    ]
)


def through_both_shells(case: Case, identity: Identity | None, **fields: str) -> Seen:
    """Return what a client got, which is the same through WSGI and ASGI."""
    seen = [
        fetch(
            case.reply,
            SETTINGS,
            identity,
            consent=case.consent,
            method=case.method,
            headers={**case.fields, **fields},
        )
        for fetch in (fetch_wsgi, fetch_asgi)
    ]
    one, other = seen
    assert one.status == other.status
    assert decoded(one.body, case.codings) == decoded(other.body, case.codings)
    # WSGI has a page in pieces begin before its first bytes show what it is.
    if isinstance(case.reply, Reply) and len(case.reply.chunks) == 1:
        assert fields_of(one) == fields_of(other)
    return other


def fields_of(seen: Seen) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in seen.headers)


def decoded(body: bytes, codings: tuple[str, ...]) -> bytes:
    for coding in reversed(codings if body else ()):
        body = CODECS[coding][1](body)
    return body


def is_whole_page(case: Case) -> bool:
    """Whether the answer is a page that a browser shows by itself, by the README's table."""
    headers = {name.lower(): value for name, value in case.reply.headers}
    return (
        headers.get("content-type", "").split(";")[0].strip().lower() == "text/html"
        and case.reply.status not in (204, 206, 301, 304)
        and headers.get("content-disposition", "inline") == "inline"
        and headers.get("content-security-policy") != "sandbox"
        and "pavior-skip" not in headers
    )


def names_user(text: bytes, identity: Identity) -> bool:
    assert identity.id is not None
    return sign(API_KEY, identity.id).encode() in text


@given(case=cases())
def test_any_response_obeys_all_rules_through_both_adapters(case: Case) -> None:
    seen = through_both_shells(case, case.visitor)
    page = decoded(seen.body, case.codings)
    everything = page + repr(list(seen.headers)).encode()
    headers = {name.lower(): value for name, value in seen.headers}
    sent = {name.lower(): value for name, value in case.reply.headers}
    assert "pavior-skip" not in headers
    is_whole = is_whole_page(case)
    sent.pop("pavior-skip", None)
    cache_control = headers.get("cache-control", "").lower()

    assert API_KEY.encode() not in everything
    assert not any(names_user(everything, each) for each in (ADA, BOB) if each is not case.visitor)
    assert seen.status == case.reply.status
    if case.method != "HEAD":
        assert headers.get("content-length", str(len(seen.body))) == str(len(seen.body))
    else:
        assert seen.body == b""

    if page != case.page and case.method != "HEAD" and seen.body:
        assert is_whole
        assert case.consent is not False
        assert case.fields.get("Sec-Fetch-Dest") in (None, "document", "empty")
        assert not {"content-md5", "repr-digest", "signature-input", "accept-ranges"} & set(headers)
        nonce = "abc" if "nonce-abc" in sent.get("content-security-policy", "") else None
        checks = csp.needs_hashes(list(case.reply.headers))
        element = render(SETTINGS, case.visitor).element(nonce, checks_files=checks)
        if element not in page:  # a policy may follow
            element = Snippet.early(element)
        assert page.replace(element, b"", 1) == case.page
        if len(case.reply.chunks) == 1:  # or a flush in a script of the head puts ours before that
            assert page == insert(case.page, element)
        assert {"cookie", "*"} & set(re.split(r"[\s,]+", headers["vary"].lower()))
    if case.visitor is not None and names_user(page, case.visitor):
        assert "private" in cache_control
        assert re.search("no-cache|no-store", cache_control)
        assert not re.search("public|s-maxage|stale|immutable", cache_control)
        assert not {"last-modified", "expires", "surrogate-control", "cdn-cache-control"} & set(
            headers
        )
        assert headers.get("etag") != sent.get("etag") or "etag" not in sent
    if not is_whole:
        assert (seen.body, headers) == (
            b"" if case.method == "HEAD" else b"".join(case.reply.chunks),
            {**sent, **{name: headers[name] for name in headers.keys() - sent.keys()}},
        )
        assert not {"vary", "cache-control", "etag"} & (headers.keys() - sent.keys())
    is_shown_alone = case.fields.get("Sec-Fetch-Dest") == "document" and is_whole
    if is_shown_alone and case.method != "HEAD" and (not case.codings or case.page):
        assert len(init_calls(page)) == (case.consent is not False)


@given(case=cases(), etag=st.sampled_from(['"v1"', 'W/"v1"']), data=st.data())
def test_a_304_stands_only_for_the_page_that_the_client_would_get(
    case: Case, etag: str, data: st.DataObject
) -> None:
    case = replace(case, method="GET")
    ours = ("ETag", "Pavior-Skip")
    described = [field for field in case.reply.headers if field[0] not in ours]
    skips = False

    def app(fields: dict[str, str]) -> Reply:
        headers = [*described, ("Pavior-Skip", "1")] if skips else described
        if etag.removeprefix("W/") in fields.get("if-none-match", ""):
            allowed = ("vary", "cache-control", "content-security-policy", "pavior-skip")
            kept = [field for field in headers if field[0].lower() in allowed]
            return Reply([], [*kept, ("ETag", etag)], status=304)
        return Reply(case.reply.chunks, [*headers, ("ETag", etag)], case.reply.status)

    case = replace(
        case,
        reply=replace(
            case.reply, status=200 if case.reply.status in (204, 304) else case.reply.status
        ),
    )
    visits = st.tuples(
        st.sampled_from(VISITORS), st.sampled_from([None, True, False]), st.booleans()
    )
    before, now = data.draw(visits), data.draw(visits)

    def visit(visitor: tuple[Identity | None, bool | None, bool], **fields: str) -> Seen:
        nonlocal skips
        identity, consent, skips = visitor
        asked: Any = replace(case, reply=app, consent=consent)  # type: ignore[arg-type]
        return through_both_shells(asked, identity, **fields)

    held = visit(before)
    if "ETag" not in held.headers:
        return
    again = visit(now, **{"If-None-Match": held.headers["ETag"]})
    if again.status == 304 and held.headers["ETag"] != etag:
        fresh = visit(now)
        assert decoded(fresh.body, case.codings) == decoded(held.body, case.codings)
        assert again.body == b""
        assert again.headers["ETag"] == held.headers["ETag"]
    elif again.status != 304 and before == now:
        # Nothing that could have been a 304 is sent again.
        assert "ETag" not in again.headers or not again.headers["ETag"].endswith('v1"')
