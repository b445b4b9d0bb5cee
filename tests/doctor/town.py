"""Runs the sites of a town, has one of them checked, and keeps all that its owner gets to read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from httpx2 import Client

from demo.ports import free_ports
from pavior_middleware import SettingsError
from pavior_middleware._model import settings
from pavior_middleware._model.log import WarnOnce
from pavior_middleware.testing import Emulator
from tests.support.doctor import Checked, check
from tests.support.servers import serving_wsgi
from tests.support.tls import client_context

from .serving import Site, Street
from .shops import COOKIE, PAVIOR, SHOP, Town


@dataclass(frozen=True)
class Seen:
    """What an owner gets to read: at start-up, in the log, from the doctor, in the emulator."""

    start_up: str = ""
    log: str = ""
    checked: Checked | None = None
    emulator: str = ""

    @property
    def findings(self) -> Mapping[str, str]:
        """What the doctor says, by the codes of its findings."""
        if self.checked is None:
            return {}
        found: dict[str, str] = {}
        for each in self.checked.report["findings"]:
            text = " ".join((found.get(each["code"], ""), each["what"], each["why"], each["do"]))
            found[each["code"]] = text.strip()
        return found


@dataclass(frozen=True)
class Machine:
    """Where towns run: the street with their names, a folder, and the emulator, their Pavior."""

    street: Street
    folder: Path
    pavior: Emulator


class Observer:
    """Looks at towns, at each of them once: many mends end in the same one."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._seen: list[tuple[Town, Seen]] = []

    def see(self, town: Town) -> Seen:
        """Return the page of a town."""
        for known, seen in self._seen:
            if known == town:
                return seen
        seen = _observe(town, self._machine)
        self._seen.append((town, seen))
        return seen


def _observe(town: Town, machine: Machine) -> Seen:
    """Start a town, have its page checked, and stop it again."""
    with _logging() as logged:
        try:
            apps = {name: shop.app() for name, shop in town.shops.items()}
        except SettingsError as error:
            return Seen(start_up=str(error))
        with _running(town, apps, machine):
            checked = check(town.url, cookie=town.cookie, api_key=town.key_at_hand)
            worth = _worth(town, machine.pavior)
    return Seen(log=logged.getvalue(), checked=checked, emulator=worth)


@contextmanager
def _running(town: Town, apps: Mapping[str, Any], machine: Machine) -> Iterator[None]:
    ports = dict(zip(apps, free_ports([0] * len(apps)), strict=True))
    sites = {
        name: Site(ports[name], shop.server, shop.location, shop.is_on_tls)
        for name, shop in town.shops.items()
    }
    sites[PAVIOR] = Site(int(machine.pavior.origin.rpartition(":")[2]))
    with ExitStack() as stack:
        for name, app in apps.items():
            stack.enter_context(town.shops[name].as_installed())
            stack.enter_context(serving_wsgi(app, ports[name]))
        stack.enter_context(machine.street.serving(sites, machine.folder, town.cache))
        yield


@contextmanager
def _logging() -> Iterator[StringIO]:
    """Keep what a process logs that has just begun, so that nothing was logged once before."""
    kept = StringIO()
    logger, handler = logging.getLogger("pavior_middleware"), logging.StreamHandler(kept)
    logger.addHandler(handler)
    try:
        with mock.patch.object(settings, "_warn", WarnOnce()):
            yield kept
    finally:
        logger.removeHandler(handler)


def _worth(town: Town, pavior: Emulator) -> str:
    """Return the emulator's result for the init of a user's page of the shop."""
    url = f"{'https' if town.shops[SHOP].is_on_tls else 'http'}://{SHOP}/"
    with Client(verify=client_context(), trust_env=False) as client:
        page = client.get(url, headers={"Cookie": COOKIE, "Accept-Encoding": "identity"})
    if "data-pavior" not in page.text:
        return "no chat"
    chat = pavior.open_chat(page)
    return f"{chat.status}: {'authenticated' if chat.authenticated else chat.reason}"
