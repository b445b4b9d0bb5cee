"""A page that another origin's script requests names nobody, and is stored by nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Settings, sign
from tests.support.adapters import ADAPTERS, HTML_TYPE, PAGE, Fetch, Reply
from tests.support.pages import data_in_head, init_call
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

SITE = {"Host": "bank.test"}
NOBODY = {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}

FOREIGN = {
    "cors-from-the-same-site": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    "cors-from-another-site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    "no-cors": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    "without-a-mode": {"Sec-Fetch-Site": "cross-site"},
    "a-site-of-no-meaning": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "an-origin-of-another-host": {"Origin": "http://partner.test"},
    "an-origin-of-another-port": {"Origin": "http://bank.test:8080"},
    "an-origin-of-another-scheme": {"Origin": "https://bank.test"},
    "an-opaque-origin": {"Origin": "null"},
    "two-origins": {"Origin": "http://bank.test, http://partner.test"},
}
OWN = {
    "no-fields": {},
    "a-fetch-of-its-own": {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
    "a-form-of-its-own": {
        "Sec-Fetch-Site": "same-origin",
        "Sec-Fetch-Mode": "navigate",
        "Origin": "http://bank.test",
    },
    "an-address-that-somebody-typed": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "a-link-of-another-site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "a-form-of-another-site": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Origin": "http://partner.test",
    },
    "its-own-origin": {"Origin": "http://bank.test"},
}


def names_ada(page: bytes) -> bool:
    return init_call(page).get("hmac") == sign(API_KEY, "7")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
def test_a_page_that_another_origin_fetches_names_nobody_and_asks_when_it_runs(
    fetch: Fetch, fields: dict[str, str], method: str
) -> None:
    allowed = Reply(headers=[HTML_TYPE, ("Access-Control-Allow-Origin", "http://partner.test")])
    seen = fetch(allowed, SETTINGS, ADA, method=method, headers={**SITE, **fields})
    assert not names_ada(seen.body)
    assert init_call(seen.body) == NOBODY
    (data,) = data_in_head(seen.body)
    assert data["ask"] == 1


@pytest.mark.parametrize("fields", OWN.values(), ids=OWN)
def test_a_page_that_the_site_or_a_navigation_requests_names_its_user(
    fetch: Fetch, fields: dict[str, str]
) -> None:
    seen = fetch(Reply(), SETTINGS, ADA, headers={**SITE, **fields})
    assert names_ada(seen.body)


@pytest.mark.parametrize(
    "cache_control", ["public, max-age=600", "no-store, must-understand", "max-age=5, immutable"]
)
def test_no_cache_stores_a_page_that_another_origin_fetches(
    fetch: Fetch, cache_control: str
) -> None:
    reply = Reply(headers=[HTML_TYPE, ("Cache-Control", cache_control), ("Expires", "0")])
    seen = fetch(reply, SETTINGS, ADA, headers={**SITE, **FOREIGN["cors-from-the-same-site"]})
    directives = set(seen.headers["Cache-Control"].split(", "))
    assert {"private", "no-store"} <= directives
    assert not directives & {"public", "must-understand", "immutable"}
    assert "Expires" not in seen.headers


def test_a_named_page_varies_by_origin_and_an_anonymous_one_does_not(fetch: Fetch) -> None:
    assert fetch(Reply(), SETTINGS, ADA).headers["Vary"] == "Cookie, Sec-Fetch-Dest, Origin"
    assert fetch(Reply(), SETTINGS).headers["Vary"] == "Cookie, Sec-Fetch-Dest"


def test_a_cached_copy_that_names_its_user_is_not_valid_for_another_origin(
    fetch: Fetch,
) -> None:
    def app(fields: dict[str, str]) -> Reply:
        if fields.get("if-none-match") == '"1"':
            return Reply([], [("ETag", '"1"')], status=304)
        return Reply([PAGE], [HTML_TYPE, ("ETag", '"1"')])

    conditions = {"If-None-Match": fetch(app, SETTINGS, ADA, headers=SITE).headers["ETag"], **SITE}
    assert fetch(app, SETTINGS, ADA, headers=conditions).status == 304
    seen = fetch(app, SETTINGS, ADA, headers={**conditions, **FOREIGN["cors-from-the-same-site"]})
    assert (seen.status, init_call(seen.body)) == (200, NOBODY)


def test_the_policy_of_a_page_that_another_origin_fetches_allows_share_auth(
    fetch: Fetch,
) -> None:
    reply = Reply(headers=[HTML_TYPE, ("Content-Security-Policy", "connect-src 'none'")])
    seen = fetch(reply, SETTINGS, ADA, headers={**SITE, **FOREIGN["an-opaque-origin"]})
    assert "'self'" in seen.headers["Content-Security-Policy"]


def test_a_page_without_consent_gains_no_script_for_another_origin(fetch: Fetch) -> None:
    foreign = {**SITE, **FOREIGN["an-opaque-origin"]}
    assert fetch(Reply(), SETTINGS, ADA, consent=False, headers=foreign).body == PAGE


@pytest.mark.parametrize(
    "settings",
    [
        Settings(TEAM, API_KEY, cacheable_pages=True),
        Settings(TEAM, share_auth="auth.example.com"),
    ],
    ids=["cacheable", "borrowing"],
)
def test_a_cacheable_page_is_the_same_for_other_origins(fetch: Fetch, settings: Settings) -> None:
    own = fetch(Reply(), settings, ADA, headers=SITE)
    foreign = fetch(Reply(), settings, ADA, headers={**SITE, **FOREIGN["an-opaque-origin"]})
    assert (own.body, own.headers) == (foreign.body, foreign.headers)


words = st.sampled_from(
    ["", "same-origin", "same-site", "cross-site", "none", "navigate", "cors", "NONE", "x"]
)


@given(
    site=words | st.none(),
    mode=words | st.none(),
    origin=st.sampled_from([None, "null", "http://bank.test", "http://partner.test", "x"]),
)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_response_that_another_origin_can_read_names_nobody(
    adapter: str, site: str | None, mode: str | None, origin: str | None
) -> None:
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Origin": origin, **SITE}
    fields = {name: value for name, value in sent.items() if value}
    seen = ADAPTERS[adapter](Reply(), SETTINGS, ADA, headers=fields)
    if site:
        is_safe = site in ("same-origin", "none") or mode == "navigate"
    else:
        is_safe = origin in (None, "http://bank.test")
    assert names_ada(seen.body) == is_safe
