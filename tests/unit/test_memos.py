"""What is remembered between requests: its size is bounded, and no user gets another's page."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from pavior_middleware import Identity, Settings, asgi, wsgi
from pavior_middleware._http.headers import ASGI_FORM, WSGI_FORM, FieldForm
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._page.pages import Pages
from pavior_middleware._page.snippet import render
from pavior_middleware._share.tokens import CLOCK_SKEW_SECONDS, Tokens
from pavior_middleware.placement import insert
from tests.support.adapters import PAGE
from tests.support.sites import ADA, API_KEY, BOB, LEAD, SECRET_KEY, SETTINGS, TEAM

KEY = "pavior.identity"
HTML = ("Content-Type", "text/html; charset=utf-8")


def wsgi_site(settings: Settings) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        return [PAGE]

    middleware = wsgi.PaviorMiddleware(app, settings)

    def page_of(identity: Identity | None) -> bytes:
        environ = {**create_environ(), KEY: identity}
        return b"".join(run_wsgi_app(middleware, environ)[0])

    return page_of


def asgi_site(settings: Settings) -> Any:
    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        headers = [(HTML[0].lower().encode(), HTML[1].encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    middleware = asgi.PaviorMiddleware(app, settings)

    def page_of(identity: Identity | None) -> bytes:
        body: list[bytes] = []

        async def receive() -> asgi.Message:
            return {"type": "http.disconnect"}

        async def send(message: asgi.Message) -> None:
            body.append(message.get("body", b""))

        scope: asgi.Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        scope[KEY] = identity
        anyio.run(middleware, scope, receive, send)
        return b"".join(body)

    return page_of


SITES: list[tuple[Settings, Any]] = [
    (settings, make(settings))
    for settings in (
        *(SETTINGS, Settings("other", API_KEY), Settings(TEAM, "another-key-of-this-test")),
        replace(SETTINGS, init_options={"a": 1}),
        replace(SETTINGS, init_options={"a": True}),
    )
    for make in (wsgi_site, asgi_site)
] + [(SETTINGS, wsgi_site(SETTINGS))]

ATTRIBUTES: list[dict[Any, Any]] = [
    *({}, {"a": 1}, {"a": True}, {"a": "1"}, {"a": 1.0}, {"a": None}, {"a": "null"}, {"a": 0}),
    *({"a": False}, {"a": [1]}, {"a": [True]}, {"a": ["1"]}, {"a": {"b": 1}}, {"a": "[1]"}),
    *({1: "x"}, {"1": "x"}, {"a": "x", "b": "y"}, {"b": "y", "a": "x"}, {"a": float("nan")}),
    *({"hmac": "x"}, {"a": {1}}, {"a": "\ud800"}),
]
IDENTITIES = [None] + [
    Identity(user_id, email, authenticated=is_authenticated, attributes=attributes)
    for user_id in (None, "1", 1, "01", "True", "None", "ada@a.test")
    for email in (None, "ada@a.test", "1@a.test", "1")
    for is_authenticated in (True, False)
    for attributes in ATTRIBUTES
]


def page_without_memo(settings: Settings, identity: Identity | None) -> bytes:
    try:
        return insert(PAGE, render(settings, identity).element())
    except IdentityRefused:
        return insert(PAGE, render(settings).element())


@given(
    visits=st.lists(
        st.tuples(st.sampled_from(SITES), st.sampled_from(IDENTITIES)), min_size=1, max_size=20
    )
)
def test_no_user_and_no_site_ever_gets_a_page_that_is_remembered_for_another(
    visits: list[tuple[tuple[Settings, Any], Identity | None]],
) -> None:
    for (settings, page_of), identity in [*visits, *visits]:
        assert page_of(identity) == page_without_memo(settings, identity)


@pytest.mark.parametrize("make", [wsgi_site, asgi_site], ids=["wsgi", "asgi"])
def test_users_who_differ_in_little_get_their_own_pages(make: Any) -> None:
    page_of = make(SETTINGS)
    for identity in IDENTITIES:
        assert page_of(identity) == page_without_memo(SETTINGS, identity)


@given(tags=st.lists(st.sampled_from([1, True, "1", None, ["x"]]), max_size=4))
def test_a_page_follows_an_attribute_that_the_app_has_changed_since(tags: list[Any]) -> None:
    kept: list[Any] = []
    nested = {"tags": kept}
    identity = Identity("7", attributes={"more": nested})
    for tag in tags:
        kept.append(tag)
        for settings, page_of in SITES[:2]:
            assert page_of(identity) == page_without_memo(settings, identity)


@dataclass
class Clock:
    seconds: float = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@given(
    steps=st.lists(st.sampled_from([0, 1, 59, 60, 1800, 3599, 3600, 3601, -6]), max_size=12),
    user=st.sampled_from([ADA, BOB, LEAD]),
)
def test_a_login_cookie_is_never_believed_beyond_its_age_however_often_it_was_read(
    steps: list[int], user: Identity
) -> None:
    clock = Clock()
    tokens = Tokens([SECRET_KEY], 3600, clock)
    made_at, cookie = clock.seconds, tokens.cookie(user)
    for step in steps:
        clock.seconds += step
        age = clock.seconds - made_at
        loan = tokens.read_cookie(cookie)
        assert (loan is not None) == (-CLOCK_SKEW_SECONDS <= age <= 3600)
        if loan is not None:
            assert loan.is_of(user)
            assert loan.age == max(age, 0)


def test_a_login_cookie_that_one_site_remembers_is_not_believed_by_another() -> None:
    one, other = Tokens(["one key"], 3600), Tokens(["another key"], 3600)
    cookie = one.cookie(ADA)
    for _ in range(2):
        assert one.read_cookie(cookie) is not None
        assert other.read_cookie(cookie) is None
        assert one.read_cookie(f"x{cookie}") is None


@dataclass
class Site:
    """The pages of a site, asked without an adapter."""

    form: FieldForm[Any]
    settings: Settings = SETTINGS
    pages: Any = field(init=False)

    def __post_init__(self) -> None:
        self.pages = Pages(self.settings, self.form, report=lambda event: None)

    def serve(
        self,
        identity: Identity | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = PAGE,
        root_path: str = "",
        status: int = 200,
    ) -> list[tuple[Any, Any]]:
        """Serve a page; return the fields of its head."""
        fields: Mapping[str, str] = {"sec-fetch-dest": "document"}
        request = self.pages.request("GET", "https", "/", root_path, fields, False)
        raw = [
            (self.form.encode_name(name), self.form.encode(value))
            for name, value in [HTML, *headers]
        ]
        response = self.pages.begin(request, status, raw)
        response.visitor(Visitor(identity))
        list(response.feed(body, is_last=True))
        return list(response.head())


FORMS = pytest.mark.parametrize("form", [ASGI_FORM, WSGI_FORM], ids=["asgi", "wsgi"])
REQUESTS = 2000


def caches() -> list[Any]:
    """Return all memoised functions and methods of the package that there are."""
    gc.collect()
    return [
        each
        for each in gc.get_objects()
        if type(each) is functools._lru_cache_wrapper  # `isinstance` would wake lazy objects
        and str(getattr(each, "__module__", None)).startswith("pavior_middleware")
    ]


UNBOUNDED = {"_brotli", "_zstd"}
"""They remember what they have imported, without arguments."""


def size_of(root: object) -> int:
    return sum(1 for _ in reachable([root]))


def reachable(roots: Iterable[object]) -> Iterator[object]:
    """Yield all objects that others hold, except for code."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(
            each, ModuleType | FunctionType | BuiltinFunctionType | type
        ):
            continue
        seen.add(id(each))
        yield each
        waiting += gc.get_referents(each)


@pytest.mark.slow
@FORMS
def test_what_is_remembered_of_a_site_stays_bounded(form: FieldForm[Any]) -> None:
    site = Site(form)

    def serve(numbers: range) -> None:
        for number in numbers:
            site.serve(
                Identity(number, attributes={"firstName": f"Ada {number}"}),
                [
                    *((f"X-Name-{number}", "a"), ("Vary", f"X-{number}")),
                    *(("Cache-Control", f"max-age={number}"), ("Content-Language", f"x-{number}")),
                    ("Content-Security-Policy", f"script-src 'nonce-{number:08}' a{number}.test"),
                    ("Content-Length", str(len(PAGE))),
                ],
                b"<!doctype html><title>%d</title><p>" % number,
                f"/{number}",
                (200, 404, 410, 500)[number % 4],
            )

    serve(range(REQUESTS))
    size = size_of(site.pages)
    serve(range(REQUESTS, 2 * REQUESTS))
    assert size_of(site.pages) < size + REQUESTS / 10
    found = caches()
    assert {"_make_named", "_plan", "_kind", "extended"} <= {cache.__name__ for cache in found}
    for cache in found:
        info = cache.cache_info()
        if cache.__name__ not in UNBOUNDED:
            assert info.maxsize is not None
            assert info.maxsize <= 1024
            assert info.currsize <= info.maxsize


def test_what_is_remembered_of_login_cookies_stays_bounded() -> None:
    tokens = Tokens([SECRET_KEY], 3600)
    cookies = [tokens.cookie(Identity(number)) for number in range(REQUESTS)]
    for cookie in cookies[: REQUESTS // 2]:
        assert tokens.read_cookie(cookie) is not None
    size = size_of(tokens)
    for cookie in cookies[REQUESTS // 2 :]:
        assert tokens.read_cookie(cookie) is not None
        assert tokens.read_cookie(f"{cookie}x") is None
    assert size_of(tokens) < size + REQUESTS / 10


@FORMS
def test_nonces_report_ids_and_ages_make_no_new_plans(form: FieldForm[Any]) -> None:
    site = Site(form)
    for number in range(100):
        head = site.serve(
            ADA,
            [
                ("Content-Security-Policy", f"script-src 'nonce-wk9v{number}'"),
                ("Reporting-Endpoints", f'csp="/reports?id={number}"'),
                ("Cache-Control", f"max-age={number}"),
                ("ETag", f'"{number}"'),
                ("Content-Length", str(len(PAGE))),
            ],
        )
        policies = [value for name, value in head if b"nonce" in as_bytes(value)]
        assert f"'nonce-wk9v{number}'".encode() in as_bytes(*policies)
    assert site.pages.plan.cache_info().currsize == 1


@FORMS
def test_report_ids_in_a_policy_make_no_new_plans(form: FieldForm[Any]) -> None:
    site = Site(form)
    for number in range(100):
        policy = f"default-src 'self'; report-uri /reports?id={number}"
        site.serve(ADA, [("Content-Security-Policy", policy)])
    assert site.pages.plan.cache_info().currsize == 1


@FORMS
def test_the_nonces_of_policies_and_the_texts_of_pages_are_not_remembered(
    form: FieldForm[Any],
) -> None:
    site = Site(form)
    for number in range(3):
        site.serve(
            ADA,
            [("Content-Security-Policy", f"script-src 'nonce-wk9vnonce{number}'")],
            b"<!doctype html><title>A</title><p>wk9vbody",
        )
    gc.collect()
    texts = [each for each in reachable([site.pages, *caches()]) if isinstance(each, str | bytes)]
    assert any(b"ada@example.com" in as_bytes(text) for text in texts)  # the user's element
    assert not [text for text in texts if b"wk9v" in as_bytes(text)]


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
