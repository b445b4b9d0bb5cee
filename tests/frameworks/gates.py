"""Gates, at which a streamed page waits until its reader has seen what came before.

The app and the reader may be two processes, so a gate is a port of the reader on loopback.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

from demo.ports import LOOPBACK

LONGEST_WAIT_SECONDS = 10


class Gate:
    """What the reader opens once for each piece but the first."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(LONGEST_WAIT_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def open(self) -> None:
        """Let one piece pass: the one that waits, or the next."""
        self._listener.accept()[0].close()


def gated(pieces: list[str], port: str | int | None) -> Iterator[str]:
    """Yield the pieces, all but the first after the gate at this port is opened."""
    for place, piece in enumerate(pieces):
        if place and port:
            with socket.create_connection((LOOPBACK, int(port)), LONGEST_WAIT_SECONDS) as gate:
                gate.recv(1)
        yield piece


async def gated_async(pieces: list[str], port: str | int | None) -> AsyncIterator[str]:
    """Yield the pieces, all but the first after the gate at this port is opened."""
    for place, piece in enumerate(pieces):
        if place and port:
            reader, writer = await asyncio.open_connection(LOOPBACK, int(port))
            await asyncio.wait_for(reader.read(1), LONGEST_WAIT_SECONDS)
            writer.close()
        yield piece
