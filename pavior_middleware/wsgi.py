"""WSGI: the middleware for any WSGI app. It translates calls, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ._adapters.apps import says_no_route
from ._adapters.environ import (
    SCOPE_KEY,
    Fields,
    change,
    content,
    for_app,
    outer_of,
    paths_of,
    sharing_request,
)
from ._adapters.site import Site
from ._adapters.wsgi_response import Response, Write, close, set_cookies
from ._http.headers import WSGI_FORM, HeaderList
from ._model.identity import Identity
from ._model.identity_key import IDENTITY_KEY as IDENTITY_KEY
from ._model.identity_key import NOT_SAID, NotSaid, identity_said
from ._model.settings import Settings
from ._model.visitor import Visitor
from ._page.conditions import NO_CONDITIONS
from ._page.request import PageRequest
from ._page.skip import INNER_FIELD
from ._share import LONGEST_CONTENT, Answer, Needed, Question

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of a WSGI app.

    `identity` is called with the environ once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. Without `identity`,
    `environ["pavior.identity"]` is read. `consent` is called in the same way and returns whether
    the page may show the chat. Without `consent`, every page may.

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
        if PageRequest.KEY in environ or SCOPE_KEY in environ:
            outer = outer_of(PageRequest.KEY, environ)
        if outer is not None:  # another middleware is around this one
            start_response = _from_inside(start_response)
            change(environ, outer.replaced_fields)
        path, root_path = paths_of(environ)
        our_path = site.sharing.path(path, root_path)
        if our_path is not None:
            return self._serve_sharing(site, our_path, environ, start_response)
        fields = Fields(environ)
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
        if request.conditions is not NO_CONDITIONS:
            return self._ask_conditionally(site, request, environ, environ, start_response)
        environ[PageRequest.KEY] = request
        response = Response(self, site, request, environ, environ, start_response)
        return response.body(self.app(environ, response.start))

    def identity_in(self, environ: dict[str, Any]) -> Identity | NotSaid | None:
        """Return who is visiting, for a site that gives no `identity`."""
        identity = identity_said(environ)
        return self.user_in(environ) if identity is NOT_SAID else identity

    def user_in(self, environ: dict[str, Any]) -> Identity | NotSaid | None:  # noqa: ARG002
        """Return the user of the framework; `NOT_SAID` where the framework has no users."""
        return NOT_SAID

    def session_cookies(self) -> Sequence[str]:
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    def _ask_conditionally(
        self,
        site: Site[str],
        request: PageRequest,
        environ: WSGIEnvironment,
        outer_environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Pass a request on; once more, if what the app answers is not for this client."""
        untouched = dict(environ) if request.conditions.may_ask_again else environ
        environ = for_app(environ, request)
        response = Response(self, site, request, environ, outer_environ, start_response)
        body = response.body(self.app(environ, response.start))
        again = response.again
        if again is None:
            return body
        return self._ask_conditionally(site, again, untouched, outer_environ, start_response)

    def _serve_sharing(
        self, site: Site[str], path: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer in the app's place, which may see the request so that the user is known."""
        outer: Question | None = outer_of(Question.KEY, environ)
        if outer is not None:
            start_response = _in_place_of(outer, start_response)
        request = sharing_request(environ, path)
        begun = site.sharing.begin(request)
        if isinstance(begun, Answer):
            answer = begun
        elif begun is Needed.CONTENT:
            answer = site.sharing.exchange(request, content(environ, LONGEST_CONTENT + 1))
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
            cookies = [value for _, value in set_cookies(headers)]
            begun.append((site.callbacks.visitor(environ), cookies))
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
            begun.append((site.callbacks.visitor(environ), []))
        finally:
            close(body)
        if question.gives_way:
            return pieces
        return begun[-1] if begun else (Visitor(lookup_failed=True), [])


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
