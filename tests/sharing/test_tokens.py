"""What travels through browsers: whole, for its time and its purpose, and not to be forged."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from pavior_middleware import Identity
from pavior_middleware._share.tokens import Loan, Tokens
from tests.support.handing_over import CHALLENGE, VERIFIER
from tests.support.sites import HELP, SECRET_KEY

LIFETIME = 600
DOCS = "https://docs.example.com"
ADA = Identity("7", "ada@example.com")
"""Without attributes, which no token carries."""

MADE = 1_800_000_000

identifiers = st.none() | st.text()
identities = st.builds(Identity, identifiers, identifiers, authenticated=st.booleans())
keys = st.text(string.ascii_letters, min_size=1, max_size=20)
several_keys = st.lists(keys, min_size=1, max_size=4, unique=True)
origins = st.sampled_from([HELP, DOCS, HELP + ":8443", "http://localhost:8003", "", "null"])


class Clock:
    """A clock that shows the time to which it is set."""

    def __init__(self, now: float = MADE) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def tokens(*keys: str | bytes, clock: Clock | None = None, lifetime: int = LIFETIME) -> Tokens:
    return Tokens(keys or (SECRET_KEY,), lifetime, clock or Clock())


@given(identity=identities)
def test_an_identity_survives_a_round_trip_through_a_token(identity: Identity) -> None:
    ours = tokens()
    assert ours.read_cookie(ours.cookie(identity)) == Loan(identity, 0)
    assert ours.read_code(ours.code(identity, HELP, CHALLENGE), HELP, VERIFIER) == Loan(identity, 0)


def test_a_token_carries_no_attributes() -> None:
    ours = tokens()
    loan = ours.read_cookie(ours.cookie(Identity("7", attributes={"firstName": "Ada"})))
    assert loan is not None
    assert dict(loan.identity.attributes) == {}


@given(identity=identities, origin=origins)
def test_tokens_need_no_escaping_in_cookies_and_fragments(identity: Identity, origin: str) -> None:
    for token in (tokens().cookie(identity), tokens().code(identity, origin, CHALLENGE)):
        assert set(token) <= set(string.ascii_letters + string.digits + "-_.")


def test_a_token_holds_the_identity_its_time_and_purpose_and_no_more() -> None:
    claims = {"at": MADE, "id": "7", "email": "ada@example.com", "vouched": True}
    ours = tokens(clock=Clock(MADE + 0.9))
    assert payload(ours.cookie(ADA)) == claims
    assert payload(ours.code(ADA, HELP, CHALLENGE)) == {
        **claims,
        "to": HELP,
        "challenge": CHALLENGE,
    }


def payload(token: str) -> object:
    _, claims = URLSafeSerializer("any key").loads_unsafe(token)
    return claims


# ── Age ────────────────────────────────────────────────────────────────────────────────────────


@given(age=st.integers(-20, 80) | st.integers())
@example(age=60)
@example(age=61)
@example(age=-5)
@example(age=-6)
def test_a_code_lasts_a_minute(age: int) -> None:
    clock = Clock()
    ours = tokens(clock=clock)
    code = ours.code(ADA, HELP, CHALLENGE)
    clock.now += age
    expected = Loan(ADA, max(age, 0)) if -5 <= age <= 60 else None
    assert ours.read_code(code, HELP, VERIFIER) == expected


@given(lifetime=st.integers(1, 86400), data=st.data())
def test_a_login_cookie_lasts_for_its_lifetime(lifetime: int, data: st.DataObject) -> None:
    ages = st.sampled_from([-6, -5, -1, 0, 1, lifetime - 1, lifetime, lifetime + 1])
    age = data.draw(ages | st.integers(-10, 2 * lifetime))
    clock = Clock()
    ours = tokens(clock=clock, lifetime=lifetime)
    cookie = ours.cookie(ADA)
    clock.now += age
    expected = Loan(ADA, max(age, 0)) if -5 <= age <= lifetime else None
    assert ours.read_cookie(cookie) == expected


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.999])
def test_the_age_of_a_token_counts_in_whole_seconds(fraction: float) -> None:
    clock = Clock(MADE + fraction)
    ours = tokens(clock=clock)
    code = ours.code(ADA, HELP, CHALLENGE)
    clock.now = MADE + 60.999
    assert ours.read_code(code, HELP, VERIFIER) == Loan(ADA, 60)
    clock.now = MADE + 61.0
    assert ours.read_code(code, HELP, VERIFIER) is None


# ── Purpose ────────────────────────────────────────────────────────────────────────────────────


@given(made_for=origins | st.text(), read_for=origins | st.text())
@example(made_for=HELP, read_for=DOCS)
@example(made_for=HELP, read_for=HELP + ":8443")
@example(made_for="", read_for="null")
def test_a_code_is_read_for_its_own_origin_alone(made_for: str, read_for: str) -> None:
    loan = tokens().read_code(tokens().code(ADA, made_for, CHALLENGE), read_for, VERIFIER)
    assert (loan is not None) == (made_for == read_for)


@given(identity=identities, origin=origins)
def test_a_login_cookie_is_no_code_and_a_code_no_login_cookie(
    identity: Identity, origin: str
) -> None:
    ours = tokens()
    assert ours.read_code(ours.cookie(identity), origin, VERIFIER) is None
    assert ours.read_cookie(ours.code(identity, origin, CHALLENGE)) is None


def test_a_value_that_the_app_signs_with_the_same_key_is_no_token() -> None:
    claims = {"at": MADE, "id": "7", "email": None, "vouched": True, "to": HELP}
    for serializer in (
        URLSafeSerializer(SECRET_KEY),
        URLSafeSerializer(SECRET_KEY, salt="cookie-session"),
        URLSafeTimedSerializer(SECRET_KEY, signer_kwargs={"key_derivation": "hmac"}),
    ):
        theirs = serializer.dumps(claims)
        assert isinstance(theirs, str)
        assert tokens().read_cookie(theirs) is None
        assert tokens().read_code(theirs, HELP, VERIFIER) is None


# ── Forgery ────────────────────────────────────────────────────────────────────────────────────


def is_same_signature(token: str, other: str) -> bool:
    """Whether two tokens differ in no bit that counts: the last letter of each has two to spare."""
    (claims, _, signature), (other_claims, _, other_signature) = (
        each.rpartition(".") for each in (token, other)
    )
    return claims == other_claims and bits(signature) == bits(other_signature)


def bits(signature: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        return None


@given(identity=identities, data=st.data())
def test_a_token_with_a_changed_byte_names_nobody(identity: Identity, data: st.DataObject) -> None:
    ours = tokens()
    for token, read in (
        (ours.cookie(identity), ours.read_cookie),
        (ours.code(identity, HELP, CHALLENGE), lambda code: ours.read_code(code, HELP, VERIFIER)),
    ):
        place = data.draw(st.integers(0, len(token) - 1))
        letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=\xff "))
        changed = token[:place] + letter + token[place + 1 :]
        assume(not is_same_signature(token, changed))
        assert read(token) is not None
        assert read(changed) is None


@given(identity=identities, data=st.data())
def test_a_token_with_text_removed_or_inserted_names_nobody(
    identity: Identity, data: st.DataObject
) -> None:
    ours = tokens()
    token = ours.cookie(identity)
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    assume(end > start)
    assert ours.read_cookie(token[:start] + token[end:]) is None
    more = data.draw(st.text(string.ascii_letters + string.digits + "-_.", min_size=1))
    assert ours.read_cookie(token[:start] + more + token[start:]) is None


@given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_that_is_no_token_names_nobody(text: str) -> None:
    assert tokens().read_cookie(text) is None
    assert tokens().read_code(text, HELP, VERIFIER) is None


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────


def test_keys_can_be_rotated_while_tokens_are_in_use() -> None:
    before, both, after = tokens("old"), tokens("old", "new"), tokens("new")
    assert both.read_cookie(before.cookie(ADA)) == Loan(ADA, 0)
    assert after.read_cookie(both.cookie(ADA)) == Loan(ADA, 0)
    assert before.read_cookie(both.cookie(ADA)) is None
    assert after.read_cookie(before.cookie(ADA)) is None
    assert both.read_code(before.code(ADA, HELP, CHALLENGE), HELP, VERIFIER) == Loan(ADA, 0)
    assert after.read_code(both.code(ADA, HELP, CHALLENGE), HELP, VERIFIER) == Loan(ADA, 0)
    assert before.read_code(both.code(ADA, HELP, CHALLENGE), HELP, VERIFIER) is None
    assert after.read_code(before.code(ADA, HELP, CHALLENGE), HELP, VERIFIER) is None


@given(signing=several_keys, reading=several_keys)
def test_the_last_key_signs_and_every_key_verifies(signing: list[str], reading: list[str]) -> None:
    loan = tokens(*reading).read_cookie(tokens(*signing).cookie(ADA))
    assert (loan is not None) == (signing[-1] in reading)


@given(key=st.text(min_size=1))
def test_a_key_may_be_text_or_its_bytes(key: str) -> None:
    code = tokens(key).code(ADA, HELP, CHALLENGE)
    assert tokens(key.encode()).read_code(code, HELP, VERIFIER) == Loan(ADA, 0)


def test_a_key_may_be_any_bytes() -> None:
    key = bytes(range(256))
    assert tokens(key).read_cookie(tokens(b"old", key).cookie(ADA)) == Loan(ADA, 0)
