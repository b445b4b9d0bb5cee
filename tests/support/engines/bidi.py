"""A client for WebDriver BiDi, https://www.w3.org/TR/webdriver-bidi/: one thread, one socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from websockets.sync.client import connect
from websockets.sync.connection import Connection as Socket


class RefusedError(Exception):
    """The browser answered a command with an error."""


class Connection:
    """Sends commands, and keeps the events that arrive meanwhile."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._ids = count(1)
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, *, seconds: float = 60, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; raise `RefusedError` or `TimeoutError`."""
        id_ = next(self._ids)
        self._socket.send(json.dumps({"id": id_, "method": method, "params": parameters}))
        while True:
            message = self._receive(seconds)
            if message.get("id") == id_:
                if message["type"] == "error":
                    raise RefusedError(f"{method}: {message['error']}: {message['message']}")
                result: dict[str, Any] = message["result"]
                return result

    def wait_for_event(self, seconds: float) -> None:
        """Wait until there is one more event; raise `TimeoutError`."""
        self._receive(seconds)

    def _receive(self, seconds: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=seconds))
        if message["type"] == "event":
            self.events.append(message)
        return message


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    """Connect to a browser that listens at a ws: URL."""
    with connect(url, max_size=None, proxy=None) as socket:
        yield Connection(socket)
