"""Who the user is: what is signed, what is not, and what never is."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac as stdlib_hmac
import re
import sys
import unicodedata
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, sign, verify
from pavior_middleware._model.identity import IdentityRefused, signed_options

DOCUMENTED = "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832"
KEY = "a-key-of-twenty-chars"
unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_sign_returns_the_hmac_of_paviors_documentation() -> None:
    assert sign("ladygaga", "user@example.com") == DOCUMENTED


@given(key=unicode_text, identifier=unicode_text)
def test_signing_is_hmac_sha256_of_utf8_in_hex(key: str, identifier: str) -> None:
    expected = stdlib_hmac.digest(key.encode(), identifier.encode(), "sha256").hex()
    assert sign(key, identifier) == expected
    assert verify(key, identifier, expected)


@given(hmac=st.text())
def test_no_other_text_verifies(hmac: str) -> None:
    assert verify("ladygaga", "user@example.com", hmac) == (hmac == DOCUMENTED)


def test_an_hmac_belongs_to_one_key_and_one_identifier() -> None:
    assert not verify("other key", "user@example.com", DOCUMENTED)
    assert not verify("ladygaga", "other@example.com", DOCUMENTED)
    assert not verify("ladygaga", "user@example.com", DOCUMENTED.upper())


@pytest.mark.parametrize("identifier", ["", "\ud800"])
def test_an_identifier_that_cannot_be_signed_does_not_verify(identifier: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        sign(KEY, identifier)
    assert not verify(KEY, identifier, hashlib.sha256().hexdigest())


@pytest.mark.parametrize("key", ["", "a secret \ud800 key"])
def test_a_bad_api_key_is_reported_without_showing_it(key: str) -> None:
    for call in (lambda: sign(key, "id"), lambda: verify(key, "id", "hmac")):
        with pytest.raises(ValueError, match="api_key") as caught:
            call()
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert not isinstance(caught.value, UnicodeEncodeError)
        assert "secret" not in str(caught.value)


TO_DO = {
    "identifier": "pass the id as text, as by str(user.id), or the email",
    "api_key": "pass the key of Pavior's settings page in quotes",
    "hmac": "take the text that sign() returns",
}


@pytest.mark.parametrize("wrong", [7, b"7", ["7"]])
def test_a_value_that_is_no_text_is_neither_signed_nor_verified(wrong: Any) -> None:
    for call, name in (
        (lambda: sign(KEY, wrong), "identifier"),
        (lambda: sign(wrong, "7"), "api_key"),
        (lambda: verify(KEY, wrong, DOCUMENTED), "identifier"),
        (lambda: verify(KEY, "7", wrong), "hmac"),
        (lambda: verify(wrong, "7", DOCUMENTED), "api_key"),
    ):
        expected = f"{name} must be text, not {type(wrong).__name__}: {TO_DO[name]}"
        with pytest.raises(TypeError, match=re.escape(expected)):
            call()


def test_an_identity_cannot_be_changed() -> None:
    identity = Identity("7", attributes={"firstName": "Ada"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        identity.id = "8"  # type: ignore[misc]
    with pytest.raises(TypeError):
        identity.attributes["firstName"] = "Eve"  # type: ignore[index]
    assert identity == Identity(7, attributes={"firstName": "Ada"})
    assert len({identity, Identity("7", attributes={"firstName": "Ada"})}) == 1


@pytest.mark.parametrize(
    ("given_id", "text"),
    [(7, "7"), (0, "0"), ("007", "007"), ("", None), (None, None)]
    + [(UUID(int=1), "00000000-0000-0000-0000-000000000001")],
)
def test_an_id_is_text(given_id: Any, text: str | None) -> None:
    assert Identity(given_id).id == text


@pytest.mark.parametrize("bad", [True, 1.5, b"7", object()])
def test_an_id_of_another_type_raises_a_type_error(bad: Any) -> None:
    with pytest.raises(TypeError, match="id must be text"):
        Identity(bad)


def test_an_email_of_another_type_raises_a_type_error() -> None:
    with pytest.raises(TypeError, match="email must be text"):
        Identity(email=7)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["false", 1, None])
def test_authenticated_must_be_a_bool(bad: Any) -> None:
    with pytest.raises(TypeError, match="authenticated must be a bool"):
        Identity("7", authenticated=bad)


def test_the_id_is_signed_or_the_email_if_there_is_no_id() -> None:
    assert signed_options("ladygaga", Identity(email="user@example.com")) == {
        "email": "user@example.com",
        "hmac": DOCUMENTED,
    }
    assert signed_options(KEY, Identity("7", "user@example.com")) == {
        "id": "7",
        "email": "user@example.com",
        "hmac": sign(KEY, "7"),
    }
    assert signed_options(KEY, Identity("", "user@example.com")) == signed_options(
        KEY, Identity(email="user@example.com")
    )


def test_a_lead_is_named_but_not_signed() -> None:
    lead = Identity("7", "user@example.com", authenticated=False)
    assert signed_options(KEY, lead) == {"id": "7", "email": "user@example.com"}


def test_an_empty_identity_is_neither_named_nor_signed() -> None:
    assert signed_options(KEY, Identity()) == {}


def test_an_email_as_id_is_refused_unless_it_is_the_users_own() -> None:
    for stranger in (
        Identity("boss@bank.com"),
        Identity("boss@bank.com", "user@example.com"),
        Identity("boss@bank.com", authenticated=False),
    ):
        with pytest.raises(IdentityRefused, match="'@'") as caught:
            signed_options(KEY, stranger)
        assert KEY not in str(caught.value)
        assert "boss" not in str(caught.value)
    own = Identity("user@example.com", "user@example.com")
    assert signed_options("ladygaga", own)["hmac"] == DOCUMENTED


@pytest.mark.parametrize("at_sign", ["@", "\uff20", "\ufe6b"])
@pytest.mark.parametrize("email", [None, "boss@bank.com", "user@example.com"])
def test_an_id_that_becomes_an_address_by_normalization_is_refused(
    at_sign: str, email: str | None
) -> None:
    assert unicodedata.normalize("NFKC", at_sign) == "@"
    for address in (f"boss{at_sign}bank.com", f" boss\u200b{at_sign}bank.com\0"):
        if address == email:
            continue
        for authenticated in (True, False):
            with pytest.raises(IdentityRefused, match="'@'"):
                signed_options(KEY, Identity(address, email, authenticated=authenticated))


def test_no_other_character_becomes_an_at_sign_by_normalization() -> None:
    found = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if "@" in unicodedata.normalize("NFKC", character)
    }
    assert found == {"@", "\uff20", "\ufe6b"}


NO_ADDRESSES = [
    *("7", "ada", "@", "x@", "@x", "a@b@c", "@@", "boss\uff20bank.com", "boss\ufe6bbank.com"),
    *("boss@bank.com ", "\tboss@bank.com", "bo ss@bank.com", "boss@bank.com\0", "a@b.c\n@d.e"),
    *("boss@bank.com\u00a0", "boss@bank.com\u3000", "bo\u200bss@bank.com", "\ufeffboss@bank.com"),
    *("boss@\uff42ank.com", "\uff42oss@bank.com", "jose\u0301@example.com"),
]


@pytest.mark.parametrize("email", NO_ADDRESSES)
def test_an_email_that_is_no_address_is_never_signed(email: str) -> None:
    for user_id in (None, "8", email):
        with pytest.raises(IdentityRefused) as caught:
            signed_options(KEY, Identity(user_id, email))
        assert KEY not in str(caught.value)
        assert "bank" not in str(caught.value)


@pytest.mark.parametrize("email", NO_ADDRESSES)
def test_a_lead_may_have_typed_any_email(email: str) -> None:
    lead = Identity("8", email, authenticated=False)
    assert signed_options(KEY, lead) == {"id": "8", "email": email}


@pytest.mark.parametrize(
    "email", ["Ada.Lovelace+chat@example.com", "j\u00f6rg@b\u00fccher.example", "o'hara@localhost"]
)
def test_an_email_that_is_an_address_is_signed(email: str) -> None:
    assert signed_options(KEY, Identity(email=email))["hmac"] == sign(KEY, email)


odd_text = st.text(
    st.sampled_from("@@@\uff20\ufe6b7aA\uff17\uff41\u00e9e\u0301. \t\0\u200b\u00a0\ufb01\ud800"),
    max_size=6,
)


def is_signed(identity: Identity) -> bool:
    try:
        return "hmac" in signed_options(KEY, identity)
    except IdentityRefused:
        return False


@given(text=odd_text, form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_no_text_is_signed_as_an_id_and_as_an_email_however_it_is_normalized(
    text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"]
) -> None:
    normalized = unicodedata.normalize(form, text).strip().casefold()
    assert not (is_signed(Identity(text)) and is_signed(Identity(email=normalized)))
    assert not (is_signed(Identity(normalized)) and is_signed(Identity(email=text)))


@pytest.mark.parametrize("identity", [Identity("\ud800"), Identity("7", "a\udfff@example.com")])
def test_text_that_is_not_unicode_is_refused(identity: Identity) -> None:
    with pytest.raises(IdentityRefused, match="UTF-8"):
        signed_options(KEY, identity)
