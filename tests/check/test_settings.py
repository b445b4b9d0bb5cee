"""The doctor prints the settings in force, each with its origin, and no key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pavior_middleware._check.fingerprints import fingerprint
from tests.support.doctor import LOGIN, Site, check, run, serving
from tests.support.sites import API_KEY, TEAM

KEY = "7f3a09c1e5b8d2460e9f1c7ab35d8264"
WEAK_KEYS = [
    "ladygaga",
    "mycompany-production-key-2024-01",
    "correct-horse-battery-staple-2024",
    "correctHorseBatteryStaple2024",
    "correct horse battery staple",
    "password12345678",
    "Summer2024!Summer2024!Summer2024!",
    "1111111111111111111111111111111111",
    "an api key for the tests only",
]


def settings_of(output: str) -> dict[str, dict[str, Any]]:
    """Return the settings in the JSON of the command, by their names."""
    return {each["name"]: each for each in json.loads(output)["settings"]}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    file = tmp_path / "site.env"
    file.write_text(
        f"PAVIOR_TEAM_VANITY_ID=another-team\nPAVIOR_API_KEY={KEY}\nPAVIOR_DO_CHAT=false\n"
    )
    return file


def test_the_settings_of_an_env_file_have_their_origins(env_file: Path) -> None:
    status, output, _ = run(
        "check", "--env-file", str(env_file), "--json", PAVIOR_DO_TIME_TRAVEL="no"
    )
    shown = settings_of(output)
    assert status == 0
    assert shown["PAVIOR_DO_CHAT"]["value"] == "False"
    assert shown["PAVIOR_DO_CHAT"]["origin"] == str(env_file)
    assert shown["PAVIOR_DO_TIME_TRAVEL"]["origin"] == "the environment"
    assert shown["PAVIOR_CSP"]["origin"] == "default"
    assert shown["PAVIOR_API_KEY"]["value"] == "set"
    assert shown["PAVIOR_SECRET_KEY"]["value"] == "not set"


@pytest.mark.parametrize(
    "app",
    [
        "tests.check.apps:flask_app()",
        "example_starlette.app:create_app()",
        "tests.check.apps:wsgi",
        "tests.check.apps:asgi",
        "tests.check.apps:fastapi",
    ],
)
def test_the_settings_of_an_app_have_their_origins(app: str) -> None:
    environ = {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_API_KEY": KEY}
    status, output, _ = run("check", "--app", app, "--json", **environ)
    shown = settings_of(output)
    assert status == 0
    assert shown["PAVIOR_TEAM_VANITY_ID"]["value"] == "'acme'"
    assert shown["PAVIOR_TEAM_VANITY_ID"]["origin"] == "the environment"
    assert shown["PAVIOR_EMBED_URL"]["origin"] in ("the app", "the app's config")
    assert shown["PAVIOR_ENABLED"]["origin"] == "default"
    assert KEY not in output


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ("nowhere", "module:app"),
        ("nowhere:app", "no module nowhere"),
        ("example_flask.app:missing", "has no missing"),
        ("tests.check.apps:without_middleware", "no middleware of Pavior"),
    ],
)
def test_an_app_without_settings_is_reported_to_have_none(app: str, message: str) -> None:
    status, _, errors = run("check", "--app", app)
    assert status == 2
    assert message in errors


@pytest.mark.parametrize("name", ["app", "make_app()"])
def test_an_app_that_raises_is_named_without_its_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"raising_{name.strip('()')}"
    line = f"raise ValueError({KEY!r})\n"
    source = line if name == "app" else f"def make_app():\n    {line}"
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    status, output, errors = run("check", "--app", f"{module}:{name}", "--json")
    message = json.loads(output)["error"]
    assert status == 2
    assert "ValueError" in message
    assert f"{module}.py:{source.count(chr(10))}" in message
    assert KEY not in output + errors
    assert "Traceback" not in errors


def test_an_app_whose_settings_are_refused_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"from pavior_middleware import Settings\nSettings('acme', {KEY!r}, csp='off')\n"
    (tmp_path / "refused.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    status, _, errors = run("check", "--app", "refused:app")
    assert status == 2
    assert "csp (PAVIOR_CSP)" in errors
    assert KEY not in errors


def test_settings_that_cannot_work_are_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.env"
    file.write_text("PAVIOR_TEAM_VANITY_ID=acme\nPAVIOR_EMBED_URL=http://example.com/embed\n")
    status, _, errors = run("check", "--env-file", str(file))
    assert status == 2
    assert "embed_url" in errors
    assert "api_key (PAVIOR_API_KEY) is missing" in errors


@pytest.fixture(scope="module")
def shown() -> str:
    """Return the fingerprint of the key; computing it takes some tenths of a second by design."""
    return fingerprint(KEY, "another-team") or ""


def test_fingerprints_are_in_json_only_if_asked_for(env_file: Path, shown: str) -> None:
    _, output, _ = run("check", "--env-file", str(env_file), "--json")
    assert settings_of(output)["PAVIOR_API_KEY"]["fingerprints"] == []
    _, output, _ = run("check", "--env-file", str(env_file), "--json", "--show-fingerprint")
    assert settings_of(output)["PAVIOR_API_KEY"]["fingerprints"] == [shown]


def test_fingerprints_are_in_no_file_unless_asked_for(env_file: Path, shown: str) -> None:
    _, output, _ = run("check", "--env-file", str(env_file))  # whose output is no terminal
    assert "PAVIOR_API_KEY = set (" in output
    _, output, _ = run("check", "--env-file", str(env_file), "--show-fingerprint")
    assert f"PAVIOR_API_KEY = set [{shown}] (" in output


def test_another_key_and_another_team_have_another_fingerprint(shown: str) -> None:
    assert len(shown) == 6
    assert fingerprint(KEY[::-1].encode(), "another-team") != shown
    assert fingerprint(KEY.encode(), "acme") != shown


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_a_key_that_can_be_guessed_has_no_fingerprint(key: str) -> None:
    assert fingerprint(key, "acme") is None


def test_the_key_of_the_settings_checks_the_hmac(tmp_path: Path) -> None:
    with serving(Site()) as origin:
        file = tmp_path / "site.env"
        lines = [f"PAVIOR_TEAM_VANITY_ID={TEAM}", f"PAVIOR_EMBED_URL={origin}/embed"]
        file.write_text("\n".join([*lines, f"PAVIOR_API_KEY='{API_KEY}'"]))
        right = check(origin, "--env-file", str(file), cookie=LOGIN)
        file.write_text("\n".join([*lines, f"PAVIOR_API_KEY={KEY}"]))
        wrong = check(origin, "--env-file", str(file), cookie=LOGIN)
    assert right.codes == []
    assert wrong.problems == ["hmac-wrong"]


def test_a_page_that_was_made_with_other_settings_is_found(env_file: Path) -> None:
    with serving(Site()) as origin:
        found = check(origin, "--env-file", str(env_file))
    what = found.finding("settings-differ")["what"]
    assert f"teamVanityId is {TEAM!r} there, and 'another-team' here" in what
    assert "doChat is True there, and False here" in what
