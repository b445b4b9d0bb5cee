"""Requests per second of a template page with a session, behind real servers, by h2load.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pavior_middleware

from .asgi import HAND_WRITTEN, NAMED, PASS_THROUGH
from .measuring import markdown
from .pages import EMAIL, NAVIGATION, PATH
from .served import LOGIN

ROOT = Path(__file__).parent.parent.parent
LOOPBACK = "127.0.0.1"
REQUESTS_TO_WARM_UP = 2000
REQUESTS_OF_A_TURN = 250
TURNS_OF_A_ROUND = 40
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
    """The requests per second and the processor time of a request, by site and turn."""

    title: str
    requests_per_second: dict[str, list[float]]
    microseconds: dict[str, list[float]]


def _ratio(values: Mapping[str, Sequence[float]], name: str) -> float:
    """Return the median of a site's ratios to the hand-written page in the same turn."""
    pairs = zip(values[name], values[HAND_WRITTEN], strict=True)
    return statistics.median(own / by_hand for own, by_hand in pairs)


@dataclass(frozen=True)
class _Served:
    """A running site: its server's process, the URL of its page, and the fields of a request."""

    server: int
    url: str
    fields: Sequence[tuple[str, str]]


def measure_servers(
    rounds: int, before: Path | None, is_wanted: Callable[[str], bool]
) -> list[Rates]:
    """Measure the servers whose titles are wanted, and write a table of each.

    With `before`, another checkout, its package is measured too.
    """
    package = Path(pavior_middleware.__file__).parent
    sites = {name: (site, package) for name, site in SITES.items()}
    if before is not None:
        sites[f"{NAMED}, before"] = (SITES[NAMED], before.resolve() / package.name)
    measured = []
    for title in filter(is_wanted, SERVERS):
        measured.append(_measure(title, sites, rounds))
        sys.stdout.write(_table_of(measured[-1]) + "\n")
        sys.stdout.flush()
    return measured


def _measure(title: str, sites: Mapping[str, tuple[str, Path]], rounds: int) -> Rates:
    names = list(sites)
    rates = Rates(title, {name: [] for name in names}, {name: [] for name in names})
    for _ in range(rounds):
        with ExitStack() as servers:
            served = {}
            for name, (site, package) in sites.items():
                server, port = servers.enter_context(_running(title, site, package))
                fields = [("cookie", _logged_in(port, f"{title}, {name}")), *_FIELDS]
                served[name] = _Served(server, f"http://{LOOPBACK}:{port}{PATH}", fields)
                _rate(served[name], REQUESTS_TO_WARM_UP)
            for turn in range(TURNS_OF_A_ROUND):
                for name in _turned(names, turn):
                    started = _processor_microseconds(served[name].server)
                    rate = _rate(served[name], REQUESTS_OF_A_TURN)
                    took = _processor_microseconds(served[name].server) - started
                    rates.requests_per_second[name].append(rate)
                    rates.microseconds[name].append(took / REQUESTS_OF_A_TURN)
    return rates


def _turned(names: Sequence[str], turn: int) -> Sequence[str]:
    """Return the names in another order for each turn, so that each follows each."""
    first = turn % len(names)
    order = [*names[first:], *names[:first]]
    return order[::-1] if turn % 2 else order


def _table_of(rates: Rates) -> str:
    rows = []
    for name, each in rates.requests_per_second.items():
        times = rates.microseconds[name]
        cells = [
            f"{statistics.median(each):,.0f}",
            f"{_ratio(rates.requests_per_second, name):.3f}",
        ]
        cells += [f"{statistics.median(times):,.0f}", f"{_ratio(rates.microseconds, name):.3f}"]
        rows.append([name, *cells])
    ratio = f"ratio to {HAND_WRITTEN}"
    return markdown(rates.title, ["", "requests/s", ratio, "processor µs", ratio], rows)


def _processor_microseconds(process: int) -> float:
    """Return the processor time that a process and its children have taken, as Linux counts it."""
    tasks = Path(f"/proc/{process}/task")
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
    children = (tasks / str(process) / "children").read_text().split()
    return own / 1e3 + sum(_processor_microseconds(int(child)) for child in children)


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


_FIELDS = [field for field in NAVIGATION if field[0] not in ("cookie", "host")]


def _rate(site: _Served, requests: int) -> float:
    """Make requests on `CONNECTIONS` connections; return the number that is answered per second."""
    fields = [argument for name, value in site.fields for argument in ("-H", f"{name}: {value}")]
    command = ["h2load", "--h1", "-c", str(CONNECTIONS), "-n", str(requests), *fields, site.url]
    printed = subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True
    ).stdout
    rate = re.search(r"([\d.]+) req/s", printed)
    if rate is None or f"status codes: {requests} 2xx" not in printed:
        raise AssertionError(f"h2load got other answers than pages:\n{printed}")
    return float(rate[1])
