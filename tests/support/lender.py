"""A lender as attackers see it: through both adapters, for any request fields."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from pavior_middleware import Identity, Settings, asgi, sign, wsgi
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._share.tokens import Tokens
from tests.support.handing_over import CHALLENGE, asking_for, form, referer_of
from tests.support.origin_tricks import WHITELISTED
from tests.support.sites import ADA, API_KEY, HELP, LOGIN_COOKIE, SECRET_KEY, TEAM

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
    """The answer that an attacker sees; names of fields are in lower case."""

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
        """The whole answer, as text."""
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
            # The app does not wait, so it needs neither a thread nor an event loop.
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
        """Make a request of a browser with only the app's own cookies."""
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
        for name, value in fields:  # servers join fields of one name
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


def both() -> tuple[Lender, Lender]:
    return Lender("wsgi"), Lender("asgi")


def login_cookie(value: str) -> tuple[str, str]:
    return "Cookie", f"theme=dark; {LOGIN_COOKIE}={value}; session=secret"


def origin(value: str) -> tuple[str, str]:
    return "Origin", value


ADAS_COOKIES = login_cookie(TOKENS.cookie(ADA))

CROSS, SAME_ORIGIN = ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")

SAME_SITE, ACTIVE = ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Storage-Access", "active")


def expect_refused_alike(
    lender: Lender, method: str, target: str, *fields: tuple[str, str], status: int = 403
) -> None:
    """Expect the same refusal for Ada, with and without her login cookie, and for nobody."""
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
    assert lender.asked == before  # a look-up could reveal the user by its time
    assert not is_readable(got), (method, target, fields, got)
    assert got.field("set-cookie") is None
    assert got.field("location") is None
    assert "ada" not in got.text
    if method != "HEAD" and status == 403:
        assert got.body.endswith(b".\n")


def is_readable(got: Got) -> bool:
    """Whether a browser lets another site's page read an answer."""
    return any(name.startswith("access-control-") for name, _ in got.fields)


def code_in(location: str) -> str:
    _, _, fragment = location.partition("#pavior-handoff=")
    return fragment.partition("&")[0]


class Clock:
    """A clock that shows the time to which it is set."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def handed(lender: Lender, user: Identity | None, to: str = f"{HELP}/") -> str:
    """Return the code that a user gets by a handoff."""
    got = lender.ask("GET", asking_for(to), ("Referer", referer_of(to)), user=user)
    assert got.status == 303
    return code_in(got.field("location") or "")


def redeemed(lender: Lender, code: str, by: str | None = HELP, *more: tuple[str, str]) -> Got:
    fields = [] if by is None else [origin(by)]
    return lender.ask("POST", SHARE_AUTH, *fields, *more, body=form(code))


def borrowed(lender: Lender, cookie: str, by: str = HELP, *more: tuple[str, str]) -> Any:
    """Return what a borrower gets if a login cookie alone comes along."""
    got = lender.ask("GET", SHARE_AUTH, origin(by), login_cookie(cookie), *more)
    assert got.status == 200
    return json.loads(got.body)
