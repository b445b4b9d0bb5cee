"""Attacks on a lender by odd methods, paths and fields; and whether any response holds a key.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from pavior_middleware import Identity
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from tests.support.handing_over import CHALLENGE, form
from tests.support.lender import (
    ACTIVE,
    ADAS_COOKIES,
    CROSS,
    EVIL,
    METHODS,
    PATHS,
    TOKENS,
    Got,
    Lender,
    expect_refused_alike,
    is_readable,
    origin,
)
from tests.support.sites import ADA, API_KEY, HELP, MALLORY, SECRET_KEY


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
