"""Threads for a callable that may block, under ASGI: a limited number, apart from the app's."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Condition, Thread, get_ident
from typing import Any

import anyio

from .overdue import Overdue, traceback_of_thread

MOST_THREADS = 32
"""The number of calls of one callable that run at once; the others wait for their turn."""

IDLE_SECONDS = 10
"""A thread that has had nothing to do for so long ends."""


class Threads:
    """The threads of one callable, in all event loops together.

    A call that is not over in time, or whose request is cancelled, is abandoned. Nobody waits for
    it, but it keeps its thread until it returns. `log_late` gets what it raises then.

    The threads are daemons, so the interpreter exits without waiting for those that hang. They are
    not anyio's threads, which the app's own functions need.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        seconds: float,
        log_late: Callable[[BaseException], None],
    ) -> None:
        self._function = function
        self._seconds = seconds
        self._log_late = log_late
        self._changed = Condition()
        self._waiting: OrderedDict[_Call, None] = OrderedDict()
        self._running: set[_Call] = set()
        self._threads = 0
        self._idle = 0

    async def call(self, argument: Any, deadline: float) -> Any:
        """Call the function in the context of the caller, and return what it returns.

        `deadline` is a time of the event loop's clock. Raises `Overdue` if the call is not over by
        then. Raises it at once if an abandoned call holds each thread.
        """
        call = _Call(partial(copy_context().run, self._function, argument), self._seconds)
        self._add(call)
        try:
            with anyio.CancelScope(deadline=deadline):
                await call.is_over.wait()
        finally:
            has_answer = self._leave(call)
        if has_answer:
            return call.answer()
        raise Overdue(self._seconds, is_running=call.thread is not None).with_traceback(
            traceback_of_thread(call.thread)
        )

    def _add(self, call: _Call) -> None:
        with self._changed:
            if len(self._running) >= MOST_THREADS and call.begun_at >= max(
                each.overdue_at for each in self._running
            ):
                raise Overdue(self._seconds, is_running=False)
            if self._idle <= len(self._waiting) and self._threads < MOST_THREADS:
                Thread(target=self._work, name="pavior_middleware", daemon=True).start()
                self._threads += 1
            self._waiting[call] = None
            self._changed.notify()

    def _leave(self, call: _Call) -> bool:
        """Stop waiting for a call; return whether it has its answer."""
        with self._changed:
            self._waiting.pop(call, None)
            call.is_abandoned = not call.has_answer
            return call.has_answer

    def _work(self) -> None:
        """Make calls, one after another, in one of the threads."""
        while (call := self._next()) is not None:
            call.run()
            with self._changed:
                self._running.discard(call)
                call.has_answer = True
            if not call.is_abandoned:
                call.wake()
            elif call.error is not None:
                self._log_late(call.error)
            del call  # it holds the request

    def _next(self) -> _Call | None:
        """Wait for the next call; return None after `IDLE_SECONDS` without a call."""
        with self._changed:
            while not self._waiting:
                self._idle += 1
                is_woken = self._changed.wait(IDLE_SECONDS)
                self._idle -= 1
                if not is_woken and not self._waiting:
                    self._threads -= 1
                    return None
            call, _ = self._waiting.popitem(last=False)
            self._running.add(call)
            return call


class _Call:
    """One call, made in the task that waits for it."""

    thread: int | None = None
    """The thread that runs it, once one does."""

    has_answer = is_abandoned = False
    error: BaseException | None = None

    def __init__(self, function: Callable[[], Any], seconds: float) -> None:
        self._function = function
        self._answer: Any = None
        self.begun_at = time.monotonic()
        self.overdue_at = self.begun_at + seconds
        self.is_over = anyio.Event()
        self._call_in_loop = _caller_in_loop()

    def run(self) -> None:
        """Call the function."""
        self.thread = get_ident()
        try:
            self._answer = self._function()
        except BaseException as error:  # noqa: BLE001  # `answer` raises it in the request's task
            self.error = error

    def wake(self) -> None:
        """Tell the task that the call is over."""
        with suppress(RuntimeError):  # the event loop is closed, so nobody waits any more
            self._call_in_loop(self.is_over.set)

    def answer(self) -> Any:
        """Return what the function has returned, or raise what it has raised."""
        if self.error is None:
            return self._answer
        try:
            raise self.error
        finally:
            self.error = None  # its traceback refers to this call


def _caller_in_loop() -> Callable[[Callable[[], None]], object]:
    """Return a function that has this event loop call something; any thread may call it."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        from trio.lowlevel import current_trio_token

        return current_trio_token().run_sync_soon
