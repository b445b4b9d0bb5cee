"""The ASGI shell: moves messages between the server and the app, and decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .identity import Identity, IdentitySource
from .rewriting import HeaderList, PageRequest, Rewriter, Rewriting
from .settings import Settings
from .sharing import Answer, ShareAuth

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
IdentityOfScope = Callable[[Scope], Identity | Awaitable[Identity | None] | None]

# Extensions of the ASGI specification with which a body is sent as a file.
_BODY_FROM_FILE = ("http.response.pathsend", "http.response.zerocopysend")


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of an ASGI app.

    `identity` is called with the scope once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None, and may be a coroutine function.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, *, identity: IdentityOfScope | None = None
    ) -> None:
        self.app = app
        self._rewriting = Rewriting(settings)
        self._share_auth = ShareAuth(settings)
        self._identity = IdentitySource(identity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI specification, "Applications")."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._share_auth.serves(scope["path"]):
            await self._serve_share_auth(scope, receive, send)
        else:
            response = _Response(scope, send, self._rewriting, self._identity)
            await self.app(scope, receive, response.send)

    async def _serve_share_auth(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app see the request, so that its middleware finds the user, and answer for it."""
        headers = _decoded(scope["headers"])
        origin = [value for name, value in headers if name == "origin"]
        refusal = self._share_auth.refusal(scope["method"], origin)
        if refusal is not None:
            await _send_answer(refusal, scope, send)
            return

        async def answer_instead(message: Message) -> None:
            if message["type"] == "http.response.start":
                identity = await self._identity.ask_async(scope)
                await _send_answer(self._share_auth.answer(origin, identity), scope, send)

        await self.app(scope, receive, answer_instead)


class _Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body may go, as a server does itself
    (ASGI specification, "Response Start"), since they tell its length.
    """

    def __init__(
        self, scope: Scope, send: Send, rewriting: Rewriting, identity: IdentitySource
    ) -> None:
        self._scope = scope
        self._send = send
        self._rewriting = rewriting
        self._identity = identity
        self._start: Message | None = None
        self._rewriter: Rewriter | None = None

    async def send(self, message: Message) -> None:
        """Take the app's next message; send what of it may go."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._rewriter is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            await self._rewrite(message, self._rewriter)
        elif message["type"] in _BODY_FROM_FILE:
            await self._leave(message, self._rewriter)
        else:
            await self._release(self._rewriter)
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        raw = message.get("headers", ())
        if not isinstance(raw, list | tuple):  # an iterator, which can be read but once
            raw = list(raw)
            message = {**message, "headers": raw}
        headers = _decoded(raw)
        request = _page_request(self._scope)
        if not self._rewriting.rewrites(request, message["status"], headers):
            await self._send(message)
            return
        identity = await self._identity.ask_async(self._scope)
        self._rewriter = self._rewriting.rewriter(request, headers, identity)
        self._start = message

    async def _rewrite(self, message: Message, rewriter: Rewriter) -> None:
        received = message.get("body", b"")
        ended = not message.get("more_body", False)
        body = rewriter.feed(received)
        if ended:
            body += rewriter.finish()
        if received and not body and not ended:
            return  # all of it is held back
        await self._release(rewriter)
        await self._send(message if body is received else {**message, "body": body})

    async def _leave(self, message: Message, rewriter: Rewriter) -> None:
        """Let a body go that is sent as a file: nothing can be put into one of those."""
        self._rewriter = None
        if rewriter.has_begun:
            rest = rewriter.finish()
            await self._release(rewriter)
            await self._send({"type": "http.response.body", "body": rest, "more_body": True})
        elif self._start is not None:
            await self._send(self._start)
        await self._send(message)

    async def _release(self, rewriter: Rewriter) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            headers = _encoded(rewriter.headers())
            await self._send({**start, "headers": headers})


async def _send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    headers = _encoded(list(answer.headers))
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _page_request(scope: Scope) -> PageRequest:
    destinations = [value for name, value in scope["headers"] if name == b"sec-fetch-dest"]
    return PageRequest(scope["method"], b", ".join(destinations).decode("latin-1"))


def _decoded(headers: Any) -> HeaderList:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _encoded(headers: HeaderList) -> list[tuple[bytes, bytes]]:
    """ASGI wants the names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
