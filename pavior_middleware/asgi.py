"""The ASGI shell: moves messages between the server and the app, and decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from ._adapters.file_messages import PATHSEND, ZEROCOPYSEND, pieces_of_file
from ._http.headers import HeaderList
from ._model.identity import Identity
from ._model.settings import Settings
from ._model.visitor import VisitorSource
from ._page.conditions import FIELDS
from ._page.exchange import Exchange
from ._page.rewriter import Rewriter
from ._page.rewriting import Handling, Rewriting
from ._share import FIELDS as SHARING_FIELDS
from ._share import LONGEST_CONTENT, Answer, Needed, Request, Sharing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
IdentityOfScope = Callable[[dict[str, Any]], Identity | Awaitable[Identity | None] | None]
ConsentOfScope = Callable[[dict[str, Any]], bool | Awaitable[bool]]
RawHeaders = list[tuple[bytes, bytes]]


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of an ASGI app.

    `identity` is called with the scope once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. `consent`, called alike, says
    whether the chat may be shown; without it, it may. Both may be coroutine functions.

    With `settings.enabled` False, what is returned is the app itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        identity: IdentityOfScope | None = None,
        consent: ConsentOfScope | None = None,
    ) -> None:
        self.app = app
        self._sharing = Sharing(settings)
        self._rewriting = Rewriting(
            settings, asks_consent=consent is not None, cookie=self._sharing.cookie
        )
        self._visitors = VisitorSource(identity, consent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI specification, "Applications")."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = self._sharing.path(scope["path"], scope.get("root_path", ""))
        if path is None:
            await self._serve_page(scope, receive, send)
        else:
            await self._serve_sharing(_sharing_request(scope, path), scope, receive, send)

    def session_cookies(self, scope: Scope) -> Sequence[str]:  # noqa: ARG002
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    async def _serve_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; once more, if what the app answers is not for this client."""
        fields = _fields(scope["headers"])
        exchange = self._rewriting.exchange(
            scope["method"],
            scope.get("scheme", "http"),
            scope["path"],
            scope.get("root_path", ""),
            fields,
            partial(self.session_cookies, scope),
        )
        untouched = dict(scope) if exchange and exchange.conditions.may_ask_again else scope
        response = self._response(scope, exchange, scope, send)
        await self.app(response.scope, receive, response.send)
        if exchange and response.is_for_another:
            again = self._response(untouched, exchange.again(), scope, send, response.cookies)
            await self.app(again.scope, _without_content(receive), again.send)

    def _response(
        self,
        scope: Scope,
        exchange: Exchange | None,
        outer_scope: Scope,
        send: Send,
        cookies: Sequence[tuple[bytes, bytes]] = (),
    ) -> _Response:
        if exchange is not None and exchange.conditions.changes:
            headers = _changed(scope["headers"], exchange.conditions.changes)
            scope = {**scope, "headers": headers}
        scope[Exchange.KEY] = exchange
        return _Response(
            scope, exchange, outer_scope, send, self._rewriting, self._visitors, cookies
        )

    async def _serve_sharing(
        self, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer in the app's place, which may see the request so that the user is known."""
        begun = self._sharing.begin(request)
        if isinstance(begun, Answer):
            await _send_answer(begun, scope, send)
            return
        if begun is Needed.CONTENT:
            content = await _content(receive, LONGEST_CONTENT + 1)
            await _send_answer(self._sharing.exchange(request, content), scope, send)
            return

        session_cookies = self.session_cookies(scope)
        is_answered = False

        async def answer_instead(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start" and not is_answered:
                is_answered = True
                visitor = await self._visitors.ask_async(scope)
                answer = self._sharing.answer(request, visitor, session_cookies)
                await _send_answer(answer, scope, send)

        await self.app(scope, receive, answer_instead)


class _Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body may go, as a server does itself
    (ASGI specification, "Response Start"), since they tell its length.
    """

    is_for_another = False
    """Whether the response speaks of a page that this client is not to get, so none of it goes."""

    def __init__(
        self,
        scope: Scope,
        exchange: Exchange | None,
        outer_scope: Scope,
        send: Send,
        rewriting: Rewriting,
        visitors: VisitorSource,
        cookies: Sequence[tuple[bytes, bytes]],
    ) -> None:
        self.scope = scope
        self._exchange = exchange
        self._outer_scope = outer_scope
        self._send = send
        self._rewriting = rewriting
        self._visitors = visitors
        self._cookies_before = cookies
        self.cookies: Sequence[tuple[bytes, bytes]] = ()
        """Of an answer that is not for this client, what it set in cookies."""
        self._start: Message | None = None
        self._rewriter: Rewriter | None = None

    async def send(self, message: Message) -> None:
        """Take the app's next message; send what of it may go."""
        if self.is_for_another:
            return
        rewriter, kind = self._rewriter, message["type"]
        if kind == "http.response.start":
            await self._begin(message)
        elif rewriter is None:
            await self._send(message)
        elif kind == "http.response.body" and rewriter.changes_body:
            await self._rewrite(message, rewriter)
        elif kind in (PATHSEND, ZEROCOPYSEND) and rewriter.changes_body:
            await self._rewrite_file(message, rewriter)
        else:
            await self._release(rewriter)
            if kind == "http.response.trailers":
                headers = rewriter.trailers(_decoded(message.get("headers", ())))
                message = {**message, "headers": _encoded(headers)}
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        raw = message.get("headers", ())
        if not isinstance(raw, list | tuple):  # an iterator, which can be read but once
            raw = list(raw)
            message = {**message, "headers": raw}
        if self._outer_scope is not self.scope:  # what the app put there, others look for too
            seen = {name: value for name, value in self.scope.items() if name != "headers"}
            self._outer_scope.update(seen)
        if self._cookies_before:
            raw = [*self._cookies_before, *raw]
            message = {**message, "headers": raw}
        headers = _decoded(raw)
        handling = self._rewriting.handling(self._exchange, message["status"], headers)
        if handling is Handling.LEAVE:
            await self._send(message)
            return
        is_named = handling is Handling.NAME
        visitor = await self._visitors.ask_async(self.scope) if is_named else None
        self._rewriter = self._rewriting.rewriter(
            self._exchange, message["status"], headers, visitor
        )
        self._start = message
        if self._rewriter is None:
            self.is_for_another = True
            self.cookies = [field for field in raw if field[0].lower() == b"set-cookie"]

    async def _rewrite(self, message: Message, rewriter: Rewriter) -> None:
        received = bytes(message.get("body", b""))  # Starlette sends a `memoryview` as it is
        is_last = not message.get("more_body", False)
        ready: bytes | None = None
        for piece in rewriter.feed(received, is_last=is_last):
            if ready is not None:
                await self._send_body(ready, rewriter)
            ready = piece
        if ready is None and received and not is_last:
            return  # all of it is held back
        await self._release(rewriter)
        is_same = ready is received or (ready is None and not received)
        await self._send(message if is_same else {**message, "body": ready or b""})

    async def _rewrite_file(self, message: Message, rewriter: Rewriter) -> None:
        async with aclosing(pieces_of_file(message)) as pieces:
            async for received in pieces:
                for piece in rewriter.feed(received):
                    await self._send_body(piece, rewriter)
        more_body = message.get("more_body", False)
        rest = b"" if more_body else b"".join(rewriter.finish())
        await self._send_body(rest, rewriter, more_body=more_body)

    async def _send_body(self, data: bytes, rewriter: Rewriter, *, more_body: bool = True) -> None:
        await self._release(rewriter)
        await self._send({"type": "http.response.body", "body": data, "more_body": more_body})

    async def _release(self, rewriter: Rewriter) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            headers = _encoded(rewriter.headers())
            await self._send({**start, "headers": headers})


def _without_content(receive: Receive) -> Receive:
    """Return what tells an app anew that its request, which has no content, has come in whole."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _sharing_request(scope: Scope, path: str) -> Request:
    fields: dict[str, list[str]] = {}
    for raw_name, value in scope["headers"]:
        name = raw_name.decode("latin-1")
        if name in SHARING_FIELDS:
            fields.setdefault(name, []).append(value.decode("latin-1"))
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], path, query, fields, scope["path"])


async def _content(receive: Receive, longest: int) -> bytes:
    """Return a request's content, or its beginning where it is longer."""
    content = b""
    more_body = True
    while more_body and len(content) < longest:
        message = await receive()
        content += message.get("body", b"")
        more_body = message.get("more_body", False)
    return content[:longest]


async def _send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    headers = _encoded(list(answer.headers))
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the request fields that matter, several of a name in one (RFC 9110 section 5.3).

    HTTP/2 may cut `Cookie` in pieces, which a semicolon joins (RFC 9113 section 8.2.3).
    """
    values: dict[str, list[str]] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1")
        if name in FIELDS:
            values.setdefault(name, []).append(value.decode("latin-1"))
    return {name: ("; " if name == "cookie" else ", ").join(each) for name, each in values.items()}


def _changed(
    headers: Sequence[tuple[bytes, bytes]], changes: Mapping[str, str | None]
) -> RawHeaders:
    kept = [(name, value) for name, value in headers if name.decode("latin-1") not in changes]
    added = [(name, value) for name, value in changes.items() if value is not None]
    return kept + _encoded(added)


def _decoded(headers: Any) -> HeaderList:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _encoded(headers: HeaderList) -> RawHeaders:
    """ASGI wants the names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
