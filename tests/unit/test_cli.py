"""The command `pavior`: what it prints, and the status with which it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from unittest.mock import patch

import pytest
from bs4 import BeautifulSoup, Tag

from pavior_middleware import sign
from pavior_middleware.cli import main

DOCUMENTED = {"PAVIOR_API_KEY": "ladygaga", "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID"}


@dataclass
class Done:
    """What a command has printed, and the status with which it ended."""

    stdout: str
    stderr: str
    returncode: int


def pavior(*arguments: str, **environ: str) -> Done:
    """Run the command in this process, with no settings but these in the environment."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PAVIOR_")}
    with (
        patch.dict(os.environ, {**inherited, **environ}, clear=True),
        redirect_stdout(StringIO()) as stdout,
        redirect_stderr(StringIO()) as stderr,
    ):
        try:
            status = main(arguments)
        except SystemExit as error:  # argparse's, for arguments that it refuses
            status = int(error.code or 0)
    return Done(stdout.getvalue(), stderr.getvalue(), status)


def test_the_package_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pavior_middleware", "sign", "--email", "user@example.com"],
        env={**os.environ, **DOCUMENTED},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == sign("ladygaga", "user@example.com") + "\n"


def test_the_package_ends_with_the_status_of_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pavior_middleware"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("usage: pavior")


def test_sign_prints_the_documented_hmac() -> None:
    done = pavior("sign", "--email", "user@example.com", **DOCUMENTED)
    assert done.stdout == "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832\n"
    assert done.returncode == 0


def test_sign_prints_the_hmac_of_the_id_if_there_is_one() -> None:
    done = pavior("sign", "--id", "7", "--email", "user@example.com", **DOCUMENTED)
    assert done.stdout == sign("ladygaga", "7") + "\n"


def test_environment_variables_of_a_kubernetes_service_named_pavior_stop_no_command() -> None:
    environ = {"PAVIOR_SERVICE_HOST": "10.0.0.11", "PAVIOR_PORT": "tcp://10.0.0.11:80"}
    assert pavior("sign", "--id", "7", **DOCUMENTED, **environ).returncode == 0
    team = {"PAVIOR_TEAM_VANITY_ID": "acme"}
    assert pavior("snippet", "--share-auth", "a.example", **team, **environ).returncode == 0


def test_snippet_prints_the_one_element_to_paste() -> None:
    done = pavior("snippet", "--share-auth", "auth.example.com", PAVIOR_TEAM_VANITY_ID="acme")
    assert done.stdout == (
        '<script async src="https://auth.example.com/.well-known/pavior/share.js" data-init=\''
        '{"teamVanityId": "acme", "doChat": true, "doTimeTravel": true}\'></script>\n'
    )
    assert done.stderr.splitlines() == [
        "Put it into the <head> of each page.",
        "Add this page's domain to PAVIOR_SHARED_AUTH_DOMAINS on auth.example.com.",
    ]
    assert done.returncode == 0


def element(*arguments: str, **environ: str) -> Tag:
    """Return the one element that `pavior snippet` prints, as a browser reads it."""
    done = pavior("snippet", *arguments, **{"PAVIOR_TEAM_VANITY_ID": "acme", **environ})
    page = BeautifulSoup(done.stdout, "html5lib")
    assert page.text.strip() == ""
    (script,) = page.find_all("script")
    return script


def test_snippet_takes_its_settings_from_the_environment_and_from_the_options() -> None:
    environ = {
        "PAVIOR_SHARE_AUTH": "auth.example.com",
        "PAVIOR_EMBED_URL": "https://pavior.example/embed",
        "PAVIOR_DO_TIME_TRAVEL": "false",
        "PAVIOR_INIT_OPTIONS": '{"doTracking": false}',
        "PAVIOR_BUBBLE": 'chat >>> "bubble"',
    }
    script = element(**environ)
    assert script["src"] == "https://auth.example.com/.well-known/pavior/share.js"
    assert script["data-embed"] == "https://pavior.example/embed"
    assert script["data-bubble"] == 'chat >>> "bubble"'
    assert json.loads(str(script["data-init"])) == {
        "teamVanityId": "acme",
        "doChat": True,
        "doTimeTravel": False,
        "doTracking": False,
    }
    options = ["--share-auth", "auth.example.org", "--embed-url", "https://app.pavior.com/embed"]
    script = element(*options, **environ)
    assert script["src"] == "https://auth.example.org/.well-known/pavior/share.js"
    assert not script.has_attr("data-embed")


def test_snippet_loads_share_js_of_a_site_on_this_machine_by_the_pages_own_scheme() -> None:
    script = element("--share-auth", "localhost:8001")
    assert script["src"] == "//localhost:8001/.well-known/pavior/share.js"


def test_no_value_breaks_out_of_snippets_attributes() -> None:
    team = "a'\"></script><script>alert(1)</script><!--&quot;&amp;é"
    embed_url = "https://pavior.example/'\"></script><script>alert(1)</script>&amp;"
    script = element(
        "--share-auth", "auth.example.com", PAVIOR_TEAM_VANITY_ID=team, PAVIOR_EMBED_URL=embed_url
    )
    assert set(script.attrs) == {"async", "src", "data-init", "data-embed"}
    assert json.loads(str(script["data-init"]))["teamVanityId"] == team
    assert script["data-embed"] == embed_url


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["sign", "--id", "7"], {}, "api_key (PAVIOR_API_KEY) is missing"),
        (["sign", "--id", "7"], {"PAVIOR_API_KYE": "x"}, "did you mean"),
        (["sign"], DOCUMENTED, "pass --id or --email"),
        (
            ["sign", "--id", "7"],
            {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_SHARE_AUTH": "a.example"},
            "api_key (PAVIOR_API_KEY) is missing",
        ),
        (["sign", "--id", "boss@bank.com"], DOCUMENTED, "'@'"),
        (["snippet"], DOCUMENTED, "pass --share-auth auth.example.com"),
        (["snippet", "--share-auth", ""], DOCUMENTED, "pass --share-auth auth.example.com"),
        (["snippet", "--share-auth", "https://a.example"], DOCUMENTED, "is a URL"),
        (["snippet", "--share-auth", "a.example"], {}, "team_vanity_id (PAVIOR_TEAM_VANITY_ID)"),
        ([], {}, "usage: pavior"),
        (["emulator", "--database", "/nowhere/inbox.sqlite"], {}, "unable to open database file"),
    ],
)
def test_a_mistake_is_reported_in_a_line_and_not_a_traceback(
    arguments: list[str], environ: dict[str, str], message: str
) -> None:
    done = pavior(*arguments, **environ)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "ladygaga" not in done.stderr
