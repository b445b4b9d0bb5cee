"""The settings of a site that lends its login: secret keys, seconds, the handoff."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pavior_middleware import Settings, SettingsError
from tests.support.adapters import Fetch, Reply
from tests.support.login_cookies import SETTINGS, site
from tests.support.sites import ADA, API_KEY, SECRET_KEY, TEAM


def problems(**given: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        site(**given)
    return str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        *(b"", [""], ["a key", ""], [b"", "a key"], 7, ["a key", 7], [None], {"a": "key"}),
        *(" padded", "padded\n", ["a key", "padded "], "\ud800"),
        *(API_KEY, API_KEY.encode(), [API_KEY, "a key"], ["a key", API_KEY.encode()]),
    ],
)
def test_a_bad_secret_key_is_reported_without_showing_it(key: Any) -> None:
    text = problems(secret_key=key, shared_auth_domains=["help.example.com"])
    assert "secret_key (PAVIOR_SECRET_KEY)" in text
    assert not re.search(f"a key|padded|{API_KEY}", text)


@pytest.mark.parametrize(
    "key",
    [SECRET_KEY, SECRET_KEY.encode(), b" as it is\n\xff", [SECRET_KEY, b"\x00"], (SECRET_KEY,)],
)
def test_a_secret_key_may_be_text_or_bytes_or_several(key: Any) -> None:
    settings = site(shared_auth_domains=["help.example.com"], secret_key=key)
    expected = (key,) if isinstance(key, str | bytes) else tuple(key)
    assert settings.secret_keys == expected


def test_settings_keep_a_copy_of_the_list_of_secret_keys() -> None:
    keys = [SECRET_KEY]
    settings = site(secret_key=keys)
    keys.append("another")
    assert settings.secret_keys == (SECRET_KEY,)
    assert hash(settings) == hash(site(secret_key=(SECRET_KEY,)))


@pytest.mark.parametrize(
    "key", [SECRET_KEY, SECRET_KEY.encode(), ["old", SECRET_KEY], [b"old", SECRET_KEY.encode()]]
)
def test_no_secret_key_shows_in_the_repr(key: Any) -> None:
    assert SECRET_KEY not in repr(site(secret_key=key))


@pytest.mark.parametrize("key", [SECRET_KEY, ["old", SECRET_KEY]])
def test_a_setting_that_would_put_a_secret_key_into_pages_is_refused(key: Any) -> None:
    text = problems(secret_key=key, init_options={"note": f"x{SECRET_KEY.upper()}"})
    assert "init_options (PAVIOR_INIT_OPTIONS) holds the secret key" in text
    assert SECRET_KEY not in text.lower()


def test_several_secret_keys_may_be_lines_of_text() -> None:
    given = {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY}
    read = Settings.from_mapping
    assert read({**given, "PAVIOR_SECRET_KEY": "one, two"}).secret_keys == ("one, two",)
    assert read({**given, "PAVIOR_SECRET_KEY": "old\n\n new \n"}).secret_keys == ("old", "new")
    assert read({**given, "PAVIOR_SECRET_KEY": ""}).secret_keys == ()


@pytest.mark.parametrize("seconds", [0, -1, 86401, True, 60.0, "60", None, "an hour"])
def test_a_borrowed_login_lasts_from_a_second_to_a_day(seconds: Any) -> None:
    text = problems(shared_auth_seconds=seconds)
    assert "shared_auth_seconds (PAVIOR_SHARED_AUTH_SECONDS) must be a whole number" in text
    for allowed in (1, 86400):
        assert site(shared_auth_seconds=allowed).shared_auth_seconds == allowed


@pytest.mark.parametrize("text", ["120", " 120\n"])
def test_the_seconds_of_a_borrowed_login_may_be_text(text: str) -> None:
    given = {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY}
    settings = Settings.from_mapping({**given, "PAVIOR_SHARED_AUTH_SECONDS": text})
    assert settings.shared_auth_seconds == 120
    assert Settings.from_mapping(given).shared_auth_seconds == 3600


def test_the_handoff_may_be_switched_off_by_text() -> None:
    given = {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_SECRET_KEY": SECRET_KEY,
    }
    given["PAVIOR_SHARED_AUTH_DOMAINS"] = "help.example.com"
    assert Settings.from_mapping(given).hands_off
    assert not Settings.from_mapping({**given, "PAVIOR_HANDOFF": "off"}).hands_off


def test_a_lender_without_a_secret_key_is_warned_at_start_up(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply(), site(shared_auth_domains=["help.example.com"]), ADA)
    (record,) = caplog.records
    assert "set secret_key (PAVIOR_SECRET_KEY)" in record.getMessage()
    for settings in (SETTINGS, site(), Settings(TEAM, share_auth="auth.example.com")):
        caplog.clear()
        fetch(Reply(), settings, ADA)
        assert caplog.records == []
