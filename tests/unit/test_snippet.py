"""The script that goes into the page: the same in any page, for any text of a user."""

from __future__ import annotations

import itertools
import string
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from secrets import token_bytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient
from werkzeug.test import Client as WSGIClient
from werkzeug.wrappers import Response as WSGIResponse

from pavior_middleware import Identity, Settings, asgi, sign, wsgi
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware._page.element_data import options_of, unmasked
from pavior_middleware._page.snippet import SCRIPT, render
from tests.support.adapters import ADAPTERS, PAGE, Fetch, Reply
from tests.support.pages import (
    data_in_head,
    data_of,
    init_calls,
    scripts_in_head,
)
from tests.support.sites import API_KEY, SETTINGS, TEAM

HOSTILE = ["</script>", "<!--<script>", "-->", "]]>", "&amp;", "\u2028\u2029", "\\", "'\"", "\x00"]
hostile_text = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5)).map("".join)
unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | hostile_text,
    lambda inner: st.lists(inner) | st.dictionaries(hostile_text, inner),
    max_leaves=5,
)


def init_options(settings: Settings, identity: Identity) -> dict[str, Any]:
    """Return the options of the page's init call."""
    return options_of(data_of(render(settings, identity)))


def test_a_page_makes_the_documented_call() -> None:
    settings = Settings("YOUR_TEAM_ID", "ladygaga")
    options = init_options(settings, Identity(email="user@example.com"))
    assert options == {
        "teamVanityId": "YOUR_TEAM_ID",
        "doChat": True,
        "doTimeTravel": True,
        "email": "user@example.com",
        "hmac": "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832",
    }


def test_the_options_of_the_site_and_of_the_user_come_together() -> None:
    settings = Settings(TEAM, API_KEY, do_chat=False, init_options={"doTracking": True})
    identity = Identity(7, "user@example.com", attributes={"firstName": "Ada"})
    assert init_options(settings, identity) == {
        "teamVanityId": TEAM,
        "doChat": False,
        "doTimeTravel": True,
        "doTracking": True,
        "firstName": "Ada",
        "id": "7",
        "email": "user@example.com",
        "hmac": sign(API_KEY, "7"),
    }


def test_a_borrowing_page_names_the_lender_and_no_user() -> None:
    settings = Settings(TEAM, API_KEY, share_auth="Auth.example.com")
    assert init_options(settings, Identity(email="user@example.com")) == {
        "teamVanityId": TEAM,
        "doChat": True,
        "doTimeTravel": True,
        "shareAuth": "auth.example.com",
    }


@pytest.mark.parametrize("name", ["id", "email", "hmac", "shareAuth", "teamVanityId", "__proto__"])
def test_attributes_cannot_name_another_user(name: str) -> None:
    with pytest.raises(IdentityRefused, match=name):
        render(SETTINGS, Identity("7", attributes={name: "boss@bank.com"})).element()


@pytest.mark.parametrize("value", [object(), float("inf"), b"bytes", {1: object()}])
def test_attributes_that_are_not_json_are_refused(value: object) -> None:
    with pytest.raises(IdentityRefused, match="not JSON values"):
        render(SETTINGS, Identity("7", attributes={"x": value})).element()


@given(email=unicode_text, name=hostile_text, extra=json_values)
def test_any_user_text_arrives_whole_and_ends_no_script(email: str, name: str, extra: Any) -> None:
    snippet = render(
        SETTINGS,
        Identity("7", email, authenticated=False, attributes={"name": name, "extra": extra}),
    ).element()
    assert set(snippet.decode("ascii")) <= set(string.printable)
    page = b"<!doctype html><title>A</title>" + snippet + b"<p>after"
    (options,) = init_calls(page)
    assert (options["email"], options["name"], options["extra"]) == (email, name, extra)


@given(name=hostile_text, email=unicode_text)
def test_the_text_of_the_script_is_the_same_for_every_user_and_site(name: str, email: str) -> None:
    lead = Identity(email=email, authenticated=False, attributes={"name": name})
    pages = [
        render(SETTINGS, lead),
        render(SETTINGS, Identity("7"), root_path=name),
        render(SETTINGS),
        render(SETTINGS, must_ask=True, asks_consent=True),
        render(Settings("another", "another-key-of-its-own", cacheable_pages=True)),
        render(Settings(TEAM, share_auth="auth.example.com", bubble="#chat")),
        render(LENDER, Identity("7")),
    ]
    texts = {script for page in pages for script in scripts_in_head(page.element())}
    assert texts == {SCRIPT}


def test_a_pad_hides_the_hmac_and_is_another_in_each_element(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pavior_middleware._page.snippet.new_pad", token_bytes)
    snippet = render(SETTINGS, Identity("7"))
    masks = [data_of(snippet)["hmac"] for _ in range(20)]
    assert len(set(masks)) == len(masks)
    assert {unmasked(mask) for mask in masks} == {sign(API_KEY, "7")}
    for element in (snippet.element() for _ in range(20)):
        assert sign(API_KEY, "7").encode() not in element
        assert len(element) == len(snippet.element())


@pytest.mark.parametrize("charset", ["shift_jis", "gb18030", "euc-kr", "big5", "koi8-r", "cp1252"])
def test_the_element_means_the_same_in_every_ascii_compatible_charset(charset: str) -> None:
    snippet = render(SETTINGS, Identity("7", attributes={"name": "Zoë \\ 山 ~"})).element()
    assert snippet.decode(charset) == snippet.decode("ascii")


def test_the_element_holds_no_api_key() -> None:
    assert API_KEY.encode() not in render(SETTINGS, Identity("7")).element()


# ── Links that take the login along ────────────────────────────────────────────────────────────

lender = partial(Settings, TEAM, API_KEY)
DOMAINS = ["help.example.com", "*.b\xfccher.example", "localhost:8003"]
LENDER = lender(shared_auth_domains=DOMAINS, secret_key="a secret key for the tests only")


def data_from(fetch: Fetch, settings: Settings, identity: Identity | None = None) -> dict[str, Any]:
    (data,) = data_in_head(fetch(Reply(), settings, identity).body)
    return data


@pytest.mark.parametrize("identity", [Identity("7"), None])
@pytest.mark.parametrize("cacheable_pages", [True, False])
def test_a_lenders_page_names_the_origins_to_which_links_take_the_login(
    fetch: Fetch, identity: Identity | None, cacheable_pages: bool
) -> None:
    settings = lender(
        shared_auth_domains=DOMAINS, secret_key="a key", cacheable_pages=cacheable_pages
    )
    assert data_from(fetch, settings, identity)["links"] == [
        "https://help.example.com",
        "https://*.xn--bcher-kva.example",
        "https://localhost:8003",
        "http://localhost:8003",
    ]


@pytest.mark.parametrize(
    "settings",
    [
        lender(shared_auth_domains=DOMAINS),
        lender(secret_key="a key"),
        lender(shared_auth_domains=DOMAINS, secret_key="a key", handoff=False),
        Settings(TEAM, share_auth="auth.example.com", secret_key="a key"),
    ],
    ids=["no key", "no whitelist", "switched off", "borrows"],
)
def test_pages_of_other_sites_leave_links_alone(fetch: Fetch, settings: Settings) -> None:
    for identity in (Identity("7"), None):
        assert "links" not in data_from(fetch, settings, identity)


# ── The page of a borrower ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("Auth.example.com", "https://auth.example.com/.well-known/pavior/share.js"),
        ("auth.example.com:8443", "https://auth.example.com:8443/.well-known/pavior/share.js"),
        ("b\xfccher.example", "https://xn--bcher-kva.example/.well-known/pavior/share.js"),
        ("localhost:8001", "//localhost:8001/.well-known/pavior/share.js"),
        ("shop.localhost", "//shop.localhost/.well-known/pavior/share.js"),
        ("127.0.0.1:8001", "//127.0.0.1:8001/.well-known/pavior/share.js"),
        ("[::1]:8001", "//[::1]:8001/.well-known/pavior/share.js"),
    ],
)
def test_a_borrowing_page_loads_share_js_of_its_lender(fetch: Fetch, domain: str, url: str) -> None:
    data = data_from(fetch, Settings(TEAM, share_auth=domain), Identity("7"))
    assert data["urls"][3] == url


def test_a_borrowing_page_says_where_the_bubble_is(fetch: Fetch) -> None:
    settings = Settings(TEAM, share_auth="auth.example.com", bubble="#chat")
    assert data_from(fetch, settings)["bubble"] == "#chat"


@pytest.mark.parametrize("settings", [SETTINGS, LENDER])
def test_pages_that_borrow_no_login_load_no_share_js(fetch: Fetch, settings: Settings) -> None:
    urls = data_from(fetch, settings, Identity("7"))["urls"]
    assert not [url for url in urls if url.endswith("/share.js")]


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_two_responses_to_one_user_have_pads_of_their_own(
    adapter: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pavior_middleware._page.snippet.new_pad", token_bytes)
    pages = [adapter(Reply(), SETTINGS, Identity("7")).body for _ in range(2)]
    first, second = (data["hmac"] for page in pages for data in data_in_head(page))
    assert first != second
    assert unmasked(first) == unmasked(second) == sign(API_KEY, "7")


def test_pads_are_random_bytes_of_the_operating_system() -> None:
    code = (
        "import os; from pavior_middleware._page import snippet;"
        " print(snippet.new_pad is os.urandom)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.strip() == b"True"


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_user_whose_attributes_the_app_changes_has_a_new_element(kind: str) -> None:
    tags = ["new"]
    identity = Identity("7", attributes={"tags": tags})
    pages = rendering(kind, identity)
    assert next(pages)["tags"] == ["new"]
    tags.append("paid")
    assert next(pages)["tags"] == ["new", "paid"]


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_users_who_differ_in_anything_have_elements_of_their_own(kind: str) -> None:
    users = [
        Identity("7"),
        Identity("8"),
        Identity("7", "ada@example.com"),
        Identity("7", authenticated=False),
        Identity("7", attributes={"firstName": "Ada"}),
        Identity("7"),
    ]
    pages = rendering(kind, *users)
    expected = [options_of(data_of(render(SETTINGS, user))) for user in users]
    assert [next(pages) for _ in users] == expected


def rendering(kind: str, *users: Identity) -> Iterator[dict[str, Any]]:
    """Yield the init options of one middleware's pages, for one user after another."""
    visitors = itertools.cycle(users)
    if kind == "wsgi":
        middleware = wsgi.PaviorMiddleware(
            WSGIResponse(PAGE, mimetype="text/html"),
            SETTINGS,
            identity=lambda environ: next(visitors),
        )
        client: Any = WSGIClient(middleware)
    else:
        client = TestClient(
            asgi.PaviorMiddleware(
                HTMLResponse(PAGE), SETTINGS, identity=lambda scope: next(visitors)
            )
        )
    while True:
        response = client.get("/")
        (data,) = data_in_head(response.data if kind == "wsgi" else response.content)
        yield options_of(data)
