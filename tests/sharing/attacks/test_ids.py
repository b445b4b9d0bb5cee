"""Attacks on a lender by ids that look like something else.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import json
import random
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pavior_middleware import Identity, sign
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.adapters import PAGE
from tests.support.handing_over import CHALLENGE
from tests.support.lender import (
    EVIL,
    SAME_ORIGIN,
    TOKENS,
    Lender,
    borrowed,
    both,
    handed,
    origin,
    redeemed,
)
from tests.support.sites import API_KEY, HELP, MALLORY, SECRET_KEY

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


LONGEST_COOKIE = 4096
"""The most bytes that browsers keep (RFC 6265 section 6.1)."""


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
    assert borrowed(lender, cookie) == (expected if len(cookie) <= LONGEST_COOKIE else {})
    code = handed(lender, identity)
    assert set(code) <= set(string.ascii_letters + string.digits + "-_.")
    got = redeemed(lender, code)
    if code == "":  # an empty id is no id
        assert expected == {}
    elif len(code) <= 8192:
        assert json.loads(got.body) == expected
    else:
        assert got.status == 403


@pytest.mark.parametrize("user_id", ODD_IDS, ids=map(str, range(len(ODD_IDS))))
def test_an_id_that_looks_like_code_arrives_unchanged(lender: Lender, user_id: str) -> None:
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
def test_any_id_arrives_unchanged(text: str) -> None:
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
            assert borrowed(lender, TOKENS.cookie(identity)) == {}
            assert json.loads(redeemed(lender, TOKENS.code(identity, HELP, CHALLENGE)).body) == {}
        got = lender.ask("GET", SHARE_AUTH, origin(HELP), user=identity)
        assert json.loads(got.body) == {}
        lender.page = (200, (("Content-Type", "text/html"),), PAGE)
        assert lender.ask("GET", "/", user=identity).field("set-cookie") is None
