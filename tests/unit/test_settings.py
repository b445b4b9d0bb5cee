"""A site's configuration: read from where sites keep it, checked whole, secrets kept."""

from __future__ import annotations

import dataclasses
import logging
import math
import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pavior_middleware import Settings, SettingsError
from pavior_middleware._model.setting_names import name_behind_prefix
from pavior_middleware._model.settings import NAMES

KEY = "a-key-Of-twenty-chars"
GOOD = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}


def problems(**arguments: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings(**{"team_vanity_id": "acme", "api_key": KEY, **arguments})
    return str(caught.value)


def test_the_defaults_are_those_of_paviors_documentation() -> None:
    settings = Settings("acme", KEY)
    assert settings.do_chat is True
    assert settings.do_time_travel is True
    assert settings.embed_url == "https://app.pavior.com/embed"
    assert settings.share_auth is None
    assert settings.shared_auth_domains == ()
    assert dict(settings.init_options) == {}
    assert settings.secret_key is None


def test_settings_cannot_be_changed() -> None:
    settings = Settings("acme", KEY, init_options={"doTracking": True})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.do_chat = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.init_options["doTracking"] = False  # type: ignore[index]


def test_settings_do_not_follow_the_mapping_they_were_made_from() -> None:
    options: dict[str, Any] = {"names": ["a"]}
    settings = Settings("acme", KEY, init_options=options)
    options["names"].append("b")
    assert settings.init_options["names"] == ["a"]


def test_equal_settings_hash_alike() -> None:
    assert hash(Settings("acme", KEY)) == hash(Settings("acme", KEY))


def test_a_mapping_is_read_by_its_pavior_keys() -> None:
    settings = Settings.from_mapping(
        {
            **GOOD,
            "PAVIOR_DO_CHAT": False,
            "PAVIOR_DO_TIME_TRAVEL": "off",
            "PAVIOR_EMBED_URL": "http://localhost:8000/embed",
            "PAVIOR_SHARED_AUTH_DOMAINS": ["help.example.com"],
            "PAVIOR_INIT_OPTIONS": '{"doTracking": true}',
            "PAVIOR_SECRET_KEY": "another secret",
            "SECRET_KEY": object(),
            "OTHER_SETTING": "ignored",
        }
    )
    assert (settings.team_vanity_id, settings.api_key) == ("acme", KEY)
    assert (settings.do_chat, settings.do_time_travel) == (False, False)
    assert settings.embed_url == "http://localhost:8000/embed"
    assert settings.shared_auth_domains == ("help.example.com",)
    assert settings.init_options == {"doTracking": True}
    assert settings.secret_key == "another secret"


def test_the_environment_is_read_like_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "PAVIOR_SHARE_AUTH": "auth.example.com"}.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env() == Settings("acme", KEY, share_auth="auth.example.com")


class OfAnotherPackage:
    """Like Flask-Security's `SECURITY_EMAIL_SENDER`, which asks for the context of the app."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("Working outside of application context.")


def test_the_value_of_another_package_is_not_compared() -> None:
    assert Settings.from_mapping({**GOOD, "SECURITY": OfAnotherPackage()}) == Settings("acme", KEY)


@pytest.mark.parametrize("absent", [None, ""])
def test_none_and_empty_text_count_as_absent_settings(absent: str | None) -> None:
    mapping = {**GOOD, "PAVIOR_SHARE_AUTH": absent, "PAVIOR_DO_CHAT": absent}
    assert Settings.from_mapping(mapping) == Settings("acme", KEY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("1", True), ("Yes", True), (" on ", True)]
    + [("false", False), ("0", False), ("NO", False), ("off", False)],
)
def test_flags_may_be_text_where_only_text_can_be_kept(text: str, expected: bool) -> None:
    assert Settings.from_mapping({**GOOD, "PAVIOR_DO_CHAT": text}).do_chat is expected


def test_the_whitelist_may_be_the_lines_of_paviors_text_box() -> None:
    lines = "help.example.com\n\n  Docs.Example.com \r\n# a comment\nlocalhost:8003 # mine\n"
    settings = Settings("acme", KEY, shared_auth_domains=lines)
    assert settings.shared_auth_domains == (
        "help.example.com",
        "docs.example.com",
        "localhost:8003",
    )


def test_every_bad_setting_is_named_in_one_error_with_its_remedy() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping(
            {
                "PAVIOR_DO_CHAT": "maybe",
                "PAVIOR_DO_TIME_TRAVEL": 1,
                "PAVIOR_EMBED_URL": "http://app.pavior.com/embed",
                "PAVIOR_SHARED_AUTH_DOMAINS": ["https://help.example.com", "a.example/help"],
                "PAVIOR_API_KYE": KEY,
                "PAVIOR_INIT_OPTIONS": "{not json",
            }
        )
    text = str(caught.value)
    assert len(caught.value.problems) == len(text.splitlines()) - 1 == 9
    for message in (
        "team_vanity_id (PAVIOR_TEAM_VANITY_ID) is missing: copy it",
        "api_key (PAVIOR_API_KEY) is missing: copy it",
        "do_chat (PAVIOR_DO_CHAT) must be true, false, 1, 0, yes, no, on or off",
        "do_time_travel (PAVIOR_DO_TIME_TRAVEL) must be True or False",
        "embed_url (PAVIOR_EMBED_URL) must begin with https://",
        "shared_auth_domains (PAVIOR_SHARED_AUTH_DOMAINS): entry 1 is a URL: write only the domain",
        "shared_auth_domains (PAVIOR_SHARED_AUTH_DOMAINS): entry 2 has a path: write only the",
        "PAVIOR_API_KYE is not a setting: did you mean PAVIOR_API_KEY?",
        "init_options (PAVIOR_INIT_OPTIONS) is not valid JSON",
    ):
        assert message in text
    assert KEY not in text


def variables_of_kubernetes(service: str) -> dict[str, str]:
    """Return what a pod's environment says of a Service (Kubernetes, "Discovering services")."""
    name, address = service.upper().replace("-", "_"), "10.0.0.11"
    return {
        f"{name}_SERVICE_HOST": address,
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": f"tcp://{address}:8000",
        **{
            f"{name}_PORT_8000_{protocol}{end}": "x"
            for protocol in ("TCP", "UDP", "SCTP")
            for end in ("", "_PROTO", "_PORT", "_ADDR")
        },
    }


SERVICES = [
    *("pavior", "pavior-api", "pavior-emulator", "pavior-a"),
    *(name.lower().replace("_", "-") for name in NAMES),
]


@pytest.mark.parametrize("service", SERVICES)
def test_environment_variables_of_a_kubernetes_service_are_no_settings(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**GOOD, **variables_of_kubernetes(service)}.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env() == Settings("acme", KEY)


@pytest.mark.parametrize(
    "name", ["DEBUG", "URL", "HOST", "VERSION", "API_KEY_FILE", "", "X" * 9999]
)
def test_a_key_that_resembles_no_setting_is_ignored(name: str) -> None:
    assert Settings.from_mapping({**GOOD, f"PAVIOR_{name}": "1"}) == Settings("acme", KEY)


@st.composite
def misspelt_keys(draw: st.DrawFn) -> tuple[str, str]:
    """Return a key, and the same with a character wrong, missing, too many, or two swapped."""
    key = draw(st.sampled_from(sorted(NAMES)))
    at = draw(st.integers(len("PAVIOR_"), len(key) - 1))
    letter = draw(st.sampled_from(string.ascii_uppercase + string.digits + "_-. a\u00c9"))
    swapped = key[:at] + key[at : at + 2][::-1] + key[at + 2 :]
    return key, draw(
        st.sampled_from(
            [
                key[:at] + letter + key[at + 1 :],
                key[:at] + letter + key[at:],
                key + letter,
                key[:at] + key[at + 1 :],
                swapped,
            ]
        )
    )


@given(misspelt_keys())
@settings(max_examples=10 * settings().max_examples)
def test_a_key_with_one_character_wrong_is_reported_with_the_right_one(
    keys: tuple[str, str],
) -> None:
    key, misspelt = keys
    assume(misspelt not in NAMES)
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({**GOOD, misspelt: "1"})
    assert f"{misspelt} is not a setting: did you mean {key}?" in caught.value.problems


@pytest.mark.parametrize(
    ("misspelt", "key"),
    [
        ("APIKEY", "API_KEY"),
        ("API_KEYS", "API_KEY"),
        ("TEAM_VANITYID", "TEAM_VANITY_ID"),
        ("TEAMVANITYID", "TEAM_VANITY_ID"),
        ("DO_CHATS", "DO_CHAT"),
        ("EMBEDURL", "EMBED_URL"),
        ("SKIP_PATH", "SKIP_PATHS"),
        ("SHARED_AUTH_DOMAIN", "SHARED_AUTH_DOMAINS"),
        ("SHARE_AUTH_DOMAIN", "SHARED_AUTH_DOMAINS"),
    ],
)
def test_a_misspelt_key_is_reported_with_the_right_one(misspelt: str, key: str) -> None:
    with pytest.raises(SettingsError, match=f"did you mean PAVIOR_{key}?"):
        Settings.from_mapping({**GOOD, f"PAVIOR_{misspelt}": "1"})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "is missing"),
        (None, "is missing"),
        (b"bytes", "must be text, not bytes"),
        (KEY + "\n", "begins or ends with white space"),
        ("broken \ud800 character", "cannot be encoded as UTF-8"),
    ],
)
def test_a_bad_api_key_is_reported_without_showing_it(key: Any, message: str) -> None:
    text = problems(api_key=key)
    assert f"api_key (PAVIOR_API_KEY) {message}" in text
    assert not key or str(key).strip() not in text


@pytest.mark.parametrize(
    "url",
    [
        "http://app.pavior.com/embed",
        "http://localhost.evil.example/embed",
        "http://127.0.0.1.evil.example/embed",
        "https://app.pavior.com; script-src/embed",
        "https://app;x.pavior.com/embed",
        "https://b\xfccher.example/embed",
        "//app.pavior.com/embed",
        "app.pavior.com/embed",
        "javascript:alert(1)",
        "https://",
        "https://user:password@app.pavior.com/embed",
        "https://app.pavior.com:port/embed",
        "https://app.pavior.com/em bed",
        "https://app.pavior.com/\nembed",
        "https://[::1/embed",
        None,
    ],
)
def test_an_embed_url_must_be_https(url: Any) -> None:
    assert "embed_url (PAVIOR_EMBED_URL)" in problems(embed_url=url)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/admin/*\n/print  # no chat on paper\n\n*/x, /y", ("/admin/*", "/print", "*/x", "/y")),
        (["/admin/*", "/admin/*", " /x "], ("/admin/*", "/x")),
        ((), ()),
    ],
)
def test_paths_to_skip_are_a_list_or_lines(given: Any, kept: tuple[str, ...]) -> None:
    assert Settings("acme", KEY, skip_paths=given).skip_paths == kept


@pytest.mark.parametrize("paths", [["admin"], ["https://example.com/"], [7], {"/x": 1}, 7, None])
def test_a_skip_path_that_is_no_path_is_reported(paths: Any) -> None:
    assert "skip_paths (PAVIOR_SKIP_PATHS)" in problems(skip_paths=paths)


@pytest.mark.parametrize("csp", ["Extend", "", None, True, "off"])
def test_the_csp_setting_is_extend_or_leave(csp: Any) -> None:
    assert 'csp (PAVIOR_CSP) must be "extend" or "leave"' in problems(csp=csp)


def test_settings_that_are_switched_off_need_nothing_else() -> None:
    assert not Settings.from_mapping({"PAVIOR_ENABLED": "off"}).enabled
    assert "team_vanity_id" in problems(enabled=False, team_vanity_id=7)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/embed",
        "http://pavior.localhost:8000/embed",
        "http://127.0.0.1:1234/embed",
        "http://[::1]:8000/embed",
        "https://chat.example.com:8443/embed?v=2",
    ],
)
def test_an_embed_url_on_this_machine_may_be_http(url: str) -> None:
    assert Settings("acme", KEY, embed_url=url).embed_url == url


@pytest.mark.parametrize(
    "domain",
    [
        "https://help.example.com",
        "help.example.com/",
        "*.com",
        "*.*.example.com",
        "help.*.example.com",
        "*example.com",
        "*.127.0.0.1",
        "*.[::1]",
        "help.example.com.",
        ".example.com",
        "help..example.com",
        "-help.example.com",
        "help_center.example.com",
        "user@help.example.com",
        "help.example.com:",
        "help.example.com:0",
        "help.example.com:65536",
        "help.example.com:http",
        "hé_lp.example.com",
        "help example.com",
        "a" * 64 + ".example.com",
        "[::1",
        "[127.0.0.1]",
        "[0:0:0:0:0:0:0:1]:80",
        "help.example.com:0443",
        ["help.example.com"],
        "null/",
        7,
    ],
)
def test_only_whole_domains_are_whitelisted(domain: Any) -> None:
    text = problems(shared_auth_domains=[domain])
    assert "shared_auth_domains (PAVIOR_SHARED_AUTH_DOMAINS): " in text
    assert "share_auth (PAVIOR_SHARE_AUTH): " in problems(share_auth=domain)


def test_a_whitelist_of_another_type_is_reported() -> None:
    assert "entry 1 must be text, not dict" in problems(shared_auth_domains={"a": "b"})


def test_a_site_lends_its_login_or_borrows_one() -> None:
    text = problems(share_auth="auth.example.com", shared_auth_domains=["help.example.com"])
    assert "both set" in text


def test_a_site_that_borrows_its_login_needs_no_api_key() -> None:
    assert Settings("acme", share_auth="auth.example.com").share_auth == "auth.example.com"


@pytest.mark.parametrize("name", ["id", "email", "hmac", "shareAuth", "doChat", "__proto__"])
def test_init_options_cannot_name_a_user(name: str) -> None:
    assert f"must not set '{name}'" in problems(init_options={name: "x"})


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, b"bytes"])
def test_init_options_are_json(value: object) -> None:
    assert "must hold only JSON values" in problems(init_options={"x": value})
    assert "option's name must be text" in problems(init_options={1: "x"})


@pytest.mark.parametrize(
    "leak",
    [
        {"team_vanity_id": KEY},
        {"embed_url": f"https://app.pavior.com/embed?key={KEY}"},
        {"init_options": {"settings": {"apiKey": KEY}}},
        {"share_auth": KEY},
        {"share_auth": f"{KEY}/path"},
        {"shared_auth_domains": ["help.example.com", f"https://{KEY}"]},
        {"bubble": f"#{KEY}", "share_auth": "auth.example.com"},
        {"skip_paths": ["/admin/*", f"/{KEY}"]},
        {"init_options": {KEY: {"a": "b"}}},
    ],
)
def test_a_setting_that_would_show_the_api_key_is_refused(leak: dict[str, Any]) -> None:
    text = problems(**leak)
    assert "holds the API key, which nobody but the server may see" in text
    assert KEY not in text


def test_a_key_too_short_to_be_found_by_chance_alone_is_not_looked_for() -> None:
    assert Settings("acme", "a").team_vanity_id == "acme"


def test_no_key_shows_in_the_repr() -> None:
    shown = repr(Settings("acme", KEY, secret_key="the other secret"))
    assert "acme" in shown
    assert KEY not in shown
    assert "the other secret" not in shown


@pytest.mark.parametrize(
    ("key", "message"),
    [("ladygaga", "example of Pavior's documentation"), ("x" * 15, "shorter than")],
)
def test_a_weak_api_key_is_warned_of_once_and_works(
    key: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Settings("acme", key).api_key == key
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert message in record.getMessage()
    assert key not in record.getMessage()


def test_the_example_key_is_right_for_an_emulator_on_this_machine_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for url in ("http://127.0.0.1:8990/embed", "http://pavior.localhost:8990/embed"):
        Settings("YOUR_TEAM_ID", "ladygaga", embed_url=url)
    assert caplog.records == []
    Settings("YOUR_TEAM_ID", "ladygaga", embed_url="https://localhost.example.com/embed")
    assert len(caplog.records) == 1


def test_a_strong_api_key_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    Settings("acme", "x" * 16)
    assert caplog.records == []


@pytest.mark.parametrize("bubble", ["", " ", 7, ["#chat"]])
def test_a_bubble_must_be_a_selector(bubble: Any) -> None:
    message = problems(api_key="", share_auth="auth.example.com", bubble=bubble)
    assert "bubble (PAVIOR_BUBBLE) must be a CSS selector" in message


def test_a_bubble_is_refused_on_a_site_that_does_not_borrow() -> None:
    message = problems(bubble="#chat")
    assert "bubble (PAVIOR_BUBBLE) is for sites with share_auth (PAVIOR_SHARE_AUTH)" in message


def test_an_app_that_lends_nothing_may_have_any_secret_key() -> None:
    assert Settings("acme", KEY, secret_key=KEY).secret_keys == (KEY,)


@pytest.mark.parametrize("key", ["schl\u00fcssel-schl\u00fcssel", "a-key-Of-twenty-chars"])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_the_api_key_is_refused_as_secret_key(key: str, as_bytes: bool) -> None:
    secret = key.encode() if as_bytes else key
    message = problems(api_key=key, secret_key=secret, shared_auth_domains=["help.example.com"])
    assert "secret_key (PAVIOR_SECRET_KEY) is the API key" in message


@pytest.mark.parametrize(
    ("key", "is_weak"),
    [
        ("x" * 15, True),
        (b"x" * 15, True),
        (["x" * 40, "dev"], True),
        ("x" * 16, False),
        (None, False),
    ],
)
def test_a_secret_key_that_can_be_guessed_is_warned_of(
    key: Any, is_weak: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Settings("acme", KEY, secret_key=key)
    assert caplog.records == []  # nobody borrows
    Settings("acme", KEY, secret_key=key, shared_auth_domains=["help.example.com"])
    message = [record.getMessage() for record in caplog.records]
    assert [text.partition(" is ")[0] for text in message] == [
        "secret_key (PAVIOR_SECRET_KEY)"
    ] * is_weak
    assert all("dev" not in text for text in message)


@pytest.mark.parametrize("seconds", [0, -1, True, math.nan, math.inf, "soon", None, [2]])
def test_a_timeout_is_a_positive_number_of_seconds(seconds: Any) -> None:
    text = problems(identity_timeout=seconds)
    expected = "identity_timeout (PAVIOR_IDENTITY_TIMEOUT) must be a number of seconds above 0"
    assert expected in text


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), (" 2\n", 2.0), (".25", 0.25), (3, 3)])
def test_the_seconds_of_a_timeout_may_be_text(text: Any, seconds: float) -> None:
    settings = Settings.from_mapping({**GOOD, "PAVIOR_IDENTITY_TIMEOUT": text})
    assert settings.identity_timeout == seconds
    assert Settings.from_mapping(GOOD).identity_timeout == 2.0


@pytest.mark.parametrize("text", ["0", "0.0", "-1", "2s", "nan", "inf", "1e3", "."])
def test_a_text_that_is_no_positive_number_is_no_timeout(text: str) -> None:
    with pytest.raises(SettingsError, match="PAVIOR_IDENTITY_TIMEOUT"):
        Settings.from_mapping({**GOOD, "PAVIOR_IDENTITY_TIMEOUT": text})


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (
            "do_chat",
            "false",
            "must be True or False: text (true, false, 1, 0, yes, no, on",
        ),
        ("init_options", '{"a": 1}', 'must be a mapping like {"doTracking": True}'),
    ],
)
def test_the_error_for_an_argument_of_another_type_says_where_text_is_allowed(
    argument: str, value: str, message: str
) -> None:
    text = problems(**{argument: value})
    assert message in text
    assert "Settings.from_mapping and Settings.from_env alone" in text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("PAVIOR_ENABLED", "disabled", "must be true, false, 1, 0, yes, no, on or off"),
        ("PAVIOR_INIT_OPTIONS", '{"a": ', "is not valid JSON: put names and text in double quotes"),
    ],
)
def test_the_error_for_text_that_cannot_be_read_says_which_text_can(
    key: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({**GOOD, key: value})
    name = key.removeprefix("PAVIOR_").lower()
    assert caught.value.problems == (f"{name} ({key}) {message}",)


@given(
    service=st.from_regex(r"pavior(-[a-z0-9]{1,12}){0,3}", fullmatch=True)
    | st.sampled_from(["pavior-root", "pavior-embed", "pavior-session"])
)
def test_no_variable_of_a_kubernetes_service_is_taken_for_a_misspelt_setting(service: str) -> None:
    assert Settings.from_mapping({**GOOD, **variables_of_kubernetes(service)}).api_key == KEY


@st.composite
def misspelt_prefixes(draw: st.DrawFn) -> str:
    """Return our prefix, and with a letter wrong, missing, too many, or two swapped."""
    at = draw(st.integers(0, len("PAVIOR") - 1))
    letter = draw(st.sampled_from(string.ascii_uppercase))
    prefix = draw(
        st.sampled_from(
            [
                "PAVIOR"[:at] + letter + "PAVIOR"[at + 1 :],
                "PAVIOR"[:at] + letter + "PAVIOR"[at:],
                "PAVIOR"[:at] + "PAVIOR"[at + 1 :],
                "PAVIOR"[:at] + "PAVIOR"[at : at + 2][::-1] + "PAVIOR"[at + 2 :],
            ]
        )
    )
    assume(prefix != "PAVIOR")
    return draw(st.sampled_from([prefix, prefix.lower(), "pavior", "Pavior", "export PAVIOR"]))


@given(misspelt_prefixes(), st.sampled_from(sorted(NAMES)))
def test_a_key_whose_prefix_alone_is_misspelt_differs_from_other_unknown_keys(
    prefix: str, name: str
) -> None:
    assert name_behind_prefix(prefix + name.removeprefix("PAVIOR"), NAMES) == name


@pytest.mark.parametrize(
    "key",
    ["SECRET_KEY", "API_KEY", "_API_KEY", "", "_", "PRIOR_API_KEY", "STRIPE_API_KEY", "PAVOIR_PORT"]
    + ["PAVIOR_API_KEY", "FLAVOR_ENABLED", "X" * 99999 + "_API_KEY", "A" * 99999],
)
def test_a_key_of_another_program_is_no_misspelt_prefix(key: str) -> None:
    assert name_behind_prefix(key, NAMES) is None


def test_a_misspelt_prefix_is_logged_once_where_the_setting_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        Settings.from_mapping({**GOOD, "PAVOIR_DO_TIME_TRAVEL": "no"})
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "'PAVOIR_DO_TIME_TRAVEL' is not a setting: did you mean PAVIOR_DO_TIME_TRAVEL?"
    )


def test_a_misspelt_prefix_is_ignored_where_the_setting_has_a_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Settings.from_mapping({**GOOD, "PAVOIR_API_KEY": "x", "PAVOIR_SHARE_AUTH": ""})
    assert not caplog.records


def test_the_error_for_a_missing_key_names_the_one_whose_prefix_is_misspelt() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"PAVIOR_TEAM_VANITY_ID": "acme", "\ufeffPAVIOUR_API_KEY": KEY})
    missing, misspelt = caught.value.problems
    assert "PAVIOR_API_KEY) is missing" in missing
    assert "PAVIOUR_API_KEY' is not a setting: did you mean PAVIOR_API_KEY?" in misspelt
    assert KEY not in str(caught.value)
