"""Notifies open inbox pages of changes. The pages then fetch what has changed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

HEARTBEAT_SECONDS = 15


class Changes:
    """A version that grows with each change, and a stream of server-sent events with the version.

    The stream begins with the current version. A page knows the version from which it was rendered,
    so it misses no change between its rendering and its subscription. A slow reader gets only the
    newest version, so nothing piles up.
    """

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)  # after a restart, the version of an old page is outdated
        self._count = 0
        self._closed = False
        self._wakers: set[asyncio.Event] = set()

    @property
    def version(self) -> str:
        """The name of the current state: a run and, after a hyphen, a count."""
        return f"{self._run}-{self._count}"

    def publish(self) -> None:
        """Notify each stream of a change; call this from the event loop's thread."""
        self._count += 1
        self._wake()

    def begin_anew(self) -> None:
        """Notify each stream that all that was shown is gone; call this like `publish`.

        From now on the version has another run before its hyphen.
        """
        self._run = secrets.token_hex(4)
        self.publish()

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
