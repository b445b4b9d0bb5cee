"""Runs the app of a framework on a real server.

`python -m tests.frameworks.serving NAME PORT` serves an app, with `--without` without Pavior.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import waitress
from waitress import wasyncore

from pavior_middleware import Settings
from tests.support.login_cookies import SETTINGS
from tests.support.servers import LONGEST_START_SECONDS, LOOPBACK, running, serving_asgi

WITHOUT = replace(SETTINGS, enabled=False)

NAMES = sorted(path.stem for path in (Path(__file__).parent / "apps").glob("[!_]*.py"))
"""The apps, by the names of their modules."""

POLL_SECONDS = 0.05

_OF_INTERFACE: dict[str, Mapping[str, str]] = {
    "wsgi": {"a websocket passes": "WSGI has no websockets."},
    "asgi": {},
    "aiohttp": {},
}


class AppModule(Protocol):
    """A module of `tests.frameworks.apps`. It may have `LACKS` and `OWN_PROCESS`, too."""

    INTERFACE: str
    make_app: Callable[[Settings], Any]


def module_of(name: str) -> AppModule:
    return cast("AppModule", import_module(f"tests.frameworks.apps.{name}"))


def lacks(module: AppModule) -> Mapping[str, str]:
    """Return why an app cannot pass a check, by the check's name."""
    return {**_OF_INTERFACE[module.INTERFACE], **getattr(module, "LACKS", {})}


def serving(module: AppModule, settings: Settings, port: int) -> AbstractContextManager[None]:
    """Run an app in a thread of this process."""
    return _SERVING[module.INTERFACE](module.make_app(settings), port)


@contextmanager
def _serving_waitress(app: Any, port: int) -> Iterator[None]:
    sockets: dict[int, Any] = {}
    server = waitress.create_server(app, host=LOOPBACK, port=port, threads=4, map=sockets)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(POLL_SECONDS, map=sockets, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    with running(serve):
        try:
            yield
        finally:
            stopped.set()


@contextmanager
def _serving_aiohttp(app: Any, port: int) -> Iterator[None]:
    from aiohttp import web

    has_started, stopped = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port).start()
        has_started.set()
        await stopped.wait()
        await runner.cleanup()

    with running(lambda: loop.run_until_complete(serve())):
        assert has_started.wait(LONGEST_START_SECONDS)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stopped.set)
    loop.close()


_SERVING: dict[str, Callable[[Any, int], AbstractContextManager[None]]] = {
    "wsgi": _serving_waitress,
    "asgi": serving_asgi,
    "aiohttp": _serving_aiohttp,
}


def main(name: str, port: str, *flags: str) -> None:
    """Serve an app until the process is ended."""
    settings = WITHOUT if "--without" in flags else SETTINGS
    with serving(module_of(name), settings, int(port)):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
