"""The doctor refuses an API key at hand that was not copied as it is, and never shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pavior_middleware import sign
from tests.support.doctor import LOGIN, Site, run, serving
from tests.support.sites import API_KEY

COPIED_WRONGLY = [
    (f'"{API_KEY}"', "has quotes around it: remove them"),
    (f"{API_KEY} ", "begins or ends with white space: remove it"),
    (f"{API_KEY}\u200b", "has an invisible character in it (U+200B): copy it again"),
    (f"Bearer {API_KEY}", "begins with Bearer, which belongs to an HTTP field: remove"),
    ("${THE_KEY_OF_PAVIOR}", "holds a variable, as ${…}, that nothing has replaced"),
]


@pytest.mark.parametrize("place", ["the environment", "a key file", "an env file", "an app"])
@pytest.mark.parametrize(("key", "message"), COPIED_WRONGLY)
def test_an_api_key_that_was_copied_wrongly_ends_the_check_with_what_to_do(
    place: str, key: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text(f"PAVIOR_API_KEY='{key}'\n" if place == "an env file" else f"{key}\n")
    arguments = {
        "the environment": [],
        "a key file": ["--key-file", str(file)],
        "an env file": ["--env-file", str(file)],
        "an app": ["--app", "tests.check.apps:flask_app()"],
    }[place]
    environ = {"PAVIOR_TEAM_VANITY_ID": "acme"}
    if place in ("the environment", "an app"):
        environ["PAVIOR_API_KEY"] = key
    with serving(Site()) as origin:
        status, output, errors = run("check", origin, *arguments, "--json", **environ)
    assert status == 2
    assert f"api_key (PAVIOR_API_KEY) {message}" in json.loads(output)["error"]
    assert key not in output + errors
    assert API_KEY not in output + errors


def test_a_key_file_without_a_key_ends_the_check(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with serving(Site()) as origin:
        status, _, errors = run("check", origin, "--key-file", str(tmp_path / "key"))
    assert status == 2
    assert "api_key (PAVIOR_API_KEY) is missing" in errors


def test_the_key_of_a_key_file_comes_before_that_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{API_KEY}\n")
    given = {"PAVIOR_CHECK_COOKIE": LOGIN, "PAVIOR_API_KEY": sign(API_KEY, "another key")}
    with serving(Site()) as origin:
        with_file = run("check", origin, "--key-file", str(tmp_path / "key"), **given)
        without_file = run("check", origin, **given)
    assert with_file[0] == 0
    assert "[hmac-wrong]" in without_file[1]
