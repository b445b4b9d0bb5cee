"""The Starlette site of the journey, with a stream that does not end by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.frameworks.apps.starlette import make_app
from tests.servers.streams import LONGEST_WAIT_SECONDS, PAUSE_SECONDS, PIECE, START
from tests.support.login_cookies import SETTINGS

_closed = asyncio.Event()


async def endless(request: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        try:
            yield START
            while True:
                await asyncio.sleep(PAUSE_SECONDS)
                yield PIECE
        finally:
            _closed.set()

    return StreamingResponse(pieces(), media_type="text/html")


async def closed(request: Request) -> Response:
    try:
        await asyncio.wait_for(_closed.wait(), LONGEST_WAIT_SECONDS)
    except asyncio.TimeoutError:
        return JSONResponse({"closed": False})
    return JSONResponse({"closed": True})


application = make_app(SETTINGS, Route("/endless", endless), Route("/closed", closed))
