"""What reads outside input takes linear time: eight times as much of it, about eight times as long.

Quadratic time would be 64 times as long.
"""

from __future__ import annotations

import gzip
import json
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from pavior_middleware import Identity, Settings, SettingsError, asgi
from pavior_middleware._http import cache_control, codings, csp, media
from pavior_middleware._http.caller import is_foreign_fetch
from pavior_middleware._http.cookies import cookies_after
from pavior_middleware._model.domains import Whitelist, domain_problem, normalized
from pavior_middleware._model.identity import IdentityRefused, signed_options
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._page import variants
from pavior_middleware._page.body import CodedBody
from pavior_middleware._page.conditions import conditions
from pavior_middleware._page.placeholder import Replacer, new_placeholder
from pavior_middleware._page.rules import site_rules
from pavior_middleware._page.snippet import render
from pavior_middleware._share import LONGEST_CONTENT, Needed, Request, Sharing
from pavior_middleware._share.login_cookie import NAME, LoginCookie
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.placement import Inserter, insert
from tests.support.covering import first_of
from tests.support.sites import ADA, API_KEY, TEAM

pytestmark = pytest.mark.slow

SIZES = (128, 1024, 8 * 1024, 64 * 1024)
MOST_TIMES_AS_LONG = 24  # three times what linear time gives, and a third of what quadratic does
SHORT = 0.01  # seconds; what is done sooner says nothing of its growth

Parse = Callable[[Any], object]


def seconds(parse: Parse, text: object, rounds: int) -> float:
    """Return how much of the processor's time the fastest of some rounds takes.

    The garbage collector is off: a full collection takes longer, the more objects a process has.
    """
    times = timeit.repeat(lambda: parse(text), timer=time.thread_time, number=1, repeat=rounds)
    return min(times)


@pytest.fixture(params=first_of([SIZES[:3], SIZES[2:]]), ids=["short", "long"])
def sizes(request: pytest.FixtureRequest) -> Sequence[int]:
    found: Sequence[int] = request.param
    return found


def grows_too_fast(
    parse: Parse, text_of: Callable[[int], object], sizes: Sequence[int]
) -> str | None:
    """Say by how much, from one size to the next; None if it does not."""
    for size, larger in pairwise(sizes):
        text, larger_text = text_of(size), text_of(larger)
        for rounds in (1, 5):
            longer = seconds(parse, larger_text, rounds)
            if longer < SHORT:
                break
            shorter = seconds(parse, text, rounds)
            if longer < MOST_TIMES_AS_LONG * shorter:
                break
        else:
            return f"{shorter * 1000:.1f} ms for {size} bytes, {longer * 1000:.1f} ms for {larger}"
    return None


SETTINGS = Settings(
    TEAM,
    API_KEY,
    shared_auth_domains=["help.example.com", "*.example.net"],
    secret_key=["another secret key of the site", "a secret key of the site"],
    skip_paths=["*/a/*/b/*", "/a*a*a*b", "/*/users/*/print", "*//*//*x", "*?*?*?"],
)
VISITOR = Visitor(ADA)
SNIPPET = render(SETTINGS, ADA)
SHARING = Sharing(SETTINGS, lambda event: None)
TOKENS = Tokens(SETTINGS.secret_keys, 3600)
COOKIE = LoginCookie(SETTINGS, TOKENS)
RULES = site_rules(SETTINGS, asks_consent=False)
WHITELIST = Whitelist(SETTINGS.shared_auth_domains)


# ── Documents ──────────────────────────────────────────────────────────────────────────────────

HEADS = {  # the beginning, what is repeated, and the end
    "blanks behind a <meta>'s last attribute": (b"<meta http-equiv=x", b" ", b">"),
    "slashes behind a <meta>'s last attribute": (b"<meta http-equiv=x", b"/", b">"),
    "slashes and blanks": (b"<meta http-equiv=x", b" /", b">"),
    "blanks before an =": (b"<meta http-equiv", b" ", b"=x>"),
    "blanks behind an =": (b"<meta http-equiv=", b" ", b"x>"),
    "attributes": (b"<meta http-equiv=x", b" a", b">"),
    "attributes without values": (b"<meta http-equiv=x", b" a=", b">"),
    "attributes with blanks": (b"<meta http-equiv=x", b" a = b", b">"),
    "quoted attributes": (b"<meta http-equiv=x", b" a='b'", b">"),
    "quotes": (b"<meta http-equiv=x ", b"'\"", b">"),
    "quotes in names": (b"<meta http-equiv=x ", b"a'b\"=", b">"),
    "a value of references": (b"<meta http-equiv='", b"&#67;", b"'>"),
    "a value of ampersands": (b"<meta http-equiv='", b"&", b"'>"),
    "a value of names": (b"<meta http-equiv='", b"&am", b"'>"),
    "a number of many digits": (b"<meta http-equiv='&#", b"9", b"'>"),
    "a number of many noughts": (b"<meta http-equiv='&#", b"0", b"67'>"),
    "a hexadecimal number": (b"<meta http-equiv='&#x", b"4", b"'>"),
    "a long name": (b"<meta http-equiv=x ", b"a", b">"),
    "a long tag": (b"<", b"meta", b" http-equiv=x>"),
    "a tag that does not end": (b"<meta http-equiv=x", b" ", b""),
    "tags": (b"", b"<meta a=b>", b""),
    "tags in odd writing": (b"", b"<Meta/a = 'b'c>", b""),
    "policies' beginnings": (b"", b"<meta http-equiv=Content-Security-Polic content=x>", b""),
    "tags in a tag": (b"", b"<meta <meta charset", b">"),
    "what looks like a charset": (b"", b"<meta charset ", b">"),
    "less-than signs": (b"", b"<", b""),
    "end tags' beginnings": (b"", b"</", b""),
    "ignored end tags": (b"", b"</p>", b""),
    "an end tag": (b"</p ", b"a ", b">"),
    "comments": (b"", b"<!---->", b""),
    "long comments": (b"", b"<!-- a - b -- c --!>", b""),
    "comments' beginnings": (b"<!--", b"<!--", b""),
    "dashes": (b"<!-- ", b"-", b">"),
    "dashes apart": (b"<!-- ", b"- ", b""),
    "exclamation marks": (b"<!-- ", b"--!", b""),
    "declarations": (b"", b"<!a>", b""),
    "a declaration": (b"<!", b"a ", b""),
    "instructions": (b"", b"<?", b""),
    "references": (b"<head>", b"&#32;", b""),
    "ampersands": (b"<head>", b"&", b""),
    "noughts": (b"<head>", b"&#0", b""),
    "space": (b"", b" \n\0", b""),
    "scripts": (b"", b"<script>a()</script>", b""),
    "scripts' ends": (b"<script>", b"</", b""),
    "almost scripts' ends": (b"<script>", b"</scrip", b""),
    "comments in a script": (b"<script>", b"<!--", b""),
    "comments that end in a script": (b"<script>", b"<!--a-->", b""),
    "scripts in a script": (b"<script><!--", b"<script>", b""),
    "levels of scripts": (b"<script>", b"<!--<script></script>-->", b""),
    "almost scripts in a script": (b"<script><!--", b"<scrip", b""),
    "a title": (b"<title>", b"a<", b"</title>"),
    "titles' ends": (b"<title>", b"</titl", b""),
    "titles": (b"", b"<title>a</title>", b""),
    "styles": (b"", b"<style>a>b{}</style>", b""),
    "stylesheets": (b"", b"<link rel=stylesheet>", b""),
    "what follows a stylesheet": (b"<link rel=stylesheet>", b"<meta a>", b""),
    "an endless token behind a stylesheet": (b"<link rel=stylesheet><meta ", b"a ", b""),
    "links": (b"", b"<link rel=icon>", b""),
    "almost stylesheets": (b"", b"<link rel='style sheet' title=stylesheet>", b""),
    "a link's values of rel": (b"<link rel='", b"style ", b"'>"),
    "a link's attributes": (b"<link", b" rel=icon", b">"),
    "a link that does not end": (b"<link rel=stylesheet ", b"a='b' ", b""),
    "attributes of AMP": (b"<html", b" amp5", b">"),
    "AMP pages": (b"", b"<html amp5>", b""),
    "a style": (b"<style>", b"<", b"</style>"),
    "noscripts": (b"", b"<noscript><link></noscript>", b""),
    "a doctype": (b"<!doctype ", b"a ", b""),
    "a doctype's blanks": (b"<!doctype", b" ", b""),
    "a doctype's quotes": (b"<!doctype html public ", b"'a\"", b""),
    "a doctype's other blanks": (b"<!doctype html public ", b" ", b"'a' 'b"),
    "doctypes": (b"", b"<!doctype html>", b""),
    "beginnings of the placeholder": (b"", b"<!-- pavior-middleware: the script ", b""),
}


def fed(document: bytes, *, size: int, flushes: bool = True, **options: bool) -> None:
    element = SNIPPET.element()
    inserter = Inserter(element, snippet_before_policy=element, **options)
    for at in range(0, len(document), size):
        inserter.feed(document[at : at + size])
        if flushes:
            inserter.flush()
    inserter.finish()


def replaced(document: bytes) -> None:
    placeholder = new_placeholder()
    element = b"<script></script>"
    replacer = Replacer(Inserter(element, snippet_before_policy=element), lambda: placeholder)
    for at in range(0, len(document), 61):
        replacer.feed(document[at : at + 61])
    replacer.finish()


DOCUMENT_PARSERS: dict[str, Parse] = {
    "whole": lambda document: insert(document, b"<script></script>"),
    "in pieces": lambda document: fed(document, size=61),
    "in pieces, its charset known": lambda document: fed(document, size=61, charset_is_known=True),
    "in pieces, without a flush": lambda document: fed(document, size=61, flushes=False),
    "perhaps a fragment": lambda document: fed(document, size=len(document), documents_only=True),
    "perhaps a fragment, in pieces": lambda document: fed(document, size=61, documents_only=True),
    "with a placeholder": replaced,
}


@pytest.mark.parametrize("parser", DOCUMENT_PARSERS)
@pytest.mark.parametrize("head", HEADS)
def test_a_document_takes_linear_time(head: str, parser: str, sizes: Sequence[int]) -> None:
    before, repeated, after = HEADS[head]

    def document(size: int) -> bytes:
        return b"%b%b%b<p>text" % (before, repeated * (size // len(repeated)), after)

    assert grows_too_fast(DOCUMENT_PARSERS[parser], document, sizes) is None


# ── Fields, paths, queries, tokens ─────────────────────────────────────────────────────────────

TEXTS = [  # the beginning, and what is repeated
    *(
        ("", unit)
        for unit in (" ", "\t", ",", ", ", ";", "; ", "=", '"', "'", "\\", "a", "aB", "é")
    ),
    *(("", unit) for unit in ("a,", '"a",', '",', 'W/"a",', "W/", '"pavior.', "a=b;", "a=", "=;")),
    *(
        ("", unit)
        for unit in ("*", "/", "//", "/a", "/a/b", "?", "#", "&", "&a=", "%", "%25", "@", ".")
    ),
    *(
        ("", unit)
        for unit in (":", "-", "a.", "a-", "xn--", "[", "\ufe0f", "\u0316\u0300", "\uff20", "\0")
    ),
    *(("", unit) for unit in ("a b", "max-age=1,", "private,", "no-cache=", "charset=a;", "a/b,")),
    *(
        ("", unit)
        for unit in ("'self' ", "'nonce-a' ", "script-src a;", "sandbox;", "https:", "a:1 ")
    ),
    *(("a", " "), ('a="', "\\"), ('a="', "a"), ("text/html;", " "), ("text/html; a=", "a*0=b;")),
    *(
        ("text/html", ";charset"),
        ("script-src ", "'sha256-a' "),
        ("script-src *.", "a."),
        ("sig=(", '"a" '),
    ),
    *(("https://", "a."), ("https://help.example.com/", "a/"), ("https://a.example.net", ":1")),
    *((f"{NAME}=", "."), (f"{NAME}=a.", "b"), ("", f"{NAME}=a;"), (".", "eJ"), ("code=", "%2e")),
    *(
        ("to=https://help.example.com/", "%2f"),
        ("to=https://help.example.com/#", "pavior-handoff=&"),
    ),
    *(
        ("to=https://", "a"),
        ("origin=https://", "a."),
        ("", "to=a&"),
        ("inline", ";a"),
        ("gzip,", "br,"),
    ),
    *(("a@", "b."), ("*.", "a."), ("", "# "), ("", "a\v"), ("", "é."), ("pavior.", "none.s.")),
]


def different_nonce(place: int) -> str:
    return f"'nonce-{place}' "


def restored(policy: str) -> None:
    policy += "".join(map(different_nonce, range(len(policy) // len(different_nonce(9999)))))
    nonces = csp.Nonces()
    assert nonces.restored(nonces.numbered(policy)) == policy


def ask(path: str, **parts: Any) -> Callable[[str], object]:
    """Ask one of our paths; the text stands where it is named."""

    def parse(text: str) -> None:
        fields = {
            "origin": ["https://help.example.com"],
            "sec-fetch-site": ["cross-site"],
            **{name: [each.replace("$", text)] for name, each in parts.get("fields", {}).items()},
        }
        query = parts.get("query", "").replace("$", text)
        request = Request(parts.get("method", "GET"), path, query, fields, path)
        begun = SHARING.begin(request)
        if begun is Needed.VISITOR:
            SHARING.answer(request, VISITOR)
        if begun is Needed.CONTENT:
            SHARING.exchange(request, text.encode()[: LONGEST_CONTENT + 1])

    return parse


def set_up(name: str) -> Parse:
    def parse(text: str) -> None:
        try:
            Settings.from_mapping(
                {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY, name: text}
            )
        except SettingsError:
            return

    return parse


def sign_for(identity: Callable[[str], Identity]) -> Parse:
    def parse(text: str) -> None:
        try:
            signed_options(API_KEY, identity(text))
        except IdentityRefused:
            return

    return parse


HANDOFF_QUERY = "to=https%3A%2F%2Fhelp.example.com%2F$&challenge=" + "a" * 43
FROM_HELP = {"referer": "https://help.example.com/", "sec-fetch-mode": "navigate"}
PARSERS: dict[str, Parse] = {
    "the entity tags of a request": lambda text: (
        variants.for_app(variants.validators(text)),
        variants.names_variant(variants.validators(text)),
    ),
    "the conditions of a request": lambda text: [
        conditions("GET", {name: text}, gets_script=True, is_same_for_all=False)
        for name in ("if-match", "if-none-match", "if-range", "range", "content-length")
    ],
    "the copy that a 304 speaks of": lambda text: variants.copy_that_holds(
        variants.validators(text), '"1"', ["none"]
    ),
    "the entity tag of a response": lambda text: variants.tagged(text, "none", is_strong=True),
    # What these found out is remembered, so they are called without that.
    "cache control": lambda text: cache_control.private.__wrapped__(text, may_store=False),
    "what a page varies by": cache_control.vary_names,
    "signatures": lambda text: cache_control.covers(text, ["etag"]),
    "the media type": media.media_type.__wrapped__,
    "whether it is shown": media.is_inline,
    "the codings": lambda text: codings.names([text]),
    "the nonces of a policy": restored,
    "what a policy says": lambda text: csp.read([(csp.ENFORCED, text)]),
    "a policy": lambda text: csp.extended.__wrapped__(text, "0", SNIPPET.needs),
    "the path of a request": lambda text: RULES.skips(f"/{text}"),
    "the origin of a request": lambda text: is_foreign_fetch({"origin": text}, "http"),
    "the root path": lambda text: render(SETTINGS, ADA, root_path=text),
    "the cookies of a request": lambda text: (
        COOKIE.tells({"cookie": text}),
        COOKIE.read([text]),
    ),
    "the cookie to replace": lambda text: COOKIE.after(
        VISITOR, {"cookie": text}, bool, is_page=True, is_safe=True
    ),
    "the cookies of a request that is made again": lambda text: cookies_after(
        text, ["s=1; Path=/", "s=2", "t=; Max-Age=0"], host=text, path="/", is_secure=True
    ),
    "a cookie that is set": lambda text: cookies_after(
        "s=1", [text, f"s=1; Expires={text}"], host="a.test", path=f"/{text}", is_secure=True
    ),
    "a token": lambda text: (
        TOKENS.read_cookie(text),
        TOKENS.read_code(text, "https://help.example.com", text),
    ),
    "an origin": WHITELIST.allows,
    "a domain": lambda text: domain_problem(normalized(text), allows_subdomains=True),
    "share-auth": ask(SHARE_AUTH, fields={"origin": "$"}),
    "share-auth's cookies": ask(SHARE_AUTH, fields={"cookie": "$"}),
    "share-auth's query": ask(SHARE_AUTH, query="$"),
    "share-auth's code": ask(SHARE_AUTH, method="POST"),
    "share-auth for a frame": ask(
        SHARE_AUTH, query="origin=$", fields={"sec-fetch-site": "same-origin"}
    ),
    "handoff": ask(HANDOFF, query="$", fields=FROM_HELP),
    "handoff's destination": ask(HANDOFF, query=HANDOFF_QUERY, fields=FROM_HELP),
    "handoff's referrer": ask(HANDOFF, query=HANDOFF_QUERY, fields={"referer": "$"}),
    "frame": ask(FRAME, query="origin=$"),
    "share.js": ask(SHARE_SCRIPT, fields={"if-none-match": "$"}),
    "an id": sign_for(Identity),
    "an email": sign_for(lambda text: Identity(email=text)),
    "an email's domain": sign_for(lambda text: Identity(email=f"a@{text}")),
    "a user's attribute": lambda text: render(SETTINGS, Identity("7", attributes={"name": text})),
    **{name: set_up(name) for name in ("PAVIOR_SKIP_PATHS", "PAVIOR_SHARED_AUTH_DOMAINS")},
    **{name: set_up(name) for name in ("PAVIOR_SHARE_AUTH", "PAVIOR_EMBED_URL", "PAVIOR_BUBBLE")},
    **{name: set_up(name) for name in ("PAVIOR_INIT_OPTIONS", "PAVIOR_SECRET_KEY")},
}


@pytest.mark.parametrize("parser", PARSERS)
def test_a_text_takes_linear_time(parser: str, sizes: Sequence[int]) -> None:
    slow = {}
    for before, repeated in TEXTS:
        for after in ("", "x"):

            def text(
                size: int, before: str = before, repeated: str = repeated, after: str = after
            ) -> str:
                return before + repeated * (size // len(repeated)) + after

            slow[before, repeated, after] = grows_too_fast(PARSERS[parser], text, sizes)
    assert {case: growth for case, growth in slow.items() if growth} == {}


@pytest.mark.parametrize("name", ["cookie", "if-none-match", "x-other"])
def test_many_fields_of_a_request_take_linear_time(name: str, sizes: Sequence[int]) -> None:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        pass

    async def receive() -> asgi.Message:
        raise AssertionError

    async def send(message: asgi.Message) -> None:
        raise AssertionError

    middleware = asgi.PaviorMiddleware(app, SETTINGS)

    def serve(headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        with pytest.raises(StopIteration):
            middleware(scope, receive, send).__await__().send(None)

    assert grows_too_fast(serve, lambda size: [(name.encode(), b"a")] * size, sizes) is None


# ── Coded pages ────────────────────────────────────────────────────────────────────────────────


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def reads(size: int) -> Callable[[bytes], None]:
    def read(body: bytes) -> None:
        inserter = Inserter(SNIPPET.element())
        coded = CodedBody(codings.codings(["gzip"]), inserter, lambda text: None)
        for piece in pieces(body, size):
            list(coded.feed(piece))
        list(coded.feed(b"", is_last=True))

    return read


GZIP_START = b"\x1f\x8b\x08"
CODED_PAGES: dict[str, Callable[[int], bytes]] = {
    "a file name": lambda size: GZIP_START + b"\x08" + b"\0" * 6 + b"a" * size,
    "an extra field": lambda size: GZIP_START + b"\x04" + b"\0" * 6 + b"\xff\xff" + b"a" * size,
    "many members without content": lambda size: gzip.compress(b"") * (size // 20),
    "many members": lambda size: gzip.compress(b"<!doctype html>") * (size // 32),
    "a page of blanks": lambda size: gzip.compress(b" " * size * 32),
    "what follows the end": lambda size: gzip.compress(b"<p>") + b"\x1f" * size,
    "a tag that does not end": lambda size: gzip.compress(
        b"<meta " + json.dumps(list(range(size))).encode()
    ),
}


@pytest.mark.parametrize("size", [7, 4096, 10**9])
@pytest.mark.parametrize("page", CODED_PAGES)
def test_a_coded_page_takes_linear_time(page: str, size: int, sizes: Sequence[int]) -> None:
    assert grows_too_fast(reads(size), CODED_PAGES[page], sizes) is None
