"""The script that goes into the page: the same in any page, whatever the user's text."""

from __future__ import annotations

import string
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings, sign
from pavior_middleware.identity import IdentityRefused
from pavior_middleware.snippet import render

from .conftest import API_KEY, TEAM
from .pages import init_arguments, init_calls

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
        SETTINGS, Identity(email=email, attributes={"name": name, "extra": extra})
    ).element()
    assert set(snippet.decode("ascii")) <= set(string.printable)
    text = snippet.removeprefix(b"<script>").removesuffix(b"</script>")
    assert not set(b"<>&") & set(text)
    page = b"<!doctype html><title>A</title>" + snippet + b"<p>after"
    (options,) = init_calls(page)
    assert (options["email"], options["name"], options["extra"]) == (email, name, extra)


@given(name=hostile_text)
def test_it_is_well_formed_xml(name: str) -> None:
    snippet = render(SETTINGS, Identity("7", attributes={"name": name})).element()
    script = ElementTree.fromstring(snippet)
    assert init_arguments(script.text or "")[1]["name"] == name


@pytest.mark.parametrize("charset", ["shift_jis", "gb18030", "euc-kr", "big5", "koi8-r", "cp1252"])
def test_it_means_the_same_in_every_ascii_compatible_charset(charset: str) -> None:
    snippet = render(SETTINGS, Identity("7", attributes={"name": "Zoë \\ 山 ~"})).element()
    assert snippet.decode(charset) == snippet.decode("ascii")


def test_the_api_key_is_not_in_it() -> None:
    assert API_KEY.encode() not in render(SETTINGS, Identity("7")).element()
