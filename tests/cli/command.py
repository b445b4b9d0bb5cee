"""The command `pavior` as the shell runs it: a process with files, pipes and terminals."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import ROOT

API_KEY = "a-key-of-the-tests-that-is-long-enough"
COMMAND = (sys.executable, "-m", "pavior_middleware")
LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Done:
    """What a process wrote, and the status with which it ended."""

    stdout: str
    stderr: str
    status: int


def environ(**variables: str) -> dict[str, str]:
    """Return this process's environment with no settings but these.

    A user's stdout has a buffer. Without one, the command cannot fail when Python empties it.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if "PAVIOR_" not in name and name != "PYTHONUNBUFFERED"
    }
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **variables}


def pavior(
    *arguments: str | Path,
    stdin: bytes = b"",
    command: Sequence[str | Path] = COMMAND,
    **variables: str,
) -> Done:
    """Run the command with the settings of the environment, and with nothing on a terminal."""
    done = subprocess.run(
        [*command, *arguments],
        input=stdin,
        capture_output=True,
        env=environ(**variables),
        check=False,
        timeout=LONGEST_SECONDS,
    )
    return Done(
        done.stdout.decode("utf-8", "surrogateescape").replace(os.linesep, "\n"),
        done.stderr.decode("utf-8", "surrogateescape"),
        done.returncode,
    )


def signing(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Run the command with the tests' API key."""
    return pavior(*arguments, stdin=stdin, PAVIOR_API_KEY=API_KEY)


def on_terminal(
    *arguments: str | Path, answers: Sequence[tuple[bytes, str]] = (), **variables: str
) -> Done:
    """Run the command with stdin and stderr on a terminal; `stderr` is what that has shown.

    Each of `answers` is the end of a question, and what is typed then.
    """
    outer, inner = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=inner,
        env=environ(TERM="xterm", **variables),
        start_new_session=True,
    ) as process:
        os.close(inner)
        shown = b""
        for question, answer in answers:
            shown = shown + _read_until(outer, question)
            os.write(outer, answer.encode() + b"\n")
        with suppress(OSError):  # Linux raises it when the other end has closed
            while piece := os.read(outer, 65536):
                shown += piece
        assert process.stdout is not None
        stdout = process.stdout.read()
        status = process.wait(LONGEST_SECONDS)
    os.close(outer)
    return Done(stdout.decode(), shown.decode(), status)


def _read_until(terminal: int, text: bytes) -> bytes:
    read = b""
    while text not in read:
        read += os.read(terminal, 65536)
    return read
