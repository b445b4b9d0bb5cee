"""`python -m demo`: start everything, say where it is, and stop everything on Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.commands import commands
from demo.guide import addresses, guide
from demo.ports import LOOPBACK, free_ports
from demo.servers import Server, ServerFailed, start, stop

USUAL_PORTS = (8990, 8001, 8002, 8003)
SECONDS_BETWEEN_CHECKS = 0.5


def main() -> int:
    """Run the demo; return 0 after Ctrl-C and 1 after a failure."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="tell the addresses as a line of JSON")
    parser.add_argument(
        "--host", default=LOOPBACK, help="the address to listen on; in a container, 0.0.0.0"
    )
    options = parser.parse_args()

    for ending in _endings():
        signal.signal(ending, signal.default_int_handler)
    ports = free_ports(USUAL_PORTS)
    at = addresses(*ports)
    try:
        with _folder_for_logs() as logs, _stopped_at_the_end() as servers:
            for command in commands(ports, at, options.host):
                servers.append(start(command, logs))
            for server in servers:
                server.wait_until_it_answers()
            _say(json.dumps(at._asdict()) + "\n" if options.json else guide(at, str(logs)))
            while True:
                time.sleep(SECONDS_BETWEEN_CHECKS)
                for server in servers:
                    server.check()
    except ServerFailed as failure:
        sys.stderr.write(f"demo: {failure}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _endings() -> list[signal.Signals]:
    """Return the signals of Ctrl-C, of `kill`, and of a closed terminal, if the system has it."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


@contextmanager
def _folder_for_logs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pavior-demo-") as folder:
        yield Path(folder)


@contextmanager
def _stopped_at_the_end() -> Iterator[list[Server]]:
    servers: list[Server] = []
    try:
        yield servers
    finally:
        # While the servers stop, a second Ctrl-C must not end this process and leave them behind.
        for ending in _endings():
            signal.signal(ending, signal.SIG_IGN)
        stop(servers)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
