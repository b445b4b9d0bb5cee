"""Attacks by a login cookie that an attacker has planted in a user's browser.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import json

import pytest

from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.adapters import PAGE
from tests.support.lender import (
    ACTIVE,
    CROSS,
    SAME_ORIGIN,
    SAME_SITE,
    TOKENS,
    Lender,
    borrowed,
    login_cookie,
    origin,
)
from tests.support.sites import ADA, ADAS, HELP, LOGIN_COOKIE, MALLORY


def test_a_planted_login_cookie_does_not_replace_the_apps_own_user(lender: Lender) -> None:
    """Has: a way to plant their own login cookie in Ada's browser. Tries: to be her at the help
    center, and so to read what she writes.

    Gets: a help center that knows nobody where the app knows her, nothing from the same site,
    nothing beside hers.
    """
    planted = login_cookie(TOKENS.cookie(MALLORY))
    for more in (CROSS, SAME_SITE, ACTIVE):
        got = lender.ask("GET", SHARE_AUTH, origin(HELP), planted, more, user=ADA)
        assert json.loads(got.body) == {}
    assert borrowed(lender, TOKENS.cookie(MALLORY), HELP, SAME_SITE) == {}
    two = f"{TOKENS.cookie(ADA)}; {LOGIN_COOKIE}={TOKENS.cookie(MALLORY)}"
    assert borrowed(lender, two) == {}
    again = f"{TOKENS.cookie(MALLORY)}; {LOGIN_COOKIE}={TOKENS.cookie(MALLORY)}"
    assert borrowed(lender, again) == {}
    got = lender.ask("GET", f"{SHARE_AUTH}?origin={HELP}", SAME_ORIGIN, planted, user=ADA)
    assert json.loads(got.body) == {}


def test_the_next_page_replaces_a_planted_login_cookie(lender: Lender) -> None:
    """Has: planted their login cookie. Tries: to keep it there. Gets: one page view."""
    lender.page = (200, (("Content-Type", "text/html"),), PAGE)
    planted = login_cookie(TOKENS.cookie(MALLORY))
    fresh = lender.ask("GET", "/", planted, user=ADA).field("set-cookie") or ""
    cookie = fresh.removeprefix(f"{LOGIN_COOKIE}=").partition(";")[0]
    assert borrowed(lender, cookie) == ADAS
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
