"""One response of a WSGI app on its way to the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from .._http.headers import HeaderList
from .._model.visitor import Visitor
from .._page.request import PageRequest
from .._page.response import PageResponse, State
from .._page.skip import INNER_FIELD, SKIP_FIELD
from .environ import FIELD_KEYS, text
from .site import Site

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Write = Callable[[bytes], object]


class Middleware(Protocol):
    """What the middleware of a framework knows by itself."""

    def visitor(self, site: Site[str], environ: dict[str, Any]) -> Visitor:
        """Return who is visiting, once the app has begun its response."""

    def session_cookies(self) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""


class Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body are there, since they tell its
    length. They are taken from the app before the server gets its iterable: some servers read the
    status and the header fields right then. `PageResponse.head_is_first` is not asked: a server
    sends a head with the first piece that is not empty (PEP 3333), whenever it has got the head.
    """

    def __init__(
        self,
        middleware: Middleware,
        site: Site[str],
        request: PageRequest,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> None:
        self._middleware = middleware
        self._site = site
        self._request = request
        self._environ = environ
        self._outer_environ = outer_environ
        self._start_response = start_response
        self._response: PageResponse[str] | None = None
        self._held: tuple[str, OptExcInfo | None] | None = None
        self.is_begun = self._has_started = False
        """Whether the app has called `start_response`, and whether we have called the server's."""

        self._server_write: Write

    @property
    def again(self) -> PageRequest | None:
        """The request by which the app is to be asked again; None if it need not be."""
        response = self._response
        return response.again() if response and response.state is State.RETRY else None

    @property
    def is_unwanted(self) -> bool:
        """Whether nothing more is to be read of what the app answers."""
        return self._response is not None and self._response.state in _UNWANTED

    @property
    def _drops_body(self) -> bool:
        return self._response is not None and self._response.drops_body

    def start(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        """Be the app's `start_response`."""
        if self._response is not None and self._response.state is State.DROPPED:
            return _write_nothing
        if exc_info is None and self._held is not None:
            raise AssertionError("start_response() was called twice without exc_info")
        if self._has_started:  # the server decides what to do
            if self._response is not None:
                self._response.abandon()
            kept = [field for field in headers if field[0].lower() not in _OPT_OUTS]
            return self._call_server(status, kept, exc_info)
        if self._outer_environ is not self._environ:  # what the app put there, others look for too
            seen = {key: value for key, value in self._environ.items() if key not in FIELD_KEYS}
            self._outer_environ.update(seen)
        self._held, self.is_begun = None, True
        response = self._site.pages.begin(self._request, int(status[:3]), headers)
        self._response = response
        if response is None:
            return self._call_server(status, headers, exc_info)
        if response.state is State.ASKING:
            self._see_prefix()
            visitor = self._middleware.visitor(self._site, self._environ)
            response.visitor(visitor, self._login_cookie(response, visitor))
        if response.state is State.PASSING:
            return self._call_server(status, headers, exc_info)
        self._held = status, exc_info
        return self._write

    def _see_prefix(self) -> None:
        """Have a page ask below the prefix that an inner middleware, as `ProxyFix`, has found."""
        script_name = self._environ.get("SCRIPT_NAME", "")
        if script_name == self._request.root_path:  # as nearly always, so nothing is decoded
            return
        script_name = text(script_name)
        if script_name != self._request.root_path:
            self._request.see_path(script_name + text(self._environ.get("PATH_INFO", "")))

    def body(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        """Return what the server is to iterate: the app's own iterable unless that must change.

        The server's `start_response` has been called by then, unless the app is to be asked again.
        If anything fails before, or this answer of the app is unwanted, its iterable is closed
        here, since the server never gets it.
        """
        is_returned = False
        try:
            body = self._begun(iterable)
            is_returned = not self.is_unwanted
        finally:
            if not is_returned:
                close(iterable)
        return body if is_returned else []

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes of the body and return what may be sent of it now.

        The server's `start_response` has been called when the first piece is read, if not before.
        """
        response = self._response
        if response is None or not response.changes_body:
            self.release()
            has_data = data and not (self.is_unwanted or self._drops_body)
            return iter((data,) if has_data else ())
        if type(data) is not bytes:  # some servers take other objects of bytes
            data = bytes(data)
        pieces = response.feed(data, is_last=is_last)
        if not isinstance(pieces, tuple):
            return self._released(pieces)
        self.release()
        return iter(() if response.state is State.DROPPED else pieces)

    def _released(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if not piece:  # a pause; here each request has a thread or a process
                continue
            self.release()
            if self.is_unwanted:
                return
            yield piece
        self.release()

    def _begun(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        response = self._response
        changes_body = False
        if response is not None:
            changes_body = response.changes_body
            if not changes_body:
                if response.state in (State.EDITED, State.EARLIER):
                    self.release()
                if response.state in _UNWANTED:
                    return iterable
                if response.drops_body:
                    return _NoBody(iterable)
        if self._has_started and not changes_body:
            return iterable
        is_plain = isinstance(iterable, (list, tuple)) and not hasattr(iterable, "close")
        if changes_body and is_plain and len(iterable) == 1:  # type: ignore[arg-type]
            # A server tells the length of a body that is one piece, and this one stays so.
            (piece,) = iterable
            return [b"".join(self.feed(piece, is_last=True))]
        body = _Body(iterable, self)
        if not self._has_started:
            body.begin()
        return _NoBody(iterable) if self._drops_body else body

    def _login_cookie(self, response: PageResponse[str], visitor: Visitor) -> str | None:
        if self._site.sharing.cookie is None:
            return None
        return self._site.login_cookie(
            self._request, response, visitor, self._middleware.session_cookies
        )

    def _write(self, data: bytes) -> None:
        if not self.is_unwanted:
            for piece in self.feed(data):
                self._server_write(piece)

    def release(self) -> None:
        """Call the server's `start_response`, if that has waited; not if the app is asked again."""
        response = self._response
        if self._held is not None and response is not None and response.state is not State.RETRY:
            (status, exc_info), self._held = self._held, None
            headers = response.head()
            if response.state is State.DROPPED:
                earlier = HTTPStatus(response.status)
                status = f"{earlier.value} {earlier.phrase}"
            self._call_server(status, headers, exc_info)

    def _call_server(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None) -> Write:
        if exc_info is None:
            self._server_write = self._start_response(status, headers)
        else:
            self._server_write = self._start_response(status, headers, exc_info)
        self._has_started = True
        return self._server_write


class _Body:
    """The body of a page, or of an app that is a generator.

    Nothing is asked of the app before the server asks for it, but for the first piece.
    """

    def __init__(self, pieces: Iterable[bytes], response: Response) -> None:
        self._pieces = pieces
        self._iterator = iter(pieces)
        self._response = response
        self._ready: Iterator[bytes] = iter(())
        self._is_finished = False

    def begin(self) -> None:
        """Take what the response needs to begin: the first piece, or the end."""
        for received in self._iterator:
            if self._response.is_unwanted:
                self._response.release()
                return
            if received or self._response.is_begun:
                self._ready = self._response.feed(received)
                self._ready = chain([next(self._ready, b"")], self._ready)
                return
        self._is_finished = True
        if self._response.is_unwanted:
            self._response.release()
        else:
            self._ready = iter(list(self._response.feed(b"", is_last=True)))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        for piece in self._ready:
            return piece
        for received in self._iterator:
            self._ready = self._response.feed(received)
            return next(self._ready, b"")
        if self._is_finished:
            raise StopIteration
        self._is_finished = True
        self._ready = self._response.feed(b"", is_last=True)
        return next(self._ready)

    def close(self) -> None:
        """Close the app's iterable (PEP 3333: once, whatever happened before)."""
        close(self._pieces)


class _NoBody(list[bytes]):
    """The body of an answer to a `HEAD`, which has none, in place of that of an app.

    Of one empty piece, or of none, servers tell the length: 0, which is not that of the page. Of a
    body whose pieces are not counted, some send the end of the last chunk, which stands where the
    next response should begin.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__([b"", b""])
        self._pieces = pieces

    def close(self) -> None:
        """Close the app's iterable."""
        close(self._pieces)


_UNWANTED = (State.RETRY, State.EARLIER, State.DROPPED)
_OPT_OUTS = (SKIP_FIELD, INNER_FIELD)


def set_cookies(headers: HeaderList) -> HeaderList:
    return [field for field in headers if field[0].lower() == "set-cookie"]


def _write_nothing(data: bytes) -> None:
    """Be `write()` of an answer that does not go out."""


def close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
