"""Runs an ASGI app no longer than its answer is needed."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from anyio import CancelScope
from anyio.lowlevel import checkpoint

from .scope import Message, Receive, Send

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

MOST_IGNORED = 16
"""So many messages of an app are ignored once its answer is not needed, before it is stopped."""


async def run_until(
    is_enough: Callable[[], bool],
    app: Callable[[Any, Any, Any], Awaitable[None]],
    scope: Any,
    receive: Receive,
    send: Send,
) -> None:
    """Run an app until it returns, or what it has sent is enough. Raise what the app raises.

    `is_enough` is called after each message that `send` has taken. From then on, `receive` says
    that the client is gone, as many apps wait for that, and the app's messages are ignored. A short
    answer comes to its end as always, and so does what the app does after it. From an app that
    sends more than `MOST_IGNORED` messages, `send` raises: the app's context managers and `finally`
    blocks run, and may wait.

    The event loop gets its turn with each ignored message but the end of the answer, also from an
    app that catches what `send` raises.
    """
    run = _Run(is_enough, receive, send)
    try:
        await app(scope, run.receive, run.send)
    except _NotNeeded:
        pass
    except BaseExceptionGroup as group:  # of a task group in the app
        not_needed, others = group.split(_NotNeeded)
        if not_needed is None:
            raise
        if others is not None:
            raise others from None


class _NotNeeded(BaseException):
    """The app's answer is not needed any more.

    No `Exception`, such as the `OSError` that servers raise when the client is gone, since apps and
    middlewares log those and make pages of them. No cancellation, since after one nothing may wait.
    """


class _Run:
    def __init__(self, is_enough: Callable[[], bool], receive: Receive, send: Send) -> None:
        self._is_enough = is_enough
        self._receive = receive
        self._send = send
        self._waiting: set[CancelScope] = set()
        self._is_over = False
        self._ignored = 0

    async def receive(self) -> Message:
        """Be the app's `receive`."""
        with CancelScope() as waiting:
            self._waiting.add(waiting)
            try:
                if not self._is_over:
                    return await self._receive()
            finally:
                self._waiting.discard(waiting)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Be the app's `send`."""
        if not self._is_over:
            await self._send(message)
            if self._is_enough():
                self._end()
            return
        self._ignored += 1
        if self._ignored > 1 or message.get("more_body", False):  # not the usual end of an answer
            await checkpoint()
        if self._ignored > MOST_IGNORED:
            raise _NotNeeded

    def _end(self) -> None:
        self._is_over = True
        for waiting in self._waiting:
            waiting.cancel()
