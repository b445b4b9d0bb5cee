"""The command where stdout or stderr takes nothing, or no more."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import API_KEY, COMMAND, LONGEST_SECONDS, environ, pavior


@pytest.mark.parametrize(
    "arguments", [["-"], ["--id", "7"], ["--id", "7", "--json"]], ids=["file", "user", "json"]
)
def test_a_full_disk_is_reported(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "sign", *arguments],
            input=b"id\n7\n",
            stdout=full,
            stderr=subprocess.PIPE,
            env=environ(PAVIOR_API_KEY=API_KEY),
            check=False,
        )
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "arguments", [["sign", "-"], ["sign", "--id", "7"], ["--help"]], ids=["file", "user", "help"]
)
def test_a_reader_of_stdout_may_stop_reading(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=b"id\n7\n",
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environ(PAVIOR_API_KEY=API_KEY),
        timeout=LONGEST_SECONDS,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "status"), [("sign -", 0), ("--version", 0), ("sign --id", 2)]
)
def test_a_closed_stream_changes_no_exit_status(closed: str, arguments: str, status: int) -> None:
    command = f"{shlex.join(COMMAND)} {arguments} {closed}"
    done = pavior("-c", command, stdin=b"id\n7\n", command=["sh"], PAVIOR_API_KEY=API_KEY)
    assert done.status == status
    assert "Traceback" not in done.stderr
