"""What browsers keep of release 0.1 works with this one, as the document on sharing promises.

The texts here are literal on purpose: a change that needs another one breaks that promise.
"""

from __future__ import annotations

import hashlib
import json

import pytest
from itsdangerous import URLSafeSerializer

from pavior_middleware import Identity
from pavior_middleware._share.tokens import Loan, Tokens
from tests.support.adapters import Fetch, Reply
from tests.support.login_cookies import SETTINGS
from tests.support.sites import ADA, ADAS

WHEN = 1_800_000_000
KEYS = ["a secret key for the tests only"]
USER = Identity("7", "ada@example.com")
ORIGIN = "https://help.example.com"
VERIFIER = "a-verifier-that-only-the-page-itself-knows."
COOKIE = (
    "eyJhdCI6MTgwMDAwMDAwMCwiaWQiOiI3IiwiZW1haWwiOiJhZGFAZXhhbXBsZS5jb20iLCJ2b3VjaGVkIjp0cnVlfQ"
    ".pf13vuZq5psbrPX23e5bl4nvM5e-JfPEDZ9wq1t3r9Q"
)
CODE = (
    ".eJyrVkosUbIytDCAAh2lzBQlKyVzJR2l1NzEzBwgOzEl0SG1IjG3ICdVLzk_FyhTll-anJEKVFdSVJqqo1SSD1SVUVJS"
    "UGylr5-RmlOgh6o8OSMxJyc1Lz0VqMyzwDglw7OwMNvIycwpONig2Kso39XAJNAgMT7dzSLePchDN9IvOD7ALNhRqRYAsM"
    "gw7g.k6rU3jU5ZIyOEi30UKvwXFQI0ZkLNx_BTORUzbo7a2o"
)
CHALLENGE = "Ip3dhIqqk2B6BSS0sJroE04Q0a_gF8_GRH-YNS_P6SA"

JSON = Reply([b"{}"], [("Content-Type", "application/json")])


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(KEYS, 3600, lambda: WHEN + 10)


def test_a_login_cookie_of_an_earlier_release_is_read(tokens: Tokens) -> None:
    assert tokens.read_cookie(COOKIE) == Loan(USER, 10)


def test_a_code_of_an_earlier_release_is_read(tokens: Tokens) -> None:
    assert tokens.read_code(CODE, ORIGIN, VERIFIER) == Loan(USER, 10)


def test_an_earlier_release_reads_what_this_one_signs() -> None:
    """As machines of both answer while an upgrade is rolled out."""
    now = Tokens(KEYS, 3600, lambda: WHEN)
    assert now.cookie(USER) == COOKIE
    signer = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    reader = URLSafeSerializer(KEYS, salt="pavior-middleware.handoff-code.1", signer_kwargs=signer)
    # Of one text, zlib makes other bytes on other systems.
    assert reader.loads(now.code(USER, ORIGIN, CHALLENGE)) == reader.loads(CODE)


def test_the_question_of_a_share_js_of_an_earlier_release_is_answered(fetch: Fetch) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}
    path = "/.well-known/pavior/share-auth"
    seen = fetch(JSON, SETTINGS, ADA, path=path, headers=headers)
    assert (seen.status, json.loads(seen.body)) == (200, ADAS)
    assert seen.headers["Pavior-Expires-In"] == "3600"
    nobody = fetch(JSON, SETTINGS, None, path=path, headers=headers)
    assert (json.loads(nobody.body), nobody.headers["Pavior-Expires-In"]) == ({}, "0")
    headers = {
        "Origin": ORIGIN,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Storage-Access": "active",
    }
    unknown = fetch(JSON, SETTINGS, None, path=path, headers=headers)
    assert (unknown.status, json.loads(unknown.body)) == (200, {})
    assert "Pavior-Expires-In" not in unknown.headers
    assert unknown.headers["Pavior-Storage-Access"] == "active"
    exposed = unknown.headers["Access-Control-Expose-Headers"]
    assert {"Pavior-Expires-In", "Pavior-Storage-Access"} <= set(exposed.split(", "))


def test_the_trip_of_a_share_js_of_an_earlier_release_brings_a_code(fetch: Fetch) -> None:
    path = (
        "/.well-known/pavior/handoff?to=https%3A%2F%2Fhelp.example.com%2Freturns"
        f"&challenge={CHALLENGE}"
    )
    headers = {"Referer": f"{ORIGIN}/", "Sec-Fetch-Site": "same-site"}
    seen = fetch(JSON, SETTINGS, ADA, path=path, headers=headers)
    address, _, code = seen.headers["Location"].partition("#pavior-handoff=")
    assert (seen.status, address) == (303, f"{ORIGIN}/returns")
    loan = Tokens(SETTINGS.secret_keys, 3600).read_code(code, ORIGIN, VERIFIER)
    assert loan is not None
    assert loan.identity == USER


@pytest.mark.parametrize("name", ["share.js", "page-00000000.js"])
def test_the_files_of_an_earlier_release_have_their_addresses(fetch: Fetch, name: str) -> None:
    seen = fetch(JSON, SETTINGS, None, path=f"/.well-known/pavior/{name}")
    assert (seen.status, seen.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert seen.headers["Cache-Control"] == (
        "public, max-age=3600" if name == "share.js" else "no-store"
    )
