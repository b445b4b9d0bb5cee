"""Runs an ASGI app only as long as its answer is needed."""

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
"""The number of unneeded messages that an app may send before it is stopped."""


async def run_until(
    is_enough: Callable[[], bool],
    app: Callable[[Any, Any, Any], Awaitable[None]],
    scope: Any,
    receive: Receive,
    send: Send,
) -> None:
    """Run an app until it returns, or has sent enough. Raises what the app raises.

    `is_enough` is called after each message that `send` has taken. Once it returns True, `receive`
    says that the client is gone, since many apps wait for that. The app's messages are ignored. An
    app that sends a short answer runs to its end. If an app sends more than `MOST_IGNORED`
    messages, `send` raises. Then the app's context managers and `finally` blocks run, and may wait.

    Other tasks run at each ignored message, except at the end of the answer. They do so even if the
    app catches what `send` raises.
    """
    run = _Run(is_enough, receive, send)
    try:
        await app(scope, run.receive, run.send)
    except _NotNeeded:
        pass
    except BaseExceptionGroup as group:  # a task group in the app has raised it
        not_needed, others = group.split(_NotNeeded)
        if not_needed is None:
            raise
        if others is not None:
            raise others from None


class _NotNeeded(BaseException):
    """The app's answer is not needed any more.

    It is not an `Exception`, such as the `OSError` that servers raise when the client is gone: apps
    and middlewares would log it and make an error page. It is not a cancellation, since a cancelled
    task may not wait any more.
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
        """Receive a message for the app; say that the client is gone once enough was sent."""
        with CancelScope() as waiting:
            self._waiting.add(waiting)
            try:
                if not self._is_over:
                    return await self._receive()
            finally:
                self._waiting.discard(waiting)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send a message of the app; ignore it once enough was sent."""
        if not self._is_over:
            await self._send(message)
            if self._is_enough():
                self._end()
            return
        self._ignored += 1
        if self._ignored > 1 or message.get("more_body", False):  # not just the end of an answer
            await checkpoint()
        if self._ignored > MOST_IGNORED:
            raise _NotNeeded

    def _end(self) -> None:
        self._is_over = True
        for waiting in self._waiting:
            waiting.cancel()
