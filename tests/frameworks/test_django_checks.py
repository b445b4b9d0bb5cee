"""Django: what `manage.py check` and `manage.py pavior` say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from pavior_middleware import sign
from tests.frameworks.conftest import Overriding
from tests.frameworks.test_django import OURS, middleware_with
from tests.support.doctor import LOGIN, Site, serving
from tests.support.sites import API_KEY, TEAM

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CSP = "csp.middleware.CSPMiddleware"
RIGHT = middleware_with(CONDITIONAL, CSP)


def found(*, deploy: bool = False) -> dict[str, Any]:
    """Return the messages of our checks by their ids."""
    from django.core.checks import run_checks

    messages = run_checks(tags=["pavior"], include_deployment_checks=deploy)
    return {each.id: each for each in messages if each.id.startswith("pavior.")}


def moved(path: str, place: int) -> list[str]:
    listed = [each for each in RIGHT if each != path]
    listed.insert(place, path)
    return listed


def output_of(*arguments: str) -> str:
    from django.core.management import call_command

    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_a_site_that_follows_the_document_has_no_finding(overriding: Overriding) -> None:
    assert found(deploy=True) == {}
    overriding(MIDDLEWARE=RIGHT)
    assert found() == {}


def test_each_bad_setting_is_an_error_with_a_hint(overriding: Overriding) -> None:
    from django.core.checks import run_checks

    overriding(PAVIOR_API_KEY="", PAVIOR_CSP="allow", PAVIOR_CONSENT=7)
    messages = run_checks(tags=["pavior"])
    assert [each.id for each in messages] == ["pavior.E001"] * 3
    assert [each.msg.split()[0] for each in messages] == ["api_key", "csp", "PAVIOR_CONSENT"]
    assert messages[0].hint == "Copy it from Pavior's settings page."


def test_a_key_that_is_no_setting_is_named_and_a_misspelt_one_corrected(
    overriding: Overriding,
) -> None:
    overriding(PAVIOR_COLOUR="red")
    assert "PAVIOR_COLOUR" in found()["pavior.W001"].msg
    overriding(PAVIOR_SKIP_PATH=["/print/"])
    assert found()["pavior.E001"].hint == "Did you mean PAVIOR_SKIP_PATHS?"


@pytest.mark.parametrize(
    ("listed", "expected", "hint"),
    [
        ([each for each in RIGHT if each != OURS], "pavior.E002", f'Put "{OURS}" at the end'),
        ([*RIGHT, OURS], "pavior.E003", "Leave it there once"),
        (moved(OURS, RIGHT.index(COMMON)), "pavior.E004", f'behind "{AUTHENTICATION}"'),
        (moved(CSP, 0), "pavior.E005", f'Put "{CSP}" behind "{OURS}"'),
        ([OURS], "pavior.W002", "or set PAVIOR_IDENTITY"),
        (moved(OURS, RIGHT.index(AUTHENTICATION) + 1), "pavior.W003", f'Put "{OURS}" behind'),
        ([*RIGHT, GZIP], "pavior.W004", f'Put "{GZIP}" first'),
        (moved(CONDITIONAL, 0), "pavior.W005", f'Put "{CONDITIONAL}" behind "{OURS}"'),
    ],
)
def test_a_wrong_place_of_the_middleware_is_reported_with_the_right_one(
    overriding: Overriding, listed: list[str], expected: str, hint: str
) -> None:
    overriding(MIDDLEWARE=listed)
    assert hint in found()[expected].hint


def test_the_place_does_not_matter_where_pavior_is_not_enabled(overriding: Overriding) -> None:
    overriding(MIDDLEWARE=[], PAVIOR_ENABLED=False)
    assert found() == {}
    assert list(found(deploy=True)) == ["pavior.W008"]


def test_a_site_that_names_its_users_itself_needs_no_authentication(
    overriding: Overriding,
) -> None:
    overriding(MIDDLEWARE=[OURS], PAVIOR_IDENTITY=lambda request: None)
    assert found() == {}


def test_before_production_weak_keys_and_the_emulator_are_reported(overriding: Overriding) -> None:
    overriding(PAVIOR_API_KEY="ladygaga", PAVIOR_EMBED_URL="http://127.0.0.1:8001/embed")
    assert found() == {}
    messages = found(deploy=True)
    assert sorted(messages) == ["pavior.W006", "pavior.W007"]
    assert messages["pavior.W006"].hint == "Use your own team's key."


def test_the_command_shows_the_settings_that_hold_without_the_keys(overriding: Overriding) -> None:
    overriding(PAVIOR_SECRET_KEY=None, SECRET_KEY_FALLBACKS=["an older secret key of Django"])
    text = output_of("pavior", "check")
    assert f"PAVIOR_TEAM_VANITY_ID = '{TEAM}'" in text
    assert "PAVIOR_API_KEY = set" in text
    assert "PAVIOR_SECRET_KEY = 2 keys" in text
    assert "PAVIOR_SKIP_ADMIN = True" in text
    assert "no issues" in text
    assert API_KEY not in text
    assert "secret key" not in text


def test_the_command_fails_where_a_setting_is_wrong(overriding: Overriding) -> None:
    from django.core.management import CommandError
    from django.core.management.base import SystemCheckError

    overriding(PAVIOR_CSP="allow")
    with pytest.raises(SystemCheckError, match=r"pavior\.E001"):
        output_of("pavior", "check")
    with pytest.raises(CommandError, match="PAVIOR_CSP"):
        output_of("pavior", "sign", "--id", "7")


def test_the_command_checks_a_live_page_against_the_settings(overriding: Overriding) -> None:
    from django.core.management import CommandError

    with serving(Site()) as origin:
        overriding(PAVIOR_EMBED_URL=f"{origin}/embed")
        assert "as nobody, the page names nobody" in output_of("pavior", "check", f"{origin}/")
        overriding(PAVIOR_TEAM_VANITY_ID="another-team")
        with pytest.raises(CommandError) as raised:
            output_of("pavior", "check", f"{origin}/")
    assert raised.value.returncode == 1


def test_the_command_has_the_options_of_pavior_check_but_those_that_name_a_site() -> None:
    import argparse

    from pavior_middleware._cli.check import add_to
    from pavior_middleware.django.management.commands.pavior import Command

    ours = argparse.ArgumentParser().add_subparsers()
    add_to(ours)
    djangos = Command().create_parser("manage.py", "pavior")
    (verbs,) = (each for each in djangos._actions if each.dest == "command")
    wanted = {each.dest: each.help for each in ours.choices["check"]._actions}
    found = {each.dest: each.help for each in verbs.choices["check"]._actions}
    assert wanted.keys() - found.keys() == {"app", "env_file", "key_file"}
    assert found.keys() - wanted.keys() >= {"deploy"}
    assert all(found[name] == wanted[name] for name in wanted.keys() & found.keys())


def test_an_abbreviated_option_of_the_command_is_not_taken_for_the_file_of_a_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from pavior_middleware.django.management.commands.pavior import Command

    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "pavior", "check", "--cookie=session=secret"])
    assert "unrecognized arguments" in capsys.readouterr().err


def json_of(*arguments: str) -> tuple[dict[str, Any], int]:
    """Return the one object that the command prints to stdout, and its exit status."""
    from django.core.management import CommandError, call_command

    out, status = StringIO(), 0
    try:
        call_command("pavior", "check", *arguments, "--json", stdout=out, stderr=StringIO())
    except CommandError as error:
        status = error.returncode
    return json.loads(out.getvalue()), status


def test_a_wrong_setting_is_an_error_in_json(overriding: Overriding) -> None:
    from django.core.management import CommandError, call_command

    overriding(PAVIOR_API_KEY="")
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("pavior", "sign", "--id", "7", "--json", stdout=out, stderr=StringIO())
    assert caught.value.returncode == 2
    assert "PAVIOR_API_KEY" in json.loads(out.getvalue())["error"]


def test_json_tells_the_settings_the_system_checks_and_the_page(
    overriding: Overriding, tmp_path: Path
) -> None:
    (tmp_path / "cookie").write_text(LOGIN)
    with serving(Site()) as origin:
        overriding(PAVIOR_EMBED_URL=f"{origin}/embed", MIDDLEWARE=[*RIGHT, GZIP])
        printed, status = json_of(origin, "--cookie-file", str(tmp_path / "cookie"))
    settings = {each["name"]: each for each in printed["settings"]}
    assert status == 0
    assert settings["PAVIOR_TEAM_VANITY_ID"]["value"] == repr(TEAM)
    assert settings["PAVIOR_TEAM_VANITY_ID"]["origin"] == "settings.py"
    assert settings["PAVIOR_HANDOFF"]["origin"] == "default"
    assert settings["PAVIOR_API_KEY"]["value"] == "set"
    assert settings["PAVIOR_SKIP_ADMIN"]["value"] == "True"
    (check,) = printed["checks"]
    assert (check["id"], check["level"]) == ("pavior.W004", "warning")
    assert check["message"].startswith("PaviorMiddleware is before GZipMiddleware")
    assert check["hint"].startswith("Put ")
    assert printed["verdict"] == "fine"
    assert "with the cookie, the page names the id '7'" in " ".join(printed["facts"])
    assert API_KEY not in json.dumps(printed)


def test_json_tells_of_a_setting_that_is_wrong_and_checks_no_page(overriding: Overriding) -> None:
    overriding(PAVIOR_CSP="allow")
    printed, status = json_of("http://127.0.0.1:1/")
    assert status == 1
    assert [each["id"] for each in printed["checks"]] == ["pavior.E001"]
    assert printed.keys() == {"version", "checks"}


def test_json_tells_of_problems_of_the_page_by_the_exit_status(overriding: Overriding) -> None:
    with serving(Site()) as origin:
        overriding(PAVIOR_EMBED_URL=f"{origin}/embed", PAVIOR_TEAM_VANITY_ID="another-team")
        printed, status = json_of(origin)
    assert status == 1
    assert "settings-differ" in [each["code"] for each in printed["findings"]]


def test_json_tells_why_a_page_cannot_be_checked(overriding: Overriding) -> None:
    printed, status = json_of("ftp://example.com/")
    assert status == 2
    assert printed["error"].startswith("URL must be the address of a page")


def test_fingerprints_of_the_keys_of_a_site_are_shown_if_asked_for(overriding: Overriding) -> None:
    overriding(PAVIOR_API_KEY="7f3a09c1e5b8d2460e9f1c7ab35d8264", PAVIOR_SECRET_KEY="9d" * 20)
    assert re.search(r"PAVIOR_API_KEY = set \(settings\.py\)", output_of("pavior", "check"))
    shown = output_of("pavior", "check", "--show-fingerprint")
    assert re.search(r"PAVIOR_API_KEY = set \[[0-9a-f]{6}\] \(settings\.py\)", shown)


def test_the_command_signs_as_pages_are_signed(overriding: Overriding) -> None:
    from django.core.management import CommandError

    assert output_of("pavior", "sign", "--id", "7") == sign(API_KEY, "7") + "\n"
    with pytest.raises(CommandError, match="there is no user"):
        output_of("pavior", "sign")
    with pytest.raises(CommandError, match="'@'"):
        output_of("pavior", "sign", "--id", "boss@example.com")


def test_the_command_signs_and_verifies_files_with_the_key_of_the_site(
    overriding: Overriding, tmp_path: Path
) -> None:
    from django.core.management import CommandError

    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_text("id\n7\n")
    assert (
        output_of("pavior", "sign", str(users), "--output", str(output))
        == "signed: 1; left out: 0\n"
    )
    assert output.read_text() == f"id,hmac\n7,{sign(API_KEY, '7')}\n"
    assert output_of("pavior", "verify", str(output)) == "right: 1; wrong: 0\n"
    assert output_of("pavior", "verify", str(output), "--json") == '{"right": 1, "wrong": 0}\n'
    output.write_text("id,hmac\n7,x\n")
    with pytest.raises(CommandError) as caught:
        output_of("pavior", "verify", str(output))
    assert caught.value.returncode == 1
    with pytest.raises(CommandError, match="cannot be read") as caught:
        output_of("pavior", "verify", str(tmp_path / "nothing"))
    assert caught.value.returncode == 2


def test_the_emulator_has_the_keys_of_the_site_and_says_how_to_use_it(
    overriding: Overriding, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pavior_middleware.emulator

    served: list[tuple[str, int]] = []

    def serve(app: Any, *, host: str, port: int, on_start: Callable[[str], object]) -> None:
        served.append((host, port))
        assert app.state.team.api_key == API_KEY
        on_start("http://127.0.0.1:8123")

    monkeypatch.setattr(pavior_middleware.emulator, "serve", serve)
    printed = output_of("pavior", "emulator", "--port", "8123")
    assert "Inbox: http://127.0.0.1:8123/" in printed
    assert f"  PAVIOR_TEAM_VANITY_ID={TEAM}" in printed
    assert "the API key from this site's settings." in printed
    assert API_KEY not in printed
    output_of("pavior", "emulator")
    assert served == [("127.0.0.1", 8123), ("127.0.0.1", 8990)]


def test_a_port_that_another_emulator_has_is_an_error_of_the_command(
    overriding: Overriding,
) -> None:
    from django.core.management import CommandError

    from pavior_middleware.testing import Emulator

    with Emulator() as running, pytest.raises(CommandError, match="is in use by another program"):
        output_of("pavior", "emulator", "--port", running.origin.rpartition(":")[2])
