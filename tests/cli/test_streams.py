"""The command where stdout or stderr takes nothing, or no more."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import API_KEY, COMMAND, LONGEST_SECONDS, environ, pavior


def run(*arguments: str, stdout: int, stderr: int, **variables: str) -> tuple[int, bytes, bytes]:
    """Run the command; return its exit status and what a pipe at stdout or stderr has got."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=b"id\n7\n",
        stdout=stdout,
        stderr=stderr,
        env=environ(PAVIOR_API_KEY=API_KEY, **variables),
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr or b""


@pytest.fixture
def full() -> Iterator[int]:
    """Return a descriptor of a full disk."""
    with Path("/dev/full").open("wb") as file:
        yield file.fileno()


@pytest.fixture
def unread() -> Iterator[int]:
    """Return a descriptor of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


COMMANDS = {
    "a file": ["sign", "-"],
    "a user": ["sign", "--id", "7"],
    "JSON": ["sign", "--id", "7", "--json"],
    "help": ["--help"],
    "a version": ["--version"],
}
MISTAKES = {
    "wrong use": ["sign", "--id"],
    "wrong use in JSON": ["sign", "--id", "--json"],
    "a missing file": ["sign", "nowhere.csv"],
}
BUFFERS = pytest.mark.parametrize("buffer", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["", "unbuffered"])


@BUFFERS
@pytest.mark.parametrize("written", COMMANDS)
def test_a_full_disk_is_reported(written: str, buffer: dict[str, str], full: int) -> None:
    status, _, stderr = run(*COMMANDS[written], stdout=full, stderr=subprocess.PIPE, **buffer)
    assert status == 2
    assert b"No space left on device" in stderr
    assert stderr.count(b"\n") == 1


@BUFFERS
@pytest.mark.parametrize("written", COMMANDS)
def test_a_reader_of_stdout_may_stop_reading(
    written: str, buffer: dict[str, str], unread: int
) -> None:
    status, _, stderr = run(*COMMANDS[written], stdout=unread, stderr=subprocess.PIPE, **buffer)
    assert (status, stderr) == (2, b"")


@BUFFERS
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_cannot_be_written_to_stderr_has_its_exit_status(
    mistake: str, buffer: dict[str, str], full: int, unread: int
) -> None:
    for lost in (full, unread):
        status, stdout, _ = run(*MISTAKES[mistake], stdout=subprocess.PIPE, stderr=lost, **buffer)
        assert (status, bool(stdout)) == (2, "--json" in MISTAKES[mistake])
        assert run(*MISTAKES[mistake], stdout=lost, stderr=lost, **buffer)[0] == 2


def test_an_error_in_json_that_cannot_be_written_is_on_stderr(full: int) -> None:
    arguments = MISTAKES["wrong use in JSON"]
    status, _, stderr = run(*arguments, stdout=full, stderr=subprocess.PIPE)
    assert status == 2
    assert b"--id" in stderr
    assert b"Traceback" not in stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [("sign users.csv", 0), ("--version", 0), ("sign --id", 2), ("init", 2)],
)
def test_a_closed_stream_changes_no_exit_status(
    closed: str, arguments: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("users.csv").write_text("id\n7\n")
    command = f"{shlex.join(COMMAND)} {arguments} {closed}"
    done = pavior("-c", command, command=["sh"], PAVIOR_API_KEY=API_KEY)
    assert done.status == status
    assert "Traceback" not in done.stderr


def test_a_verification_without_stdin_asks_for_the_hmac() -> None:
    command = f"{shlex.join(COMMAND)} verify --id 7 <&-"
    done = pavior("-c", command, command=["sh"], PAVIOR_API_KEY=API_KEY)
    assert (done.status, done.stderr) == (2, "pavior: there is no hmac: write it to stdin\n")
