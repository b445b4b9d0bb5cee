"""Ports that nobody listens on."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(usual: Sequence[int]) -> list[int]:
    """Return a port for each usual one: itself, or any free one if it is taken."""
    with (
        ExitStack() as listeners
    ):  # all sockets stay open until the last port is found, so that no port comes twice
        found = []
        for port in usual:
            listener = listeners.enter_context(_listen(port))
            found.append(listener.getsockname()[1])
        return found


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens on the port."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _listen(port: int) -> socket.socket:
    # A browser may try [::1] first for a name under localhost, and would find the other program.
    if not answers(port, "::1"):
        try:
            return socket.create_server((LOOPBACK, port))
        except OSError:
            pass
    return socket.create_server((LOOPBACK, 0))
