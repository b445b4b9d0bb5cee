"""One response of an ASGI app on its way to the server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Protocol

from .._model.visitor import Visitor
from .._page.request import PageRequest
from .._page.response import PageResponse, State
from .file_messages import PATHSEND, ZEROCOPYSEND, pieces_of_file
from .scope import Message, RawHeaders, Scope, Send
from .site import Site
from .turns import next_turn


class Middleware(Protocol):
    """What the middleware of a framework knows by itself."""

    def session_cookies(self, scope: Scope) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""


_BODIES = frozenset({"http.response.body", PATHSEND, ZEROCOPYSEND})


class Response:
    """One response on its way to the server.

    The start of a page goes at once where the response says so. Else it is held until the first
    bytes of the body may go, which tell more of what the head has to say. A server may do so, too
    (ASGI specification, "Response Start").
    """

    _response: PageResponse[bytes] | None = None
    _is_begun = False
    _start: Message | None = None
    _outer_scope: Scope | None = None

    def __init__(
        self,
        middleware: Middleware,
        site: Site[bytes],
        request: PageRequest,
        scope: Scope,
        send: Send,
    ) -> None:
        self._middleware = middleware
        self._site = site
        self._request = request
        self._scope = scope
        self._send = send

    def from_copy(self, outer_scope: Scope) -> Response:
        """Return this response as that of an app which got a copy of the outer scope."""
        self._outer_scope = outer_scope
        return self

    @property
    def again(self) -> PageRequest | None:
        """The request by which the app is to be asked again; None if it need not be."""
        response = self._response
        return response.again() if response and response.state is State.RETRY else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more that the app sends matters."""
        response = self._response
        return response is not None and response.state in (State.RETRY, State.DROPPED)

    async def send(self, message: Message) -> None:
        """Take the app's next message; send what of it may go."""
        response = self._response
        if response is None:
            if not self._is_begun and message["type"] == "http.response.start":
                message, response = self._begin(message)
            if response is None:
                await self._send(message)
            else:
                await self._decide(message, response)
        elif not response.changes_body:
            await self._pass_on(message, response)
        elif message["type"] == "http.response.body":
            await self._rewrite(message, response)
        elif message["type"] in (PATHSEND, ZEROCOPYSEND):
            await self._rewrite_file(message, response)
        else:
            if await self._release(response):
                await self._pass_on(message, response)

    def _begin(self, message: Message) -> tuple[Message, PageResponse[bytes] | None]:
        """Take the start of the app's response; return it as it is to go on, and the response.

        None stands for a response that passes as it is.
        """
        raw = message.get("headers", ())
        if not isinstance(raw, (list, tuple)):  # an iterator, which can be read but once
            raw = list(raw)
            message = {**message, "headers": raw}
        if self._outer_scope is not None:  # what the app put there, others look for too
            seen = {name: value for name, value in self._scope.items() if name != "headers"}
            self._outer_scope.update(seen)
        response = self._site.pages.begin(self._request, message["status"], raw)
        self._is_begun = response is None
        return message, response

    async def _decide(self, message: Message, response: PageResponse[bytes]) -> None:
        """Have it decided what a response becomes, and send or hold its start."""
        if response.state is State.ASKING:
            callbacks = self._site.callbacks
            if callbacks.are_immediate:
                visitor = callbacks.visitor(self._scope)
            else:
                visitor = await callbacks.visitor_async(self._scope)
            response.visitor(visitor, self._login_cookie(response, visitor))
        self._response = response  # an app that has given up waiting for this may begin another
        if response.state is State.HELD:
            self._start = message
            if response.head_is_first:
                await self._release(response)
        elif response.state in (State.EDITED, State.EARLIER):
            self._start = message
            await self._release(response)
        elif response.state is not State.RETRY:
            await self._send(message)

    def _login_cookie(self, response: PageResponse[bytes], visitor: Visitor) -> str | None:
        if self._site.sharing.cookie is None:
            return None
        return self._site.login_cookie(
            self._request,
            response,
            visitor,
            lambda: self._middleware.session_cookies(self._scope),
        )

    async def _pass_on(self, message: Message, response: PageResponse[bytes]) -> None:
        """Send a message that holds nothing of a page's body."""
        if message["type"] == "http.response.trailers":
            headers = response.trailers(list(message.get("headers", ())))
            message = {**message, "headers": headers}
        elif response.drops_body and message["type"] in _BODIES:
            more_body = message.get("more_body", False)
            message = {"type": "http.response.body", "body": b"", "more_body": more_body}
        await self._send(message)

    async def _rewrite(self, message: Message, response: PageResponse[bytes]) -> None:
        received = message.get("body", b"")
        if not isinstance(received, bytes):  # Starlette sends a `memoryview` as it is
            received = bytes(received)
        is_last = not message.get("more_body", False)
        ready: bytes | None = None
        for piece in response.feed(received, is_last=is_last):
            if ready is not None:
                await self._send_body(ready, response)
            ready = piece or None
            if ready is None:
                await next_turn()
        if ready is None and received and not is_last:
            return  # all of it is held back
        if not await self._release(response):
            return
        is_same = ready is received or (ready is None and not received)
        await self._send(message if is_same else {**message, "body": ready or b""})

    async def _rewrite_file(self, message: Message, response: PageResponse[bytes]) -> None:
        async with aclosing(pieces_of_file(message)) as pieces:
            async for received in pieces:
                if not response.changes_body:  # the file is longer than the app has said
                    await self._send_body(received, response)
                    continue
                for piece in response.feed(received):
                    if piece:
                        await self._send_body(piece, response)
                    else:
                        await next_turn()
        more_body = message.get("more_body", False)
        rest = b""
        if response.changes_body and not more_body:
            rest = b"".join(response.feed(b"", is_last=True))
        await self._send_body(rest, response, more_body=more_body)

    async def _send_body(
        self, data: bytes, response: PageResponse[bytes], *, more_body: bool = True
    ) -> None:
        if await self._release(response):
            await self._send({"type": "http.response.body", "body": data, "more_body": more_body})

    async def _release(self, response: PageResponse[bytes]) -> bool:
        """Send the start that is held, with its new head; return whether the body may follow.

        It may not where the earlier answer goes out, which has none.
        """
        start = self._start
        if start is not None:
            self._start = None
            headers = response.head()
            if response.state is State.DROPPED:
                status = response.status
                await self._send({"type": start["type"], "status": status, "headers": headers})
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._send({**start, "headers": headers})
        return response.state is not State.DROPPED


def set_cookies(message: Message) -> RawHeaders:
    return [field for field in message.get("headers", ()) if field[0].lower() == b"set-cookie"]
