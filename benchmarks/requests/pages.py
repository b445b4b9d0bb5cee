"""The page, its user, the script written by hand, and the checks that an answer is right."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any

from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API_KEY = "an-api-key-for-the-benchmark"
SECRET_KEY = "a secret key for the benchmark"  # noqa: S105  # it protects nothing
TEAM = "acme"
SETTINGS = Settings(TEAM, API_KEY)
LENDING = Settings(
    TEAM,
    API_KEY,
    shared_auth_domains=["help.example.net", "*.cards.example.net", "docs.example.net:8443"],
    secret_key=SECRET_KEY,
)
USER_ID, EMAIL = "4711", "ada@example.com"

PATH = "/orders/7"
SESSION = "session=eyJfdXNlcl9pZCI6IjQ3MTEifQ.aSQ9Ug.Q2FsbE1lSXNobWFlbFNvbWVZZWFycw"
NAVIGATION = [
    ("host", "shop.example"),
    ("connection", "keep-alive"),
    ("sec-ch-ua", '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/142.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
        "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    ),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://shop.example/orders"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("cookie", f"theme=dark; {SESSION}"),
]
"""The fields that Chrome sends when somebody follows a link of the site."""

_OF_FETCH = {
    "accept": "*/*",
    "sec-fetch-mode": "cors",
    "sec-fetch-dest": "empty",
}
FETCH = [
    (name, _OF_FETCH.get(name, value))
    for name, value in NAVIGATION
    if name not in ("upgrade-insecure-requests", "sec-fetch-user")
]
"""The fields that Chrome sends when a page of the site calls `fetch`."""

POLICY = (
    "default-src 'self'; script-src 'self' https://cdn.example.com; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' https://fonts.example.com;"
    " frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
NONCE_POLICY = (
    "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data: https:; object-src 'none'; base-uri 'none'"
)
ORDERS = {
    "orders": [
        {"id": 700 + number, "what": "A cloud, small", "price": "19.90", "currency": "EUR"}
        for number in range(10)
    ]
}

_HEAD = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    b'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    b"<title>Order 7</title>\n"
    b'<meta name="description" content="What you have ordered, and where it is">\n'
    b'<meta property="og:title" content="Order 7">\n'
    b'<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">\n'
)
_REST_OF_HEAD = (
    b'<link rel="stylesheet" href="/static/css/main.css">\n'
    b'<link rel="preload" as="font" type="font/woff2" href="/static/font.woff2" crossorigin>\n'
    b"<style>\n" + b".card > .title { margin: 0 auto; color: #333 }\n" * 5 + b"</style>\n"
    b'<script src="/static/js/app.js" defer></script>\n</head>\n<body>\n<h1>Order 7</h1>\n'
)
_END = b"</body>\n</html>\n"
_WORDS = (
    *("cloud", "order", "shop", "rain", "price", "small", "large", "light", "grey", "white"),
    *("morning", "evening", "delivery", "address", "invoice", "customer", "summer", "winter"),
)


@dataclass(frozen=True)
class Page:
    """A page, cut where its author writes the script: before the first stylesheet."""

    before: bytes
    after: bytes

    def without_element(self) -> bytes:
        """Return a new copy of the page without a script, as a template makes it."""
        return self.before + self.after

    def with_element(self, element: bytes) -> bytes:
        """Return the page with the element that its author has written into it."""
        return b"".join((self.before, element, self.after))


@cache
def page_of(size: int) -> Page:
    """Return a page of about `size` bytes, with a head of about 1 kB."""
    rows = []
    missing = size - len(_HEAD) - len(_REST_OF_HEAD) - len(_END)
    number = 1
    while missing > 0:
        number = number * 48_271 % 2_147_483_647
        words = " ".join(_WORDS[number // 7**power % len(_WORDS)] for power in range(9))
        rows.append(f"<p class='text'><a href='/orders/{number}'>{words}</a>.</p>\n".encode())
        missing -= len(rows[-1])
    return Page(_HEAD, _REST_OF_HEAD + b"".join(rows) + _END)


NOBODY = {"pavior.identity": None}
"""The keys of a scope or environ if nobody is logged in; without them, our middleware warns."""

_ELEMENT = re.compile(rb"<script([^>]*) data-pavior='([^']*)'>(.*?)</script>", re.DOTALL)


@cache
def script_text() -> str:
    """Return the text of the script that the measured package puts into every page."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:  # noqa: ARG001
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [page_of(2_000).without_element()]

    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/"}
    environ |= NOBODY | {"wsgi.url_scheme": "https", "HTTP_SEC_FETCH_DEST": "document"}
    sent = b"".join(PaviorMiddleware(app, SETTINGS)(environ, lambda *_: print))
    found = _ELEMENT.search(sent)
    if found is None:
        raise AssertionError("the middleware put no script into a page")
    return found[3].decode()


def by_hand(user_id: str, email: str) -> bytes:
    """Return the element that an author without the middleware writes.

    It has the same script as the middleware's element, and the init options in an attribute. The
    hmac is made for each page, as Pavior's documentation says.
    """
    options = {
        "teamVanityId": TEAM,
        "doChat": True,
        "doTimeTravel": True,
        "id": user_id,
        "email": email,
        "hmac": hmac.new(API_KEY.encode(), user_id.encode(), hashlib.sha256).hexdigest(),
    }
    text = json.dumps(options).replace("&", "&amp;").replace("'", "&#39;")
    return f"<script data-pavior='{text}'>{script_text()}</script>".encode()


def user() -> Identity:
    """Return a new object for the user, as an app makes it from its session or database."""
    return Identity(USER_ID, EMAIL)


@dataclass(frozen=True)
class Answer:
    """What a contender has sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a field that comes once; None if it is absent."""
        values = [value for each, value in self.headers if each.lower() == name]
        return ", ".join(values) if values else None


def check_whole(answer: Answer) -> None:
    """Raise `AssertionError` if the answer's status or length is wrong."""
    assert answer.status == 200, answer.status
    length = answer.header("content-length")
    assert length is None or int(length) == len(answer.body), "a wrong Content-Length"


def check_text(answer: Answer, expected: bytes) -> None:
    """Raise `AssertionError` unless the answer's body is exactly the one expected."""
    check_whole(answer)
    assert answer.body == expected, "another body"


def check_script(answer: Answer, page: Page, user: Identity | None) -> None:
    """Raise `AssertionError` unless the page has gained only one script, which names the user.

    Reads the middleware's elements, which mask the hmac, and those that are written by hand.
    """
    check_whole(answer)
    found = _ELEMENT.search(answer.body)
    assert found is not None, "no script"
    without = answer.body[: found.start()] + answer.body[found.end() :]
    assert without == page.without_element(), "the rest of the page has changed"
    data = json.loads(unescape(found[2].decode()))
    options: dict[str, Any] = data.get("user", data)
    named = (options.get("id"), options.get("email"), _unmasked(data.get("hmac")))
    if user is None:
        assert named == (None, None, None), "a script that names somebody"
        return
    assert user.id is not None
    signed = hmac.new(API_KEY.encode(), user.id.encode(), hashlib.sha256).hexdigest()
    assert named == (user.id, user.email, signed), "a script that does not name the user"


def check_policy(answer: Answer) -> None:
    """Raise `AssertionError` unless the answer's policy allows its script."""
    policy = answer.header("content-security-policy") or ""
    found = _ELEMENT.search(answer.body)
    assert found is not None, "no script"
    nonce = re.search(r"'nonce-([^']+)'", policy)
    if nonce is None:
        assert "'sha256-" in policy, "the policy lacks the script's hash"
    else:
        assert f' nonce="{nonce[1]}"'.encode() in found[1], "the script lacks the policy's nonce"


def _unmasked(text: str | None) -> str | None:
    """Return the hmac from a pad and, behind it, the hmac XORed with the pad."""
    if text is None or len(text) == hashlib.sha256().digest_size * 2:
        return text
    half = len(text) // 2
    return f"{int(text[:half], 16) ^ int(text[half:], 16):0{half}x}"
