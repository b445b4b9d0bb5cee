"""What attackers try at the lender's paths, through both adapters, and what they do not get.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import random
import re
import socket
import string
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, SettingsError, asgi, sign, wsgi
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._share import sharing
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.flask import Pavior
from tests.support.adapters import PAGE
from tests.support.handing_over import CHALLENGE, VERIFIER, asking_for, form, referer_of
from tests.support.origin_tricks import ACCEPTED, ORIGIN_TRICKS, WHITELISTED
from tests.support.redirect_tricks import REDIRECT_TRICKS, REDIRECTS_ALLOWED
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import ADA, ADAS, API_KEY, HELP, LOGIN_COOKIE, MALLORY, SECRET_KEY, TEAM

DOCS = "https://a.cards.example.com"
EVIL = "https://evil.test"
MALLORYS = {"id": "666", "email": "mallory@evil.test", "hmac": sign(API_KEY, "666")}
PATHS = (SHARE_AUTH, HANDOFF, FRAME, SHARE_SCRIPT)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

site = partial(Settings, TEAM, API_KEY)
SETTINGS = site(shared_auth_domains=WHITELISTED, secret_key=SECRET_KEY)
TOKENS = Tokens([SECRET_KEY], 3600)

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Got:
    """What an attacker gets to see: names of fields in lower case."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str | None:
        """Return the only field of a name; or None."""
        values = [value for each, value in self.fields if each == name]
        assert len(values) <= 1
        return values[0] if values else None

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.status} {self.fields} {self.body.decode('latin-1')}"


@dataclass
class Lender:
    """A site through one of the adapters. `user` is who is logged in; `asked` counts questions.

    Servers are left out, since there are thousands of requests.
    """

    adapter: str
    settings: Settings = SETTINGS
    user: Identity | None = None
    asked: int = 0
    page: tuple[int, Fields, bytes] = (404, (("Content-Type", "text/plain"),), b"of the app")
    made: Any = field(init=False)

    def __post_init__(self) -> None:
        if self.adapter == "wsgi":
            self.made = wsgi.PaviorMiddleware(self._wsgi, self.settings, identity=self._who)
        else:
            # It waits for nothing, so it needs no thread and no event loop.
            settings = replace(self.settings, identity_may_block=False)
            self.made = asgi.PaviorMiddleware(self._asgi, settings, identity=self._who)

    def ask(
        self,
        method: str,
        target: str,
        *fields: tuple[str, str],
        body: bytes = b"",
        user: Identity | None = None,
    ) -> Got:
        """Ask as a browser in which somebody is logged in: by the app's own cookies alone."""
        self.user = user
        path, _, query = target.partition("?")
        ask = self._ask_wsgi if self.adapter == "wsgi" else self._ask_asgi
        return ask(method, path, query, fields, body)

    def _who(self, request: object) -> Identity | None:
        self.asked += 1
        return self.user

    def _wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.asked += 1
        status, fields, body = self.page
        start_response(f"{status} x", list(fields))
        return [body]

    async def _asgi(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        self.asked += 1
        status, fields, body = self.page
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _ask_wsgi(self, method: str, path: str, query: str, fields: Fields, body: bytes) -> Got:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in fields:  # as servers join those of one name
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        begun: list[tuple[int, tuple[tuple[str, str], ...]]] = []

        def start(status: str, headers: Fields, exc_info: object = None) -> None:
            lower = tuple((name.lower(), value) for name, value in headers)
            begun.append((int(status[:3]), lower))

        sent = b"".join(self.made(environ, start))
        return Got(*begun[-1], sent)

    def _ask_asgi(self, method: str, path: str, query: str, fields: Fields, body: bytes) -> Got:
        sent: list[asgi.Message] = []

        async def receive() -> asgi.Message:
            return {"type": "http.request", "body": body}

        async def send(message: asgi.Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
        }
        with pytest.raises(StopIteration):
            self.made(scope, receive, send).send(None)
        headers = tuple((n.decode(), v.decode("latin-1")) for n, v in sent[0]["headers"])
        return Got(sent[0]["status"], headers, b"".join(each["body"] for each in sent[1:]))


@pytest.fixture(params=["wsgi", "asgi"])
def lender(request: pytest.FixtureRequest) -> Lender:
    return Lender(request.param)


def both() -> tuple[Lender, Lender]:
    return Lender("wsgi"), Lender("asgi")


def narrow(value: str) -> tuple[str, str]:
    return "Cookie", f"theme=dark; {LOGIN_COOKIE}={value}; session=secret"


def origin(value: str) -> tuple[str, str]:
    return "Origin", value


ADAS_COOKIES = narrow(TOKENS.cookie(ADA))
CROSS, SAME_ORIGIN = ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")
SAME_SITE, ACTIVE = ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Storage-Access", "active")


def expect_refused_alike(
    lender: Lender, method: str, target: str, *fields: tuple[str, str], status: int = 403
) -> None:
    """Expect the same refusal for Ada, with and without her narrow cookie, and for nobody."""
    body = form(TOKENS.code(ADA, HELP, CHALLENGE)) if method == "POST" else b""
    before = lender.asked
    answers = {
        lender.ask(method, target, *fields, *cookies, body=body, user=user)
        for user in (ADA, None)
        for cookies in ((), (ADAS_COOKIES,))
    }
    assert len(answers) == 1, (method, target, fields)
    (got,) = answers
    assert got.status == status, (method, target, fields, got)
    assert lender.asked == before  # so that not even the time tells
    assert not is_readable(got), (method, target, fields, got)
    assert got.field("set-cookie") is None
    assert got.field("location") is None
    assert "ada" not in got.text
    if method != "HEAD" and status == 403:
        assert got.body.endswith(b".\n")


def is_readable(got: Got) -> bool:
    """Whether a browser lets another site's page read an answer."""
    return any(name.startswith("access-control-") for name, _ in got.fields)


# ── Other origins ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_origin_that_looks_like_a_borrowers_gets_an_identity(lender: Lender, kind: str) -> None:
    """Has: a page on any other origin, and Ada as its visitor.

    Tries: to read share-auth, with each form of `Origin`, in CORS, a preflight, with a code.
    Gets: the refusal that everybody gets, which no page may read; nobody asked who is logged in.
    """
    for trick in ORIGIN_TRICKS[kind]:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            expect_refused_alike(lender, method, SHARE_AUTH, origin(trick))
        for more in (CROSS, SAME_SITE, SAME_ORIGIN):
            expect_refused_alike(lender, "GET", SHARE_AUTH, origin(trick), more)


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_parameter_that_looks_like_a_borrowers_origin_gets_a_frame_or_an_identity(
    lender: Lender, kind: str
) -> None:
    """Has: a page that frames the lender's frame, or asks as it does.

    Tries: each form of an origin as the frame's parameter.
    Gets: neither a frame nor an answer to one.
    """
    for trick in ORIGIN_TRICKS[kind]:
        query = f"?origin={quote(trick.encode('latin-1'), safe='')}"
        expect_refused_alike(lender, "GET", SHARE_AUTH + query, SAME_ORIGIN)
        expect_refused_alike(lender, "GET", FRAME + query, ("Sec-Fetch-Dest", "iframe"))


@pytest.mark.parametrize("kind", REDIRECT_TRICKS)
def test_no_address_that_looks_like_a_borrowers_gets_a_code(lender: Lender, kind: str) -> None:
    """Has: a link that Ada follows. Tries: to have her led elsewhere. Gets: no redirect at all."""
    for trick in REDIRECT_TRICKS[kind]:
        target = f"{HANDOFF}?to={quote(trick, safe='')}"
        expect_refused_alike(lender, "GET", target)
        expect_refused_alike(lender, "GET", target, CROSS, ("Sec-Fetch-Mode", "navigate"))


def test_an_odd_address_that_is_allowed_leads_where_it_says(lender: Lender) -> None:
    """Has: a link to an odd address of a borrower's. Tries: that it leads to another site.

    Gets: the very address, up to its fragment, with the code of the user who follows the link.
    """
    for to in REDIRECTS_ALLOWED:
        for user in (ADA, None):
            got = lender.ask("GET", asking_for(to), ("Referer", referer_of(to)), user=user)
            page, _, _ = to.partition("#")
            assert got.status == 303
            location = got.field("location") or ""
            assert location.startswith(f"{page}#pavior-handoff=")
            assert bool(code_in(location)) == (user is ADA)


def code_in(location: str) -> str:
    _, _, fragment = location.partition("#pavior-handoff=")
    return fragment.partition("&")[0]


def sample(tricks: Sequence[str]) -> list[str]:
    return [each for each in tricks[:: max(1, len(tricks) // 5)] if not set("\r\n") & set(each)]


SAMPLE = [trick for tricks in ORIGIN_TRICKS.values() for trick in sample(tricks)]


@pytest.mark.parametrize("adapter", ["wsgi", "asgi"])
def test_no_server_makes_a_borrower_of_another_origin(adapter: str) -> None:
    """Has: a page on another origin; the lender runs under a real server, which strips blanks.

    Tries: a sample of the same origins. Gets: what others get, logged in or not; a stripped one
    that is whitelisted is answered as what it is then, and never as it was sent.
    """
    lender = Lender(adapter)
    (port,) = free_ports([0])
    serving = serving_wsgi if adapter == "wsgi" else serving_asgi
    with serving(lender.made, port):
        for trick in SAMPLE:
            answers = []
            for user in (ADA, None):
                lender.user, lender.asked = user, 0
                answers.append(raw_request(port, f"GET {SHARE_AUTH}", trick))
            status = int(answers[0].split()[1])
            if status == 200:
                allowed = f"access-control-allow-origin: {trick.strip()}\r\n".encode()
                assert trick.strip() in (*ACCEPTED, DOCS), trick
                assert allowed in answers[0].lower()
                continue
            assert status in (400, 403, 431), trick
            assert answers[0] == answers[1], trick
            assert lender.asked == 0
            assert b"access-control-" not in answers[0].lower()


def raw_request(port: int, request: str, origin: str) -> bytes:
    """Send a request with an `Origin` of any bytes; return what comes back, but for the date."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
        connection.sendall(
            f"{request} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
            f"Origin: {origin}\r\n\r\n".encode("latin-1")
        )
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:  # the server has not read all of it
            pass
    return re.sub(rb"(?i)^date:[^\r]*\r\n", b"", received, flags=re.MULTILINE)


def test_several_origin_fields_are_refused(lender: Lender) -> None:
    """Has: a proxy that adds a field, or a client of their own. Tries: `Origin` more than once.

    Gets: a refusal, also if both are whitelisted, and if the parameter names one as well.
    """
    for pair in ((HELP, HELP), (HELP, EVIL), (EVIL, HELP), (HELP, DOCS), (HELP, "")):
        fields = [origin(each) for each in pair]
        for method in ("GET", "OPTIONS", "POST"):
            expect_refused_alike(lender, method, SHARE_AUTH, *fields)
        expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?origin={HELP}", *fields, SAME_ORIGIN)


@pytest.mark.parametrize(
    "query",
    [
        f"origin={HELP}&origin={EVIL}",
        f"origin={EVIL}&origin={HELP}",
        f"origin={HELP}&origin={HELP}",
        f"origin={HELP}&origin=",
        f"origin={HELP}&or%69gin={EVIL}",
        f"origin={HELP};origin={EVIL}",
        f"origin={HELP}%00",
        f"origin={HELP}%20",
        f"origin={HELP}%0d%0aSet-Cookie:%20a=b",
        f"origin={HELP};%20script-src%20*",
        "origin",
        "origin=",
        f"origin[]={HELP}&origin=",
    ],
)
def test_a_parameter_that_comes_twice_or_with_more_opens_no_frame(
    lender: Lender, query: str
) -> None:
    """Has: the query. Tries: two readings of it, or fields and policies of their own.

    Gets: no frame, and no answer for one.
    """
    expect_refused_alike(lender, "GET", f"{FRAME}?{query}", ("Sec-Fetch-Dest", "iframe"))
    if query != "origin":
        expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?{query}", SAME_ORIGIN)


@pytest.mark.parametrize("query", ["to={}&to=https://evil.test/", "to=https://evil.test/&to={}"])
def test_a_destination_that_comes_twice_is_refused(lender: Lender, query: str) -> None:
    """Has: the query. Tries: that one destination is checked and the other followed. Gets: 403."""
    expect_refused_alike(lender, "GET", f"{HANDOFF}?{query.format(HELP)}")


# ── Requests that another site's page begins ───────────────────────────────────────────────────

EMBEDDED = [
    ("no-cors", "image"),
    ("no-cors", "script"),
    ("no-cors", "style"),
    ("no-cors", "empty"),
    ("no-cors", "video"),
    ("navigate", "iframe"),
    ("navigate", "object"),
    ("navigate", "embed"),
    ("navigate", "document"),
    ("same-origin", "empty"),
    ("cors", "script"),
]


@pytest.mark.parametrize("site_field", ["cross-site", "same-site", "none", "", "same-origin, none"])
@pytest.mark.parametrize(("mode", "destination"), EMBEDDED)
def test_a_request_of_another_site_without_cors_is_refused_alike_for_every_user(
    lender: Lender, site_field: str, mode: str, destination: str
) -> None:
    """Has: a page with an image, a script, a frame, a window, a prefetch of the lender's paths.

    Tries: to see from what loads, and how fast, who is logged in.
    Gets: one refusal for all, made without asking.
    """
    said = (
        ("Sec-Fetch-Site", site_field),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", destination),
    )
    expect_refused_alike(lender, "GET", SHARE_AUTH, *said)
    expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?origin={HELP}", *said)
    if (mode, destination) != ("navigate", "document"):
        expect_refused_alike(lender, "GET", f"{HANDOFF}?to={HELP}/", *said)
    if destination != "iframe":
        expect_refused_alike(lender, "GET", f"{FRAME}?origin={HELP}", *said)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_no_request_of_another_site_sets_a_cookie(lender: Lender, method: str, path: str) -> None:
    """Has: a page that posts forms and loads what it likes, with all cookies along, and none.

    Tries: to have the narrow cookie set, exchanged or taken away, at each path.
    Gets: nothing set, by any method, with any `Origin` and any `Sec-Fetch-*`.
    """
    query = {HANDOFF: f"?to={HELP}/", FRAME: f"?origin={HELP}"}.get(path, "")
    lender.page = (200, (("Content-Type", "text/plain"), ("Set-Cookie", "session=")), b"app")
    for by in ((), (origin(HELP),), (origin(EVIL),), (origin("null"),)):
        for more in (CROSS, SAME_SITE, ("Sec-Fetch-Site", "none")):
            for user in (ADA, None):
                got = lender.ask(method, path + query, *by, more, ADAS_COOKIES, user=user)
                assert got.field("set-cookie") is None, (by, more)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("status", [200, 302, 303, 307, 401, 404])
def test_no_page_that_another_site_requests_deletes_the_login_cookie(
    lender: Lender, method: str, status: int
) -> None:
    """Has: a page that links to, posts to or frames the shop, so that its session stays at home.

    Tries: that the shop takes Ada for logged out. Gets: no deletion, which her own request gets.
    """
    lender.page = (status, (("Content-Type", "text/html"), ("Location", "/")), PAGE)
    for more in ((CROSS,), (SAME_ORIGIN, ACTIVE), (CROSS, ACTIVE)):
        assert lender.ask(method, "/", *more, ADAS_COOKIES).field("set-cookie") is None
    own = lender.ask(method, "/", SAME_ORIGIN, ADAS_COOKIES).field("set-cookie")
    assert own is not None
    assert own.startswith(f"{LOGIN_COOKIE}=; ")
    assert "Max-Age=0" in own


def test_every_response_stays_out_of_other_pages_and_caches(lender: Lender) -> None:
    """Has: a page that embeds, and a cache on the way. Tries: each path, as anybody.

    Gets: fields that keep every personal answer where it belongs.
    """
    for target in (SHARE_AUTH, f"{SHARE_AUTH}?origin={HELP}", f"{HANDOFF}?to={HELP}/", HANDOFF):
        for by in ((), (origin(HELP),), (origin(EVIL),)):
            for method in METHODS:
                got = lender.ask(method, target, *by, user=ADA)
                assert got.field("cache-control") == "no-store"
                assert got.field("cross-origin-resource-policy") == "same-origin"
                assert got.field("x-content-type-options") == "nosniff"
                assert got.field("content-security-policy") == (
                    "default-src 'none'; frame-ancestors 'none'"
                )
                varies = (got.field("vary") or "").split(", ")
                assert {"Origin", "Sec-Fetch-Site", "Sec-Fetch-Storage-Access"} <= set(varies)
                assert got.field("referrer-policy") == "no-referrer"


def test_the_frame_may_stand_in_pages_of_its_one_origin(lender: Lender) -> None:
    """Has: another whitelisted site, or any other, that frames the frame of a borrower.

    Tries: to have it clicked there. Gets: a policy that names the one origin, and one policy.
    """
    for allowed in (*ACCEPTED, DOCS):
        got = lender.ask("GET", f"{FRAME}?origin={allowed}", ADAS_COOKIES, user=ADA)
        policy = got.field("content-security-policy") or ""
        assert policy.endswith(f"; frame-ancestors {allowed}")
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policy
        assert got.body.count(allowed.encode()) == 1
        assert lender.asked == 0
        assert got == lender.ask("GET", f"{FRAME}?origin={allowed}")


# ── Codes and cookies ──────────────────────────────────────────────────────────────────────────


class Clock:
    """Shows the time that it is set to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    shown = Clock()
    monkeypatch.setattr(sharing, "Tokens", partial(Tokens, clock=shown))
    return shown


def handed(lender: Lender, user: Identity | None, to: str = f"{HELP}/") -> str:
    """Return the code that a user gets on their way."""
    got = lender.ask("GET", asking_for(to), ("Referer", referer_of(to)), user=user)
    assert got.status == 303
    return code_in(got.field("location") or "")


def exchanged(lender: Lender, code: str, by: str | None = HELP, *more: tuple[str, str]) -> Got:
    fields = [] if by is None else [origin(by)]
    return lender.ask("POST", SHARE_AUTH, *fields, *more, body=form(code))


def told(lender: Lender, cookie: str, by: str = HELP, *more: tuple[str, str]) -> Any:
    """Return what a borrower gets if a narrow cookie alone comes along."""
    got = lender.ask("GET", SHARE_AUTH, origin(by), narrow(cookie), *more)
    assert got.status == 200
    return json.loads(got.body)


@pytest.mark.parametrize("adapter", ["wsgi", "asgi"])
def test_a_stolen_code_works_for_a_minute(clock: Clock, adapter: str) -> None:
    """Has: Ada's code, from over a shoulder. Tries: to exchange it again, and again later.

    Gets: what its bearer gets, for 60 seconds (documented), and a refusal from then on.
    """
    lender = Lender(adapter)
    code = handed(lender, ADA)
    start = int(clock.now)
    for age in (0, 1, 59, 60):
        clock.now = start + age + 0.5
        assert json.loads(exchanged(lender, code).body) == ADAS
    for age in (61, 62, 3600, 10**9, -6, -3600):
        clock.now = start + age
        got = exchanged(lender, code)
        assert got.status == 403
        assert "ada" not in got.text


@pytest.mark.parametrize("adapter", ["wsgi", "asgi"])
def test_a_stolen_login_cookie_works_for_the_seconds_of_the_setting(
    clock: Clock, adapter: str
) -> None:
    """Has: Ada's narrow cookie, from a disk. Tries: it after its time. Gets: nothing."""
    lender = Lender(adapter)
    lender.page = (200, (("Content-Type", "text/html"),), PAGE)
    got = lender.ask("GET", "/", user=ADA)
    cookie = (got.field("set-cookie") or "").removeprefix(f"{LOGIN_COOKIE}=").partition(";")[0]
    start = int(clock.now)
    clock.now = start + 3600.5
    assert told(lender, cookie) == ADAS
    for age in (3601, 10**6, -6):
        clock.now = start + age
        assert told(lender, cookie) == {}


def test_a_code_is_redeemed_by_its_one_origin_alone(lender: Lender) -> None:
    """Has: Ada's code for one borrower, and scripts at another borrower or anywhere.

    Tries: to exchange it there. Gets: a refusal, which other sites cannot even read.
    """
    code = handed(lender, ADA)
    for by in (DOCS, f"{HELP}:8443", "https://b.cards.example.com", "http://localhost:8003"):
        got = exchanged(lender, code, by)
        assert got.status == 403
        assert got.field("access-control-allow-origin") == by
        assert "ada" not in got.text
    for other in (EVIL, "null", "", "https://www.example.com", None):
        got = exchanged(lender, code, other)
        assert got.status == 403
        assert not is_readable(got)
        assert "ada" not in got.text
    assert json.loads(exchanged(lender, code).body) == ADAS


def test_the_lenders_frame_redeems_no_code(lender: Lender) -> None:
    """Has: Ada's code, and a way to ask as the lender's own frame does. Tries: to exchange it.

    Gets: a refusal, whichever borrower the parameter names.
    """
    for by in (HELP, DOCS):
        for more in ((), (SAME_ORIGIN,)):
            expect_refused_alike(lender, "POST", f"{SHARE_AUTH}?origin={by}", *more)


def test_a_code_counts_in_the_content_alone(lender: Lender) -> None:
    """Has: their own code. Tries: it in the query, a cookie, a field. Gets: what nobody gets."""
    code = handed(lender, MALLORY)
    for target in (f"{SHARE_AUTH}?pavior-handoff={code}", f"{SHARE_AUTH}?code={code}"):
        got = lender.ask("GET", target, origin(HELP), ("Authorization", f"Bearer {code}"))
        assert json.loads(got.body) == {}
        assert lender.ask("POST", target, origin(HELP)).status == 403


def test_a_session_cookie_redeems_nothing(lender: Lender) -> None:
    """Has: a form or a fetch that posts to share-auth, with Ada's cookies along.

    Tries: to be told of her without a code. Gets: a refusal; no cookie is looked at.
    """
    got = lender.ask("POST", SHARE_AUTH, origin(HELP), ADAS_COOKIES, user=ADA)
    assert got.status == 403
    assert lender.asked == 0
    assert "ada" not in got.text


def test_a_code_is_no_login_cookie_and_a_login_cookie_no_code(lender: Lender) -> None:
    """Has: Ada's code or narrow cookie. Tries: each as the other, to outlive its time or origin.

    Gets: nothing.
    """
    assert told(lender, handed(lender, ADA)) == {}
    assert exchanged(lender, TOKENS.cookie(ADA)).status == 403
    payload = URLSafeSerializer(SECRET_KEY, salt="pavior-middleware.share-cookie.1")
    with_origin = payload.dumps({"at": int(time.time()), "id": "7", "to": HELP})
    assert exchanged(lender, str(with_origin)).status == 403


def tampered(token: str) -> Iterator[str]:
    """Yield a token with each of its characters changed, to one near and one far away."""
    letters = string.ascii_letters + string.digits + "-_"
    for place, letter in enumerate(token):
        if letter == ".":
            others = "x_"
        elif place == len(token) - 1:  # the last one has two bits to spare
            others = letters[(letters.index(letter) + 17) % 64]
        else:
            near = letters[letters.index(letter) ^ 1]
            others = near + "."
        for other in others:
            yield token[:place] + other + token[place + 1 :]


def test_no_character_of_a_token_can_be_changed(lender: Lender) -> None:
    """Has: tokens of their own. Tries: to change each character, to cut, to add.

    Gets: nothing; a token is whole or worth nothing.
    """
    code, cookie = TOKENS.code(MALLORY, HELP, CHALLENGE), TOKENS.cookie(MALLORY)
    assert json.loads(exchanged(lender, code).body) == MALLORYS
    assert told(lender, cookie) == MALLORYS
    for changed in (*tampered(code), code[:-1], code[1:], code + "A", f" {code}", f"{code}\n"):
        assert exchanged(lender, changed).status == 403, changed
    for changed in (*tampered(cookie), cookie[:-2], cookie[1:], cookie + "AA"):
        assert told(lender, changed) == {}, changed


@given(said=st.dictionaries(st.sampled_from(["at", "id", "email", "vouched", "to"]), st.text()))
def test_nobody_without_the_key_makes_a_token(said: dict[str, str]) -> None:
    """Has: this source. Tries: tokens of any content, unsigned or signed with guessed keys.

    Gets: nothing.
    """
    content = (
        base64.urlsafe_b64encode(json.dumps({**said, "to": HELP, "challenge": CHALLENGE}).encode())
        .decode()
        .strip("=")
    )
    for lender in both():
        for key in ("", "secret", TEAM, "x" * 32):
            for salt in ("pavior-middleware.share-cookie.1", "pavior-middleware.handoff-code.1"):
                token = f"{content}.{signature(hmac_sha256(key.encode(), salt), content)}"
                assert exchanged(lender, token).status == 403
                assert told(lender, token) == {}
        assert exchanged(lender, f"{content}.").status == 403
        assert exchanged(lender, content).status == 403


def hmac_sha256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac_sha256(key, text)).decode().rstrip("=")


def forged(salt: str, said: dict[str, object]) -> str:
    """Return a token under the API key, made with nothing but hmacs of ids of one's choice."""
    content = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    key = bytes.fromhex(sign(API_KEY, salt))  # an account whose id is the salt gets this
    return f"{content}.{signature(key, content)}"


def test_the_api_key_signs_no_token(lender: Lender) -> None:
    """Has: the hmac of any text under the API key, by choosing it as an id.

    Tries: that of the salt, which is the key that tokens are signed with if the secret key is the
    API key. Gets: nothing, since it is not; settings that make it so are refused.
    """
    said = {"at": int(time.time()), "id": "7", "email": None, "vouched": True}
    cookie = forged("pavior-middleware.share-cookie.1", said)
    code = forged("pavior-middleware.handoff-code.1", {**said, "to": HELP, "challenge": CHALLENGE})
    careless = Tokens([API_KEY], 3600)
    assert careless.read_cookie(cookie) is not None  # so it would work
    assert careless.read_code(code, HELP, VERIFIER) is not None
    assert told(lender, cookie) == {}
    assert exchanged(lender, code).status == 403


@pytest.mark.parametrize(
    "key",
    [API_KEY, API_KEY.encode(), [API_KEY], [API_KEY, SECRET_KEY], [SECRET_KEY, API_KEY.encode()]],
)
def test_settings_refuse_the_api_key_as_a_secret_key(key: Any) -> None:
    """Has: an account. Tries: a site whose owner used one key for both. Gets: no such site."""
    with pytest.raises(SettingsError, match="is the API key"):
        site(shared_auth_domains=WHITELISTED, secret_key=key)


@pytest.mark.parametrize("name", ["SECRET_KEY", "PAVIOR_SECRET_KEY"])
def test_flask_refuses_the_api_key_as_a_secret_key(name: str) -> None:
    """Has: an account. Tries: a Flask site whose two keys are one. Gets: no such site."""
    app = Flask(__name__)
    app.config.update(
        PAVIOR_TEAM_VANITY_ID=TEAM, PAVIOR_API_KEY=API_KEY, PAVIOR_SHARED_AUTH_DOMAINS=WHITELISTED
    )
    app.config[name] = API_KEY
    with pytest.raises(SettingsError, match="is the API key"):
        Pavior(app)


@pytest.mark.parametrize("adapter", ["wsgi", "asgi"])
def test_a_token_of_a_retired_key_names_nobody(adapter: str) -> None:
    """Has: a key that the site has exchanged, or that of another site. Tries: its tokens.

    Gets: nothing, while the old key, as long as it stands before the new one, still does.
    """
    codes = {
        key: Tokens([key], 3600).code(ADA, HELP, CHALLENGE)
        for key in ("old", "new", "other site's")
    }
    cookies = {key: Tokens([key], 3600).cookie(ADA) for key in codes}
    for keys in (["old"], ["old", "new"], ["new"]):
        lender = Lender(adapter, replace(SETTINGS, secret_key=keys))
        for key in codes:
            known = key in keys
            assert told(lender, cookies[key]) == (ADAS if known else {})
            assert exchanged(lender, codes[key]).status == (200 if known else 403)


# ── Somebody else's cookie in one's browser ────────────────────────────────────────────────────


def test_a_planted_login_cookie_does_not_outdo_the_apps_own_user(lender: Lender) -> None:
    """Has: a way to plant their own narrow cookie in Ada's browser. Tries: to be her at the help
    center, and so to read what she writes.

    Gets: a help center that knows nobody where the app knows her, nothing from the same site,
    nothing beside hers.
    """
    planted = narrow(TOKENS.cookie(MALLORY))
    for more in (CROSS, SAME_SITE, ACTIVE):
        got = lender.ask("GET", SHARE_AUTH, origin(HELP), planted, more, user=ADA)
        assert json.loads(got.body) == {}
    assert told(lender, TOKENS.cookie(MALLORY), HELP, SAME_SITE) == {}
    two = f"{TOKENS.cookie(ADA)}; {LOGIN_COOKIE}={TOKENS.cookie(MALLORY)}"
    assert told(lender, two) == {}
    again = f"{TOKENS.cookie(MALLORY)}; {LOGIN_COOKIE}={TOKENS.cookie(MALLORY)}"
    assert told(lender, again) == {}
    got = lender.ask("GET", f"{SHARE_AUTH}?origin={HELP}", SAME_ORIGIN, planted, user=ADA)
    assert json.loads(got.body) == {}


def test_the_next_page_replaces_a_planted_login_cookie(lender: Lender) -> None:
    """Has: planted their narrow cookie. Tries: to keep it there. Gets: one page view."""
    lender.page = (200, (("Content-Type", "text/html"),), PAGE)
    planted = narrow(TOKENS.cookie(MALLORY))
    fresh = lender.ask("GET", "/", planted, user=ADA).field("set-cookie") or ""
    cookie = fresh.removeprefix(f"{LOGIN_COOKIE}=").partition(";")[0]
    assert told(lender, cookie) == ADAS
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=None"} <= set(fresh.split("; "))
    assert "domain" not in fresh.lower()
    gone = lender.ask("GET", "/", planted).field("set-cookie") or ""
    assert gone.startswith(f"{LOGIN_COOKIE}=; ")


@pytest.mark.parametrize(
    "name",
    [
        LOGIN_COOKIE.lower(),
        LOGIN_COOKIE.upper(),
        f"x{LOGIN_COOKIE}",
        f"{LOGIN_COOKIE}x",
        LOGIN_COOKIE.removeprefix("__Host-"),
        f'"{LOGIN_COOKIE}"',
        f"$Version=1; ${LOGIN_COOKIE}",
        f"\x85{LOGIN_COOKIE}",
        f"\xa0{LOGIN_COOKIE}",
        f"\xe2\x80\x80{LOGIN_COOKIE}",  # a blank that some take away (U+2000, in UTF-8)
        f"a {LOGIN_COOKIE}",
        "%5f%5fHost-pavior-share",
    ],
)
def test_a_cookie_of_a_similar_name_is_not_the_login_cookie(lender: Lender, name: str) -> None:
    """Has: a subdomain, which may set any name that browsers do not take for `__Host-`.

    Tries: names that a server could take for ours. Gets: nothing.
    """
    for place in ("{}", "a=b; {}", "{}; a=b", 'a="; {}; b="'):
        field = ("Cookie", place.format(f"{name}={TOKENS.cookie(MALLORY)}"))
        got = lender.ask("GET", SHARE_AUTH, origin(HELP), CROSS, field)
        assert json.loads(got.body) == {}, field


# ── Ids that are more than ids ─────────────────────────────────────────────────────────────────

ODD_IDS = [
    *("null", "{}", "[]", "undefined", "NaN", "true", "false", "0", "-1", "told", "click"),
    *("pavior-handoff", "#pavior-handoff=x", "__proto__", "constructor", "toString", "hmac", "id"),
    *("null ", " ", ".", "..", "*", HELP, EVIL, "https://www.example.com", "</script>", "<!--"),
    *('"', "'", "\\", "\n", "\r\nSet-Cookie: a=b", "\0", "\x7f", "\u2028", "\ufeff", "é", "🦆"),
    *(";", ",", "a=b; c=d", "${7*7}", "{{7*7}}", "%00", "&", "a" * 64, "0123456789abcdef" * 4),
    *(
        SECRET_KEY[::-1],
        TOKENS.cookie(MALLORY),
        TOKENS.code(MALLORY, HELP, CHALLENGE),
        "x" * 10_000,
    ),
    "pavior-middleware.share-cookie.1",
]


def expect_the_id_itself(lender: Lender, identity: Identity) -> None:
    """Expect an id to arrive as it is by each way, or not at all."""
    expected = {
        name: value
        for name, value in (("id", identity.id), ("email", identity.email))
        if value is not None
    }
    if identity.identifier is not None:
        expected["hmac"] = sign(API_KEY, identity.identifier)
    got = lender.ask("GET", SHARE_AUTH, origin(HELP), user=identity)
    assert json.loads(got.body) == expected
    assert got.body.isascii()
    got = lender.ask("GET", SHARE_AUTH, SAME_ORIGIN, user=identity)
    assert json.loads(got.body) == expected
    cookie = TOKENS.cookie(identity)
    assert told(lender, cookie) == expected
    code = handed(lender, identity)
    assert set(code) <= set(string.ascii_letters + string.digits + "-_.")
    got = exchanged(lender, code)
    if code == "":  # an empty id is no id
        assert expected == {}
    elif len(code) <= 8192:
        assert json.loads(got.body) == expected
    else:
        assert got.status == 403


@pytest.mark.parametrize("user_id", ODD_IDS, ids=map(str, range(len(ODD_IDS))))
def test_an_id_that_looks_like_code_arrives_as_it_is(lender: Lender, user_id: str) -> None:
    """Has: an account whose id they choose. Tries: ids that look like a part of the package.

    Gets: the very id, by every way.
    """
    expect_the_id_itself(lender, Identity(user_id))
    expect_the_id_itself(lender, Identity(user_id, "mallory@evil.test"))


def test_an_id_too_long_for_a_code_arrives_whole_or_not_at_all(lender: Lender) -> None:
    """Has: an account with an id of 10 kB that nothing compresses. Tries: to have it cut off.

    Gets: a login that is whole, or none.
    """
    expect_the_id_itself(lender, Identity(random.Random(7).randbytes(5000).hex()))


@given(text=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "@" not in text))
@example("\x00")
def test_any_id_arrives_as_it_is(text: str) -> None:
    """Has: an account whose id they choose. Tries: any text. Gets: the very id, by every way."""
    for lender in both():
        expect_the_id_itself(lender, Identity(text))


@pytest.mark.parametrize("user_id", ["ada@example.com", "@", "ada@example.com ", "a\ud800"])
def test_an_id_that_is_another_users_email_names_nobody(lender: Lender, user_id: str) -> None:
    """Has: an account whose id they choose. Tries: Ada's email as their id. Gets: nobody's login,
    by any way.
    """
    for identity in (Identity(user_id), Identity(user_id, "mallory@evil.test")):
        assert handed(lender, identity) == ""
        if user_id.isprintable():
            assert told(lender, TOKENS.cookie(identity)) == {}
            assert json.loads(exchanged(lender, TOKENS.code(identity, HELP, CHALLENGE)).body) == {}
        got = lender.ask("GET", SHARE_AUTH, origin(HELP), user=identity)
        assert json.loads(got.body) == {}
        lender.page = (200, (("Content-Type", "text/html"),), PAGE)
        assert lender.ask("GET", "/", user=identity).field("set-cookie") is None


# ── What lies around ───────────────────────────────────────────────────────────────────────────


def test_the_url_of_a_handoff_holds_no_login(lender: Lender) -> None:
    """Has: the URL of Ada's handoff, from a log. Tries: to open it, logged out or as themselves.

    Gets: a link to the help center, with no code or their own.
    """
    to = f"{HELP}/returns?order=1#section"
    assert handed(lender, ADA, to)
    assert handed(lender, None, to) == ""
    code = handed(lender, MALLORY, to)
    assert json.loads(exchanged(lender, code).body) == MALLORYS


def test_a_code_in_the_fragment_of_a_link_is_removed_by_the_handoff(lender: Lender) -> None:
    """Has: a link on the shop, with their own code in its fragment. Tries: to have it pass as the
    that of the user who follows it.

    Gets: their code stripped, in any number and place that share.js reads.
    """
    mine = TOKENS.code(MALLORY, HELP, CHALLENGE)
    one = f"pavior-handoff={mine}"
    for fragment in (one, f"{one}&", f"{one}&{one}", f"{one}&{one}&a", f"&{one}", f"a&{one}"):
        for user in (ADA, None):
            target = asking_for(f"{HELP}/#{fragment}")
            got = lender.ask("GET", target, ("Referer", HELP), user=user)
            location = got.field("location") or ""
            _, _, after = location.partition("#")
            taken = re.sub(r"^(pavior-handoff=[^&]*(&|$))+", "", after)  # as share.js does
            assert not taken.startswith("pavior-handoff=")
            code = code_in(location)
            assert code != mine
            assert bool(code) == (user is ADA)
            if fragment.startswith("pavior"):
                assert mine not in location


def every_answer(lender: Lender) -> Iterator[Got]:
    targets = [
        SHARE_AUTH,
        f"{SHARE_AUTH}?origin={HELP}",
        f"{SHARE_AUTH}?origin={EVIL}",
        f"{HANDOFF}?to={HELP}/",
        f"{HANDOFF}?to={EVIL}/",
        f"{FRAME}?origin={HELP}",
        FRAME,
        SHARE_SCRIPT,
    ]
    for target in targets:
        for method in METHODS:
            for by in ((), (origin(HELP),), (origin(EVIL),)):
                for more in ((), (CROSS,), (ACTIVE,), (ADAS_COOKIES,)):
                    for body in (b"", b"x", form(TOKENS.code(ADA, HELP, CHALLENGE))):
                        for user in (None, ADA, Identity("boss@bank.com")):
                            yield lender.ask(method, target, *by, *more, body=body, user=user)


def test_no_response_holds_a_key(lender: Lender) -> None:
    """Has: every answer of every path. Tries: to find a key in it, plain or in base64 or hex.

    Gets: none.
    """
    keys = (API_KEY, SECRET_KEY)
    forms = [form for key in keys for form in (key, key.encode().hex(), quote(key))]
    forms += [base64.b64encode(key.encode()).decode().rstrip("=") for key in keys]
    answers = list(every_answer(lender))
    assert {got.status for got in answers} == {200, 204, 303, 403, 405}
    assert not [got for got in answers if any(form in got.text for form in forms)]


# ── Methods and paths ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", PATHS)
def test_head_gets_the_fields_of_get_and_no_body(lender: Lender, path: str) -> None:
    """Has: any origin. Tries: HEAD where GET is refused. Gets: the fields of GET, and no body."""
    query = {HANDOFF: f"?to={HELP}/", FRAME: f"?origin={HELP}"}.get(path, "")
    for by in ((), (origin(HELP),), (origin(EVIL),), (CROSS,)):
        get, head = (lender.ask(each, path + query, *by, user=ADA) for each in ("GET", "HEAD"))
        assert (head.status, head.body) == (get.status, b"")
        names = [[name for name, _ in each.fields] for each in (get, head)]
        assert names[0] == names[1]
        assert is_readable(head) == is_readable(get)


@pytest.mark.parametrize("method", ["get", "Get", "post", "GET ", "TRACE", "CONNECT", "X", ""])
@pytest.mark.parametrize("path", PATHS)
def test_any_other_method_gets_a_405_without_a_lookup(
    lender: Lender, method: str, path: str
) -> None:
    """Has: a client that sends any method. Tries: those that a check may pass over.

    Gets: 405, and nobody is asked.
    """
    query = {HANDOFF: f"?to={HELP}/", FRAME: f"?origin={HELP}"}.get(path, "")
    got = lender.ask(method, path + query, origin(HELP), ADAS_COOKIES, user=ADA)
    assert (got.status, got.body) == (405, b"")
    assert lender.asked == 0
    if path == SHARE_AUTH:
        expect_refused_alike(lender, method, path, origin(EVIL))


OVERRIDES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_field_or_parameter_overrides_the_method(lender: Lender, name: str) -> None:
    """Has: a client of their own. Tries: fields and parameters that name another method.

    Gets: what the method that was sent gets.
    """
    for asked, other in (("POST", "GET"), ("GET", "POST"), ("DELETE", "GET"), ("GET", "OPTIONS")):
        target = f"{SHARE_AUTH}?_method={other}"
        code = form(TOKENS.code(MALLORY, HELP, CHALLENGE))
        plain = lender.ask(asked, SHARE_AUTH, origin(HELP), body=code, user=ADA)
        assert lender.ask(asked, target, origin(HELP), (name, other), body=code, user=ADA) == plain
        expect_refused_alike(lender, asked, target, origin(EVIL), (name, other))


NEARLY = [
    "/.well-known/pavior/../pavior/share-auth",
    "/.well-known/./pavior/share-auth",
    "//.well-known/pavior/share-auth",
    "/.well-known//pavior/share-auth",
    "/.well-known/pavior/share-auth/",
    "/.well-known/pavior/share-auth;x",
    "/.well-known/pavior/share-auth.json",
    "/.well-known/pavior/share-auth%00",
    "/.well-known/pavior/share-auth\0",
    "/.well-known/pavior/share-auth\n",
    "/.well-known/pavior/share-auth ",
    "/.well-known/pavior/share-auth%2f",
    "/%2ewell-known/pavior/share-auth",  # which servers decode, once
    "/.well-known/pavior/share%2dauth",
    "/.well-known\\pavior\\share-auth",
    "/.WELL-KNOWN/pavior/share-auth",
    "/.well-known/Pavior/share-auth",
    "/.well-known/pavior/SHARE-AUTH",
    "/.well-known/pavior",
    "/.well-known/pavior/",
    "/shop/.well-known/pavior/share-auth",
    ".well-known/pavior/share-auth",
    "*",
    "",
]


@pytest.mark.parametrize("path", NEARLY)
def test_a_path_that_resembles_one_of_the_package_is_left_to_the_app(
    lender: Lender, path: str
) -> None:
    """Has: a client that sends any path. Tries: those that a router or a proxy may take for ours.

    Gets: what the app says of it, and no login.
    """
    got = lender.ask("GET", path, origin(HELP), ADAS_COOKIES, user=ADA)
    assert (got.status, got.body) == (404, b"of the app")
    assert not is_readable(got)
    assert "ada" not in got.text


UNDERSCORES = [
    ("Sec_Fetch_Site", "same-origin"),
    ("SEC-FETCH-SITE", "same-origin"),
    ("X-Forwarded-Host", "help.example.com"),
    ("X-Forwarded-Origin", HELP),
    ("Referer", f"{HELP}/"),
    ("Forwarded", "host=help.example.com;proto=https"),
    ("X-Original-URL", SHARE_AUTH),
    ("X-Rewrite-URL", SHARE_AUTH),
    ("Access-Control-Request-Method", "GET"),
    ("Authorization", "Bearer x"),
]


@pytest.mark.parametrize("more", UNDERSCORES, ids=lambda more: more[0])
def test_no_other_field_makes_a_caller_a_borrower(lender: Lender, more: tuple[str, str]) -> None:
    """Has: a client of their own, beside Ada's cookies. Tries: fields that others believe.

    Gets: the refusal.
    """
    for by in ((CROSS,), (origin(EVIL), CROSS), (origin("null"),)):
        for method in ("GET", "OPTIONS"):
            expect_refused_alike(lender, method, SHARE_AUTH, *by, more)


def test_a_site_without_a_secret_key_takes_no_token() -> None:
    """Has: tokens under an empty key. Tries: a lender that has none. Gets: nothing."""
    settings = site(shared_auth_domains=WHITELISTED)
    make: Callable[[str], Lender] = partial(Lender, settings=settings)
    for lender in map(make, ("wsgi", "asgi")):
        for key in ("", b"", SECRET_KEY):
            tokens = Tokens([key], 3600)
            assert told(lender, tokens.cookie(ADA)) == {}
            assert exchanged(lender, tokens.code(ADA, HELP, CHALLENGE)).status == 405
