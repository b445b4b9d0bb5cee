"""WSGI: the middleware for any WSGI app. It translates calls, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from ._adapters.apps import says_no_route
from ._adapters.site import Site
from ._http.headers import WSGI_FORM, HeaderList
from ._model.identity import Identity
from ._model.settings import Settings
from ._model.visitor import Visitor
from ._page.conditions import CONDITIONAL, FIELDS
from ._page.request import PageRequest
from ._page.response import PageResponse, State
from ._page.skip import INNER_FIELD, SKIP_FIELD
from ._share import FIELDS as SHARING_FIELDS
from ._share import LONGEST_CONTENT, Answer, Needed, Question, Request

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Write = Callable[[bytes], object]

IDENTITY_KEY = "pavior.identity"
"""Under this key of the environ an app may put the request's `Identity`, or None for nobody."""


_SCOPE = "asgi.scope"
"""Where an adapter from ASGI to WSGI, such as a2wsgi, keeps the scope in the environ."""


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of a WSGI app.

    `identity` is called with the environ once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. Without it,
    `environ["pavior.identity"]` is read. `consent`, called alike, says whether the chat may be
    shown; without it, it may.

    With `settings.enabled` False, everything passes untouched.
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
        self._site: Site[str] | None = None
        if settings.enabled:
            self._site = Site(
                settings,
                WSGI_FORM,
                identity=identity,
                default_identity=self.identity_in,
                consent=consent,
            )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        site = self._site
        if site is None:
            return self.app(environ, start_response)
        outer: PageRequest | None = None
        if PageRequest.KEY in environ or _SCOPE in environ:
            outer = _outer(PageRequest.KEY, environ)
        if outer is not None:  # another middleware is around this one
            start_response = _from_inside(start_response)
            _change(environ, outer.replaced_fields)
        root_path = _text(environ.get("SCRIPT_NAME", ""))
        path = root_path + _text(environ.get("PATH_INFO", ""))
        our_path = site.sharing.path(path, root_path)
        if our_path is not None:
            return self._serve_sharing(site, our_path, environ, start_response)
        fields = _Fields(environ)
        request = site.pages.request(
            environ["REQUEST_METHOD"],
            environ.get("wsgi.url_scheme", ""),
            path,
            root_path,
            fields,
            fields.are_conditional,
        )
        if outer is not None:
            request.stand_inside(outer)
        return self._ask(site, request, environ, environ, start_response)

    def identity_in(self, environ: dict[str, Any]) -> Identity | None:
        """Return who is visiting, for a site that gives no `identity`."""
        identity: Identity | None = environ.get(IDENTITY_KEY)
        return identity

    def visitor(self, site: Site[str], environ: WSGIEnvironment) -> Visitor:
        """Return who is visiting, once the app has begun its response."""
        return site.callbacks.visitor(environ)

    def session_cookies(self) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    def _ask(
        self,
        site: Site[str],
        request: PageRequest,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
        earlier: _Response | None = None,
    ) -> Iterable[bytes]:
        """Pass a request on; once more, if what the app answers is not for this client."""
        untouched = dict(environ) if request.conditions.may_ask_again else environ
        environ = _for_app(environ, request)
        response = _Response(self, site, request, environ, outer_environ, start_response, earlier)
        body = response.body(self.app(environ, response.start))
        if body is not None:
            return body
        again = request.again([value for _, value in response.cookies])
        return self._ask(site, again, untouched, outer_environ, start_response, response)

    def _serve_sharing(
        self, site: Site[str], path: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer in the app's place, which may see the request so that the user is known."""
        outer: Question | None = _outer(Question.KEY, environ)
        if outer is not None:
            start_response = _in_place_of(outer, start_response)
        request = _sharing_request(environ, path)
        begun = site.sharing.begin(request)
        if isinstance(begun, Answer):
            answer = begun
        elif begun is Needed.CONTENT:
            answer = site.sharing.exchange(request, _content(environ, LONGEST_CONTENT + 1))
        else:
            found = self._visitor_of_app(site, environ, start_response)
            if isinstance(found, list):
                return found
            visitor, cookies = found
            answer = site.sharing.answer(request, visitor, self.session_cookies(), cookies)
        status = HTTPStatus(answer.status)
        start_response(f"{status.value} {status.phrase}", list(answer.headers))
        return [] if request.method == "HEAD" or not answer.body else [answer.body]

    def _visitor_of_app(
        self, site: Site[str], environ: WSGIEnvironment, start_response: StartResponse
    ) -> tuple[Visitor, list[str]] | list[bytes]:
        """Return who the app says is visiting, and what it sets in cookies.

        Or return the body of the answer of another middleware, inside of this one.
        """
        begun: list[tuple[Visitor, list[str]]] = []
        question = environ[Question.KEY] = Question()
        environ.pop(PageRequest.KEY, None)

        def start(status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
            if question.gives_way:
                return start_response(status, headers, exc_info)
            cookies = [value for _, value in _cookies(headers)]
            begun.append((self.visitor(site, environ), cookies))
            return lambda data: None  # noqa: ARG005

        pieces: list[bytes] = []
        body: Iterable[bytes] = ()
        try:
            body = self.app(environ, start)
            for piece in body:
                if begun:
                    break
                pieces.append(piece)
        except Exception as error:
            if begun or question.gives_way or not says_no_route(error):
                raise
            begun.append((self.visitor(site, environ), []))
        finally:
            _close(body)
        if question.gives_way:
            return pieces
        return begun[-1] if begun else (Visitor(lookup_failed=True), [])


class _Response:
    """One response on its way to the server.

    The start of a page is held until the first bytes of its body are there, since they tell its
    length. They are taken from the app before the server gets its iterable: some servers read the
    status and the header fields right then. `PageResponse.head_is_first` is not asked: a server
    sends a head with the first piece that is not empty (PEP 3333), whenever it has got the head.
    """

    def __init__(
        self,
        middleware: PaviorMiddleware,
        site: Site[str],
        request: PageRequest,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
        earlier: _Response | None,
    ) -> None:
        self.cookies: HeaderList = []
        """Of an answer that is not for this client, what it set in cookies."""

        self.yielding: tuple[str, HeaderList] | None = None
        """The start of one that goes out after all, unless the app's next answer replaces the copy.
        """

        self._middleware = middleware
        self._site = site
        self._request = request
        self._environ = environ
        self._outer_environ = outer_environ
        self._start_response = start_response
        self._cookies_before = earlier.cookies if earlier is not None else []
        self._fallback = earlier.yielding if earlier is not None else None
        self._is_dropped = False
        self._response: PageResponse[str] | None = None
        self._held: tuple[str, OptExcInfo | None] | None = None
        self.is_begun = self._has_started = False
        """Whether the app has called `start_response`, and whether we have called the server's."""

        self._server_write: Write

    @property
    def needs_retry(self) -> bool:
        """Whether the app is to be asked again, as none of its answer is for this client."""
        return self._response is not None and self._response.state is State.RETRY

    @property
    def is_unwanted(self) -> bool:
        """Whether nothing more is to be read of what the app answers."""
        return self._is_dropped or self.needs_retry

    @property
    def _changes_body(self) -> bool:
        return self._response is not None and self._response.changes_body

    @property
    def _drops_body(self) -> bool:
        return self._response is not None and self._response.drops_body

    def start(self, status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        """Be the app's `start_response`."""
        if self._is_dropped:
            return _write_nothing
        if exc_info is None and self._held is not None:
            raise AssertionError("start_response() was called twice without exc_info")
        if self._has_started:  # the server decides what to do
            if self._response is not None:
                self._response.abandon()
            kept = [field for field in headers if field[0].lower() not in _MARKS]
            return self._call_server(status, kept, exc_info)
        if self._outer_environ is not self._environ:  # what the app put there, others look for too
            seen = {key: value for key, value in self._environ.items() if key not in _FIELD_KEYS}
            self._outer_environ.update(seen)
        if self._cookies_before:
            headers = [*self._cookies_before, *headers]
        self._held, self.is_begun = None, True
        response = self._site.pages.begin(self._request, int(status[:3]), headers)
        self._response = response
        if response is None:
            if self._fallback is not None:
                return self._fall_back(headers, self._fallback)
            return self._call_server(status, headers, exc_info)
        if response.state is State.ASKING:
            self._see_prefix()
            visitor = self._middleware.visitor(self._site, self._environ)
            response.visitor(visitor, self._login_cookie(response, visitor))
        if self._fallback is not None and not response.replaces_copy:
            return self._fall_back(headers, self._fallback)
        if response.state is State.PASSING:
            return self._call_server(status, headers, exc_info)
        self._held = status, exc_info
        if response.state is State.RETRY:
            self.cookies = _cookies(headers)
            if response.may_go_out:
                self.yielding = status, headers
        return self._write

    def _see_prefix(self) -> None:
        """Have a page ask below the prefix that an inner middleware, as `ProxyFix`, has found."""
        script_name = _text(self._environ.get("SCRIPT_NAME", ""))
        if script_name != self._request.root_path:
            self._request.see_path(script_name + _text(self._environ.get("PATH_INFO", "")))

    def body(self, iterable: Iterable[bytes]) -> Iterable[bytes] | None:
        """Return what the server is to iterate: the app's own iterable unless that must change.

        None if the app is to be asked again. Else the server's `start_response` has been called by
        then. If anything fails before, or this answer of the app is unwanted, its iterable is
        closed here, since the server never gets it.
        """
        is_returned = False
        try:
            body = self._begun(iterable)
            is_returned = not self.is_unwanted
        finally:
            if not is_returned:
                _close(iterable)
        if is_returned:
            return body
        return None if self.needs_retry else []

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes of the body and return what may be sent of it now.

        The server's `start_response` has been called when the first piece is read, if not before.
        """
        response = self._response
        if response is None or not response.changes_body:
            self._release()
            has_data = data and not (self._is_dropped or self._drops_body)
            return iter((data,) if has_data else ())
        if type(data) is not bytes:  # some servers take other objects of bytes
            data = bytes(data)
        pieces = response.feed(data, is_last=is_last)
        if not isinstance(pieces, tuple):
            return self._released(pieces)
        self._release()
        return iter(() if self._is_dropped else pieces)

    def _released(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if not piece:  # a pause; here each request has a thread or a process
                continue
            self._release()
            if self._is_dropped:
                return
            yield piece
        self._release()

    def _begun(self, iterable: Iterable[bytes]) -> Iterable[bytes]:
        response = self._response
        if response is not None and response.state is State.EDITED:
            self._release()
        if self.is_unwanted:
            return iterable
        if self._drops_body:
            return _NoBody(iterable)
        if self._has_started and not self._changes_body:
            return iterable
        is_plain = isinstance(iterable, (list, tuple)) and not hasattr(iterable, "close")
        if self._changes_body and is_plain and len(iterable) == 1:  # type: ignore[arg-type]
            # A server tells the length of a body that is one piece, and this one stays so.
            (piece,) = iterable
            return [b"".join(self.feed(piece, is_last=True))]
        body = _Body(iterable, self)
        if not self._has_started:
            body.begin()
        return _NoBody(iterable) if self._drops_body else body

    def _fall_back(self, headers: HeaderList, earlier: tuple[str, HeaderList]) -> Write:
        """Send the earlier answer, as this one, which has these fields, replaces no copy."""
        self._is_dropped = True
        status, fields = earlier
        own = _cookies(headers)[len(self._cookies_before) :]  # the others are in the earlier one
        self._call_server(status, [*fields, *own], None)
        return _write_nothing

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

    def _release(self) -> None:
        if self._held is not None and self._response is not None:
            (status, exc_info), self._held = self._held, None
            headers = self._response.head()
            if self._fallback is not None and not self._response.replaces_copy:
                self._fall_back(headers, self._fallback)
            else:
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

    def __init__(self, pieces: Iterable[bytes], response: _Response) -> None:
        self._pieces = pieces
        self._iterator = iter(pieces)
        self._response = response
        self._ready: Iterator[bytes] = iter(())
        self._is_finished = False

    def begin(self) -> None:
        """Take what the response needs to begin: the first piece, or the end."""
        for received in self._iterator:
            if self._response.is_unwanted:
                return
            if received or self._response.is_begun:
                self._ready = self._response.feed(received)
                self._ready = chain([next(self._ready, b"")], self._ready)
                return
        self._is_finished = True
        if not self._response.is_unwanted:
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
        _close(self._pieces)


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
        _close(self._pieces)


def _outer(key: str, environ: WSGIEnvironment) -> Any:
    """Return what a middleware around this one has left under the key; None without such a one."""
    return environ.get(key) or environ.get(_SCOPE, {}).get(key)


def _from_inside(start_response: StartResponse) -> StartResponse:
    """Return the `start_response` of a middleware that another one is around.

    That one leaves the response alone.
    """

    def start_from_inside(
        status: str, headers: HeaderList, exc_info: OptExcInfo | None = None
    ) -> Write:
        headers = [*headers, (INNER_FIELD.title(), "1")]
        if exc_info is None:
            return start_response(status, headers)
        return start_response(status, headers, exc_info)

    return start_from_inside


def _in_place_of(outer: Question, start_response: StartResponse) -> StartResponse:
    """Return the `start_response` of a middleware that answers in place of the one around it."""

    def start_answer(status: str, headers: HeaderList, exc_info: OptExcInfo | None = None) -> Write:
        outer.give_way()
        if exc_info is None:
            return start_response(status, headers)
        return start_response(status, headers, exc_info)

    return start_answer


def _text(path: str) -> str:
    """Return a path of the environ, whose bytes stand there as latin-1, as the UTF-8 they are.

    What is no UTF-8 stays, as Django writes the text itself into the environ.
    """
    try:
        return path if path.isascii() else path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return path


class _Fields(Mapping[str, str]):
    """The request fields that matter, as the environ has them."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        # No reference to the environ, which holds the request: it would never be freed by itself.
        self._by_key = {
            key: value for key in environ.keys() & _FIELD_KEYS if (value := environ[key])
        }

    @property
    def are_conditional(self) -> bool:
        """Whether one of them makes the request conditional."""
        return not _CONDITIONAL_KEYS.isdisjoint(self._by_key)

    def __getitem__(self, name: str) -> str:
        value: str = self._by_key[_KEYS[name]]
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name, key in _KEYS.items() if key in self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, name: object) -> bool:
        return _KEYS.get(name) in self._by_key  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or `default`."""
        return self._by_key.get(_KEYS[name], default)


def _for_app(environ: WSGIEnvironment, request: PageRequest) -> WSGIEnvironment:
    """Return the environ as the app is to see it."""
    if request.conditions.changes:
        environ = dict(environ)
        _change(environ, request.conditions.changes)
    environ[PageRequest.KEY] = request
    return environ


def _change(environ: WSGIEnvironment, changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        environ.pop(_KEYS[name], None)
        if value is not None:
            environ[_KEYS[name]] = value


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


_MARKS = (SKIP_FIELD, INNER_FIELD)
_KEYS = {name: _key(name) for name in FIELDS}
_FIELD_KEYS = frozenset(_KEYS.values())
_CONDITIONAL_KEYS = frozenset(_KEYS[name] for name in CONDITIONAL)


def _cookies(headers: HeaderList) -> HeaderList:
    return [field for field in headers if field[0].lower() == "set-cookie"]


def _write_nothing(data: bytes) -> None:
    """Be `write()` of an answer that does not go out."""


def _close(pieces: Iterable[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
