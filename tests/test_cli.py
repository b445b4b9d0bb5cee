"""The command `pavior`, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pavior_middleware import sign

DOCUMENTED = {"PAVIOR_API_KEY": "ladygaga", "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID"}


def pavior(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PAVIOR_")}
    return subprocess.run(
        [sys.executable, "-m", "pavior_middleware", *arguments],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_sign_prints_the_documented_hmac() -> None:
    done = pavior("sign", "--email", "user@example.com", **DOCUMENTED)
    assert done.stdout == "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832\n"
    assert done.returncode == 0


def test_sign_prints_the_hmac_of_the_id_if_there_is_one() -> None:
    done = pavior("sign", "--id", "7", "--email", "user@example.com", **DOCUMENTED)
    assert done.stdout == sign("ladygaga", "7") + "\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["sign", "--id", "7"], {}, "api_key (PAVIOR_API_KEY) is missing"),
        (["sign", "--id", "7"], {**DOCUMENTED, "PAVIOR_API_KYE": "x"}, "did you mean"),
        (["sign"], DOCUMENTED, "pass --id or --email"),
        (
            ["sign", "--id", "7"],
            {"PAVIOR_TEAM_VANITY_ID": "acme", "PAVIOR_SHARE_AUTH": "a.example"},
            "PAVIOR_API_KEY is missing",
        ),
        (["sign", "--id", "boss@bank.com"], DOCUMENTED, "'@'"),
        ([], {}, "usage: pavior"),
        (["emulator", "--database", "/nowhere/inbox.sqlite"], {}, "unable to open database file"),
    ],
)
def test_what_was_wrong_is_said_in_a_line_and_not_a_traceback(
    arguments: list[str], environ: dict[str, str], told: str
) -> None:
    done = pavior(*arguments, **environ)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "ladygaga" not in done.stderr
