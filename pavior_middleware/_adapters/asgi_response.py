"""One response of an ASGI app, between the app and the server."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
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
    """The part of a framework's middleware that a response needs."""

    def session_cookies(self, scope: Scope) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""


# Up to Python 3.11, `State.HELD` costs a look-up by the metaclass.
_ASKING, _HELD, _PASSING = State.ASKING, State.HELD, State.PASSING
_SENDING, _RETRY, _DROPPED = State.SENDING, State.RETRY, State.DROPPED

_BODIES = frozenset({"http.response.body", PATHSEND, ZEROCOPYSEND})


class Response:
    """One response between the app and the server.

    The start of a page is sent at once if `PageResponse.head_is_first` says so. Otherwise it is
    held until the first bytes of the body may be sent, since they decide about the head. Servers
    may hold it, too (ASGI specification, "Response Start").
    """

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
        self._response: PageResponse[bytes] | None = None
        self._passes = False
        self._start: Message | None = None
        self._outer_scope: Scope | None = None

    def from_copy(self, outer_scope: Scope) -> Response:
        """Return this response for an app that gets a copy of the outer scope."""
        self._outer_scope = outer_scope
        return self

    @property
    def again(self) -> PageRequest | None:
        """The request with which the app is asked again; None if it is not asked again."""
        response = self._response
        return response.again() if response and response.state is _RETRY else None

    @property
    def is_over(self) -> bool:
        """Whether the app's further messages do not matter."""
        response = self._response
        return response is not None and response.state in (_RETRY, _DROPPED)

    def send(self, message: Message) -> Awaitable[None]:
        """Take the app's next message; return an awaitable that sends what may be sent of it.

        A message that passes unchanged costs no coroutine.
        """
        response, kind = self._response, message["type"]
        if response is None:
            if self._passes or kind != "http.response.start":
                return self._send(message)
            return self._begin(message)
        if kind == "http.response.body":
            return self._rewrite(message, response)
        if kind in (PATHSEND, ZEROCOPYSEND):
            return self._rewrite_file(message, response)
        return self._pass_on(message, response)

    def _begin(self, message: Message) -> Awaitable[None]:
        """Take the start of the app's response."""
        raw = message.get("headers", ())
        if not isinstance(raw, (list, tuple)):  # an iterator, which can be read only once
            raw = list(raw)
            message = {**message, "headers": raw}
        if self._outer_scope is not None:  # other layers also look for what the app put there
            seen = {name: value for name, value in self._scope.items() if name != "headers"}
            self._outer_scope.update(seen)
        response = self._site.pages.begin(self._request, message["status"], raw)
        if response is None:
            self._passes = True
            return self._send(message)
        return self._decide(message, response)

    async def _decide(self, message: Message, response: PageResponse[bytes]) -> None:
        """Decide what becomes of a response, and send or hold its start."""
        if response.state is _ASKING:
            found = self._request.visitor
            visitor = self._site.callbacks.begin(self._scope) if found is None else found
            if not isinstance(visitor, Visitor):
                visitor = await visitor
            lends = self._site.sharing.cookie is not None
            response.visitor(visitor, self._login_cookie(response, visitor) if lends else None)
        self._response = response  # if the app stops waiting, it may begin another response
        state = response.state
        if state is _HELD:
            self._start = message
            if response.head_is_first:
                await self._release(response)
        elif state is _PASSING:
            await self._send(message)
        elif state is not _RETRY:
            self._start = message
            await self._release(response)

    def _login_cookie(self, response: PageResponse[bytes], visitor: Visitor) -> str | None:
        return self._site.login_cookie(
            self._request,
            response,
            visitor,
            lambda: self._middleware.session_cookies(self._scope),
        )

    async def _pass_on(self, message: Message, response: PageResponse[bytes]) -> None:
        """Send a message that holds nothing of a page's body, once the page's start is sent."""
        if response.changes_body:
            await self._release(response)
            if response.state is _DROPPED:
                return
        if message["type"] == "http.response.trailers":
            headers = response.trailers(list(message.get("headers", ())))
            message = {**message, "headers": headers}
        elif response.drops_body and message["type"] in _BODIES:
            more_body = message.get("more_body", False)
            message = {"type": "http.response.body", "body": b"", "more_body": more_body}
        await self._send(message)

    async def _rewrite(self, message: Message, response: PageResponse[bytes]) -> None:
        # An app may begin to send a piece before it awaits the last one.
        # The property `changes_body` says the same, and takes longer.
        if response.state is not _HELD and response.state is not _SENDING:
            await self._pass_on(message, response)
            return
        send = self._send
        received = message.get("body", b"")
        if not isinstance(received, bytes):  # Starlette passes a `memoryview` on
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
            return  # nothing may be sent yet
        if self._start is not None:  # as `_release` does, but without a coroutine for each page
            await send(self._new_start(response))
            if response.state is _DROPPED:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        if response.state is _DROPPED:  # an earlier piece may have led to this state
            return
        is_same = ready is received or (ready is None and not received)
        await send(message if is_same else {**message, "body": ready or b""})

    async def _rewrite_file(self, message: Message, response: PageResponse[bytes]) -> None:
        is_page = response.changes_body
        if not is_page:
            await self._pass_on(message, response)
            return
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
        await self._release(response)
        if response.state is not _DROPPED:
            await self._send({"type": "http.response.body", "body": data, "more_body": more_body})

    async def _release(self, response: PageResponse[bytes]) -> None:
        """Send the start that is held, with its new head.

        Nothing may follow if the state is `DROPPED` then: the earlier answer, which has no body,
        has gone out.
        """
        if self._start is not None:
            await self._send(self._new_start(response))
            if response.state is _DROPPED:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _new_start(self, response: PageResponse[bytes]) -> Message:
        """Return the start that is held, with its new head."""
        assert self._start is not None  # noqa: S101  # this is called once for each start
        start, self._start = self._start, None
        headers = response.head()
        if response.state is _DROPPED:
            return {"type": start["type"], "status": response.status, "headers": headers}
        return {**start, "headers": headers}


def set_cookies(message: Message) -> RawHeaders:
    return [field for field in message.get("headers", ()) if field[0].lower() == b"set-cookie"]
