"""One response of a WSGI app, between the app and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

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

_ASKING, _PASSING, _RETRY, _DROPPED = State.ASKING, State.PASSING, State.RETRY, State.DROPPED


class Middleware(Protocol):
    """The part of a framework's middleware that a response needs."""

    def session_cookies(self) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""


class Response:
    """One response between the app and the server.

    The start of a page is held until the first bytes of its body are there, since they may decide
    its length. They are taken from the app before the server gets its iterable, since some servers
    read the status and the header fields at that moment. `PageResponse.head_is_first` makes no
    difference: a server sends the head only with the first piece that is not empty (PEP 3333).
    """

    _server_write: Write

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
        self._pending_start: tuple[str, OptExcInfo | None] | None = None
        self._is_begun = False
        """Whether the app has called `start_response`."""
        self._has_started = False
        """Whether the server's `start_response` has been called."""

    @property
    def again(self) -> PageRequest | None:
        """The request with which the app is asked again; None if it is not asked again."""
        response = self._response
        return response.again() if response and response.state is _RETRY else None

    @property
    def is_unwanted(self) -> bool:
        """Whether the rest of the app's answer is not needed."""
        return self._response is not None and self._response.state in _UNWANTED

    def start(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        """Take the start of the app's response (PEP 3333, `start_response`)."""
        if self._is_begun:
            if self._response is not None and self._response.state is _DROPPED:
                return _write_nothing
            if exc_info is None and self._pending_start is not None:
                raise AssertionError("start_response() was called twice without exc_info")
            if self._has_started:  # the server decides whether the head can still be replaced
                return self._start_again(status, headers, exc_info)
        if self._outer_environ is not self._environ:  # other layers also look for what the app set
            seen = {key: value for key, value in self._environ.items() if key not in FIELD_KEYS}
            self._outer_environ.update(seen)
        self._pending_start, self._is_begun = None, True
        response = self._site.pages.begin(self._request, int(status[:3]), headers)
        self._response = response
        if response is None:
            return self._call_server(status, headers, exc_info)
        if response.state is _ASKING:
            if self._environ.get("SCRIPT_NAME", "") != self._request.root_path:
                self._see_prefix()
            visitor = self._site.callbacks.visitor(self._environ)
            lends = self._site.sharing.cookie is not None
            response.visitor(visitor, self._login_cookie(response, visitor) if lends else None)
        if response.state is _PASSING:
            return self._call_server(status, headers, exc_info)
        self._pending_start = status, exc_info
        return self._write

    def _start_again(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None) -> Write:
        if self._response is not None:
            self._response.abandon()
        kept = [field for field in headers if field[0].lower() not in _OPT_OUTS]
        return self._call_server(status, kept, exc_info)

    def _see_prefix(self) -> None:
        """Take the prefix that an inner middleware such as `ProxyFix` has found."""
        script_name = text(self._environ.get("SCRIPT_NAME", ""))
        if script_name != self._request.root_path:
            self._request.see_path(script_name + text(self._environ.get("PATH_INFO", "")))

    def body(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        """Return the iterable for the server: the app's own, unless the body changes.

        The server's `start_response` has been called before this returns, unless the app is asked
        again. The app's iterable is closed here if anything fails, or if this answer is not needed,
        since the server never gets it then.
        """
        if self._has_started and self._response is None:
            return iterable  # it passes unchanged
        is_returned = False
        try:
            body = self._begun(iterable)
            is_returned = not self.is_unwanted
        finally:
            if not is_returned:
                close(iterable)
        return body if is_returned else []

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterable[bytes]:
        """Take the next bytes of the body and return what may be sent now.

        When the first piece is read, the server's `start_response` has been called.
        """
        response = self._response
        if response is None:
            return (data,) if data else ()
        if not response.changes_body:
            self.release()
            has_data = data and not (response.state in _UNWANTED or response.drops_body)
            return (data,) if has_data else ()
        if type(data) is not bytes:  # some servers accept a bytearray or memoryview
            data = bytes(data)
        pieces = response.feed(data, is_last=is_last)
        if not isinstance(pieces, tuple):
            return self._released(pieces)
        self.release()
        return () if response.state is _DROPPED else pieces

    def _released(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if not piece:  # a pause; it is not needed, since each request has its own thread
                continue
            self.release()
            if self.is_unwanted:
                return
            yield piece
        self.release()

    def _begun(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        response = self._response
        changes_body = response is not None and response.changes_body
        if response is not None and not changes_body:
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
            # Servers send the length of a body that is one piece, and this body stays one piece.
            (piece,) = iterable
            return [b"".join(self.feed(piece, is_last=True))]
        pieces = self._changed(iterable)
        if not self._has_started:
            pieces = chain(list(islice(pieces, 1)), pieces)
        response = self._response  # of a generator, it is there only now
        drops_body = response is not None and response.drops_body
        return _NoBody(iterable) if drops_body else _Body(iterable, pieces)

    def _changed(self, iterable: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the new body: at least a piece, if only an empty one, for each of the app's.

        (PEP 3333, "Middleware Handling of Block Boundaries".)
        """
        for received in iterable:
            if received or self._is_begun:
                pieces = iter(self.feed(received))
                yield next(pieces, b"")
                yield from pieces
        yield from self.feed(b"", is_last=True)

    def _login_cookie(self, response: PageResponse[str], visitor: Visitor) -> str | None:
        return self._site.login_cookie(
            self._request, response, visitor, self._middleware.session_cookies
        )

    def _write(self, data: bytes) -> None:
        if not self.is_unwanted:
            for piece in self.feed(data):
                self._server_write(piece)

    def release(self) -> None:
        """Call the server's `start_response` if the head is held and the app is not asked again."""
        response = self._response
        if (
            self._pending_start is not None
            and response is not None
            and response.state is not _RETRY
        ):
            (status, exc_info), self._pending_start = self._pending_start, None
            headers = response.head()
            if response.state is _DROPPED:
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

    Except for the first piece, nothing is taken from the app before the server asks for it. The
    server closes the app's iterable, since that may take long and the end of the response does not
    wait for it.
    """

    def __init__(self, iterable: Iterable[bytes], pieces: Iterator[bytes]) -> None:
        self._iterable = iterable
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Close the app's iterable (PEP 3333: once, whatever happened before)."""
        close(self._iterable)


class _NoBody(list[bytes]):
    """Replaces the body of an answer to a `HEAD`, and holds nothing.

    For a body of no piece or one empty piece, servers send the length 0, which is not that of the
    page. For a body of unknown length, some servers send a last chunk, which a client takes for the
    beginning of the next response.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__([b"", b""])
        self._pieces = pieces

    def close(self) -> None:
        """Close the app's iterable."""
        close(self._pieces)


_UNWANTED = frozenset({_RETRY, State.EARLIER, _DROPPED})
_OPT_OUTS = (SKIP_FIELD, INNER_FIELD)


def set_cookies(headers: HeaderList) -> HeaderList:
    return [field for field in headers if field[0].lower() == "set-cookie"]


def _write_nothing(data: bytes) -> None:
    """Ignore `write()` for an answer that does not go out."""


def close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
