"""The site of each framework, served for the journey."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from demo import servers
from demo.commands import Command
from demo.ports import free_ports
from tests.frameworks.journey import Site, without_pavior
from tests.frameworks.serving import WITHOUT, module_of, serving
from tests.support.login_cookies import SETTINGS
from tests.support.processes import wait_for_responses
from tests.support.servers import LOOPBACK


@contextmanager
def site_of(name: str, logs: Path) -> Iterator[Site]:
    """Serve the app of a framework; and without Pavior at first, for what must stay the same."""
    ports = free_ports([0, 0])
    with_pavior, without = (f"http://{LOOPBACK}:{port}" for port in ports)
    module = module_of(name)
    if getattr(module, "OWN_PROCESS", False):
        with _processes(name, ports, logs):
            yield Site(with_pavior, without_pavior(without))
        return
    # Not both at once, since a framework may keep its settings in one place.
    with serving(module, WITHOUT, ports[1]):
        untouched = without_pavior(without)
    with serving(module, SETTINGS, ports[0]):
        yield Site(with_pavior, untouched)


@contextmanager
def _processes(name: str, ports: list[int], logs: Path) -> Iterator[None]:
    with ExitStack() as stack:
        started = []
        for port, flags in zip(ports, ([], ["--without"]), strict=True):
            arguments = ["tests.frameworks.serving", name, str(port), *flags]
            command = Command("-".join([name, *flags]), port, arguments, os.environ)
            started.append(servers.start(command, logs))
            stack.callback(servers.stop, started[-1:])
        wait_for_responses(started)
        yield
