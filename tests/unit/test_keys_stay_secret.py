"""No error shows a key: neither its text, nor what debug pages show of its traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import fields
from functools import cache, partial
from io import StringIO
from itertools import product
from pathlib import Path
from traceback import TracebackException, extract_tb
from types import TracebackType
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.config import Config

from pavior_middleware import Identity, Settings, SettingsError, cli, sign, verify
from pavior_middleware._model.identity import signed_options
from pavior_middleware._model.settings import NAMES
from pavior_middleware._page.snippet import render
from pavior_middleware.emulator import create_app
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware, read_settings

pytestmark = pytest.mark.not_quick

# They share no four characters with any text of the package.
KEY = "K3y-0f-7h3-B4nk-k3Y"
SECRET = "S3cr37-0f-7h3-B4nk-s3Cr37"
ODD_KEYS = [
    "K3y\"0f\\7h3\n B4nk'k3Y",
    "schl\u00fc55el-0f-7h3-B4nk",
    "K3y 0f,7h3#B4nk k3Y\u0130\u00df",
]
SIGN: Callable[..., object] = sign
VERIFY: Callable[..., object] = verify
LENT: dict[str, Any] = {"shared_auth_domains": ["help.example.com"]}

# Each makes something of a key that can be pasted where a setting is expected.
PASTES: dict[str, Callable[[Any], object]] = {
    "itself": lambda key: key,
    "bytes": lambda key: key.encode(),
    "lower case": lambda key: key.lower(),
    "upper case": lambda key: key.upper(),
    "with white space": lambda key: f" {key}\n",
    "a list": lambda key: ["help.example.com", key],
    "a list of bytes": lambda key: [key.encode()],
    "a list in a list": lambda key: [[key]],
    "a name": lambda key: {key: True},
    "a value": lambda key: {"a": {"b": [key]}},
    "bytes in a value": lambda key: {"a": key.encode()},
    "beside what is not JSON": lambda key: {"a": object(), "b": key},
    "a path": lambda key: f"/{key}/*",
    "a URL": lambda key: f"https://{key}/{key}",
    "a domain": lambda key: f"{key}.example.com",
    "a path in a list": lambda key: ["/admin", f"/{key}/*"],
    "a comment": lambda key: f"/admin # {key}",
    "JSON": lambda key: f'{{"a": "{key}"}}',
}
OTHERS = [each.name for each in fields(Settings) if each.name not in ("api_key", "secret_key")]
KEYS: list[dict[str, Any]] = [
    {"api_key": KEY, "secret_key": SECRET},
    {"api_key": KEY, "secret_key": SECRET.encode()},
    {"api_key": KEY, "secret_key": [b"another key of the site", SECRET.encode()]},
]


@cache
def pieces(key: str | bytes) -> set[str]:
    """Return what shows a key, or a part of it."""
    text = (key if isinstance(key, str) else key.decode("utf-8", "replace")).casefold()
    return {text[at : at + 5] for at in range(len(text) - 4)}


def shown(text: str, *keys: str | bytes) -> set[str]:
    folded = text.casefold()
    return {piece for key in keys for piece in pieces(key) if piece in folded}


def texts_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield all text that a local holds: in containers, and in the attributes of our objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif depth < 8:
        yield repr(value)
        if isinstance(value, Mapping):
            value = [*value.keys(), *value.values()]
        elif type(value).__module__.startswith("pavior_middleware"):
            value = list(vars(value).values())
        if isinstance(value, list | tuple | set | frozenset):
            for each in value:
                yield from texts_in(each, depth + 1)


def frames_of(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of the test, which hold the keys."""
    folder = str(Path(__file__).parents[1])
    while traceback and traceback.tb_frame.f_code.co_filename.startswith(folder):
        traceback = traceback.tb_next
    return traceback


def assert_shows_nothing(
    error: BaseException, *keys: str | bytes, even_in_objects: bool = True
) -> None:
    assert not shown(f"{error} {error!r} {error.args!r}", *keys)
    for other in (error.__cause__, error.__context__):
        if other is not None:
            assert_shows_nothing(other, *keys)
    traceback = frames_of(error.__traceback__)
    rendered = TracebackException(type(error), error, traceback, capture_locals=True)
    assert not shown("".join(rendered.format()), *keys)
    while traceback and even_in_objects:
        for name, value in traceback.tb_frame.f_locals.items():
            assert not [text for text in texts_in(value) if shown(text, *keys)], (
                f"{name} in {traceback.tb_frame.f_code}"
            )
        traceback = traceback.tb_next


def assert_keeps(call: Callable[[], object], *keys: str | bytes) -> None:
    """See that a call raises, or returns something whose `repr` shows no key."""
    try:
        made = call()
    except (ValueError, TypeError) as error:
        assert_shows_nothing(error, *keys)
    else:
        assert not shown(repr(made), *keys)


def of_flask(config: Mapping[str, object], settings: Settings | None = None) -> object:
    app = Flask("shop")
    app.config.update(config)
    return Pavior(app, settings)


@pytest.mark.parametrize("is_otherwise_right", [True, False])
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(KEYS[0], id="text"),
        pytest.param(KEYS[1], id="bytes", marks=pytest.mark.slow),
        pytest.param(KEYS[2], id="a list", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", OTHERS)
def test_settings_show_no_key_whatever_it_was_pasted_into(
    name: str, keys: dict[str, Any], is_otherwise_right: bool
) -> None:
    for key, paste in product((KEY, SECRET), PASTES.values()):
        arguments: dict[str, Any] = {"team_vanity_id": "acme", **keys}
        if not is_otherwise_right:
            arguments.update(csp="bad", do_chat="bad", **LENT)
        arguments[name] = paste(key)
        assert_keeps(partial(Settings, **arguments), KEY, SECRET)
        mapping = {key: arguments[name] for key, name in NAMES.items() if name in arguments}
        assert_keeps(partial(Settings.from_mapping, mapping), KEY, SECRET)


@pytest.mark.parametrize("name", OTHERS)
def test_flasks_secret_key_is_not_shown_whatever_it_was_pasted_into(name: str) -> None:
    for paste in PASTES.values():
        config: dict[str, object] = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}
        config |= {"SECRET_KEY": SECRET, "SECRET_KEY_FALLBACKS": [KEY]}
        config[f"PAVIOR_{name.upper()}"] = paste(SECRET)
        assert_keeps(partial(of_flask, config), KEY, SECRET)


@pytest.mark.parametrize("key", ODD_KEYS)
@pytest.mark.parametrize("name", OTHERS)
def test_settings_show_no_key_however_it_is_written(name: str, key: str) -> None:
    for paste in PASTES.values():
        for keys in ({"api_key": key}, {"api_key": KEY, "secret_key": key.encode()}):
            arguments: dict[str, Any] = {"team_vanity_id": "acme", **keys, "csp": "bad"}
            assert_keeps(partial(Settings, **{**arguments, name: paste(key)}), key)


@pytest.mark.parametrize(
    "key", [KEY.encode(), [KEY], {KEY: KEY}, f" {KEY}", f"{KEY}\ud800", (KEY,)]
)
@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_a_bad_key_is_not_shown(name: str, key: Any) -> None:
    arguments: dict[str, Any] = {"team_vanity_id": "", "api_key": SECRET, **LENT, name: key}
    with pytest.raises(SettingsError) as caught:
        Settings(**arguments)
    assert_shows_nothing(caught.value, KEY, SECRET)


def test_a_secret_key_that_is_the_api_key_is_not_shown() -> None:
    config = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY, "SECRET_KEY": KEY}
    config["PAVIOR_SHARED_AUTH_DOMAINS"] = "help.example.com"
    for call in (
        partial(of_flask, config),
        partial(read_settings, Config(environ=config)),
        partial(PaviorMiddleware, Starlette(), Config(environ=config)),
        partial(Settings.from_mapping, {**config, "PAVIOR_SECRET_KEY": KEY}),
    ):
        with pytest.raises(SettingsError, match="is the API key") as caught:
            call()
        assert_shows_nothing(caught.value, KEY)
    with pytest.raises(SettingsError, match="is the API key") as caught:
        of_flask(config, Settings("acme", KEY, **LENT))
    # What the extension was given holds its keys, and its `repr` does not show them.
    assert_shows_nothing(caught.value, KEY, even_in_objects=False)


@pytest.mark.parametrize(
    "arguments", [(), ("acme", KEY, KEY), ("acme", KEY, "nonsense")], ids=["none", "three", "name"]
)
def test_arguments_that_settings_do_not_take_are_not_shown(arguments: tuple[str, ...]) -> None:
    more = {name: KEY for name in arguments if name == "nonsense"}
    with pytest.raises(TypeError, match=r"Settings\.__init__\(\)") as caught:
        Settings(*arguments[:2] if more else arguments, **more)  # type: ignore[arg-type]
    assert_shows_nothing(caught.value, KEY)


@pytest.mark.parametrize("setting", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_key_of_the_framework_that_is_no_unicode_is_not_shown(setting: str) -> None:
    config: dict[str, Any] = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}
    config["PAVIOR_SHARED_AUTH_DOMAINS"] = "help.example.com"
    odd = f"{SECRET}\udcff"  # as the environment holds a byte that is not UTF-8
    keys = (
        {"SECRET_KEY": odd} if setting == "SECRET_KEY" else {"SECRET_KEY": SECRET, setting: [odd]}
    )
    calls = [
        partial(of_flask, config | keys),
        partial(of_flask, keys, Settings("acme", KEY, **LENT)),
    ]
    if setting == "SECRET_KEY":
        calls.append(partial(read_settings, Config(environ=config | keys)))  # type: ignore[arg-type]
    for call in calls:
        with pytest.raises(SettingsError, match="cannot be encoded as UTF-8") as caught:
            call()
        assert_shows_nothing(caught.value, KEY, SECRET, even_in_objects=False)


def test_a_flask_config_that_cannot_be_read_is_not_shown() -> None:
    config: dict[str, object] = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}
    with pytest.raises(TypeError) as caught:
        of_flask({**config, "SECRET_KEY": SECRET, "SECRET_KEY_FALLBACKS": 7})
    assert_shows_nothing(caught.value, KEY, SECRET)


@pytest.mark.parametrize("kind", [ValueError, LookupError])
def test_settings_that_fail_when_they_are_read_show_no_key(kind: type[Exception]) -> None:
    def ask(_: object) -> str:
        raise kind("there is no database")

    def domains() -> Any:
        return map(ask, ["help.example.com"])

    class Failing(dict[str, object]):
        def items(self) -> Any:
            return domains()

    config: dict[str, object] = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}
    config["SECRET_KEY"] = SECRET
    calls: list[Callable[[], object]] = [
        lambda: Settings("acme", KEY, secret_key=SECRET, shared_auth_domains=domains()),
        lambda: Settings.from_mapping(config | {"PAVIOR_SHARED_AUTH_DOMAINS": domains()}),
        lambda: Settings.from_mapping(Failing(config)),
        lambda: of_flask(config | {"PAVIOR_SHARED_AUTH_DOMAINS": domains()}),
    ]
    for call in calls:
        with pytest.raises(kind, match="there is no database") as caught:
            call()
        assert_shows_nothing(caught.value, KEY, SECRET)
        assert extract_tb(caught.value.__traceback__)[-1].name == "ask"  # so it tells what failed


@pytest.mark.parametrize("name", [f"PAVIOR_{KEY}", f"PAVIOR_API_KEY_{KEY}", "PAVIOR_API_KYE"])
def test_an_unknown_setting_shows_no_key_by_its_name_or_value(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"PAVIOR_API_KEY": KEY, name: KEY, "PAVIOR_CSP": KEY}
    for each, value in environ.items():
        monkeypatch.setenv(each, value)
    for call in (Settings.from_env, partial(read_settings, Config(environ=environ))):
        with pytest.raises(SettingsError) as caught:
            call()
        assert_shows_nothing(caught.value, KEY)
    cli.main(["sign", "--id", "7"])
    assert cli.main(["snippet", "--share-auth", "auth.example.com"]) == 2
    assert not shown("".join(capsys.readouterr()), KEY)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_command_shows_a_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", "acme")
    for each in {"PAVIOR_API_KEY", "PAVIOR_SECRET_KEY"} - {name}:
        monkeypatch.setenv(each, KEY)
    commands = (["sign", "--id", "7"], ["snippet"], ["snippet", "--share-auth", "auth.example.com"])
    for paste, command in product(PASTES.values(), commands):
        monkeypatch.setenv(name, str(paste(KEY)))
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            cli.main(command)
        assert not shown(out.getvalue() + err.getvalue(), KEY)


@pytest.mark.parametrize(
    "call",
    [
        *(partial(SIGN, KEY, wrong) for wrong in (7, "", None, b"7", "\ud800", [KEY])),
        *(
            partial(SIGN, wrong, KEY)
            for wrong in ("", None, 7, KEY.encode(), [KEY], f"{KEY}\ud800")
        ),
        *(partial(VERIFY, KEY, wrong, KEY) for wrong in (7, b"7", [KEY])),
        *(partial(VERIFY, KEY, "7", wrong) for wrong in (7, b"7", [KEY])),
        *(partial(VERIFY, wrong, KEY, KEY) for wrong in ("", None, KEY.encode(), f"{KEY}\ud800")),
        partial(signed_options, KEY, Identity("\ud800")),
        partial(signed_options, KEY, Identity("boss@bank.com")),
        partial(signed_options, KEY, Identity(email="7")),
        partial(create_app, team_vanity_id="", api_key=KEY),
        partial(create_app, team_vanity_id="acme", api_key=f"{KEY}\ud800"),
    ],
)
def test_an_identifier_that_cannot_be_signed_shows_no_key(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert_shows_nothing(caught.value, KEY, even_in_objects="create_app" not in repr(call))


@pytest.mark.parametrize("identity", [Identity("\ud800"), Identity("7", attributes={"hmac": "x"})])
def test_an_identity_that_is_refused_shows_no_key(identity: Identity) -> None:
    settings = Settings("acme", KEY, secret_key=SECRET)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whatever it says
        render(settings, identity)
    # The settings that all of the middleware holds do not show their keys in their `repr`.
    assert_shows_nothing(caught.value, KEY, SECRET, even_in_objects=False)


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda each: (
        st.lists(each) | st.dictionaries(st.text() | st.integers(), each) | st.tuples(each)
    ),
    max_leaves=4,
)


@given(name=st.sampled_from(sorted(NAMES)), value=odd_values)
def test_no_value_of_a_setting_raises_anything_but_a_settings_error(
    name: str, value: object
) -> None:
    mapping = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY, name: value}
    with suppress(SettingsError):
        Settings.from_mapping(mapping)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, f'{{"a": {"9" * 5000}}}', "\ud800"])
def test_no_text_of_a_setting_raises_anything_but_a_settings_error(text: str) -> None:
    for name in NAMES:
        mapping = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY, name: text}
        with suppress(SettingsError):
            Settings.from_mapping(mapping)


def test_a_deeply_nested_setting_raises_a_settings_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for each in fields(Settings):
        for value in (deep, {"a": deep}):
            arguments: dict[str, Any] = {"team_vanity_id": "acme", "api_key": KEY, each.name: value}
            with pytest.raises(SettingsError):
                Settings(**arguments)
