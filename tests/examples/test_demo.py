"""The demo's ports and processes, and the whole of it from start to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo.commands import Command, commands
from demo.guide import LOAN_SECONDS, addresses, guide
from demo.ports import LOOPBACK, answers, free_ports
from demo.servers import ServerFailed, start, stop
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

LONGEST_SECONDS = 60
"""After which a demo that has not ended has failed."""

posix_only = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@contextmanager
def ended(demo: subprocess.Popen[str]) -> Iterator[None]:
    """End a demo that still runs when the block is left, and its servers; its test has failed."""
    try:
        yield
    finally:
        if demo.poll() is None:
            demo.terminate()
            with suppress(subprocess.TimeoutExpired):
                demo.wait(LONGEST_SECONDS)
            demo.kill()


def python(name: str, code: str, port: int, logs: Path) -> Command:
    """A server whose whole program is `code`."""
    (logs / "program.py").write_text(code, encoding="utf-8")
    return Command(name, port, ["program"], {**os.environ, "PYTHONPATH": str(logs)})


def test_a_usual_port_is_kept_if_it_is_free() -> None:
    (port,) = free_ports([0])
    assert free_ports([port]) == [port]


def test_a_taken_port_gives_way_to_a_free_one() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        found = free_ports([port, port])
    assert port not in found
    assert len(set(found)) == 2


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_a_port_that_is_taken_on_ipv6_alone_is_taken() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        assert free_ports([port]) != [port]


def test_a_server_that_does_not_start_shows_its_last_words(tmp_path: Path) -> None:
    command = python("Broken", "raise SystemExit('no such flour')", free_ports([0])[0], tmp_path)
    server = start(command, tmp_path)
    with pytest.raises(
        ServerFailed, match=r"(?s)Broken has ended \(exit status 1\).*no such flour"
    ):
        server.wait_until_it_answers()
    stop([server])


def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.servers.LONGEST_START_SECONDS", 0.2)
    command = python("Mute", "import time; time.sleep(60)", free_ports([0])[0], tmp_path)
    server = start(command, tmp_path)
    with pytest.raises(ServerFailed, match=r"Mute does not answer on port .* It said nothing"):
        server.wait_until_it_answers()
    stop([server])
    assert server.process.returncode is not None


@posix_only
def test_a_server_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.servers.LONGEST_STOP_SECONDS", 0.2)
    (port,) = free_ports([0])
    stubborn = (
        "import signal, socket, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"listener = socket.create_server(('{LOOPBACK}', {port}))\n"
        "time.sleep(60)\n"
    )
    server = start(python("Stubborn", stubborn, port, tmp_path), tmp_path)
    server.wait_until_it_answers()
    stop([server])
    assert server.process.returncode == -signal.SIGKILL


def test_the_guide_fits_a_terminal_and_names_every_address() -> None:
    at = addresses(50000, 50001, 50002, 50003)
    text = guide(at, "/tmp/pavior-demo-12345678")
    assert max(map(len, text.splitlines())) <= 100
    for address in at:
        assert address in text
    assert f"{LOAN_SECONDS} seconds" in text


def test_the_shop_lends_its_login_to_both_help_centers_and_to_nobody_else() -> None:
    at = addresses(50000, 50001, 50002, 50003)
    _, shop, other_shop, help_center = commands([50000, 50001, 50002, 50003], at)
    assert shop.environ["PAVIOR_SHARED_AUTH_DOMAINS"].split() == [
        "help.localhost:50003",
        "help.shop.localhost:50003",
    ]
    assert shop.environ["PAVIOR_SHARED_AUTH_SECONDS"] == str(LOAN_SECONDS)
    assert shop.environ["HELP_CENTER_URL"] == at.help_center
    assert "PAVIOR_SHARED_AUTH_DOMAINS" not in other_shop.environ
    assert help_center.arguments[-1] == "shop.localhost:50001"


def test_every_server_listens_on_the_address_that_a_container_needs() -> None:
    ports = [50000, 50001, 50002, 50003]
    for command in commands(ports, addresses(*ports), "0.0.0.0"):
        place = command.arguments.index("--host")
        assert command.arguments[place + 1 :][:3] == ["0.0.0.0", "--port", str(command.port)]


@posix_only
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM"])
def test_the_demo_starts_and_stops_everything(ending: str) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with demo, ended(demo):
        assert demo.stdout is not None
        at = json.loads(demo.stdout.readline())
        ports = {urlsplit(address).port or 0 for address in at.values()}
        assert len(ports) == 4
        assert all(map(answers, ports))
        demo.send_signal(signal.Signals[ending])
        assert demo.wait(LONGEST_SECONDS) == 0
    assert not any(map(answers, ports))


@posix_only
def test_the_demo_ends_when_one_server_does(tmp_path: Path) -> None:
    (port,) = free_ports([0])
    until_a_byte_comes = (
        "import socket\n"
        f"listener = socket.create_server(('{LOOPBACK}', {port}))\n"
        "while not listener.accept()[0].recv(1):\n"
        "    pass\n"
    )
    (tmp_path / "passing.py").write_text(until_a_byte_comes, encoding="utf-8")
    (tmp_path / "longer_demo.py").write_text(
        "import os, sys\n"
        "import demo.__main__ as demo\n"
        "from demo.commands import Command\n"
        f"passing = Command('Passing', {port}, ['passing'], os.environ)\n"
        "usual = demo.commands\n"
        "demo.commands = lambda *about: [*usual(*about), passing]\n"
        "sys.exit(demo.main())\n",
        encoding="utf-8",
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "longer_demo", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running, ended(running):
        assert running.stdout is not None
        assert running.stderr is not None
        at = json.loads(running.stdout.readline())
        ports = {urlsplit(address).port or 0 for address in at.values()}
        assert all(map(answers, ports))
        with socket.create_connection((LOOPBACK, port)) as connection:
            connection.sendall(b".")
        assert running.wait(LONGEST_SECONDS) == 1
        assert "demo: Passing has ended" in running.stderr.read()
    assert not any(map(answers, ports))
