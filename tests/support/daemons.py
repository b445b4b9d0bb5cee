"""Servers that are programs, such as nginx, each with a log in the folder of a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo import servers


def start(
    command: Sequence[str], port: int, log: Path, environ: Mapping[str, str] | None = None
) -> servers.Server:
    """Start a server; `environ` is what its environment has more than that of the tests."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=servers.ROOT,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return servers.Server(log.stem, port, log, process)


@contextmanager
def serving(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """Run a server from its first answer until the block is left."""
    server = start(command, port, log)
    try:
        server.wait_until_it_answers()
        yield
    finally:
        servers.stop([server])
