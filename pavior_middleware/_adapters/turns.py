"""Lets responses with much work take turns, so that other tasks run in between."""

from __future__ import annotations

import anyio
import anyio.lowlevel

_turns = anyio.lowlevel.RunVar[anyio.Lock]("pavior_middleware.turns")


async def next_turn() -> None:
    """Let other tasks run, and return when it is the caller's turn to do more work.

    If many responses worked in each cycle of the event loop, other tasks would wait for all of
    them. So only one response works in each cycle, among all sites in the event loop. Waiting
    responses come in order.
    """
    lock = _turns.get(None)
    if lock is None:
        lock = anyio.Lock()
        _turns.set(lock)
    if lock.locked():
        await lock.acquire()
    else:
        lock.acquire_nowait()  # `acquire` would wait for one more cycle
    try:
        await anyio.lowlevel.checkpoint()
    finally:
        lock.release()
