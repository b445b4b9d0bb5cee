"""Reads, in pieces, the files that an ASGI app asks the server to send."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anyio.to_thread

PATHSEND = "http.response.pathsend"
ZEROCOPYSEND = "http.response.zerocopysend"

_PIECE = 64 * 1024  # bytes


async def pieces_of_file(message: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """Yield what a server would send for one of these messages (ASGI, "Extensions").

    Raises `OSError` for a file that cannot be read, as a server would.
    """
    if message["type"] == PATHSEND:
        descriptor = await anyio.to_thread.run_sync(os.open, message["path"], os.O_RDONLY)
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
        size = _PIECE if count is None else min(count, _PIECE)
        piece = await anyio.to_thread.run_sync(os.read, descriptor, size)
        if not piece:
            return
        if count is not None:
            count -= len(piece)
        yield piece
