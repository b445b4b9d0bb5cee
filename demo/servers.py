"""The demo's servers: processes that start together and stop together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demo.commands import Command
from demo.ports import answers

ROOT = Path(__file__).parent.parent
LONGEST_START_SECONDS = 30
LONGEST_STOP_SECONDS = 5
LINES_OF_LOG = 20


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the message holds the end of its log."""


@dataclass(frozen=True)
class Server:
    """One running process, and the file for its output."""

    name: str
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def check(self) -> None:
        """Raise `ServerFailed` if the process has ended."""
        status = self.process.poll()
        if status is not None:
            raise ServerFailed(f"{self.name} has ended (exit status {status}).{self._last_words()}")

    def wait_until_it_answers(self) -> None:
        """Return once the server takes connections; raise `ServerFailed` if it does not."""
        deadline = time.monotonic() + LONGEST_START_SECONDS
        while not answers(self.port):
            self.check()
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self.name} does not answer on port {self.port}"
                    f" after {LONGEST_START_SECONDS} seconds.{self._last_words()}"
                )
            time.sleep(0.05)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        if not lines:
            return " It said nothing."
        return " The last it said:\n" + "\n".join(f"  {line}" for line in lines[-LINES_OF_LOG:])


def start(
    command: Command,
    logs: Path,
    *,
    python: Path = Path(sys.executable),
    directory: Path = ROOT,
) -> Server:
    """Start a server by a Python, in a directory.

    It stays in the terminal's process group, so a terminal that closes ends it too.
    """
    log = logs / f"{command.name.replace(' ', '-').lower()}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603  # nothing in the commands comes from outside
            [python, "-m", *command.arguments],
            cwd=directory,
            env=command.environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return Server(command.name, command.port, log, process)


def stop(servers: Sequence[Server]) -> None:
    """End all servers: first by SIGTERM, then by SIGKILL."""
    for server in servers:
        server.process.terminate()
    deadline = time.monotonic() + LONGEST_STOP_SECONDS
    for server in servers:
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(max(0.0, deadline - time.monotonic()))
    for server in servers:
        server.process.kill()
        server.process.wait()
