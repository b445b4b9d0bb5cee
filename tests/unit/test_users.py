"""The user objects of frameworks become identities: which id, which email, which attributes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.utils.functional import SimpleLazyObject
from flask_login import AnonymousUserMixin, UserMixin
from hypothesis import given
from hypothesis import strategies as st
from starlette.authentication import BaseUser, SimpleUser, UnauthenticatedUser
from werkzeug.local import LocalProxy

from pavior_middleware import Identity, Settings, SettingsError
from pavior_middleware._model.identity import IdentityRefused
from pavior_middleware._model.impersonation import tells_of_impersonation
from pavior_middleware._model.json_values import NoJsonValue, json_value
from pavior_middleware._model.log import MOST_TEXTS
from pavior_middleware._model.secret_names import looks_secret
from pavior_middleware._model.users import UserMapping

KEY = "a-key-Of-twenty-chars"
EMAIL = "ada@example.com"


def mapping(**settings: Any) -> UserMapping:
    return UserMapping(Settings("acme", KEY, **settings))


def user(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(**{"is_authenticated": True, **fields})


class LoginUser(UserMixin):  # type: ignore[misc]  # Flask-Login comes without types
    def __init__(self, session_id: str | None = None, **fields: object) -> None:
        self.__dict__.update(fields)
        self._session_id = session_id

    def get_id(self) -> Any:
        return super().get_id() if self._session_id is None else self._session_id


class Keyed(BaseUser):
    is_authenticated = True
    identity = "seven"


@pytest.mark.parametrize(
    "nobody",
    [
        None,
        user(is_authenticated=False, id=7),
        user(is_authenticated=lambda: False, id=7),
        SimpleNamespace(id=7),
        AnonymousUserMixin(),
        UnauthenticatedUser(),
        LocalProxy(lambda: None),
        SimpleLazyObject(lambda: user(is_authenticated=False, id=7)),
    ],
)
def test_a_user_who_is_not_authenticated_is_nobody(nobody: object) -> None:
    assert mapping().identity(nobody) is None


def test_a_method_that_says_false_authenticates_nobody() -> None:
    class OldUser:
        id = 7

        def is_authenticated(self) -> bool:
            return False

    assert mapping().identity(OldUser()) is None


@pytest.mark.parametrize(
    ("framework_user", "user_id"),
    [
        (user(id=7, pk=8, identity="i", username="u", get_id=lambda: "9"), "7"),
        (user(id=0), "0"),
        (user(id=UUID(int=7)), str(UUID(int=7))),
        (user(id=None, pk=8), "8"),
        (user(pk=8, identity="i", username="u"), "8"),
        (user(auth_id="a", username="u"), "a"),
        (user(identity="i", username="u"), "i"),
        (SimpleUser("ada"), "ada"),
        (Keyed(), "seven"),
        (LoginUser(id=7), "7"),
        (LoginUser("u-7"), "u-7"),
        (LoginUser("token", username="ada"), "ada"),
        (LoginUser("random", id=7, fs_uniquifier="random"), "7"),
        (SimpleLazyObject(lambda: user(id=7)), "7"),
        (LocalProxy(lambda: user(id=7)), "7"),
    ],
)
def test_the_id_is_the_first_that_a_user_has(framework_user: object, user_id: str) -> None:
    assert mapping().identity(framework_user) == Identity(user_id)


def test_flask_securitys_uniquifier_is_never_sent() -> None:
    fs_user = LoginUser("random", fs_uniquifier="random", email=EMAIL, confirmed_at=datetime.now())
    assert mapping().identity(fs_user) == Identity(email=EMAIL)


@pytest.mark.parametrize("value", [True, 7.5, b"7", object()])
def test_an_id_of_another_type_is_refused_with_the_remedy(value: object) -> None:
    with pytest.raises(IdentityRefused, match=r"`id` is a .*, which is no id: pass `identity=`"):
        mapping().identity(user(id=value))


@pytest.mark.parametrize(
    ("setting", "fields", "is_sent"),
    [
        (None, {}, False),
        (None, {"email_verified": True, "is_verified": True, "confirmed_at": date.today()}, False),
        ("email_verified", {"email_verified": True}, True),
        ("email_verified", {"email_verified": 1}, True),
        ("email_verified", {"email_verified": date(2024, 1, 1)}, True),
        ("email_verified", {"email_verified": False}, False),
        ("email_verified", {"email_verified": None}, False),
        ("email_verified", {"email_verified": "no"}, False),
        ("email_verified", {}, False),
        ("profile.verified", {"profile": SimpleNamespace(verified=True)}, True),
        ("profile.verified", {"profile": SimpleNamespace(verified=False)}, False),
        ("profile.verified", {"profile": None}, False),
        (lambda user: user.role == "staff", {"role": "staff"}, True),
        (lambda user: user.role == "staff", {"role": "guest"}, False),
        (lambda user: user.answer, {"answer": object()}, False),
        (None, {"fs_uniquifier": "x", "confirmed_at": datetime.now()}, True),
        (None, {"fs_uniquifier": "x", "confirmed_at": None}, False),
        (None, {"fs_uniquifier": "x"}, False),
        ("verified", {"fs_uniquifier": "x", "confirmed_at": datetime.now()}, False),
    ],
)
def test_the_email_is_sent_only_where_the_site_says_that_it_is_confirmed(
    setting: Any, fields: dict[str, object], is_sent: bool
) -> None:
    identity = mapping(email_confirmed=setting).identity(user(id=7, email=EMAIL, **fields))
    assert identity == Identity(7, EMAIL if is_sent else None)


class Addresses:
    """The related manager of django-allauth's addresses."""

    def __init__(self, *addresses: tuple[str, bool]) -> None:
        self._all = [SimpleNamespace(email=email, verified=yes) for email, yes in addresses]

    def all(self) -> list[SimpleNamespace]:
        return self._all


@pytest.mark.parametrize(
    ("addresses", "is_sent"),
    [
        ([(EMAIL, True)], True),
        ([("other@example.com", False), ("Ada@Example.com", True)], True),
        ([(EMAIL, False), ("other@example.com", True)], False),
        ([], False),
    ],
)
def test_an_email_is_sent_if_allauth_has_verified_this_very_address(
    addresses: list[tuple[str, bool]], is_sent: bool
) -> None:
    allauth_user = user(id=7, email=EMAIL, emailaddress_set=Addresses(*addresses))
    assert mapping().identity(allauth_user) == Identity(7, EMAIL if is_sent else None)


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        ("boss@strasse.example", "boss@stra\N{LATIN SMALL LETTER SHARP S}e.example"),
        ("mike@example.com", "mi\N{KELVIN SIGN}e@example.com"),
    ],
)
def test_an_email_is_not_confirmed_by_an_address_that_other_letters_make_look_the_same(
    email: str, verified: str
) -> None:
    allauth_user = user(id=7, email=email, emailaddress_set=Addresses((verified, True)))
    assert mapping().identity(allauth_user) == Identity(7)


def test_the_email_is_read_from_the_field_that_a_django_model_names() -> None:
    django_user = user(id=7, EMAIL_FIELD="mail", mail=EMAIL, email="old@example.com", ok=True)
    assert mapping(email_confirmed="ok").identity(django_user) == Identity(7, EMAIL)


@pytest.mark.parametrize("user_id", [EMAIL, "Ada@Example.COM"])
def test_an_id_that_is_the_email_in_any_case_is_the_email(user_id: str) -> None:
    one = user(id=user_id, email=EMAIL, ok=True)
    assert mapping(email_confirmed="ok").identity(one) == Identity(email=EMAIL)


@pytest.mark.parametrize(
    "one",
    [
        LoginUser(EMAIL, email=EMAIL),
        LoginUser("random", email=EMAIL, fs_uniquifier="random"),
        user(id="ADA@example.com", email=EMAIL),
        user(email=EMAIL),
    ],
)
def test_a_user_known_by_an_unconfirmed_email_alone_is_refused_with_the_remedy(one: object) -> None:
    with pytest.raises(IdentityRefused, match=r"is confirmed: set .*PAVIOR_EMAIL_CONFIRMED.* pass"):
        mapping().identity(one)


@pytest.mark.parametrize("one", [user(), user(id="", email=""), LoginUser()])
def test_a_user_without_id_and_email_is_refused_with_the_remedy(one: object) -> None:
    with pytest.raises(
        IdentityRefused, match=r"(LoginUser|SimpleNamespace) has no id, .* and no email"
    ):
        mapping().identity(one)


def test_an_attribute_that_says_nothing_of_the_email_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    users = mapping(email_confirmed="email_verifed")
    for each in range(3):
        users.identity(user(id=each, email=EMAIL))
    (warning,) = caplog.messages
    assert "PAVIOR_EMAIL_CONFIRMED" in warning
    assert "has no attribute `email_verifed`" in warning


def test_an_email_that_is_not_sent_is_logged_once_at_level_info(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "pavior_middleware")
    users = mapping()
    for each in range(3):
        users.identity(user(id=each, email=EMAIL))
    assert [(each.levelname, EMAIL in each.message) for each in caplog.records] == [("INFO", False)]


class AsyncUser:
    id = 7
    email = EMAIL

    @property
    async def is_authenticated(self) -> bool:
        return False

    async def is_confirmed(self) -> bool:
        return False


def test_a_coroutine_as_is_authenticated_is_refused_and_closed() -> None:
    with pytest.raises(IdentityRefused, match=r"`is_authenticated` is a coroutine, .* awaits it"):
        mapping().identity(AsyncUser())


def test_a_future_as_is_authenticated_is_refused() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    with pytest.raises(IdentityRefused, match="`is_authenticated` is a Future"):
        mapping().identity(user(id=7, is_authenticated=future))


def test_an_adapter_that_has_awaited_is_authenticated_passes_what_it_learned() -> None:
    assert mapping().identity(AsyncUser(), is_authenticated=True) == Identity(7)
    assert mapping().identity(AsyncUser(), is_authenticated=False) is None
    assert mapping().identity(SimpleNamespace(id=7), is_authenticated=True) == Identity(7)


@pytest.mark.parametrize("setting", ["is_confirmed", lambda user: user.is_confirmed()])
def test_a_coroutine_confirms_no_email(setting: Any, caplog: pytest.LogCaptureFixture) -> None:
    users = mapping(email_confirmed=setting)
    assert users.identity(AsyncUser(), is_authenticated=True) == Identity(7)
    assert "which must be awaited" in caplog.text


def test_an_impersonated_user_is_nobody_by_default() -> None:
    assert mapping().identity(user(id=7), is_impersonated=True) is None


def test_an_impersonated_user_is_a_lead_where_the_site_says_so() -> None:
    users = mapping(impersonation="lead", user_attributes=["first_name"])
    identity = users.identity(user(id=7, first_name="Ada"), is_impersonated=True)
    assert identity == Identity(7, authenticated=False, attributes={"firstName": "Ada"})
    assert users.identity(user(id=7, first_name=None)) == Identity(7)


@pytest.mark.parametrize("mark", ["is_hijacked", "is_impersonate", "is_impersonated"])
def test_a_user_that_is_marked_as_impersonated_is_nobody(mark: str) -> None:
    assert mapping().identity(user(id=7, **{mark: True})) is None
    assert mapping().identity(user(id=7, **{mark: False})) == Identity(7)


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ({"hijack_history": ["1"]}, True),
        ({"hijack_history": []}, False),
        ({"_impersonate": "8"}, True),
        ({"loginas_from_user": "1:signed"}, True),
        ({"user": "7"}, False),
        (None, False),
    ],
)
def test_a_session_tells_of_impersonation(
    session: dict[str, object] | None, expected: bool
) -> None:
    assert tells_of_impersonation(session, None) is expected


def test_a_request_with_an_impersonator_is_impersonated() -> None:
    request = SimpleNamespace(impersonator=SimpleLazyObject(lambda: user(id=1)))
    assert tells_of_impersonation(None, request)
    assert not tells_of_impersonation(None, SimpleNamespace(impersonator=None))
    assert not tells_of_impersonation(None, SimpleNamespace())


class Plan(Enum):
    PRO = "pro"


class Ada:
    is_authenticated = True
    id = 7
    first_name = "Ada"
    last_name = "Lovelace"
    phone_number = None
    plan = Plan.PRO
    balance = Decimal("12.30")
    seen = datetime(2024, 5, 6, 7, 8, tzinfo=timezone.utc)
    company = SimpleNamespace(name="Analytical", key=UUID(int=7))
    avatar = object()

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def attributes(setting: Any, one: object = None) -> dict[str, object]:
    identity = mapping(user_attributes=setting).identity(one or Ada())
    assert identity is not None
    return dict(identity.attributes)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ((), {}),
        (["first_name", "last_name"], {"firstName": "Ada", "lastName": "Lovelace"}),
        ("first_name, plan", {"firstName": "Ada", "plan": "pro"}),
        (["get_full_name"], {"name": "Ada Lovelace"}),
        (["phone_number"], {}),
        (
            {"since": "seen", "money": "balance"},
            {"since": "2024-05-06T07:08:00+00:00", "money": "12.30"},
        ),
        ({"company": "company.name"}, {"company": "Analytical"}),
        (["company.key"], {"key": str(UUID(int=7))}),
        (
            lambda user: {"firstName": user.first_name, "plans": {Plan.PRO}},
            {"firstName": "Ada", "plans": ["pro"]},
        ),
    ],
)
def test_attributes_are_sent_under_paviors_names(setting: Any, expected: dict[str, object]) -> None:
    assert attributes(setting) == expected


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        (
            ["first_name", "avatar"],
            "avatar is left out, since there is no JSON value for this object",
        ),
        (["first_name", "nick_name"], "nick_name is left out, since Ada has no such attribute"),
        (["first_name", "company.nick_name"], "company.nick_name is left out"),
        (lambda user: {"firstName": "Ada", "x": float("nan")}, "x is left out"),
        (lambda user: {"firstName": "Ada", "x": "\ud800"}, "x is left out"),
        (lambda user: {"firstName": "Ada", "email": EMAIL}, "email is left out"),
        (lambda user: {"firstName": "Ada", "apiToken": "x"}, "apiToken is left out"),
        (lambda user: {"firstName": "Ada", 7: "x"}, "int is left out, since a name must be text"),
    ],
)
def test_an_attribute_that_cannot_be_sent_is_left_out_alone_with_a_warning_once(
    setting: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    users = mapping(user_attributes=setting)
    for _ in range(3):
        identity = users.identity(Ada())
        assert identity is not None
        assert identity.attributes == {"firstName": "Ada"}
    (warning,) = caplog.messages
    assert "PAVIOR_USER_ATTRIBUTES" in warning
    assert why in warning


def test_an_attribute_to_await_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    users = mapping(user_attributes=["is_confirmed"])
    assert users.identity(AsyncUser(), is_authenticated=True) == Identity(7)
    assert "is_confirmed is left out" in caplog.text


def test_a_callable_for_attributes_that_returns_no_mapping_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"user_attributes .* must return a mapping, not list"):
        attributes(lambda user: ["first_name"])


@pytest.mark.parametrize(
    "name",
    ["password", "password_hash", "passwordHash", "auth_token", "token", "tf_totp_secret", "APIKey"]
    + ["api_key", "apiKey", "profile.api_key", "privateKey", "fs_uniquifier", "otp", "x_secret"]
    + ["authtoken", "profile.authtoken", "accesstokens", "userpassword", "myapikey"],
)
def test_a_secrets_name_is_refused_at_start_up(name: str) -> None:
    for setting in ([name], {"plan": name}, [f"profile.{name}"], f"first_name, {name}"):
        with pytest.raises(SettingsError, match=r"user_attributes .* must not send .* secret"):
            mapping(user_attributes=setting)


@pytest.mark.parametrize("name", ["secretary", "key", "monkey_api", "hashtag", "passport", "pk"])
def test_a_name_that_only_looks_like_a_secrets_is_sent(name: str) -> None:
    assert attributes([name], user(id=7, **{name: "x"})) == {name: "x"}


@given(words=st.lists(st.sampled_from(["a", "plan", "secret", "Token", "KEY"]), max_size=4))
def test_a_secret_word_is_found_at_any_place_in_a_name(words: list[str]) -> None:
    is_secret = not {"secret", "Token"}.isdisjoint(words)
    assert looks_secret("_".join(words)) is is_secret


@pytest.mark.parametrize("name", ["id", "email", "hmac", "shareAuth", "teamVanityId"])
def test_an_attribute_with_the_name_of_another_option_is_refused_at_start_up(name: str) -> None:
    with pytest.raises(SettingsError, match=f"must not send {name}: it is not an attribute"):
        mapping(user_attributes=[name])


async def asks_a_database(user: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("email_confirmed", True, "must name the attribute"),
        ("email_confirmed", "true", "must name the attribute"),
        ("email_confirmed", 7, "must be the name of an attribute"),
        ("email_confirmed", "not a name", "must be the name of an attribute"),
        ("email_confirmed", asks_a_database, "must be a plain callable"),
        ("user_attributes", asks_a_database, "must be a plain callable"),
        ("user_attributes", 7, "must be a list of names"),
        ("user_attributes", [7], "must be a list of names"),
        ("user_attributes", ["first-name"], "must be a list of names"),
        ("user_attributes", {"plan": 7}, "must be a list of names"),
        ("user_attributes", {7: "plan"}, "must be a list of names"),
        ("impersonation", "leads", 'must be "anonymous" or "lead"'),
        ("impersonation", ["lead"], 'must be "anonymous" or "lead"'),
    ],
)
def test_a_setting_for_users_that_cannot_work_is_named_with_the_remedy(
    name: str, value: object, problem: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{name} \(PAVIOR_{name.upper()}\) {problem}"):
        mapping(**{name: value})


def test_settings_for_users_may_be_text() -> None:
    settings = Settings.from_mapping(
        {
            "PAVIOR_TEAM_VANITY_ID": "acme",
            "PAVIOR_API_KEY": KEY,
            "PAVIOR_EMAIL_CONFIRMED": "email_verified",
            "PAVIOR_USER_ATTRIBUTES": '{"plan": "account.plan"}',
            "PAVIOR_IMPERSONATION": "lead",
        }
    )
    assert settings.email_confirmed == "email_verified"
    assert settings.user_attributes == {"plan": "account.plan"}
    assert settings.impersonation == "lead"


def test_settings_for_users_do_not_follow_what_they_were_made_from() -> None:
    names, paths = ["plan"], {"plan": "account.plan"}
    by_names, by_paths = (Settings("acme", KEY, user_attributes=each) for each in (names, paths))
    names.append("first_name")
    paths["name"] = "first_name"
    assert by_names.user_attributes == ("plan",)
    assert by_paths.user_attributes == {"plan": "account.plan"}
    assert hash(by_names) == hash(by_paths)


@pytest.mark.parametrize(
    ("settings", "may_block"),
    [
        ({}, False),
        ({"email_confirmed": "verified", "user_attributes": ["plan"]}, False),
        ({"email_confirmed": "profile.verified"}, True),
        ({"email_confirmed": lambda user: True}, True),
        ({"user_attributes": ["account.plan"]}, True),
        ({"user_attributes": {"plan": "account.plan"}}, True),
        ({"user_attributes": lambda user: {}}, True),
    ],
)
def test_a_mapping_that_may_query_a_database_says_so(
    settings: dict[str, Any], may_block: bool
) -> None:
    assert mapping(**settings).may_block(user(id=7)) is may_block


def test_a_mapping_may_query_allauths_addresses_unless_the_site_says_what_is_confirmed() -> None:
    allauth_user = user(id=7, emailaddress_set=Addresses())
    assert mapping().may_block(allauth_user) is True
    assert mapping(email_confirmed="verified").may_block(allauth_user) is False


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values)
def test_a_value_of_json_stays_unchanged(value: object) -> None:
    assert json_value(value) == value


def endless_list() -> list[object]:
    itself: list[object] = []
    itself.append(itself)
    return itself


@pytest.mark.parametrize(
    "make",
    [
        object,
        endless_list,
        lambda: {object(): 1},
        lambda: [b"x"],
        lambda: float("inf"),
        lambda: len,
    ],
)
def test_what_json_has_no_value_for_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(NoJsonValue):
        json_value(make())


def test_names_of_attributes_that_are_ever_new_fill_neither_memory_nor_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    numbers = count()
    of_user = mapping(user_attributes=lambda user: {f"token_{next(numbers)}": 1})
    for _ in range(MOST_TEXTS + 10):
        assert of_user.identity(user(id=7)) == Identity(7)
    assert len(caplog.records) == MOST_TEXTS
