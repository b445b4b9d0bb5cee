"""One response of an aiohttp app on its way to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from .._page.request import PageRequest
from .._page.response import PageResponse, State
from .._page.skip import INNER_FIELD
from .._share import Question
from .response_objects import decide
from .site import Site
from .stopping import MOST_IGNORED
from .turns import next_turn

AskAgain = Callable[[PageRequest], Awaitable[None]]

_SWITCHING = str(HTTPStatus.SWITCHING_PROTOCOLS.value)
_UNWANTED = (State.RETRY, State.DROPPED)
_ENCODING, _LENGTH, _TRANSFER = "Content-Encoding", "Content-Length", "Transfer-Encoding"


class Middleware(Protocol):
    """The part of the middleware that a response needs."""

    def session_cookies(self, request: web.Request) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""


class Framing:
    """How the server should frame and encode the body of a response."""

    def __init__(self) -> None:
        self.length: int | None = None
        self.is_chunked = False
        self.compression: tuple[Any, ...] | None = None

    def apply(self, writer: AbstractStreamWriter) -> None:
        """Apply this to what is written from now on."""
        writer.length = self.length
        if self.is_chunked:
            writer.enable_chunking()
        if self.compression is not None:
            writer.enable_compression(*self.compression)


class Unsent(AbstractStreamWriter):
    """Takes and drops the writes of a response that does not go out.

    After `MOST_IGNORED` pieces the client counts as gone, since an app may write without an end.
    """

    def __init__(self, inner: AbstractStreamWriter) -> None:
        self.inner = inner
        self.framing = Framing()
        self.question = Question()
        self._ignored = 0

    @property
    def is_too_long(self) -> bool:
        """Whether the app has written more than `MOST_IGNORED` pieces."""
        return self._ignored > MOST_IGNORED

    @property
    def output_size(self) -> int:  # type: ignore[override]
        """The bytes that have been sent."""
        return self.inner.output_size

    @property
    def length(self) -> int | None:
        """The length that the response has declared."""
        return self.framing.length

    @length.setter
    def length(self, length: int | None) -> None:
        self.framing.length = length

    @property
    def transport(self) -> Any:
        """The transport of the connection."""
        return self.inner.transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def enable_chunking(self) -> None:
        self.framing.is_chunked = True

    def enable_compression(self, *arguments: Any, **named: Any) -> None:
        self.framing.compression = (*arguments, *named.values())

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        pass

    def send_headers(self) -> None:
        pass

    async def write(self, chunk: bytes | bytearray | memoryview, **options: Any) -> None:  # noqa: ARG002
        self._ignored += 1
        if self.is_too_long:
            raise ConnectionResetError("Nobody reads this response any more")

    async def write_eof(self, chunk: bytes = b"") -> None:
        pass

    async def drain(self) -> None:
        pass


class PageWriter(Unsent):
    """Takes the writes of a response, and passes on those that may be sent.

    The head of a page is held until the first bytes of its body may be sent, or until the response
    says that the head need not wait.

    `ask_again` is called if the app's answer is not usable for this client. It is None while the
    handler runs, since the handler may hold a lock that its next answer needs. Then the middleware
    looks at `again`.
    """

    again: PageRequest | None = None
    """The request with which the app is asked again; None if it is not asked again."""

    ask_again: AskAgain | None = None
    prepared: web.StreamResponse | None = None
    """The response that is about to write its head."""

    _response: PageResponse[str] | None = None
    _pending_head: tuple[str, CIMultiDict[str], Framing] | None = None

    def __init__(
        self,
        inner: AbstractStreamWriter,
        middleware: Middleware,
        site: Site[str],
        page_request: PageRequest,
        requests: Sequence[web.Request],
    ) -> None:
        super().__init__(inner)
        self.page_request = page_request
        others = inner.requests if isinstance(inner, PageWriter) else ()
        self.requests: tuple[web.Request, ...] = (*others, *requests)
        """The requests whose responses it takes: the server's, and the copies for the app."""

        self._request: web.Request | None = requests[-1]
        self._middleware = middleware
        self._site = site

    @property
    def _is_unwanted(self) -> bool:
        return self._response is not None and self._response.state in _UNWANTED

    def see(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take the response that is about to write its head.

        A middleware of the app may have copied the request. Then the copy holds what the app knows.
        """
        self.prepared = response
        if request not in self.requests:
            self._request = request

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        """Take the head of a response. The page of an error may follow one that was not sent."""
        if status_line.split(" ", 2)[1] == _SWITCHING:
            self._forget()
        framing, self.framing = self.framing, Framing()
        fields = list(headers.items())
        if framing.compression is not None:  # the bytes written here are not compressed yet
            fields = [field for field in fields if field[0].lower() != _ENCODING.lower()]
        status = int(status_line.split(" ", 2)[1])
        response = self._response = self._site.pages.begin(self.page_request, status, fields)
        if response is None:
            await self._pass_on(status_line, headers, framing)
            return
        if response.state is State.ASKING:
            visitor = await self._site.callbacks.visitor_async(self._request)
            decide(self._site, self.page_request, response, visitor, self._session_cookies)
        if response.state is State.PASSING:
            await self._pass_on(status_line, headers, framing)
            return
        self._pending_head = status_line, headers, framing
        if response.changes_body or response.state is State.RETRY:
            self._forbid_sendfile()
        if response.state is State.RETRY:
            self.again = response.again()
            if self.ask_again is not None:
                await self.ask_again(self.again)
        elif response.head_is_first or not response.changes_body:
            await self._release(response)

    def send_headers(self) -> None:
        if self._pending_head is None and not self._is_unwanted:
            self.inner.send_headers()

    async def write(self, chunk: bytes | bytearray | memoryview, **options: Any) -> None:
        response = self._response
        if self._is_unwanted:
            await super().write(chunk)
        elif response is None or not response.changes_body:
            if response is None or not response.drops_body:
                await self.inner.write(chunk, **options)
        else:
            for piece in response.feed(bytes(chunk)):
                if not piece:
                    await next_turn()
                elif await self._release(response):
                    await self.inner.write(piece, **options)

    async def write_eof(self, chunk: bytes = b"") -> None:
        self._forget()
        response = self._response
        if self._is_unwanted:
            return
        if response is not None and response.changes_body:
            chunk = await self._last_pieces(response, bytes(chunk))
            if not await self._release(response):
                return
        elif response is not None and response.drops_body:
            chunk = b""
        await self.inner.write_eof(chunk)

    def _forget(self) -> None:
        """Drop the requests, which refer to this writer: a cycle is freed only by the collector."""
        self.requests = ()
        self._request = None
        self.ask_again = None

    async def drain(self) -> None:
        if self._pending_head is None:
            await self.inner.drain()

    async def _last_pieces(self, response: PageResponse[str], chunk: bytes) -> bytes:
        """Write the rest of a body, except for its last piece, which is returned."""
        ready = b""
        for piece in response.feed(chunk, is_last=True):
            if not piece:
                await next_turn()
                continue
            if ready and await self._release(response):
                await self.inner.write(ready)
            ready = piece
        return ready

    async def _release(self, response: PageResponse[str]) -> bool:
        """Send the head that is held; return whether the body may follow.

        It may not if the earlier answer goes out, which has no body.
        """
        if self._pending_head is None:
            return response.state is not State.DROPPED
        (status_line, _, framing), self._pending_head = self._pending_head, None
        has_body = response.changes_body or response.state is State.COMPLETE
        headers = CIMultiDict(response.head())
        if response.state is State.DROPPED:
            version = status_line.partition(" ")[0]
            status = HTTPStatus(response.status)
            await self._pass_on(f"{version} {status.value} {status.phrase}", headers, Framing())
            await self.inner.write_eof()
            return False
        if framing.compression is not None:
            headers[_ENCODING] = framing.compression[0]
        if has_body:
            self._frame(status_line, headers, framing)
        await self._pass_on(status_line, headers, framing)
        return True

    def _frame(self, status_line: str, headers: CIMultiDict[str], framing: Framing) -> None:
        """Set the framing of a body whose length has changed, or is not known any more."""
        if framing.length is None:
            return
        length = headers.get(_LENGTH)
        framing.length = None if length is None else int(length)
        if length is not None:
            return
        if status_line.startswith("HTTP/1.0"):
            headers.popall("Connection", None)
            if self.prepared is not None:
                self.prepared.force_close()
        else:
            framing.is_chunked = True
            headers[_TRANSFER] = "chunked"

    async def _pass_on(self, status_line: str, headers: CIMultiDict[str], framing: Framing) -> None:
        if isinstance(self.inner, PageWriter):  # it does not change what this writer writes
            headers = CIMultiDict(headers)
            headers[INNER_FIELD.title()] = "1"
        framing.apply(self.inner)
        await self.inner.write_headers(status_line, headers)

    def _session_cookies(self) -> Sequence[str]:
        assert self._request is not None  # noqa: S101  # until the response ends
        return self._middleware.session_cookies(self._request)

    def _forbid_sendfile(self) -> None:
        """Make a file go through this writer; `sendfile` would send it unchanged.

        A `FileResponse` looks whether the body is compressed only when it writes its head.
        """
        if self.prepared is not None and not self.prepared.compression:
            self.prepared.enable_compression(web.ContentCoding.identity)
