"""Requests per second of a template page with a session, behind real servers, by wrk.

Everything stays on this machine's loopback interface, and all servers end with the measurement.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pavior_middleware

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
    "uvicorn, Starlette": ("starlette", (SERVED, "{site}", "{fd}", "asyncio", "h11")),
    "uvicorn with uvloop and httptools, Starlette": (
        "starlette",
        (SERVED, "{site}", "{fd}", "uvloop", "httptools"),
    ),
    "gunicorn, Flask": (
        "flask",
        ("gunicorn", SERVED + ":{site}()", "--bind", "fd://{fd}", "--log-level", "error"),
    ),
}
"""The framework, and the module that Python runs with its arguments."""


@dataclass
class Rates:
    """The results of wrk in each round, and the server's processor time for a request."""

    title: str
    requests_per_second: dict[str, list[float]]
    microseconds: dict[str, float] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """Return a site's median of requests per second, as a part of the hand-written page's."""
        rates = self.requests_per_second
        return statistics.median(rates[name]) / statistics.median(rates[HAND_WRITTEN])


@dataclass(frozen=True)
class _Served:
    """A running site: its server's process, and the command that requests its page."""

    server: int
    wrk: Sequence[str]


def measure_servers(rounds: int, before: Path | None) -> list[Rates]:
    """Measure all servers and write a table of each.

    With `before`, another checkout, its package is measured too.
    """
    package = Path(pavior_middleware.__file__).parent
    sites = {name: (site, package) for name, site in SITES.items()}
    if before is not None:
        sites[f"{NAMED}, before"] = (SITES[NAMED], before.resolve() / package.name)
    measured = []
    for title in SERVERS:
        measured.append(_measure(title, sites, rounds))
        sys.stdout.write(_table_of(measured[-1]) + "\n")
        sys.stdout.flush()
    return measured


def _measure(title: str, sites: Mapping[str, tuple[str, Path]], rounds: int) -> Rates:
    rates = Rates(title, {name: [] for name in sites})
    seconds = dict.fromkeys(sites, 0.0)
    requests = dict.fromkeys(sites, 0)
    names = list(sites)
    for number in range(rounds):
        with ExitStack() as servers:
            served = {}
            for name, (site, package) in sites.items():
                server, port = servers.enter_context(_running(title, site, package))
                served[name] = _Served(server, _wrk(port, _logged_in(port, f"{title}, {name}")))
                _count(served[name].wrk)  # fills the caches
            for name in names[number % len(names) :] + names[: number % len(names)]:
                site_served = served[name]
                started = _processor_seconds(site_served.server)
                count, rate = _count(site_served.wrk)
                seconds[name] += _processor_seconds(site_served.server) - started
                requests[name] += count
                rates.requests_per_second[name].append(rate)
    rates.microseconds = {name: seconds[name] / requests[name] * 1e6 for name in sites}
    return rates


def _table_of(rates: Rates) -> str:
    rows = []
    for name, each in rates.requests_per_second.items():
        time = rates.microseconds[name]
        time_ratio = time / rates.microseconds[HAND_WRITTEN]
        cells = [f"{statistics.median(each):,.0f}", f"{rates.ratio(name):.3f}"]
        rows.append([name, *cells, f"{time:,.0f}", f"{time_ratio:.2f}"])
    ratio = f"ratio to {HAND_WRITTEN}"
    return markdown(f"{rates.title}, wrk", ["", "requests/s", ratio, "processor µs", ratio], rows)


def _processor_seconds(process: int) -> float:
    """Return the processor time that a process and its children have taken, as Linux counts it."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # proc(5): utime and stime
    seconds = ticks / os.sysconf("SC_CLK_TCK")
    return seconds + sum(_processor_seconds(int(child)) for child in children)


@contextmanager
def _running(title: str, site: str, package: Path) -> Iterator[tuple[int, int]]:
    """Run a site behind a server of one worker; give its process, and the port it listens on.

    The socket listens already when the server gets it, so the first request waits for the server.
    Python imports from the working directory first, and there is nothing but the package.
    """
    framework, arguments = SERVERS[title]
    with (
        socket.create_server((LOOPBACK, 0)) as listener,
        tempfile.TemporaryDirectory() as folder,
    ):
        Path(folder, package.name).symlink_to(package)
        app, descriptor = f"{framework}_{site}", listener.fileno()
        values = [each.format(site=app, fd=descriptor) for each in arguments]
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *values],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[descriptor],
        )
        try:
            yield server.pid, listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait()


def _logged_in(port: int, name: str) -> str:
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
        raise AssertionError(f"{name}: a page without the script that names its user")
    return fields["cookie"]


def _wrk(port: int, cookie: str) -> list[str]:
    fields = {**dict(NAVIGATION), "cookie": cookie}
    # wrk adds its own Host unless the name of a given field is written exactly so.
    lines = [f"{name.title()}: {value}" for name, value in fields.items()]
    headers = [argument for line in lines for argument in ("-H", line)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS_A_TURN}s", *headers]
    return [*command, f"http://{LOOPBACK}:{port}{PATH}"]


def _count(command: Sequence[str]) -> tuple[int, float]:
    """Return the number of requests that wrk got answered, and the number per second."""
    printed = subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True
    ).stdout
    requests = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if requests is None or rate is None or "Non-2xx" in printed:
        raise AssertionError(f"wrk got other answers than pages:\n{printed}")
    return int(requests[1]), float(rate[1])
