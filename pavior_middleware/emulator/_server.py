"""Run the emulator with uvicorn."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8990
LARGEST_PORT = 65535
LONGEST_GOODBYE_SECONDS = 3

_LOOPBACK_OF = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  # nothing is bound
"""The host by which a browser on this machine reaches a server on all addresses."""

# Requests and errors go to the log on stderr. Stdout has only the addresses.
_LOGGING: dict[str, Any] = {
    **uvicorn.config.LOGGING_CONFIG,
    "handlers": {
        name: {**handler, "stream": "ext://sys.stderr"}
        for name, handler in uvicorn.config.LOGGING_CONFIG["handlers"].items()
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        __package__: {"handlers": ["default"], "level": "INFO", "propagate": False},
    },
}


class CannotListen(OSError):
    """The server cannot listen on a host or port; the message says what to do."""


class _Server(uvicorn.Server):
    """Ends the open inbox pages' event streams, which uvicorn would otherwise wait for."""

    def __init__(
        self, config: uvicorn.Config, on_start: Callable[[], object] | None = None
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self.is_settled = threading.Event()
        """Set when the server has started, or has failed to start."""

    def serve_on(self, listener: socket.socket) -> None:
        """Serve the connections of a socket until `should_exit` is set."""
        try:
            self.run([listener])
        finally:
            self.is_settled.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_settled.set()
        if self.started and self._on_start:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.changes.close()
        await super().shutdown(sockets)


def serve(
    app: Starlette,
    *,
    host: str = LOOPBACK,
    port: int = DEFAULT_PORT,
    on_start: Callable[[str], object] | None = None,
) -> None:
    """Serve what `create_app` returned until SIGINT or SIGTERM.

    With port 0, the system chooses one. `on_start` is called with the origin as soon as the server
    answers. Raises `OSError` if it cannot listen on the host or port, and `sqlite3.Error` for a
    database file that another emulator serves; both messages say what to do.
    """
    with app.state.store.kept_for_one_server(), _listen(host, port) as listener:
        origin = _origin(host, listener)
        config = uvicorn.Config(
            app,
            log_config=_LOGGING,
            server_header=False,
            timeout_graceful_shutdown=LONGEST_GOODBYE_SECONDS,
        )
        server = _Server(config, on_start and (lambda: on_start(origin)))
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after it has stopped
            server.run([listener])


@contextmanager
def serve_in_thread(app: Starlette, *, port: int = 0) -> Iterator[str]:
    """Serve what `create_app` returned in a thread, on this machine; yield the origin.

    With port 0, the system chooses one. Raises `OSError` if the port is not free, and
    `sqlite3.Error` for a database file that another emulator serves.
    """
    config = uvicorn.Config(
        app,
        http="h11",  # the same parser, whatever else is installed
        ws="none",
        log_config=None,  # logging in this process belongs to the tests
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    with app.state.store.kept_for_one_server(), _listen(LOOPBACK, port) as listener:
        thread = threading.Thread(target=server.serve_on, args=(listener,), name="pavior-emulator")
        thread.start()
        try:
            server.is_settled.wait()
            if not server.started:
                raise RuntimeError("the emulator has not started: its log says why")
            yield _origin(LOOPBACK, listener)
        finally:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises `CannotListen`."""
    if not 0 <= port <= LARGEST_PORT:
        raise CannotListen(f"port {port} does not exist: choose one from 1024 to {LARGEST_PORT}")
    try:
        family, *_, address = socket.getaddrinfo(
            host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise CannotListen(_reason(host, port, error)) from error


def _reason(host: str, port: int, error: OSError) -> str:
    """Return why nothing can listen there, and what to do."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"host {host!r} is no address of this machine: use {LOOPBACK}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use by another program, maybe by another emulator: stop that"
            f" program, or choose another port, as in --port {port + 1}"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be used by this user: choose one from 1024 on"
    return f"port {port} of host {host!r} cannot be used ({error}): choose another"


def _origin(host: str, listener: socket.socket) -> str:
    """Return where a browser of this machine finds the listener."""
    name = _LOOPBACK_OF.get(host, host)
    port = listener.getsockname()[1]
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
