"""`pavior emulator`: what it prints, and what it says when it cannot start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from starlette.testclient import TestClient

from pavior_middleware import Settings
from pavior_middleware._cli import emulator as command
from pavior_middleware.cli import main
from pavior_middleware.emulator import (
    DEFAULT_PORT,
    CannotListen,
    create_app,
    fill_with_demo,
    serve,
    settings_of,
    start_text,
)
from tests.cli.command import COMMAND, pavior
from tests.support.repository import ROOT

from .site import API_KEY, TEAM, Site

ORIGIN = "http://127.0.0.1:8990"


@contextmanager
def running(*options: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAVIOR_")}
    with subprocess.Popen(
        [sys.executable, "-m", "pavior_middleware", "emulator", "--port", "0", *options],
        cwd=ROOT,
        env={**kept, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[str], last: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if last in line:
            break
    return lines


def test_the_command_prints_the_inbox_the_settings_and_that_the_key_is_the_example() -> None:
    with running() as process:
        inbox, *rest = lines_until(process, "Ctrl-C")
        url = inbox.removeprefix("Inbox: ")
        assert rest == [
            "",
            "Settings for your site:",
            "",
            "  PAVIOR_TEAM_VANITY_ID=YOUR_TEAM_ID",
            "  PAVIOR_API_KEY=ladygaga",
            f"  PAVIOR_EMBED_URL={url}embed",
            "",
            "Signatures are verified with the example key of Pavior's documentation, ladygaga.",
            "The inbox is in memory: --database FILE keeps it.",
            "Ctrl-C stops the emulator.",
        ]
        with urlopen(url) as page:
            text = page.read().decode()
    assert all(line.strip() in text for line in rest[3:6])


@pytest.mark.parametrize("environ", [{}, {"PAVIOR_API_KEY": "ladygaga"}])
def test_nothing_warns_of_the_settings_that_the_command_prints(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with running(**environ) as process:
        lines = lines_until(process, "Ctrl-C")
        printed = dict(each.strip().split("=", 1) for each in lines if each.startswith("  PAVIOR_"))
        of_site = partial(pavior, stdin=b"", command=COMMAND, **printed)
        signed = of_site("sign", "--id", "7")
        checked = of_site("check", lines[0].removeprefix("Inbox: "))
    assert lines[0].startswith("Inbox: ")
    assert Settings.from_mapping(printed).api_key == "ladygaga"
    assert caplog.records == []
    assert (signed.stderr, signed.status) == ("", 0)
    assert checked.stderr == ""


def test_the_example_key_is_warned_of_where_a_command_knows_of_no_emulator() -> None:
    for embed in ("", "https://app.pavior.com/embed", "http://[::1/embed", "http://example.com/"):
        done = pavior("sign", "--id", "7", PAVIOR_API_KEY="ladygaga", PAVIOR_EMBED_URL=embed)
        assert "example of Pavior's documentation" in done.stderr
        assert done.status == 0


def test_a_key_of_the_environment_is_named_and_never_shown(tmp_path: Path) -> None:
    with running("--team-vanity-id", "acme", PAVIOR_API_KEY=API_KEY) as process:
        lines = lines_until(process, "Ctrl-C")
        with urlopen(lines[0].removeprefix("Inbox: ")) as page:
            text = page.read().decode()
    origin = "from PAVIOR_API_KEY in the environment"
    line = f"# PAVIOR_API_KEY: the same value as this emulator's, {origin}"
    assert f"  {line}" in lines
    assert f"Signatures are verified with the API key {origin}." in lines
    assert API_KEY not in "\n".join(lines) + text
    assert line.replace("'", "&#39;") in text


def test_json_holds_the_same_in_one_line(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"PAVIOR_API_KEY={API_KEY}\nPAVIOR_TEAM_VANITY_ID=acme\n")
    with running("--json", "--demo", "--env-file", str(env_file)) as process:
        (line,) = lines_until(process, "inbox")
        printed = json.loads(line)
        with urlopen(f"{printed['inbox']}api/inbox") as answer:
            contacts = json.load(answer)["contacts"]
    assert printed["settings"] == {
        "PAVIOR_TEAM_VANITY_ID": "acme",
        "PAVIOR_API_KEY": None,
        "PAVIOR_EMBED_URL": f"{printed['inbox']}embed",
    }
    assert {contact["status"] for contact in contacts} == {"anonymous", "lead", "signup"}


def test_open_opens_the_inbox_in_the_browser(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    os.mkfifo(opened)  # whose reader waits for the browser
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    with running("--open", BROWSER=f"{browser} %s") as process:
        inbox, *_ = lines_until(process, "Ctrl-C")
        assert opened.read_text().strip() == inbox.removeprefix("Inbox: ")


def test_on_a_machine_without_a_browser_the_command_prints_the_address_to_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    command._open(f"{ORIGIN}/")
    assert capsys.readouterr().err == f"No browser was found: open {ORIGIN}/ yourself.\n"


def test_a_port_that_is_taken_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["emulator", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"pavior: port {port} is in use by another program, maybe by another emulator: stop that"
        f" program, or choose another port, as in --port {port + 1}\n"
    )


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("192.0.2.1", 0, r"host '192.0.2.1' is no address of this machine: use 127.0.0.1"),
        ("no such host", 0, r"host 'no such host' is no address of this machine: use 127.0.0.1"),
        ("127.0.0.1", 65536, r"port 65536 does not exist: choose one from 1024"),
    ],
)
def test_an_unusable_host_or_port_is_named_with_what_to_do(
    host: str, port: int, reason: str
) -> None:
    app = create_app(team_vanity_id=TEAM, api_key=API_KEY)
    with pytest.raises(CannotListen, match=reason):
        serve(app, host=host, port=port)


def test_a_key_that_cannot_work_stops_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAVIOR_API_KEY", " ")
    assert main(["emulator", "--port", "0"]) == 2
    assert "PAVIOR_API_KEY" in capsys.readouterr().err


def test_the_command_and_the_function_have_the_same_default_port() -> None:
    assert command.DEFAULT_PORT == DEFAULT_PORT == 8990


def test_a_key_that_the_code_passes_is_reported_as_such() -> None:
    app = create_app(team_vanity_id=TEAM, api_key=API_KEY)
    assert "verified with the API key that it was started with." in start_text(app, ORIGIN)
    assert settings_of(app, ORIGIN)["PAVIOR_API_KEY"] is None


def test_the_demo_shows_each_kind_of_visitor_and_fills_an_empty_inbox_only() -> None:
    app = create_app(team_vanity_id=TEAM, api_key=API_KEY)
    assert fill_with_demo(app)
    site = Site(TestClient(app))
    inbox = site.inbox()
    assert {contact["status"] for contact in inbox} == {"anonymous", "lead", "signup"}
    assert any(contact["last_init"]["note"] for contact in inbox)
    assert any("shareAuth" in contact["last_init"]["options"] for contact in inbox)
    assert {contact["message_count"] > 0 for contact in inbox} == {True, False}
    reasons = {message["reason"] for contact in inbox for message in contact["messages"]}
    assert {None, "no hmac", "hmac signs the email, but there is an id: sign the id"} <= reasons
    assert not fill_with_demo(app)
    assert site.inbox() == inbox
