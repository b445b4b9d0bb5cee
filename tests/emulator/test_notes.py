"""What the inbox says of an init beside whether it is authenticated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware.emulator._repetition import note_on

from .site import TEAM, VISITOR, Site, one, signature

EMAIL = "ada@example.com"


def init_after(site: Site, former: object, **options: Any) -> dict[str, Any]:
    """Call init on a page that has called it with another identity before."""
    body = {"options": {"teamVanityId": TEAM, **options}, "visitor": VISITOR, "former": former}
    return dict(site.client.post("/widget/init", json=body).json())


# Init twice


def test_a_page_that_calls_init_with_two_identities_is_warned_of_two_snippets(site: Site) -> None:
    answer = init_after(site, {"email": EMAIL, "hmac": True}, id="7", hmac=signature("7"))
    text = "this page called init as email ada@example.com, then as id 7"
    assert answer["warning"] == text
    note = one(site.conversation("7"), "[data-init-twice]")
    assert f"With different identities: {text}. The last call counts." in note.text
    assert "A page has one snippet: remove the hand-written one" in note.text
    assert site.contact()["last_init"]["note"] == text


@pytest.mark.parametrize(
    ("former", "options", "text"),
    [
        ({"hmac": False}, {"id": "7"}, "this page called init as nobody, then as id 7"),
        ({"id": 7, "hmac": True}, {}, "this page called init as id 7, then as nobody"),
    ],
)
def test_a_page_that_names_nobody_before_or_after_gets_a_note_and_no_warning(
    site: Site, former: object, options: dict[str, Any], text: str
) -> None:
    assert init_after(site, former, **options)["warning"] is None
    note = one(site.conversation(options.get("id", VISITOR)), "[data-init-twice]")
    assert text in note.text
    assert "That is right where the page logged somebody in or out" in note.text
    assert "⚠️" not in note.text


@pytest.mark.parametrize("former", [None, [], "id", 7, {"id": "7", "hmac": True}])
def test_a_page_that_calls_init_once_or_with_the_same_identity_gets_no_note(
    site: Site, former: object
) -> None:
    answer = init_after(site, former, id="7", hmac=signature("7"), email=EMAIL)
    assert answer["warning"] is None
    assert site.conversation("7").select("[data-init-twice]") == []


def test_a_note_says_that_the_same_user_came_with_and_without_an_hmac() -> None:
    note = note_on({"id": "7"}, {"id": "7", "hmac": True})
    assert note
    assert note.text == "this page called init as id 7 with an hmac, then as id 7 without an hmac"
    assert note.is_warning


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "email", "shareAuth", "hmac"]), inner)
    ),
    max_leaves=6,
)
identities = st.dictionaries(st.sampled_from(["id", "email", "shareAuth", "hmac"]), json_values)


@given(identities, json_values)
def test_any_json_for_a_former_identity_gives_a_short_note_or_none(
    options: dict[str, object], former: object
) -> None:
    note = note_on(options, former)
    assert note is None or len(note.text) < 300


# What the hmac covers


def marks(site: Site, identifier: str) -> dict[str, str]:
    page = site.conversation(identifier)
    return {
        str(option["data-option"]): one(option, ".mark").text
        for option in page.select("[data-option]")
        if option.select(".mark")
    }


def test_an_email_beside_a_signed_id_is_shown_as_not_signed(site: Site) -> None:
    site.init(id="7", email="boss@example.com", firstName="Ada", hmac=signature("7"), doChat=True)
    assert marks(site, "7") == {"id": "signed", "email": "not signed", "firstName": "not signed"}
    covered = " ".join(one(site.conversation("7"), "[data-coverage]").text.split())
    assert covered.startswith("The hmac covers the id and nothing else. A visitor can change the")
    assert "the email and all other options" in covered
    assert site.contact()["last_init"]["signed_option"] == "id"


def test_an_email_that_is_signed_is_shown_as_signed(site: Site) -> None:
    site.init(email=EMAIL, name="Ada", hmac=signature(EMAIL))
    assert marks(site, EMAIL) == {"email": "signed", "name": "not signed"}
    assert site.contact()["last_init"]["signed_option"] == "email"


def test_nothing_of_an_init_without_a_right_hmac_is_shown_as_signed(site: Site) -> None:
    site.init(id="7", email=EMAIL, hmac="0" * 64)
    assert marks(site, "7") == {}
    assert (
        "No right hmac covers these options" in one(site.conversation("7"), "[data-coverage]").text
    )
    assert site.contact()["last_init"]["signed_option"] is None
