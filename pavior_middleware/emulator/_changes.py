"""Tell the open inbox pages that something changed; what changed they fetch themselves."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

HEARTBEAT_SECONDS = 15


class Changes:
    """A version that grows with each change, and a stream of server-sent events that tells it.

    The stream begins with the version there is, so that a page, which knows the version it was
    rendered from, misses no change between its rendering and its subscription. A slow reader is
    told the newest version only, so nothing piles up.
    """

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)  # after a restart, no old page's version may look current
        self._count = 0
        self._closed = False
        self._wakers: set[asyncio.Event] = set()

    @property
    def version(self) -> str:
        """The name of the present state."""
        return f"{self._run}-{self._count}"

    def publish(self) -> None:
        """Tell each stream that there is something new; call it from the event loop's thread."""
        self._count += 1
        self._wake()

    def close(self) -> None:
        """End each stream, now and for good."""
        self._closed = True
        self._wake()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield server-sent events until the changes are closed or the reader leaves."""
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            yield self._event()
            while not self._closed:
                try:
                    await asyncio.wait_for(waker.wait(), HEARTBEAT_SECONDS)
                except asyncio.TimeoutError:
                    yield b": still here\n\n"
                    continue
                waker.clear()
                if not self._closed:
                    yield self._event()
        finally:
            self._wakers.discard(waker)

    def _event(self) -> bytes:
        return f"data: {self.version}\n\n".encode()

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()
