"""ASGI: the middleware for any ASGI app. It translates messages, and decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import aclosing
from typing import Any

from ._adapters.apps import says_no_route, with_root_path_of
from ._adapters.file_messages import PATHSEND, ZEROCOPYSEND, pieces_of_file
from ._adapters.site import Site
from ._adapters.stopping import run_until
from ._adapters.turns import next_turn
from ._http.headers import ASGI_FORM
from ._model.identity import Identity
from ._model.settings import Settings
from ._model.visitor import Visitor
from ._page.conditions import CONDITIONAL, FIELDS, NO_CONDITIONS
from ._page.request import PageRequest
from ._page.response import PageResponse, State
from ._page.skip import INNER_FIELD
from ._share import FIELDS as SHARING_FIELDS
from ._share import LONGEST_CONTENT, Answer, Needed, Question, Request

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

_BODIES = frozenset({"http.response.body", PATHSEND, ZEROCOPYSEND})
_RAW_NAMES = {name: name.encode("ascii") for name in FIELDS}
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
                with_root_path_of(app, settings),
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
        outer = scope.get(PageRequest.KEY)
        if outer is not None:  # another middleware is around this one
            send = _from_inside(send)
            if outer.replaced_fields:
                scope["headers"] = _changed(scope["headers"], outer.replaced_fields)
        path, root_path = scope["path"], scope.get("root_path", "")
        our_path = site.sharing.path(path, root_path)
        if our_path is not None:
            await self._serve_sharing(site, _sharing_request(scope, our_path), scope, receive, send)
            return
        fields = _Fields(scope["headers"])
        request = site.pages.request(
            scope["method"],
            scope.get("scheme", "http"),
            path,
            root_path,
            fields,
            not _CONDITIONAL.isdisjoint(fields.by_name),
        )
        if outer is not None:
            request.stand_inside(outer)
        if request.conditions is not NO_CONDITIONS:
            await self._serve_conditionally(site, request, scope, receive, send)
            return
        scope[PageRequest.KEY] = request
        await self.app(scope, receive, _Response(self, site, request, scope, send).send)

    def identity_in(self, scope: Scope) -> Identity | None:
        """Return who is visiting, for a site that gives no `identity`."""
        identity: Identity | None = scope.get(IDENTITY_KEY)
        return identity

    def session_cookies(self, scope: Scope) -> Sequence[str]:  # noqa: ARG002
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    async def _serve_conditionally(
        self, site: Site[bytes], request: PageRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on; once more, if what the app answers is not for this client."""
        conditions, untouched = request.conditions, dict(scope)
        asked = scope
        if conditions.changes:
            asked = {**scope, "headers": _changed(scope["headers"], conditions.changes)}
        asked[PageRequest.KEY] = request
        response = _Response(self, site, request, asked, send).from_copy(scope)
        await run_until(lambda: response.is_over, self.app, asked, receive, response.send)
        if response.needs_retry:
            set_cookies = [value.decode("latin-1") for _, value in response.cookies]
            request = request.again(set_cookies)
            headers = _changed(untouched["headers"], request.conditions.changes)
            asked = {**untouched, "headers": headers, PageRequest.KEY: request}
            again = _Response(self, site, request, asked, send).from_copy(scope, response)
            receive = _without_content(receive)
            await run_until(lambda: again.is_over, self.app, asked, receive, again.send)

    async def _serve_sharing(
        self, site: Site[bytes], request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer in the app's place, which may see the request so that the user is known."""
        outer = scope.get(Question.KEY)
        if outer is not None:
            send = _in_place_of(outer, send)
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
        question = scope[Question.KEY] = Question()

        async def answer_instead(message: Message) -> None:
            if question.gives_way:
                await send(message)
            elif message["type"] == "http.response.start" and not is_answered:
                await send_answer([value.decode("latin-1") for _, value in _cookies(message)])

        async def send_answer(set_cookies: list[str]) -> None:
            nonlocal is_answered
            visitor = await site.callbacks.visitor_async(scope)
            is_answered = True  # unless the app has stopped waiting for the visitor
            answer = site.sharing.answer(request, visitor, session_cookies, set_cookies)
            await _send_answer(answer, scope, send)

        try:
            await run_until(lambda: is_answered, self.app, scope, receive, answer_instead)
        except Exception as error:
            if is_answered or question.gives_way or not says_no_route(error):
                raise
            await send_answer([])


class _Response:
    """One response on its way to the server.

    The start of a page goes at once where the response says so. Else it is held until the first
    bytes of the body may go, which tell more of what the head has to say. A server may do so, too
    (ASGI specification, "Response Start").
    """

    _response: PageResponse[bytes] | None = None
    _is_begun = False
    _start: Message | None = None
    _outer_scope: Scope | None = None
    _cookies_before: Sequence[tuple[bytes, bytes]] = ()

    _fallback: Message | None = None
    _is_dropped = False

    cookies: Sequence[tuple[bytes, bytes]] = ()
    """Of an answer that is not for this client, what it set in cookies."""

    yielding: Message | None = None
    """The start of one that goes out after all, unless the app's next answer replaces the copy."""

    def __init__(
        self,
        middleware: PaviorMiddleware,
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

    def from_copy(self, outer_scope: Scope, earlier: _Response | None = None) -> _Response:
        """Return this response as that of an app which got a copy of the outer scope.

        `earlier` is the one in whose place this one goes out, if it does.
        """
        self._outer_scope = outer_scope
        if earlier is not None:
            self._cookies_before = earlier.cookies
            self._fallback = earlier.yielding
        return self

    @property
    def needs_retry(self) -> bool:
        """Whether the app is to be asked again, as none of its answer is for this client."""
        return self._response is not None and self._response.state is State.RETRY

    @property
    def is_over(self) -> bool:
        """Whether nothing more that the app sends matters."""
        return self._is_dropped or self.needs_retry

    async def send(self, message: Message) -> None:
        """Take the app's next message; send what of it may go."""
        response = self._response
        if response is None:
            if not self._is_begun and message["type"] == "http.response.start":
                message, response = self._begin(message)
                if response is None and self._fallback is not None:
                    await self._fall_back(message, self._fallback)
                    return
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
        if self._cookies_before:
            raw = [*self._cookies_before, *raw]
            message = {**message, "headers": raw}
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
        if self._fallback is not None and not response.replaces_copy:
            await self._fall_back(message, self._fallback)
            return
        if response.state is State.HELD:
            self._start = message
            # Where an earlier answer may go out instead, the body has to tell.
            if response.head_is_first and self._fallback is None:
                await self._release(response)
        elif response.state is State.EDITED:
            await self._send({**message, "headers": response.head()})
        elif response.state is State.RETRY:
            self.cookies = _cookies(message)
            if response.may_go_out:
                self.yielding = message
        else:
            await self._send(message)

    async def _fall_back(self, message: Message, earlier: Message) -> None:
        """Send the earlier answer, as this one, which begins with a message, replaces no copy."""
        self._is_dropped = True
        own = _cookies(message)[len(self._cookies_before) :]  # the others are in the earlier one
        await self._send({**earlier, "headers": [*earlier.get("headers", ()), *own]})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

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
        """Send the start that is held; return whether the body may follow."""
        if self._start is not None:
            start, self._start = self._start, None
            headers = response.head()
            if self._fallback is not None and not response.replaces_copy:
                await self._fall_back(start, self._fallback)
            else:
                await self._send({**start, "headers": headers})
        return not self._is_dropped


def _from_inside(send: Send) -> Send:
    """Return the `send` of a middleware that another one is around, which leaves it alone."""

    async def send_from_inside(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (INNER_FIELD.encode("ascii"), b"1")]
            message = {**message, "headers": headers}
        await send(message)

    return send_from_inside


def _in_place_of(outer: Question, send: Send) -> Send:
    """Return the `send` of a middleware that answers a question in place of the one around it."""

    async def send_answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            outer.give_way()
        await send(message)

    return send_answer


def _without_content(receive: Receive) -> Receive:
    """Return what tells an app anew that its request, which has no content, has come in whole."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive_again() -> Message:
        if messages:
            return messages.pop()
        message = await receive()
        while message["type"] == "http.request":  # which the app's first answer did not wait for
            message = await receive()
        return message

    return receive_again


def _cookies(message: Message) -> RawHeaders:
    return [field for field in message.get("headers", ()) if field[0].lower() == b"set-cookie"]


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


class _Fields(Mapping[str, str]):
    """The request fields that matter, several of a name in one (RFC 9110 section 5.3).

    HTTP/2 may cut `Cookie` in pieces, which a semicolon joins (RFC 9113 section 8.2.3). Fields are
    decoded when they are looked at, which few are.
    """

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.by_name = dict(headers)
        if len(self.by_name) < len(headers):
            self.by_name = _joined(headers)

    def __getitem__(self, name: str) -> str:
        return self.by_name[_RAW_NAMES[name]].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name for name, raw in _RAW_NAMES.items() if raw in self.by_name)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return _RAW_NAMES.get(name) in self.by_name  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or `default`."""
        value = self.by_name.get(_RAW_NAMES[name])
        return default if value is None else value.decode("latin-1")


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {
        name: (b"; " if name == b"cookie" else b", ").join(each) for name, each in values.items()
    }


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
