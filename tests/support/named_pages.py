"""Requests a page of an ASGI app in the test's own event loop, and reads the id that it names."""

from __future__ import annotations

from typing import Any

import anyio.lowlevel

from pavior_middleware.asgi import Message, Receive, Scope, Send
from tests.support.adapters import PAGE
from tests.support.pages import init_call


async def page_app(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app that answers each request with the same page."""
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


async def get(app: Any, path: str = "/") -> bytes:
    """Return the body that an app sends; other tasks may run at each of its messages."""
    body: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        body.append(message.get("body", b""))

    headers = [(b"sec-fetch-dest", b"document")]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    await app({**scope, "query_string": b""}, receive, send)
    return b"".join(body)


async def id_in(app: Any, path: str = "/") -> object:
    """Return the id that a page of an app names; None if it names none."""
    return init_call(await get(app, path)).get("id")
