"""Bodies that an ASGI app sends as a file, read in pieces where the bytes themselves are needed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeVar

PATHSEND = "http.response.pathsend"
ZEROCOPYSEND = "http.response.zerocopysend"

_PIECE = 64 * 1024  # bytes

T = TypeVar("T")


async def pieces_of_file(message: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """Yield what a server would send for one of these messages (ASGI, "Extensions").

    Raises `OSError` for a file that cannot be read, as a server would.
    """
    if message["type"] == PATHSEND:
        descriptor = await _in_thread(os.open, message["path"], os.O_RDONLY)
        try:
            async for piece in _pieces(descriptor, None, None):
                yield piece
        finally:
            os.close(descriptor)
    else:
        file = message["file"]
        descriptor = file if isinstance(file, int) else file.fileno()
        async for piece in _pieces(descriptor, message.get("offset"), message.get("count")):
            yield piece


async def _pieces(
    descriptor: int, offset: int | None, count: int | None
) -> AsyncGenerator[bytes, None]:
    if offset is not None:
        os.lseek(descriptor, offset, os.SEEK_SET)
    while True:
        piece = await _in_thread(
            os.read, descriptor, _PIECE if count is None else min(count, _PIECE)
        )
        if not piece:
            return
        if count is not None:
            count -= len(piece)
        yield piece


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Keep the event loop free, if it is asyncio's; another library's waits for the short read."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)
