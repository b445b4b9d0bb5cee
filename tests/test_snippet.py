"""The script that goes into the page: the same in any page, whatever the user's text."""

from __future__ import annotations

import json
import re
import string
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings, sign
from pavior_middleware.identity import IdentityRefused
from pavior_middleware.snippet import render

from .conftest import API_KEY, TEAM
from .pages import ARGUMENTS, init_arguments, init_calls, scripts_in_head
from .shells import SHELLS, Fetch, Reply

SETTINGS = Settings(TEAM, API_KEY)
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
    """Return the options of the page's init call, in their order."""
    return init_arguments(render(settings, identity).text)[1]


def test_the_documented_page() -> None:
    settings = Settings("YOUR_TEAM_ID", "ladygaga")
    options = init_options(settings, Identity(email="user@example.com"))
    assert list(options.items()) == [
        ("teamVanityId", "YOUR_TEAM_ID"),
        ("doChat", True),
        ("doTimeTravel", True),
        ("email", "user@example.com"),
        ("hmac", "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832"),
    ]


def test_options_stand_in_the_documentations_order() -> None:
    settings = Settings(TEAM, API_KEY, do_chat=False, init_options={"doTracking": True})
    identity = Identity(7, "user@example.com", attributes={"firstName": "Ada"})
    assert list(init_options(settings, identity).items()) == [
        ("teamVanityId", TEAM),
        ("doChat", False),
        ("doTimeTravel", True),
        ("doTracking", True),
        ("firstName", "Ada"),
        ("id", "7"),
        ("email", "user@example.com"),
        ("hmac", sign(API_KEY, "7")),
    ]


def test_a_borrowing_page_names_the_lender_and_no_user() -> None:
    settings = Settings(TEAM, API_KEY, share_auth="Auth.example.com")
    assert init_options(settings, Identity(email="user@example.com")) == {
        "teamVanityId": TEAM,
        "doChat": True,
        "doTimeTravel": True,
        "shareAuth": "auth.example.com",
    }


@pytest.mark.parametrize("name", ["id", "email", "hmac", "shareAuth", "teamVanityId", "__proto__"])
def test_attributes_cannot_say_who_is_chatting(name: str) -> None:
    with pytest.raises(IdentityRefused, match=name):
        render(SETTINGS, Identity("7", attributes={name: "boss@bank.com"})).element()


@pytest.mark.parametrize("value", [object(), float("inf"), b"bytes", {1: object()}])
def test_attributes_are_json(value: object) -> None:
    with pytest.raises(IdentityRefused, match="not JSON values"):
        render(SETTINGS, Identity("7", attributes={"x": value})).element()


@given(email=unicode_text, name=hostile_text, extra=json_values)
def test_any_user_text_arrives_whole_and_ends_no_script(email: str, name: str, extra: Any) -> None:
    snippet = render(
        SETTINGS,
        Identity("7", email, authenticated=False, attributes={"name": name, "extra": extra}),
    ).element()
    assert set(snippet.decode("ascii")) <= set(string.printable)
    text = snippet.removeprefix(b"<script>").removesuffix(b"</script>").lower()
    assert not re.search(rb"<!--|</?script", text)
    page = b"<!doctype html><title>A</title>" + snippet + b"<p>after"
    (options,) = init_calls(page)
    assert (options["email"], options["name"], options["extra"]) == (email, name, extra)


@pytest.mark.parametrize("charset", ["shift_jis", "gb18030", "euc-kr", "big5", "koi8-r", "cp1252"])
def test_it_means_the_same_in_every_ascii_compatible_charset(charset: str) -> None:
    snippet = render(SETTINGS, Identity("7", attributes={"name": "Zoë \\ 山 ~"})).element()
    assert snippet.decode(charset) == snippet.decode("ascii")


def test_the_api_key_is_not_in_it() -> None:
    assert API_KEY.encode() not in render(SETTINGS, Identity("7")).element()


# ── Links that take the login along ────────────────────────────────────────────────────────────

lender = partial(Settings, TEAM, API_KEY)
DOMAINS = ["help.example.com", "*.b\xfccher.example", "localhost:8003"]
LENDER = lender(shared_auth_domains=DOMAINS, secret_key="a secret key for the tests only")
LINKS = re.compile(r"pavior-middleware\.links.*?\((\[\"http.*?\])\)", re.DOTALL)


@pytest.fixture(params=["wsgi", "asgi"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    return SHELLS[request.param]


def script_of(fetch: Fetch, settings: Settings, identity: Identity | None = None) -> str:
    (script,) = scripts_in_head(fetch(Reply(), settings, identity).body)
    return script


@pytest.mark.parametrize("identity", [Identity("7"), None])
@pytest.mark.parametrize("cacheable_pages", [True, False])
def test_a_lender_takes_the_login_along_before_anything_else(
    fetch: Fetch, identity: Identity | None, cacheable_pages: bool
) -> None:
    settings = lender(
        shared_auth_domains=DOMAINS, secret_key="a key", cacheable_pages=cacheable_pages
    )
    script = script_of(fetch, settings, identity)
    found = LINKS.search(script)
    assert found is not None
    assert json.loads(found[1]) == [
        "https://help.example.com",
        "https://*.xn--bcher-kva.example",
        "https://localhost:8003",
        "http://localhost:8003",
    ]
    assert init_arguments(script[found.end() :])[1]["teamVanityId"] == TEAM


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
def test_other_sites_leave_links_alone(fetch: Fetch, settings: Settings) -> None:
    for identity in (Identity("7"), None):
        script = script_of(fetch, settings, identity)
        assert "pavior-middleware.links" not in script
        assert "pavior-handoff=ask" not in script


labels = st.text(string.ascii_letters + "0123456789\xfc\xe9", min_size=1, max_size=9)
domains = st.builds("{}{}.example{}".format, st.sampled_from(["", "*."]), labels, st.just(":1"))


@given(domains=st.lists(domains, min_size=1, max_size=5), root_path=hostile_text)
def test_whatever_the_domains_and_the_path_it_ends_no_script(
    domains: list[str], root_path: str
) -> None:
    text = render(lender(shared_auth_domains=domains, secret_key="k"), root_path=root_path).text
    assert not re.search("<!--|</?script", text.lower())
    assert set(text) <= set(string.printable)
    found = LINKS.search(text)
    assert found is not None
    assert len(json.loads(found[1])) == len({domain.lower() for domain in domains})
    (script,) = scripts_in_head(
        b"<!doctype html><title>A</title>" + render(LENDER, root_path=root_path).element()
    )
    assert script == render(LENDER, root_path=root_path).text


# ── The page of a borrower ─────────────────────────────────────────────────────────────────────


def of_borrower(script: str) -> tuple[str, str]:
    """Return the URL of share.js and the selector of the bubble, the last arguments."""
    found = ARGUMENTS.search(script)
    assert found is not None
    *_, url, bubble = json.loads(found[1])
    return url, bubble


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
    script = script_of(fetch, Settings(TEAM, share_auth=domain), Identity("7"))
    assert of_borrower(script)[0] == url


def test_a_borrowing_page_tells_where_the_bubble_is(fetch: Fetch) -> None:
    settings = Settings(TEAM, share_auth="auth.example.com", bubble="#chat")
    assert of_borrower(script_of(fetch, settings, None))[1] == "#chat"


@pytest.mark.parametrize("settings", [SETTINGS, LENDER])
def test_other_pages_load_none(fetch: Fetch, settings: Settings) -> None:
    assert of_borrower(script_of(fetch, settings, Identity("7"))) == ("", "")
