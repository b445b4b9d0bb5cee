"""Attacks on a lender by stolen, changed and forged codes and login cookies.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import string
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from pavior_middleware import SettingsError, sign
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.flask import Pavior
from tests.support.adapters import PAGE
from tests.support.handing_over import CHALLENGE, VERIFIER, asking_for
from tests.support.lender import (
    ADAS_COOKIES,
    DOCS,
    EVIL,
    MALLORYS,
    SAME_ORIGIN,
    SETTINGS,
    TOKENS,
    Clock,
    Lender,
    borrowed,
    both,
    code_in,
    expect_refused_alike,
    handed,
    is_readable,
    origin,
    redeemed,
    site,
)
from tests.support.origin_tricks import WHITELISTED
from tests.support.sites import ADA, ADAS, API_KEY, HELP, LOGIN_COOKIE, MALLORY, SECRET_KEY, TEAM


def test_a_stolen_code_works_for_a_minute(clock: Clock, adapter: str) -> None:
    """Has: Ada's code, from over a shoulder. Tries: to redeem it again, and again later.

    Gets: what its bearer gets, for 60 seconds (documented), and a refusal from then on.
    """
    lender = Lender(adapter)
    code = handed(lender, ADA)
    start = int(clock.now)
    for age in (0, 1, 59, 60):
        clock.now = start + age + 0.5
        assert json.loads(redeemed(lender, code).body) == ADAS
    for age in (61, 62, 3600, 10**9, -6, -3600):
        clock.now = start + age
        got = redeemed(lender, code)
        assert got.status == 403
        assert "ada" not in got.text


def test_a_stolen_login_cookie_works_for_the_seconds_of_the_setting(
    clock: Clock, adapter: str
) -> None:
    """Has: Ada's login cookie, from a disk. Tries: it after its time. Gets: nothing."""
    lender = Lender(adapter)
    lender.page = (200, (("Content-Type", "text/html"),), PAGE)
    got = lender.ask("GET", "/", user=ADA)
    cookie = (got.field("set-cookie") or "").removeprefix(f"{LOGIN_COOKIE}=").partition(";")[0]
    start = int(clock.now)
    clock.now = start + 3600.5
    assert borrowed(lender, cookie) == ADAS
    for age in (3601, 10**6, -6):
        clock.now = start + age
        assert borrowed(lender, cookie) == {}


def test_a_code_is_redeemed_by_its_one_origin_alone(lender: Lender) -> None:
    """Has: Ada's code for one borrower, and scripts at another borrower or anywhere.

    Tries: to redeem it there. Gets: a refusal, which other sites cannot even read.
    """
    code = handed(lender, ADA)
    for by in (DOCS, f"{HELP}:8443", "https://b.cards.example.com", "http://localhost:8003"):
        got = redeemed(lender, code, by)
        assert got.status == 403
        assert got.field("access-control-allow-origin") == by
        assert "ada" not in got.text
    for other in (EVIL, "null", "", "https://www.example.com", None):
        got = redeemed(lender, code, other)
        assert got.status == 403
        assert not is_readable(got)
        assert "ada" not in got.text
    assert json.loads(redeemed(lender, code).body) == ADAS


def test_the_lenders_frame_redeems_no_code(lender: Lender) -> None:
    """Has: Ada's code, and a way to ask as the lender's own frame does. Tries: to redeem it.

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

    Tries: to get her identity without a code. Gets: a refusal; no cookie is looked at.
    """
    got = lender.ask("POST", SHARE_AUTH, origin(HELP), ADAS_COOKIES, user=ADA)
    assert got.status == 403
    assert lender.asked == 0
    assert "ada" not in got.text


def test_a_code_is_no_login_cookie_and_a_login_cookie_no_code(lender: Lender) -> None:
    """Has: Ada's code or login cookie. Tries: each as the other, to outlive its time or origin.

    Gets: nothing.
    """
    assert borrowed(lender, handed(lender, ADA)) == {}
    assert redeemed(lender, TOKENS.cookie(ADA)).status == 403
    payload = URLSafeSerializer(SECRET_KEY, salt="pavior-middleware.share-cookie.1")
    with_origin = payload.dumps({"at": int(time.time()), "id": "7", "to": HELP})
    assert redeemed(lender, str(with_origin)).status == 403


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
    assert json.loads(redeemed(lender, code).body) == MALLORYS
    assert borrowed(lender, cookie) == MALLORYS
    for changed in (*tampered(code), code[:-1], code[1:], code + "A", f" {code}", f"{code}\n"):
        assert redeemed(lender, changed).status == 403, changed
    for changed in (*tampered(cookie), cookie[:-2], cookie[1:], cookie + "AA"):
        assert borrowed(lender, changed) == {}, changed


@given(claims=st.dictionaries(st.sampled_from(["at", "id", "email", "vouched", "to"]), st.text()))
def test_nobody_without_the_key_makes_a_token(claims: dict[str, str]) -> None:
    """Has: this source. Tries: tokens of any content, unsigned or signed with guessed keys.

    Gets: nothing.
    """
    content = (
        base64.urlsafe_b64encode(json.dumps(claims | {"to": HELP, "challenge": CHALLENGE}).encode())
        .decode()
        .strip("=")
    )
    for lender in both():
        for key in ("", "secret", TEAM, "x" * 32):
            for salt in ("pavior-middleware.share-cookie.1", "pavior-middleware.handoff-code.1"):
                token = f"{content}.{signature(hmac_sha256(key.encode(), salt), content)}"
                assert redeemed(lender, token).status == 403
                assert borrowed(lender, token) == {}
        assert redeemed(lender, f"{content}.").status == 403
        assert redeemed(lender, content).status == 403


def hmac_sha256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac_sha256(key, text)).decode().rstrip("=")


def forged(salt: str, claims: dict[str, object]) -> str:
    """Return a token under the API key, made with nothing but hmacs of ids of one's choice."""
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    key = bytes.fromhex(sign(API_KEY, salt))  # an account whose id is the salt gets this
    return f"{content}.{signature(key, content)}"


def test_the_api_key_signs_no_token(lender: Lender) -> None:
    """Has: the hmac of any text under the API key, by choosing it as an id.

    Tries: that of the salt, which is the key that tokens are signed with if the secret key is the
    API key. Gets: nothing, since it is not; settings that make it so are refused.
    """
    claims = {"at": int(time.time()), "id": "7", "email": None, "vouched": True}
    cookie = forged("pavior-middleware.share-cookie.1", claims)
    code = forged(
        "pavior-middleware.handoff-code.1", {**claims, "to": HELP, "challenge": CHALLENGE}
    )
    careless = Tokens([API_KEY], 3600)
    assert careless.read_cookie(cookie) is not None  # so it would work
    assert careless.read_code(code, HELP, VERIFIER) is not None
    assert borrowed(lender, cookie) == {}
    assert redeemed(lender, code).status == 403


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


def test_a_token_of_a_retired_key_names_nobody(adapter: str) -> None:
    """Has: a key that the site has redeemed, or that of another site. Tries: its tokens.

    Gets: nothing, while the old key, as long as it is before the new one, still does.
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
            assert borrowed(lender, cookies[key]) == (ADAS if known else {})
            assert redeemed(lender, codes[key]).status == (200 if known else 403)


def test_the_url_of_a_handoff_holds_no_login(lender: Lender) -> None:
    """Has: the URL of Ada's handoff, from a log. Tries: to open it, logged out or as themselves.

    Gets: a link to the help center, with no code or their own.
    """
    to = f"{HELP}/returns?order=1#section"
    assert handed(lender, ADA, to)
    assert handed(lender, None, to) == ""
    code = handed(lender, MALLORY, to)
    assert json.loads(redeemed(lender, code).body) == MALLORYS


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


def test_a_site_without_a_secret_key_takes_no_token() -> None:
    """Has: tokens under an empty key. Tries: a lender that has none. Gets: nothing."""
    settings = site(shared_auth_domains=WHITELISTED)
    make: Callable[[str], Lender] = partial(Lender, settings=settings)
    for lender in map(make, ("wsgi", "asgi")):
        for key in ("", b"", SECRET_KEY):
            tokens = Tokens([key], 3600)
            assert borrowed(lender, tokens.cookie(ADA)) == {}
            assert redeemed(lender, tokens.code(ADA, HELP, CHALLENGE)).status == 405
