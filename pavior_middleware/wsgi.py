"""The WSGI shell: moves bytes between the server and the app, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from ._http.headers import HeaderList
from ._model.identity import Identity
from ._model.settings import Settings
from ._model.visitor import Visitor, VisitorSource
from ._page.conditions import FIELDS
from ._page.exchange import Exchange
from ._page.rewriter import Rewriter
from ._page.rewriting import Handling, Rewriting
from ._page.skipping import has_skip_field, without_skip_field
from ._share import FIELDS as SHARING_FIELDS
from ._share import LONGEST_CONTENT, Answer, Needed, Request, Sharing

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Write = Callable[[bytes], object]


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of a WSGI app.

    `identity` is called with the environ once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. `consent`, called alike, says
    whether the chat may be shown; without it, it may.

    With `settings.enabled` False, what is returned is the app itself.
    """

    def __init__(
        self,
        app: WSGIApplication,
        settings: Settings,
        *,
        identity: Callable[[dict[str, Any]], Identity | None] | None = None,
        consent: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        self.app = app
        self.sharing = Sharing(settings)
        self.rewriting = Rewriting(
            settings, asks_consent=consent is not None, cookie=self.sharing.cookie
        )
        self._visitors = VisitorSource(identity, consent)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        root_path = _text(environ.get("SCRIPT_NAME", ""))
        path = root_path + _text(environ.get("PATH_INFO", ""))
        our_path = self.sharing.path(path, root_path)
        if our_path is not None:
            return self._serve_sharing(our_path, environ, start_response)
        exchange = self.rewriting.exchange(
            environ["REQUEST_METHOD"],
            environ.get("wsgi.url_scheme", ""),
            path,
            root_path,
            _fields(environ),
            self.session_cookies,
        )
        return self._ask(environ, environ, start_response, exchange)

    def session_cookies(self) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    def _ask(
        self,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
        exchange: Exchange | None,
        cookies: HeaderList | None = None,
    ) -> Iterable[bytes]:
        """Pass a request on; once more, if what the app answers is not for this client."""
        may_ask_again = exchange is not None and exchange.conditions.may_ask_again
        untouched = dict(environ) if may_ask_again else environ
        environ = _for_app(environ, exchange)

        def ask_again(cookies: HeaderList) -> Iterable[bytes]:
            again = exchange.again() if exchange is not None else None
            return self._ask(untouched, outer_environ, start_response, again, cookies)

        response = _Response(
            environ,
            outer_environ,
            start_response,
            self.rewriting,
            self._visitors,
            exchange,
            cookies or [],
        )
        return response.body(self.app(environ, response.start), ask_again)

    def _serve_sharing(
        self, path: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer in the app's place, which may see the request so that the user is known."""
        request = _sharing_request(environ, path)
        begun = self.sharing.begin(request)
        if isinstance(begun, Answer):
            answer = begun
        elif begun is Needed.CONTENT:
            answer = self.sharing.exchange(request, _content(environ, LONGEST_CONTENT + 1))
        else:
            visitor = self._visitor_of_app(environ)
            answer = self.sharing.answer(request, visitor, self.session_cookies())
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [] if request.method == "HEAD" or not answer.body else [answer.body]

    def _visitor_of_app(self, environ: WSGIEnvironment) -> Visitor:
        begun: list[Visitor] = []

        def start(status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:  # noqa: ARG001
            begun.append(self._visitors.ask(environ))
            return lambda data: None  # noqa: ARG005

        body = self.app(environ, start)
        try:
            for _ in body:
                if begun:
                    break
        finally:
            _close(body)
        return begun[-1] if begun else Visitor()


class _Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body are there, since they tell its
    length. They are taken from the app before the server gets its iterable: some servers read the
    status and the header fields right then.
    """

    is_for_another = False
    """Whether the response speaks of a page that this client is not to get, so none of it goes."""

    def __init__(
        self,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
        rewriting: Rewriting,
        visitors: VisitorSource,
        exchange: Exchange | None,
        cookies: HeaderList,
    ) -> None:
        self._environ = environ
        self._outer_environ = outer_environ
        self._start_response = start_response
        self._rewriting = rewriting
        self._visitors = visitors
        self._exchange = exchange
        self._cookies_before = cookies
        self.cookies: HeaderList = []
        """Of an answer that is not for this client, what it set in cookies."""
        self._held: tuple[str, OptExcInfo | None] | None = None
        self.is_begun = self._has_started = False
        """Whether the app has called `start_response`, and whether we have called the server's."""
        self._server_write: Write
        self._rewriter: Rewriter | None = None

    def start(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        """Be the app's `start_response`."""
        if exc_info is None and self._held is not None:
            raise AssertionError("start_response() was called twice without exc_info")
        if self._outer_environ is not self._environ:  # what the app put there, others look for too
            seen = {key: value for key, value in self._environ.items() if key not in _FIELD_KEYS}
            self._outer_environ.update(seen)
        if self._cookies_before:
            headers = [*self._cookies_before, *headers]
        self._held = self._rewriter = None
        self.is_begun, self.is_for_another = True, False
        code = int(status[:3])
        handling = self._rewriting.handling(self._exchange, code, headers)
        if self._has_started or handling is Handling.LEAVE:
            if has_skip_field(headers):
                headers = without_skip_field(headers)
            return self._call_server(status, headers, exc_info)
        visitor = self._visitors.ask(self._environ) if handling is Handling.NAME else None
        self._rewriter = self._rewriting.rewriter(self._exchange, code, headers, visitor)
        self._held = status, exc_info
        if self._rewriter is None:
            self.is_for_another = True
            self.cookies = [field for field in headers if field[0].lower() == "set-cookie"]
        return self._write

    def body(
        self,
        iterable: Iterable[bytes],
        ask_again: Callable[[HeaderList], Iterable[bytes]],
    ) -> Iterable[bytes]:
        """Return what the server is to iterate: the app's own iterable unless that must change.

        The server's `start_response` has been called by then. If anything fails before, the app's
        iterable is closed here, since the server never gets one.
        """
        with ExitStack() as unless_returned:
            unless_returned.callback(_close, iterable)
            body = self._begun(iterable)
            if not self.is_for_another:
                unless_returned.pop_all()
                return body
        return ask_again(self.cookies)

    def _begun(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        rewriter = self._rewriter
        if self.is_for_another:
            return iterable
        if rewriter is None and self._has_started:
            return iterable
        if rewriter is not None and not rewriter.changes_body:
            self._release(rewriter)
            return iterable
        is_plain = isinstance(iterable, list | tuple) and not hasattr(iterable, "close")
        if rewriter is not None and is_plain and len(iterable) == 1:  # type: ignore[arg-type]
            # A server tells the length of a body that is one piece, and this one stays so.
            (piece,) = iterable
            return [b"".join(self.feed(piece, is_last=True))]
        body = _Body(iterable, self)
        if not self._has_started:
            body.begin()
        return body

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes of the body and yield what may be sent of it now."""
        rewriter = self._rewriter
        if rewriter is None:
            yield data
            return
        for piece in rewriter.feed(data, is_last=is_last):
            self._release(rewriter)
            yield piece
        self._release(rewriter)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest of the body."""
        if self._rewriter is not None:
            for piece in self._rewriter.finish():
                self._release(self._rewriter)
                yield piece
            self._release(self._rewriter)

    def _write(self, data: bytes) -> None:
        if not self.is_for_another:
            for piece in self.feed(data):
                self._server_write(piece)

    def _release(self, rewriter: Rewriter) -> None:
        if self._held is not None:
            (status, exc_info), self._held = self._held, None
            self._call_server(status, rewriter.headers(), exc_info)

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

    def __init__(self, pieces: Iterable[bytes], response: _Response) -> None:
        self._pieces = pieces
        self._iterator = iter(pieces)
        self._response = response
        self._ready: Iterator[bytes] = iter(())
        self._is_finished = False

    def begin(self) -> None:
        """Take what the response needs to begin: the first piece, or the end."""
        for received in self._iterator:
            if self._response.is_for_another:
                return
            if received or self._response.is_begun:
                self._ready = self._response.feed(received)
                self._ready = chain([next(self._ready, b"")], self._ready)
                return
        self._is_finished = True
        if not self._response.is_for_another:
            self._ready = iter(list(self._response.finish()))

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
        self._ready = self._response.finish()
        return next(self._ready)

    def close(self) -> None:
        """Close the app's iterable (PEP 3333: once, whatever happened before)."""
        _close(self._pieces)


def _text(path: str) -> str:
    """Return a path of the environ, whose bytes stand there as latin-1, as the UTF-8 they are."""
    return path.encode("latin-1").decode("utf-8", "replace")


def _fields(environ: WSGIEnvironment) -> dict[str, str]:
    return {name: environ[key] for name, key in _KEYS.items() if environ.get(key)}


def _for_app(environ: WSGIEnvironment, exchange: Exchange | None) -> WSGIEnvironment:
    """Return the environ as the app is to see it."""
    if exchange is not None and exchange.conditions.changes:
        environ = dict(environ)
        for name, value in exchange.conditions.changes.items():
            environ.pop(_KEYS[name], None)
            if value is not None:
                environ[_KEYS[name]] = value
    environ[Exchange.KEY] = exchange
    return environ


def _sharing_request(environ: WSGIEnvironment, path: str) -> Request:
    keys = {name: _key(name) for name in SHARING_FIELDS}
    fields = {name: [environ[key]] for name, key in keys.items() if key in environ}
    query = environ.get("QUERY_STRING", "")
    whole_path = _text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
    return Request(environ["REQUEST_METHOD"], path, query, fields, whole_path)


def _content(environ: WSGIEnvironment, longest: int) -> bytes:
    """Return a request's content, or its beginning where it is longer."""
    stream = get_input_stream(environ)
    content = b""
    with suppress(ClientDisconnected):  # then there is nobody to answer
        while len(content) < longest and (piece := stream.read(longest - len(content))):
            content += piece
    return content


def _key(name: str) -> str:
    return ("" if name == "content-length" else "HTTP_") + name.upper().replace("-", "_")


_KEYS = {name: _key(name) for name in FIELDS}
_FIELD_KEYS = frozenset(_KEYS.values())


def _close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
