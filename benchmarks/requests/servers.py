"""Requests per second of a template page with a session, behind real servers, by wrk.

Everything stays on this machine's loopback interface, and all servers end with the measurement.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from .asgi import HAND_WRITTEN, NAMED, PASS_THROUGH
from .measuring import markdown
from .pages import EMAIL, NAVIGATION, PATH
from .served import LOGIN

ROOT = Path(__file__).parent.parent.parent
LOOPBACK = "127.0.0.1"
SECONDS_A_TURN = 1
CONNECTIONS = 8
SECONDS_TO_START = 20

SITES = {
    HAND_WRITTEN: "hand_written",
    PASS_THROUGH: "pass_through",
    NAMED: "ours",
}
SERVED = "benchmarks.requests.served"
SERVERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "uvicorn, Starlette": ("starlette", (SERVED, "{site}", "{fd}")),
    "gunicorn, Flask": (
        "flask",
        ("gunicorn", SERVED + ":{site}()", "--bind", "fd://{fd}", "--log-level", "error"),
    ),
}
"""The framework, and the module that Python runs with its arguments."""


@dataclass
class Rates:
    """Requests per second of a server's sites, in each round."""

    title: str
    requests_per_second: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Return a site's median."""
        return statistics.median(self.requests_per_second[name])


def measure_servers(rounds: int) -> list[Rates]:
    """Measure all servers and write a table of each."""
    return [_measure(title, rounds) for title in SERVERS]


def _measure(title: str, rounds: int) -> Rates:
    rates = Rates(title, {name: [] for name in SITES})
    with ExitStack() as servers:
        commands = {}
        for name in SITES:
            port = servers.enter_context(_running(title, name))
            commands[name] = _wrk(port, _logged_in(port, title, name))
        for name in SITES:
            _requests_per_second(commands[name])  # so that caches hold what they usually hold
        for _ in range(rounds):
            for name, command in commands.items():
                rates.requests_per_second[name].append(_requests_per_second(command))
    written = rates.median(HAND_WRITTEN)
    rows = [
        [name, f"{rates.median(name):,.0f}", f"{rates.median(name) / written:.3f}"]
        for name in SITES
    ]
    table = markdown(f"{title}, wrk", ["", "requests/s", f"ratio to {HAND_WRITTEN}"], rows)
    sys.stdout.write(table + "\n")
    sys.stdout.flush()
    return rates


@contextmanager
def _running(title: str, name: str) -> Iterator[int]:
    """Run a site behind a server of one worker, and give the port on which it listens.

    The socket listens already when the server gets it, so the first request waits for the server.
    """
    framework, arguments = SERVERS[title]
    site = f"{framework}_{SITES[name]}"
    with socket.create_server((LOOPBACK, 0)) as listener:
        descriptor = listener.fileno()
        values = [each.format(site=site, fd=descriptor) for each in arguments]
        command = [sys.executable, "-m", *values]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[descriptor])  # noqa: S603
        try:
            yield listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait()


def _logged_in(port: int, title: str, name: str) -> str:
    """Return the `Cookie` field of a user who has logged in; check that the page is right."""
    with urllib.request.urlopen(
        f"http://{LOOPBACK}:{port}{LOGIN}", timeout=SECONDS_TO_START
    ) as response:
        cookie, _, _ = response.headers["Set-Cookie"].partition(";")
    connection = HTTPConnection(LOOPBACK, port, timeout=SECONDS_TO_START)
    fields = {**dict(NAVIGATION), "cookie": f"theme=dark; {cookie}"}
    connection.request("GET", PATH, headers=fields)
    body = connection.getresponse().read()
    connection.close()
    is_right = body.count(b"data-pavior='") == 1 and body.count(f'"{EMAIL}"'.encode()) == 1
    if not is_right:
        raise AssertionError(f"{title}, {name}: a page without the script that names its user")
    return fields["cookie"]


def _wrk(port: int, cookie: str) -> list[str]:
    fields = {**dict(NAVIGATION), "cookie": cookie}
    # wrk adds a Host of its own unless it finds one that is written so.
    lines = [f"{name.title()}: {value}" for name, value in fields.items()]
    headers = [argument for line in lines for argument in ("-H", line)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS_A_TURN}s", *headers]
    return [*command, f"http://{LOOPBACK}:{port}{PATH}"]


def _requests_per_second(command: Sequence[str]) -> float:
    printed = subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if found is None or "Non-2xx" in printed:
        raise AssertionError(f"wrk got other answers than pages:\n{printed}")
    return float(found[1])
