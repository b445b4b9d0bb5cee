"""ASGI: the middleware for any ASGI app. It translates messages, and decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import aclosing
from typing import Any

from ._adapters.file_messages import PATHSEND, ZEROCOPYSEND, pieces_of_file
from ._adapters.site import Site
from ._http.headers import ASGI_FORM
from ._model.identity import Identity
from ._model.settings import Settings
from ._model.visitor import Visitor
from ._page.conditions import CONDITIONAL, FIELDS
from ._page.request import PageRequest
from ._page.response import PageResponse, State
from ._share import FIELDS as SHARING_FIELDS
from ._share import LONGEST_CONTENT, Answer, Needed, Request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
IdentityOfScope = Callable[[dict[str, Any]], Identity | Awaitable[Identity | None] | None]
ConsentOfScope = Callable[[dict[str, Any]], bool | Awaitable[bool]]
RawHeaders = list[tuple[bytes, bytes]]

IDENTITY_KEY = "pavior.identity"
"""Under this key of the scope an app may put the request's `Identity`, or None for nobody."""

_FIELD_NAMES = {name.encode("ascii"): name for name in FIELDS}
_CONDITIONAL = frozenset(name.encode("ascii") for name in CONDITIONAL)


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of an ASGI app.

    `identity` is called with the scope once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. Without it,
    `scope["pavior.identity"]` is read. `consent`, called alike, says whether the chat may be shown;
    without it, it may. Both may be coroutine functions. Those that are not run in a thread, unless
    the setting `identity_may_block` is False.

    With `settings.enabled` False, everything passes untouched.
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
        self._site = None
        if settings.enabled:
            self._site = Site(
                settings,
                ASGI_FORM,
                identity=identity,
                default_identity=self.identity_in,
                consent=consent,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI specification, "Applications")."""
        site = self._site
        if site is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = site.sharing.path(scope["path"], scope.get("root_path", ""))
        if path is None:
            await self._serve_page(site, scope, receive, send)
        else:
            request = _sharing_request(scope, path)
            await self._serve_sharing(site, request, scope, receive, send)

    def identity_in(self, scope: Scope) -> Identity | None:
        """Return who is visiting, for a site that gives no `identity`."""
        identity: Identity | None = scope.get(IDENTITY_KEY)
        return identity

    def session_cookies(self, scope: Scope) -> Sequence[str]:  # noqa: ARG002
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    async def _serve_page(
        self, site: Site[bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on; once more, if what the app answers is not for this client."""
        headers = scope["headers"]
        request = site.pages.request(
            scope["method"],
            scope.get("scheme", "http"),
            scope["path"],
            scope.get("root_path", ""),
            lambda: _fields(headers),
            is_conditional=not _CONDITIONAL.isdisjoint(dict(headers)),
        )
        conditions = request.conditions
        untouched = dict(scope) if conditions.may_ask_again else scope
        response = self._response(site, request, scope, scope, send)
        await self.app(response.scope, receive, response.send)
        if response.needs_retry:
            again = self._response(site, request.again(), untouched, scope, send)
            again.cookies_before = response.cookies
            await self.app(again.scope, _without_content(receive), again.send)

    def _response(
        self,
        site: Site[bytes],
        request: PageRequest,
        scope: Scope,
        outer_scope: Scope,
        send: Send,
    ) -> _Response:
        if request.conditions.changes:
            headers = _changed(scope["headers"], request.conditions.changes)
            scope = {**scope, "headers": headers}
        scope[PageRequest.KEY] = request
        return _Response(self, site, request, scope, outer_scope, send)

    async def _serve_sharing(
        self, site: Site[bytes], request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer in the app's place, which may see the request so that the user is known."""
        begun = site.sharing.begin(request)
        if isinstance(begun, Answer):
            await _send_answer(begun, scope, send)
            return
        if begun is Needed.CONTENT:
            content = await _content(receive, LONGEST_CONTENT + 1)
            await _send_answer(site.sharing.exchange(request, content), scope, send)
            return

        session_cookies = self.session_cookies(scope)
        is_answered = False

        async def answer_instead(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start" and not is_answered:
                is_answered = True
                visitor = await site.callbacks.visitor_async(scope)
                answer = site.sharing.answer(request, visitor, session_cookies)
                await _send_answer(answer, scope, send)

        await self.app(scope, receive, answer_instead)


class _Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body may go, as a server does itself
    (ASGI specification, "Response Start"), since they tell its length.
    """

    cookies_before: RawHeaders = []  # noqa: RUF012  # it is never changed
    """What an answer that was not for this client set in cookies."""

    def __init__(
        self,
        middleware: PaviorMiddleware,
        site: Site[bytes],
        request: PageRequest,
        scope: Scope,
        outer_scope: Scope,
        send: Send,
    ) -> None:
        self.scope = scope
        self.cookies: RawHeaders = []
        """Of an answer that is not for this client, what it set in cookies."""

        self._middleware = middleware
        self._site = site
        self._request = request
        self._response: PageResponse[bytes] = site.pages.response(request)
        self._outer_scope = outer_scope
        self._send = send
        self._start: Message | None = None

    @property
    def needs_retry(self) -> bool:
        """Whether the app is to be asked again, as none of its answer is for this client."""
        return self._response.state is State.RETRY

    async def send(self, message: Message) -> None:
        """Take the app's next message; send what of it may go."""
        kind, state = message["type"], self._response.state
        if kind == "http.response.start" and state is State.IDLE:
            await self._begin(message)
        elif state is State.PASSING:
            await self._send(message)
        elif state is State.RETRY:
            return
        elif kind == "http.response.body" and self._response.changes_body:
            await self._rewrite(message)
        elif kind in (PATHSEND, ZEROCOPYSEND) and self._response.changes_body:
            await self._rewrite_file(message)
        else:
            await self._release()
            if kind == "http.response.trailers":
                headers = self._response.trailers(list(message.get("headers", ())))
                message = {**message, "headers": headers}
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        raw = message.get("headers", ())
        if not isinstance(raw, list | tuple):  # an iterator, which can be read but once
            raw = list(raw)
            message = {**message, "headers": raw}
        if self._outer_scope is not self.scope:  # what the app put there, others look for too
            seen = {name: value for name, value in self.scope.items() if name != "headers"}
            self._outer_scope.update(seen)
        if self.cookies_before:
            raw = [*self.cookies_before, *raw]
            message = {**message, "headers": raw}
        state = self._response.start(message["status"], raw)
        if state is State.ASKING:
            visitor = await self._site.callbacks.visitor_async(self.scope)
            state = self._response.visitor(visitor, self._login_cookie(visitor))
        if state is State.PASSING:
            await self._send(message)
        elif state is State.RETRY:
            self.cookies = [field for field in raw if field[0].lower() == b"set-cookie"]
        else:
            self._start = message

    def _login_cookie(self, visitor: Visitor) -> str | None:
        return self._site.login_cookie(
            self._request,
            self._response,
            visitor,
            lambda: self._middleware.session_cookies(self.scope),
        )

    async def _rewrite(self, message: Message) -> None:
        received = message.get("body", b"")
        if not isinstance(received, bytes):  # Starlette sends a `memoryview` as it is
            received = bytes(received)
        is_last = not message.get("more_body", False)
        ready: bytes | None = None
        for piece in self._response.feed(received, is_last=is_last):
            if ready is not None:
                await self._send_body(ready)
            ready = piece
        if ready is None and received and not is_last:
            return  # all of it is held back
        await self._release()
        is_same = ready is received or (ready is None and not received)
        await self._send(message if is_same else {**message, "body": ready or b""})

    async def _rewrite_file(self, message: Message) -> None:
        async with aclosing(pieces_of_file(message)) as pieces:
            async for received in pieces:
                if not self._response.changes_body:  # it is longer than the app has said
                    await self._send_body(received)
                    continue
                for piece in self._response.feed(received):
                    await self._send_body(piece)
        more_body = message.get("more_body", False)
        rest = b""
        if self._response.changes_body and not more_body:
            rest = b"".join(self._response.feed(b"", is_last=True))
        await self._send_body(rest, more_body=more_body)

    async def _send_body(self, data: bytes, *, more_body: bool = True) -> None:
        await self._release()
        await self._send({"type": "http.response.body", "body": data, "more_body": more_body})

    async def _release(self) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            await self._send({**start, "headers": self._response.head()})


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
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the request fields that matter, several of a name in one (RFC 9110 section 5.3).

    HTTP/2 may cut `Cookie` in pieces, which a semicolon joins (RFC 9113 section 8.2.3).
    """
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = _FIELD_NAMES.get(raw_name)
        if name is not None:
            value = raw_value.decode("latin-1")
            if name in fields:
                value = f"{fields[name]}{'; ' if name == 'cookie' else ', '}{value}"
            fields[name] = value
    return fields


def _changed(
    headers: Sequence[tuple[bytes, bytes]], changes: Mapping[str, str | None]
) -> RawHeaders:
    kept = [(name, value) for name, value in headers if name.decode("latin-1") not in changes]
    added = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in changes.items()
        if value is not None
    ]
    return kept + added
