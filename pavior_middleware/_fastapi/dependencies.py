"""Resolves a dependency of a FastAPI app for a request whose route may not use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie
from starlette.types import ASGIApp

from .._adapters.asgi_response import set_cookies
from .._adapters.in_threads import InThreads
from .._adapters.scope import Fields, Message, RawHeaders, Scope, changed
from .._http.caller import SAFE_METHODS
from .._http.session_cookies import session_of
from .._model.settings import Settings
from .._page.request import PageRequest
from .._share.login_cookie import NAME as LOGIN_COOKIE
from .blocking import run_in_own_threads

T = TypeVar("T")

COOKIES = "pavior_middleware.fastapi.cookies"
"""The key of the scope that holds the `Set-Cookie` fields of dependencies resolved late."""

_KNOWN = "pavior_middleware.fastapi.known"
_VALUE = "pavior_middleware.fastapi.value"
_IN_EVERY_REQUEST = ("cookie", "header")


def once(dependency: Callable[..., Any]) -> Callable[..., Any]:
    """Return a dependency that returns what `dependency` does, and remembers it.

    Routes use it in place of `dependency`, and `Pavior` gets it as `user`. Then a request for a
    page resolves it once, for the route and for the chat. That holds for GET and HEAD. Other
    requests may log somebody in or out, so they resolve it again.
    """

    async def remembered(connection: HTTPConnection, value: Any = Depends(dependency)) -> Any:
        connection.scope.setdefault(_KNOWN, {})[remembered] = value
        return value

    return remembered


class Dependency(Generic[T]):
    """A dependency of an app, for requests of any kind.

    `read` converts its value, while the dependencies with `yield` are still open. The app's
    `dependency_overrides` count. `name` is the name of the argument that `Pavior` got.
    """

    def __init__(
        self,
        app: FastAPI,
        dependency: Callable[..., Any],
        read: Callable[[Any], Awaitable[T]],
        *,
        name: str,
        settings: Settings,
    ) -> None:
        self._app = app
        self._dependency = dependency
        self._read = read
        route = self._route()
        self.cookies = tuple(_cookies(route.dependant))
        """The names of the cookies that the dependency and those below it read."""

        run_in_own_threads(route.dependant, InThreads(_call, name, settings))
        self._fixed = _with_exit_stack(route.app)
        self._overridable = _with_exit_stack(self._route().app)

    def _route(self) -> APIRoute:
        read = self._read

        async def resolved(request: Request, value: Any = Depends(self._dependency)) -> None:
            request.scope[_VALUE] = await read(value)

        # A returned response would lack the cookies that dependencies set.
        return APIRoute(
            "/",
            resolved,
            status_code=HTTPStatus.NO_CONTENT,
            response_model=None,
            response_class=Response,
            dependency_overrides_provider=self._app,
        )

    async def value(self, scope: Scope, *, refused: T) -> T:
        """Return what the dependency says of a request; `refused` if it refuses the request.

        The dependency refuses a request in two ways. It raises an exception for which the app has a
        handler, such as `HTTPException` with a status below 500. Or it requires a cookie or header
        field that is missing. Raises all other exceptions, and `TypeError` where the dependency
        needs a part of the request that the pages of other routes do not have.
        """
        sent, current = _cookies_around(scope)
        is_same = sent == current or self._session_of(sent) == self._session_of(current)
        known = scope.get(_KNOWN)
        if (
            is_same
            and known is not None
            and self._dependency in known
            and scope["method"] in SAFE_METHODS
        ):
            return await self._read(known[self._dependency])
        # The form was read already, so a CSRF token in it is gone. A GET needs no such token. A
        # mounted app may have put itself into the scope.
        asked = {**scope, "app": self._app, "method": "GET"}
        if sent != current:  # the response logs somebody in or out, and its page shows the result
            asked["headers"] = changed(scope["headers"], {"cookie": current or None})
        asked.pop("starlette.exception_handlers", None)  # with handlers, errors would not be raised
        # The app's overrides refer to the app's own functions, not to their replacements.
        route = self._overridable if self._app.dependency_overrides else self._fixed
        cookies: RawHeaders = []

        async def keep_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookies.extend(set_cookies(message))

        try:
            await route(asked, _without_content, keep_cookies)
        except self._exceptions_with_handlers() as error:
            if isinstance(error, RequestValidationError):
                _refuse_what_pages_lack(error)
            elif _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return refused
        if cookies:
            scope[COOKIES] = cookies
        return cast("T", asked[_VALUE])

    def _session_of(self, cookies: str) -> tuple[str, ...]:
        """Return the cookies that may tell who is visiting."""
        return session_of(cookies, self.cookies, without=LOGIN_COOKIE)

    def _exceptions_with_handlers(self) -> tuple[type[Exception], ...]:
        handlers: Any = self._app.exception_handlers
        return tuple(each for each in handlers if isinstance(each, type) and each is not Exception)


def _cookies_around(scope: Scope) -> tuple[str, str]:
    """Return the cookies that came with a request, and those that its response leaves."""
    sent: str = Fields(scope["headers"]).get("cookie", "")
    request: PageRequest | None = scope.get(PageRequest.KEY)
    return sent, sent if request is None else request.cookies_after(sent)


def _with_exit_stack(app: ASGIApp) -> ASGIApp:
    """Return an app inside the exit stack that its route needs; FastAPI has it from 0.118 on."""
    try:
        from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
    except ModuleNotFoundError:
        return app
    return AsyncExitStackMiddleware(app)


def _refuse_what_pages_lack(error: RequestValidationError) -> None:
    """Raise `TypeError` where a dependency needs more than cookies and header fields."""
    places = (".".join(map(str, each["loc"])) for each in error.errors())
    others = [place for place in places if place.partition(".")[0] not in _IN_EVERY_REQUEST]
    if others:
        raise TypeError(
            f"the dependency needs {', '.join(others)}, which pages of other routes do not have:"
            " give the parameter a default, or pass Pavior a dependency without it"
        ) from error


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else HTTPStatus.UNAUTHORIZED


def _cookies(dependant: Any) -> Iterator[str]:
    """Return the names of the cookies that a dependency and those below it read."""
    yield from (each.alias for each in dependant.cookie_params)
    if isinstance(dependant.call, APIKeyCookie):
        yield dependant.call.model.name
    for each in dependant.dependencies:
        yield from _cookies(each)


def _call(function: Callable[[], Any]) -> Any:
    return function()


async def _without_content() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
