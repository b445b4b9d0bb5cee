"""aiohttp: neither WSGI nor ASGI, so the middleware works between the app and the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

try:
    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.aiohttp needs aiohttp: pip install "pavior-middleware[aiohttp]"'
    ) from error

from ._adapters.aiohttp_request import Fields, content, copy, root_path, sharing_request
from ._adapters.aiohttp_response import PageWriter, Unsent
from ._adapters.site import Site
from ._http.headers import AIOHTTP_FORM, latin1
from ._model.identity import Identity
from ._model.identity_key import IDENTITY_KEY, NOT_SAID, NotSaid
from ._model.settings import Settings
from ._page.conditions import NO_CONDITIONS
from ._page.request import PageRequest
from ._share import LONGEST_CONTENT, Answer, Needed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

IdentityOfRequest = Callable[[web.Request], Identity | Awaitable[Identity | None] | None]

ConsentOfRequest = Callable[[web.Request], bool | Awaitable[bool]]

_PAVIOR = web.AppKey("pavior", object)


def setup(
    app: web.Application,
    settings: Settings,
    *,
    identity: IdentityOfRequest | None = None,
    consent: ConsentOfRequest | None = None,
) -> None:
    """Put Pavior's init script into the HTML pages of an aiohttp app.

    `identity` is called with the request once its response begins, so that it sees what the handler
    and the middlewares of the app put there. It returns an `Identity` or None. Without `identity`,
    `request["pavior.identity"]` is read. `consent` is called in the same way and returns whether
    the page may show the chat. Without `consent`, every page may. Both may be coroutine functions.
    Those that are not run in a thread, unless the setting `identity_may_block` is False.

    The middleware becomes the first in `app.middlewares`. It serves the apps below this one, too.
    With `settings.enabled` False, everything passes untouched.

    Raises `RuntimeError` for an app that has its middleware already.
    """
    if _PAVIOR in app:
        raise RuntimeError("this app has Pavior's middleware already: call setup(app, …) once")
    middleware = _Middleware(app, settings, identity, consent)
    app[_PAVIOR] = middleware
    if settings.enabled:
        app.middlewares.insert(0, web.middleware(middleware))
        app.on_response_prepare.append(_see_response)


class _Middleware:
    """The middleware of one app."""

    def __init__(
        self,
        app: web.Application,
        settings: Settings,
        identity: IdentityOfRequest | None,
        consent: ConsentOfRequest | None,
    ) -> None:
        self._app = app
        self._root_path: str | None = None
        self._site: Site[str] = Site(
            settings,
            AIOHTTP_FORM,
            identity=identity,
            default_identity=_identity_in,
            consent=consent,
        )

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve one request."""
        site = self._site
        if self._root_path is None:
            self._root_path = root_path(request, self._app)
        path = request.path
        our_path = site.sharing.path(path, self._root_path)
        if our_path is not None:
            return await self._serve_sharing(our_path, request, handler)
        outer = request.writer if isinstance(request.writer, PageWriter) else None
        if outer is not None and outer.page_request.replaced_fields:
            request = copy(request, outer.page_request.replaced_fields)
        fields = Fields(request.headers)
        page_request = site.pages.request(
            request.method,
            request.scheme,
            path,
            self._root_path,
            fields,
            fields.are_conditional,
        )
        if outer is not None:
            page_request.stand_inside(outer.page_request)
        if page_request.conditions is not NO_CONDITIONS:
            return await self._serve_conditionally(page_request, request, handler)
        self._write_by(request.writer, request, page_request=page_request)
        return await handler(request)

    def session_cookies(self, request: web.Request) -> Sequence[str]:
        """Return the name of the cookie of aiohttp-session, if the app uses that; its default."""
        storage = request.get("aiohttp_session_storage")
        return (getattr(storage, "cookie_name", "AIOHTTP_SESSION"),)

    def _write_by(
        self, writer: AbstractStreamWriter, *requests: web.Request, page_request: PageRequest
    ) -> PageWriter:
        """Have the responses to a request, and to its copies, written by our writer.

        The app gets the last of them.
        """
        page_writer = PageWriter(writer, self, self._site, page_request, requests)
        for each in page_writer.requests:
            _set_writer(each, page_writer)
        return page_writer

    async def _serve_conditionally(
        self, page_request: PageRequest, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Pass a request on; once more, if what the app answers is not for this client."""
        changes, inner = page_request.conditions.changes, request.writer
        untouched = request.clone()
        asked = copy(request, changes) if changes else request
        writer = self._write_by(inner, request, asked, page_request=page_request)

        async def answer_again(again: PageRequest) -> web.StreamResponse:
            second = copy(untouched, again.conditions.changes)
            self._write_by(inner, request, second, page_request=again)
            return _preparing_for(second, await handler(second))

        async def ask_again(again: PageRequest) -> None:
            try:
                response = await answer_again(again)
            except web.HTTPException as error:
                response = error
            except Exception as error:  # noqa: BLE001  # it becomes a page, as that of a handler does
                response = request.protocol.handle_error(request, 500, error)
            await response.prepare(request)
            await response.write_eof()
            if writer.prepared is not None and not response.keep_alive:
                writer.prepared.force_close()

        try:
            response = await handler(asked)
        except ConnectionError:
            if writer.again is None:
                raise
        finally:
            writer.ask_again = ask_again
        if writer.again is not None:
            return await answer_again(writer.again)
        return response if asked is request else _preparing_for(asked, response)

    async def _serve_sharing(
        self, path: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer in the app's place, which may see the request so that the user is known."""
        sharing, writer = self._site.sharing, request.writer
        if isinstance(writer, Unsent):  # another middleware asks who is visiting
            writer.question.give_way()
        shared = sharing_request(request, path)
        begun = sharing.begin(shared)
        if isinstance(begun, Answer):
            return _response(begun)
        if begun is Needed.CONTENT:
            return _response(sharing.exchange(shared, await content(request, LONGEST_CONTENT + 1)))
        unsent = Unsent(writer)
        _set_writer(request, unsent)
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = error
        except ConnectionResetError:
            if not unsent.is_too_long:
                raise
        finally:
            _set_writer(request, writer)
        if unsent.question.gives_way and response is not None:
            return response
        visitor = await self._site.callbacks.visitor_async(request)
        cookies = [] if response is None else _set_cookies(response)
        return _response(sharing.answer(shared, visitor, self.session_cookies(request), cookies))


async def _see_response(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the writers of a request which response is about to write its head."""
    writer = request.writer
    while isinstance(writer, PageWriter):
        writer.see(request, response)
        writer = writer.inner


def _preparing_for(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Return a response that will look at the fields of a copy of the server's request.

    That of a file does so when the server prepares it.
    """
    if isinstance(response, web.FileResponse):
        prepare = response.prepare
        response.prepare = lambda _: prepare(request)  # type: ignore[assignment,method-assign]
    return response


def _response(answer: Answer) -> web.Response:
    headers = [(name, AIOHTTP_FORM.encode(value)) for name, value in answer.headers]
    return web.Response(status=answer.status, headers=headers, body=answer.body)


def _set_cookies(response: web.StreamResponse) -> list[str]:
    """Return the `Set-Cookie` fields of a response."""
    fields = response.headers.getall("Set-Cookie", [])
    if not response.prepared:
        fields += [each.output(header="").strip() for each in response.cookies.values()]
    return [latin1(field) for field in fields]


def _identity_in(request: web.Request) -> Identity | NotSaid | None:
    """Return who is visiting, for a site that gives no `identity`."""
    identity: Identity | NotSaid | None = request.get(IDENTITY_KEY, NOT_SAID)
    return identity


def _set_writer(request: web.Request, writer: AbstractStreamWriter) -> None:
    """Have a request's responses written by another writer.

    aiohttp has no public way, but the attribute has had its name since aiohttp 3.0.
    """
    request._payload_writer = writer
