"""Turns of the event loop that responses with much work to do take one after another."""

from __future__ import annotations

import anyio
import anyio.lowlevel

_turns = anyio.lowlevel.RunVar[anyio.Lock]("pavior_middleware.turns")


async def next_turn() -> None:
    """Let others run, and return when it is the caller's turn to do some more work.

    If all of many responses did some in each turn of the loop, others would wait for all of them.
    So only one of them does, for all sites in the event loop, and those that wait come in order.
    """
    lock = _turns.get(None)
    if lock is None:
        lock = anyio.Lock()
        _turns.set(lock)
    if lock.locked():
        await lock.acquire()
    else:
        lock.acquire_nowait()  # without the turn that `acquire` takes
    try:
        await anyio.lowlevel.checkpoint()
    finally:
        lock.release()
