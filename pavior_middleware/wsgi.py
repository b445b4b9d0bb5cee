"""The WSGI shell: moves bytes between the server and the app, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .identity import Identity, IdentitySource
from .rewriting import HeaderList, PageRequest, Rewriter, Rewriting
from .settings import Settings
from .sharing import ShareAuth

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Write = Callable[[bytes], object]


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of a WSGI app.

    `identity` is called with the environ once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None.
    """

    def __init__(
        self,
        app: WSGIApplication,
        settings: Settings,
        *,
        identity: Callable[[dict[str, Any]], Identity | None] | None = None,
    ) -> None:
        self.app = app
        self._rewriting = Rewriting(settings)
        self._share_auth = ShareAuth(settings)
        self._identity = IdentitySource(identity)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if self._share_auth.serves(path):
            return self._serve_share_auth(environ, start_response)
        response = _Response(environ, start_response, self._rewriting, self._identity)
        return response.body(self.app(environ, response.start))

    def _serve_share_auth(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Let the app see the request, so that its middleware finds the user, and answer for it."""
        method = environ["REQUEST_METHOD"]
        origin = [environ["HTTP_ORIGIN"]] if "HTTP_ORIGIN" in environ else []
        answer = self._share_auth.refusal(method, origin)
        if answer is None:
            answer = self._share_auth.answer(origin, self._identity_of_app(environ))
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [] if method == "HEAD" else [answer.body]

    def _identity_of_app(self, environ: WSGIEnvironment) -> Identity | None:
        begun: list[Identity | None] = []

        def start(status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:  # noqa: ARG001
            begun.append(self._identity.ask(environ))
            return lambda data: None  # noqa: ARG005

        body = self.app(environ, start)
        try:
            for _ in body:
                if begun:
                    break
        finally:
            _close(body)
        return begun[-1] if begun else None


class _Response:
    """One response on its way to the server.

    The start of a page is held until bytes of its body are there, as a server does itself (PEP
    3333, "The start_response() Callable"), since they tell its length.
    """

    def __init__(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        rewriting: Rewriting,
        identity: IdentitySource,
    ) -> None:
        self._environ = environ
        self._start_response = start_response
        self._rewriting = rewriting
        self._identity = identity
        self._held: tuple[str, OptExcInfo | None] | None = None
        self._server_write: Write | None = None
        self._rewriter: Rewriter | None = None

    def start(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        """Be the app's `start_response`."""
        if exc_info is None and self._held is not None:
            raise AssertionError("start_response() was called twice without exc_info")
        request = PageRequest(
            self._environ["REQUEST_METHOD"], self._environ.get("HTTP_SEC_FETCH_DEST", "")
        )
        is_page = self._rewriting.rewrites(request, int(status[:3]), headers)
        if self._server_write is not None or not is_page:
            self._held = self._rewriter = None
            self._server_write = self._call_server(status, headers, exc_info)
            return self._server_write
        identity = self._identity.ask(self._environ)
        self._rewriter = self._rewriting.rewriter(request, headers, identity)
        self._held = status, exc_info
        return self._write

    def body(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        """Return what the server is to iterate: the app's own iterable unless it is a page."""
        if self._server_write is not None and self._rewriter is None:
            return iterable
        return _Body(iterable, self)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body and return what may be sent of it now."""
        if self._rewriter is None:
            return data
        rewritten = self._rewriter.feed(data)
        self._release(self._rewriter)
        return rewritten

    def finish(self) -> bytes:
        """Return the rest of the body."""
        if self._rewriter is None:
            return b""
        rest = self._rewriter.finish()
        self._release(self._rewriter)
        return rest

    def _write(self, data: bytes) -> None:
        rewritten = self.feed(data)
        if self._server_write is not None:
            self._server_write(rewritten)

    def _release(self, rewriter: Rewriter) -> None:
        if self._held is not None:
            (status, exc_info), self._held = self._held, None
            headers = rewriter.headers()
            self._server_write = self._call_server(status, headers, exc_info)

    def _call_server(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None) -> Write:
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)


class _Body:
    """The body of a page: one piece for each piece of the app's, and no sooner."""

    def __init__(self, pieces: Iterable[bytes], response: _Response) -> None:
        self._pieces = pieces
        self._iterator: Iterator[bytes] | None = None
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            self._iterator = iter(self._pieces)
        for piece in self._iterator:
            return self._response.feed(piece)
        rest = self._response.finish()
        if not rest:
            raise StopIteration
        return rest

    def close(self) -> None:
        """Close the app's iterable (PEP 3333: once, whatever happened before)."""
        _close(self._pieces)


def _close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
