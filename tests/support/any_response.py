"""Sites, visits and responses of any kind, for Hypothesis to draw."""

from __future__ import annotations

import gzip
import itertools
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any, TypeVar

import brotli
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings

from .response_model import DECODERS, App, Fields, Reply, Request, Visitor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEAM, API_KEY = "acme", "an-api-key-for-the-tests-only"
SECRET_KEY = "a secret key for the tests only"
BORROWER = "help.example.net"
LENDING: dict[str, Any] = {"shared_auth_domains": [BORROWER], "secret_key": SECRET_KEY}
BELOW, LOCAL_EMBED = "/shop", "http://localhost:8000/embed"

SITES = {
    "plain": Settings(TEAM, API_KEY),
    "leaves policies": Settings(TEAM, API_KEY, csp="leave"),
    "cacheable": Settings(TEAM, API_KEY, cacheable_pages=True),
    "borrows": Settings(TEAM, share_auth="auth.example.com", bubble="#chat"),
    "lends": Settings(TEAM, API_KEY, session_cookie="sid", **LENDING),
    "lends without links": Settings(TEAM, API_KEY, handoff=False, **LENDING),
    "lends, cacheable": Settings(TEAM, API_KEY, cacheable_pages=True, **LENDING),
    "frames": Settings(TEAM, API_KEY, inject_in_frames=True, do_time_travel=False),
    "skips": Settings(TEAM, API_KEY, skip_paths=["/admin/*", "*/print"]),
    "below a path": Settings(
        TEAM, API_KEY, root_path=BELOW, embed_url=LOCAL_EMBED, init_options={"doTracking": True}
    ),
}

ADA = Identity("7", "ada@example.com")
BOB = Identity("8", "bob@example.com", attributes={"name": "Bob </script> 'B'"})
LEAD = Identity(email="an unchecked text", authenticated=False)
REFUSED = Identity("boss@bank.com")
GUEST = Identity(attributes={"name": "Guest"})
IDENTITIES = [None, ADA, BOB, ADA, BOB, LEAD, REFUSED, GUEST, Identity()]


T = TypeVar("T")


def pool(make: Callable[[Random], T], size: int) -> list[T]:
    """Return a fixed number of values of a strategy, from which a draw chooses one.

    Hypothesis takes some 0.5 ms for a draw, and for a policy it would take a dozen.
    """
    random = Random(1)
    return [make(random) for _ in range(size)]


# Requests


@dataclass(frozen=True)
class Visit:
    """A request in the making: what it holds of earlier answers is not known yet.

    `tags` of `If-None-Match` and `tags_to_match` of `If-Match` are entity tags, or the numbers of
    earlier visits whose tags they are. `login` tells whose login cookie comes along: an identity,
    a value that names nobody, or None. `skips` tells that the app skips its answer, and `policies`
    are fields that this answer has besides.
    """

    request: Request
    visitor: Visitor
    tags: tuple[int | str, ...] = ()
    tags_to_match: tuple[int | str, ...] = ()
    login: Identity | str | None = None
    skips: bool = False
    policies: Fields = ()


USUAL_METADATA = [
    ("document", "navigate", "none"),
    ("document", "navigate", "same-origin"),
    ("document", "navigate", "cross-site"),
    ("empty", "cors", "same-origin"),
    ("empty", "cors", "same-site"),
    ("empty", "cors", "cross-site"),
    ("iframe", "navigate", "same-origin"),
    ("image", "no-cors", "same-origin"),
]
ANY_METADATA = itertools.product(
    [None, "document", "empty", "iframe", "object", "image", "x"],
    [None, "navigate", "cors", "no-cors", "same-origin"],
    [None, "none", "same-origin", "same-site", "cross-site", "x"],
)
METADATA: list[dict[str, str]] = [
    *[{}] * 40,
    *[
        {"sec-fetch-dest": wanted, "sec-fetch-mode": mode, "sec-fetch-site": site}
        for wanted, mode, site in USUAL_METADATA * 25
    ],
    *[
        {
            name: value
            for name, value in zip(
                ("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"), values, strict=True
            )
            if value is not None
        }
        for values in ANY_METADATA
    ],
]
OTHER_FIELDS = [
    ("origin", ["https://a.test", "http://a.test", "https://evil.example", "null"]),
    ("if-modified-since", ["Tue, 24 Nov 2026 06:00:00 GMT"]),
    ("range", ["bytes=0-3", "bytes=0-3", "bytes=0-3", "bytes=0-1,3-4"]),
    ("if-range", ['"v1"', '"other"', "Tue, 24 Nov 2026 06:00:00 GMT"]),
    ("content-length", ["0", "3"]),
    ("accept", ["text/html"]),
]
FOREIGN_TAGS = [
    '"v1"',
    'W/"v1"',
    '"other"',
    "bare",
    '"pavior.none.s.v1"',
    f'"pavior.{"A" * 22}.s.v1"',
]
SESSIONS = ["sid=1", "sid=1; sid=2", "a=b; sid"]
METHODS = [*["GET"] * 8, "HEAD", "HEAD", "POST", "DELETE", "OPTIONS"]
PATHS = [*[("/", "")] * 4, ("/shop/a", BELOW), ("/admin/", "")]
LOGINS = [None, None, None, ADA, ADA, BOB, LEAD, "no-token"]


def some_request(random: Random) -> Request:
    """Make a request without conditions that earlier answers matter to."""
    fields = {"host": "a.test"}
    if random.random() < 0.4:
        for name, values in random.sample(OTHER_FIELDS, random.randint(1, 3)):
            fields[name] = random.choice(values)
    if random.random() < 0.1:
        fields["sec-fetch-storage-access"] = "active"
    if random.random() < 0.4:
        fields["cookie"] = random.choice(SESSIONS)
    path, root_path = random.choice(PATHS)
    scheme = random.choice(["https", "https", "http"])
    return Request(random.choice(METHODS), scheme, path, root_path, fields)


REQUESTS = [Request(fields={"host": "a.test"}), *pool(some_request, 600)]
GETS = [each for each in REQUESTS if each.method in ("GET", "HEAD")]


@st.composite
def visits(
    draw: st.DrawFn,
    earlier: int,
    *,
    asks_consent: bool,
    requests: Sequence[Request] = REQUESTS,
    always_holds: bool = False,
    logins: Sequence[Identity | str | None] = LOGINS,
) -> Visit:
    """Draw a visit that follows a number of others. One that `always_holds` has entity tags."""
    request = draw(st.sampled_from(requests))
    request = replace(request, fields={**request.fields, **draw(st.sampled_from(METADATA))})
    tags: st.SearchStrategy[int | str] = st.sampled_from(
        [*[*range(earlier)] * 6, *FOREIGN_TAGS] if earlier else FOREIGN_TAGS
    )
    oddity = draw(st.integers(0, 31))
    held_tags: tuple[int | str, ...] = ()
    if always_holds or draw(st.integers(0, 2 if earlier else 5)) > (0 if earlier else 4):
        held_tags = tuple(draw(st.lists(tags, min_size=1, max_size=2)))
    return Visit(
        request,
        Visitor(
            draw(st.sampled_from(IDENTITIES)),
            draw(st.sampled_from([True, True, False])) if asks_consent else None,
        ),
        ("*",) if oddity == 31 else held_tags,
        (draw(tags),) if oddity in (28, 29, 30) else (),
        draw(st.sampled_from(logins)),
        oddity in (25, 26, 27),
        draw(policy_fields) if 18 <= oddity < 25 else (),
    )


# Responses

CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (partial(gzip.compress, mtime=0), gzip.decompress),
    "x-gzip": (partial(gzip.compress, mtime=0), gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "br": (brotli.compress, brotli.decompress),
    "zstd": (zstd.compress, zstd.decompress),
}
ERRORS = (gzip.BadGzipFile, zlib.error, brotli.error, zstd.ZstdError, EOFError)


def decoder(decode: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return a function that decodes, and returns b'' for bytes in another coding."""

    def decoded(body: bytes) -> bytes:
        try:
            return decode(body)
        except ERRORS:
            return b""

    return decoded


DECODERS.update({name: decoder(decode) for name, (_, decode) in CODECS.items()})

PIECES = [
    *("<!doctype html>", "<html>", "<head>", "<title>A</title>", "<link rel=x>", "</head>"),
    *("<body>", "<p>", "text ", "<!-- c -->", "<script>a()</script>", "<style>b</style>"),
    *("<meta name=x>", "<table>", "\n", "<meta http-equiv=Content-Security-Policy content=a>"),
    *(
        "<link rel=stylesheet href=a>",
        "<meta charset=utf-8>",
        "<html amp>",
        "pavior",
        "data-pavior",
    ),
    *("<!-- pavior-middleware -->", "<?xml version='1.0'?>"),
]
ENDS = ["", "", "", "", "<!-- open", "<title>open", "<style>"]
DOCUMENT = "<!doctype html><title>A</title>"
HTML: Fields = (("Content-Type", "text/html; charset=utf-8"),)

CONTENT_TYPES: list[Fields] = [
    *[HTML] * 8,
    *[(("content-type", "text/html"),)] * 4,
    (("Content-Type", "TEXT/HTML ;charset=iso-8859-1"),),
    (("Content-Type", "text/html;"),),
    (("Content-Type", 'text/html; charset="UTF-16LE"'),),
    (("Content-Type", "text/html;charset=iso-2022-jp"),),
    (("Content-Type", "text/plain"), ("Content-Type", "text/html")),
    (("Content-Type", "text/plain, text/html;x=1"),),
    (("Content-Type", "text/html;charset=utf-16, */*, text/html"),),
    (("Content-Type", "text/html, text/plain"),),
    (("Content-Type", "application/json"),),
    (("Content-Type", "application/xhtml+xml"),),
    (("Content-Type", "image/svg+xml"),),
    (("Content-Type", "text/html-x"),),
    (("Content-Type", "html"),),
    (),
]
STATUSES = [*[200] * 14, 201, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401]
STATUSES += [403, 404, 410, 416, 500, 503]
NO_ENTITY_TAG = 'a"b'
TAGS = [
    *['"v1"'] * 6,
    'W/"v1"',
    'W/"v1"',
    "v1",
    '""',
    '"v 1, \xe9"',
    'w/"v1"',
    NO_ENTITY_TAG,
    '"pavior.x"',
]
FIELDS: list[tuple[str, str]] = [
    ("Last-Modified", "Tue, 24 Nov 2026 06:00:00 GMT"),
    ("Expires", "Tue, 24 Nov 2026 07:00:00 GMT"),
    ("Cache-Control", "public, max-age=60"),
    ("cache-control", "S-MaxAge=60, stale-while-revalidate=5, Immutable"),
    ("Cache-Control", "no-store, must-understand, max-age=60"),
    ("Cache-Control", 'private="set-cookie", no-cache="x, y"'),
    ("Cache-Control", "no-transform , ,s-maxage=60,PUBLIC"),
    ("Vary", "Accept-Encoding"),
    ("VARY", "*"),
    ("Vary", "cookie,Origin"),
    ("CDN-Cache-Control", "max-age=60"),
    ("Surrogate-Control", "max-age=60"),
    ("X-Accel-Expires", "60"),
    ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
    ("Repr-Digest", "sha-256=:AAAA:"),
    ("Digest", "sha-256=AAAA"),
    ("Signature-Input", 'sig=("content-digest" "x-name");created=1'),
    ("Signature-Input", 'sig=("@status" "x-name");created=1'),
    ("Signature-Input", 'sig=("Vary";sf), b=("x")'),
    ("Signature-Input", 'sig=("cdn-cache-control")'),
    ("Signature", "sig=:AAAA:"),
    ("Accept-Ranges", "bytes"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2; Path=/"),
    ("X-Name", "Zo\xeb"),
    ("Content-Disposition", "attachment"),
    ("Content-Disposition", "INLINE; filename=a.html"),
    ("Content-Disposition", "filename=a.html"),
    ("Content-Range", "bytes 0-3/4"),
    ("Pavior-Skip", "1"),
    ("X-Accel-Redirect", "/protected/report.html"),
    ("X-Sendfile", "/srv/report.html"),
    ("X-LIGHTTPD-send-file", "/srv/report.html"),
]
RARE = {
    *("content-disposition", "content-range", "pavior-skip"),
    *("x-accel-redirect", "x-lighttpd-send-file", "x-sendfile"),
}
USUAL_FIELDS = [each for each in FIELDS if each[0].lower() not in RARE]
RARE_FIELDS = [each for each in FIELDS if each[0].lower() in RARE]

# Policies. {hash} is that of the script, and {file} that of the file that it may load.

SOURCES = [
    *["'self'", "'none'", "*", "https:", "http:", "data:", "'unsafe-inline'", "'strict-dynamic'"],
    *["'nonce-abc'", "'nonce-abc'", "'NONCE-abd='", "'nonce-'", "'nonce-a b'", "'sha256-AAAA'"],
    *["'nonce-NONCE'", "'nonce-{nonce}'", "'nonce-%s'", "'nonce-pavior'", "NONCE", "\\1", "$1"],
    *[
        "{hash}",
        "{hash}",
        "'{file}'",
        "'SHA512-AAAA'",
        "pavior",
        "pavior-middleware",
        "data-pavior",
    ],
    *["https://app.pavior.com", "HTTPS://App.Pavior.com", "app.pavior.com", "*.pavior.com"],
    *["https://app.pavior.com/embed", "https://app.pavior.com/embed/", "app.pavior.com:443"],
    *["http://app.pavior.com:80", "https://app.pavior.com:*/", "https://*.com", "*.app.pavior.com"],
    *["https://auth.example.com", "https://auth.example.com/.well-known/pavior/share.js"],
    *["https://auth.example.com/.well-known/pavior/", "localhost:*", "http://localhost:8000"],
    *["'report-sample'", "'unsafe-eval'", "wss:", "a.example", "'Self'", "'None'", "\xe9"],
]
SANDBOX = ["allow-scripts", "allow-scripts", "Allow-Same-Origin", "allow-same-origin", "x"]
TRUSTED = ["pavior-middleware", "Pavior-Middleware", "*", "'none'", "a", "'allow-duplicates'"]
DIRECTIVES = [
    *["script-src"] * 6,
    *["default-src"] * 4,
    *["Script-Src-Elem", "script-src-elem", "connect-src", "connect-src", "frame-src", "child-src"],
    *["img-src", "script-src-attr", "trusted-types", "report-uri", "upgrade-insecure-requests"],
    *["require-trusted-types-for", "pavior-middleware", "sandbox"],
]


def some_directive(random: Random) -> str:
    name = random.choice(DIRECTIVES)
    if name in ("upgrade-insecure-requests", "report-uri"):
        return name
    if name == "sandbox" and random.random() < 0.5:
        return "sandbox allow-scripts allow-same-origin"
    values = {"sandbox": SANDBOX, "trusted-types": TRUSTED}.get(name, SOURCES)
    sources = [random.choice(values) for _ in range(random.choice([0, 1, 1, 2, 2, 3, 4]))]
    if values is SOURCES and random.random() < 0.2:
        sources = random.choice([["'none'"], ["'unsafe-inline'"], ["'unsafe-inline'", *sources]])
    return random.choice([" ", " ", "\t "]).join([name, *sources])


def some_policy(random: Random) -> str:
    number = random.choice([0, 1, 1, 2, 2, 3, 4])
    return random.choice(["; ", ";", " ;"]).join(some_directive(random) for _ in range(number))


# Of each source alone there is a directive.
POLICIES = [
    f"{name} {source}"
    for name in ("script-src", "default-src", "child-src", "connect-src")
    for source in SOURCES
]
POLICIES += ["script-src 'nonce-abc'"] * 100 + pool(some_policy, 1000)
policy_field = st.builds(
    lambda name, policies, separator: (name, separator.join(policies)),
    st.sampled_from(
        [*["Content-Security-Policy"] * 3, "Content-Security-Policy-Report-Only"],
    ),
    st.lists(st.sampled_from(POLICIES), min_size=1, max_size=2),
    st.sampled_from([", ", ",", ";,"]),
)
policy_fields: st.SearchStrategy[Fields] = st.lists(policy_field, min_size=1, max_size=2).map(tuple)


@dataclass(frozen=True)
class Conduct:
    """An app's answer, and whether it heeds conditions and ranges.

    An answer of 304 has only some of the fields, without an entity tag unless `tells_tag`.
    """

    reply: Reply
    heeds: bool
    tells_tag: bool

    def app(self, visit: Visit, resolve: Callable[[str], str]) -> App:
        """Return the app as it answers a visit; `resolve` fills in our hashes."""
        more = (*visit.policies, *((("Pavior-Skip", ""),) if visit.skips else ()))
        whole = replace(
            self.reply,
            fields=tuple(
                (name, resolve(value) if name.lower().startswith("content-security") else value)
                for name, value in (*self.reply.fields, *more)
            ),
        )
        return lambda request: self._heeding(request, whole) if self.heeds else whole

    def _heeding(self, request: Request, whole: Reply) -> Reply:
        tags = {each.removeprefix("W/").removeprefix("w/") for each in whole.values("etag")}
        tags = {each if each.startswith('"') else f'"{each}"' for each in tags}

        def names_tag(field: str) -> bool:
            value = request.get(field)
            return value == "*" or any(tag in value for tag in tags)

        if "if-match" in request.fields and not names_tag("if-match"):
            return Reply(412, (("Content-Type", "text/html"),), (b"<!doctype html>412",))
        if request.method not in ("GET", "HEAD") or whole.status != 200:
            return whole
        is_fresh = "if-modified-since" in request.fields and whole.values("last-modified")
        if names_tag("if-none-match") if "if-none-match" in request.fields else is_fresh:
            left_out = {"content-type", "content-length", "content-encoding", "content-range"}
            left_out |= set() if self.tells_tag else {"etag"}
            fields = tuple(each for each in whole.fields if each[0].lower() not in left_out)
            return Reply(304, fields)
        if "range" in request.fields and (
            "if-range" not in request.fields or names_tag("if-range")
        ):
            is_several = "," in request.get("range")
            left_out = {"content-length"} | ({"content-type"} if is_several else set())
            more = (
                ("Content-Type", "multipart/byteranges; boundary=a")
                if is_several
                else ("Content-Range", f"bytes 0-3/{len(whole.body)}")
            )
            fields = tuple(each for each in whole.fields if each[0].lower() not in left_out)
            return Reply(206, (*fields, more), (whole.body[:4],))
        return whole


def some_document(random: Random) -> bytes:
    start = random.choice(["", DOCUMENT, DOCUMENT])
    pieces = [random.choice(PIECES) for _ in range(random.randint(0, 6))]
    document = "".join([start, *pieces, random.choice(ENDS)]).encode()
    return b"\xff\xfe" + document if random.random() < 0.03 else document


LATE_CHARSET = DOCUMENT + "<meta http-equiv=Content-Security-Policy content=a><meta charset=utf-8>"
DOCUMENTS = [DOCUMENT.encode(), b"", b"<p>", LATE_CHARSET.encode(), *pool(some_document, 500)]
CODINGS: list[tuple[str, ...]] = [
    *[()] * 20,
    *[(name,) for name in CODECS],
    *itertools.product(CODECS, CODECS),
]


@st.composite
def conducts(
    draw: st.DrawFn,
    statuses: Sequence[int] = STATUSES,
    content_types: Sequence[Fields] = CONTENT_TYPES,
    tags: Sequence[str | None] = (*[None] * (len(TAGS) // 2), *TAGS),
    heeds: Sequence[bool] = (True, True, False),
) -> Conduct:
    status = draw(st.sampled_from(statuses))
    body = draw(st.sampled_from(DOCUMENTS))
    names = draw(st.sampled_from(CODINGS))
    for name in names:
        body = CODECS[name][0](body)
    oddity = draw(st.integers(0, 15))
    if names and oddity == 15:
        names = (*names, "x-unknown")
    if names and oddity == 14:
        body = b"<!doctype html>not coded at all"
    if status in (204, 205, 304):
        body = b""
    chunks: list[bytes] = [body] if body else []
    if oddity in (10, 11, 12, 13):
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), min_size=1, max_size=3)))
        chunks = [body[i:j] for i, j in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    fields = list(draw(st.sampled_from(content_types)))
    if names:
        fields += [("Content-Encoding", each) for each in ([", ".join(names)], names)[oddity % 2]]
    if draw(st.booleans()):
        fields.append(("Content-Length", str(len(body))))
    tag = draw(st.sampled_from(tags))
    if tag is not None:
        fields.append((("ETag", "etag")[oddity % 2], tag))
    fields += draw(st.lists(st.sampled_from(USUAL_FIELDS), max_size=4))
    if oddity in (8, 9):
        fields.append(draw(st.sampled_from(RARE_FIELDS)))
    if draw(st.booleans()):
        fields += draw(policy_fields)
    first = draw(st.integers(0, len(fields)))
    return Conduct(
        Reply(status, tuple(fields[first:] + fields[:first]), tuple(chunks)),
        draw(st.sampled_from(heeds)),
        draw(st.sampled_from([True, True, True, False])),
    )


@dataclass(frozen=True)
class Case:
    """A site, what its app answers, and visits in a row."""

    site: str
    conduct: Conduct
    visits: tuple[Visit, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw anything."""
    site = draw(st.sampled_from([*SITES, "plain", "lends", "lends"]))
    asks_consent = draw(st.sampled_from([False, False, True]))
    count = draw(st.integers(1, 3))
    return Case(
        site,
        draw(conducts()),
        tuple(draw(visits(number, asks_consent=asks_consent)) for number in range(count)),
    )


@st.composite
def policy_cases(draw: st.DrawFn) -> Case:
    """Draw an ordinary page with policies."""
    fields = (*HTML, ("ETag", '"v1"'), *draw(policy_fields))
    fetch = draw(st.sampled_from([{}, {}, {"origin": "https://evil.example"}]))
    visit = Visit(
        Request(fields={"host": "a.test", **fetch}), Visitor(draw(st.sampled_from(IDENTITIES)))
    )
    return Case(
        draw(st.sampled_from([*SITES, "borrows", "borrows"])),
        Conduct(Reply(200, fields, (DOCUMENT.encode(),)), heeds=False, tells_tag=True),
        (visit,),
    )


@st.composite
def revalidations(draw: st.DrawFn) -> Case:
    """Draw a page, and visitors who hold copies of it."""
    html = [(), *CONTENT_TYPES[:8]]
    asks_consent = draw(st.sampled_from([False, False, False, True]))
    conduct = draw(conducts([200], html, TAGS[:10], [True]))
    chosen = [
        draw(visits(number, asks_consent=asks_consent, requests=GETS, always_holds=number > 0))
        for number in range(draw(st.sampled_from([2, 3])))
    ]
    return Case(draw(st.sampled_from(list(SITES))), conduct, tuple(chosen))


@st.composite
def logins(draw: st.DrawFn) -> Case:
    """Draw a site that lends its login, and a visitor who holds the cookie for that."""
    tried: list[Identity | str | None] = [ADA, ADA, BOB, LEAD, "no-token"]
    asks_consent = draw(st.sampled_from([False, False, False, True]))
    visit = draw(visits(0, asks_consent=asks_consent, logins=tried))
    return Case(
        draw(st.sampled_from(["lends", "lends", "lends without links", "lends, cacheable"])),
        draw(conducts([200, 200, 302, 303, 307, 404, 304, 204])),
        (visit,),
    )


def script_element(body: bytes) -> re.Match[bytes] | None:
    """Find the script element of a page."""
    pattern = (
        rb"<script(?: nonce=\"([^\"]*)\")? data-astro-rerun data-pavior='([^']*)'>(.*?)</script>"
    )
    return re.search(pattern, body, re.DOTALL)
