"""Waits for an awaitable, within a time limit that holds even if it catches cancellations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import suppress
from types import CoroutineType
from typing import Any

import anyio

from .overdue import Overdue

AGAIN_SECONDS = 0.25
"""The time that an awaitable has to clean up before it is cancelled once more."""

MOST_CANCELLATIONS = 4
"""How many times an awaitable is cancelled before the caller stops waiting for it."""

_HAS_UNCANCEL = hasattr(asyncio.Task, "uncancel")  # from Python 3.11 on


async def in_time(awaitable: Awaitable[Any], seconds: float, deadline: float | None = None) -> Any:
    """Return the result of an awaitable.

    Raises `Overdue` if it has none within `seconds`, or by `deadline`, a time of the event loop's
    clock. The traceback of the error leads to where the awaitable waits. A coroutine that goes on
    after `MOST_CANCELLATIONS` is closed, except under Trio.
    """
    if deadline is None:
        deadline = anyio.current_time() + seconds
    place = None
    with anyio.CancelScope(deadline=deadline):
        try:
            return await (_Driven(awaitable) if isinstance(awaitable, CoroutineType) else awaitable)
        except anyio.get_cancelled_exc_class() as cancelled:
            place = cancelled.__traceback__
            raise
    try:
        raise Overdue(seconds, is_running=True).with_traceback(place and place.tb_next)
    finally:
        del place  # its frames refer to this one


def may_begin_first() -> bool:
    """Whether a time limit may be set after the coroutine has begun.

    Then a coroutine that does not wait needs no limit. A timer of asyncio allows that. A cancel
    scope of anyio or Trio does not: it has to enclose the scopes that the coroutine opens. Where
    Trio is not imported, the event loop is one of asyncio.
    """
    return _HAS_UNCANCEL and ("trio" not in sys.modules or _runs_in_asyncio())


def _runs_in_asyncio() -> bool:
    """Whether an event loop of asyncio runs. Up to Python 3.11, this costs a system call."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def rest_in_time(
    coroutine: CoroutineType[Any, Any, Any], waits_for: object, seconds: float
) -> Any:
    """Do what `in_time` does, for a coroutine that has begun and waits for `waits_for`."""
    driven = _Driven(coroutine, waits_for)
    task = asyncio.current_task()
    if task is None:  # Trio runs in a loop of asyncio
        return await driven
    place = None
    timer = _Timer(task, seconds)
    try:
        return await driven
    except asyncio.CancelledError as cancelled:
        if not timer.end():  # the request itself is cancelled, or a task that it awaits
            raise
        place = cancelled.__traceback__
    finally:
        timer.end()
    try:
        raise Overdue(seconds, is_running=True).with_traceback(place and place.tb_next)
    finally:
        del place  # its frames refer to this one


class _Timer:
    """Cancels a task when its time is up, and again if the task goes on.

    `asyncio.timeout` cancels once. Some database drivers catch the cancellation to clean up, and
    then could wait without a limit.
    """

    def __init__(self, task: Any, seconds: float) -> None:
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._others = task.cancelling()
        self._own = 0
        self._next = self._loop.call_later(seconds, self._cancel)

    def _cancel(self) -> None:
        self._own += 1
        self._task.cancel()
        self._next = self._loop.call_later(AGAIN_SECONDS, self._cancel)

    def end(self) -> bool:
        """Stop cancelling; return whether only this timer has cancelled the task."""
        self._next.cancel()
        is_own = self._own > 0
        for _ in range(self._own):
            self._task.uncancel()
        self._own = 0
        return is_own and self._task.cancelling() <= self._others


class _Driven:
    """Wraps a coroutine so that it is cancelled at most `MOST_CANCELLATIONS` times.

    If the coroutine has begun, it already waits for something.
    """

    def __init__(self, coroutine: CoroutineType[Any, Any, Any], *waits_for: object) -> None:
        self._coroutine = coroutine
        self._first = list(waits_for)
        self._cancellations = 0

    def __await__(self) -> _Driven:
        return self

    def __iter__(self) -> _Driven:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Resume the coroutine. The first call yields what a coroutine that has begun waits for."""
        return self._first.pop() if self._first else self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where the coroutine waits, given in any form that generators accept."""
        values = (each for each in error if isinstance(each, BaseException))
        first = next(values, error[0])
        kind = first if isinstance(first, type) else type(first)
        self._cancellations += issubclass(kind, asyncio.CancelledError)
        if self._cancellations > MOST_CANCELLATIONS:
            with suppress(RuntimeError):  # the coroutine ignores even this
                self.close()
            raise first  # anyio recognizes its own cancellations by this object
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()
