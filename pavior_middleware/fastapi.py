"""FastAPI: the user is what a dependency of the app returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

try:
    from fastapi import FastAPI, Response
    from fastapi.routing import APIRoute
    from starlette.middleware import Middleware
    from starlette.types import ASGIApp
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.fastapi needs FastAPI: pip install "pavior-middleware[fastapi]"'
    ) from error

from ._fastapi.dependencies import Dependency, once
from ._fastapi.layers import Outside
from ._fastapi.users import Users
from ._model.paths import HANDOFF, SHARE_AUTH
from ._model.settings import Settings

__all__ = ["Pavior", "once"]

_LAST = (500, Exception)
"""The keys of the handler whose answer FastAPI sends outside of all middleware."""


class Pavior:
    """Puts Pavior's chat on the pages of a FastAPI app.

    `user` is a dependency of the app: it returns an `Identity`, a user object, or None for nobody.
    Its dependencies may be of any kind. One that raises an exception for which the app has a
    handler, such as `HTTPException` with the status 401, says that nobody is logged in. It is
    resolved for pages and for the paths below `/.well-known/pavior/`, also where the route does not
    use it, and for nothing else. Without `user`, the user is the `Identity` under the scope's key
    `pavior.identity`, else the user object in `request.user` or `request.state.user`. `consent` is
    a dependency, too: it returns whether the chat may be shown; without it, it may.

    The middleware is outside of all others of the app, also of those that are added later. The page
    of a handler for the status 500 gets the chat, too. FastAPI's own pages, such as `/docs`, do
    not.

    Raises `RuntimeError` where the app has a Pavior already, or has served a request, and
    `TypeError` for a `user` or `consent` that cannot be called.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        *,
        user: Callable[..., Any] | None = None,
        consent: Callable[..., bool | Awaitable[bool]] | None = None,
    ) -> None:
        _check("user", user)
        _check("consent", consent)
        if isinstance(app.build_middleware_stack, _Building):
            raise RuntimeError("this app has Pavior's middleware already: call Pavior(app, …) once")
        if app.middleware_stack is not None:
            raise RuntimeError("this app has served a request: call Pavior(app, …) before it does")
        if settings.enabled:
            self._stand_around(app, settings, user, consent)

    def _stand_around(
        self,
        app: FastAPI,
        settings: Settings,
        user: Callable[..., Any] | None,
        consent: Callable[..., Any] | None,
    ) -> None:
        users = Users(settings)
        found = consents = None
        if user is not None:
            found = Dependency(app, user, users.identity, name="user", settings=settings)
        if consent is not None:
            consents = Dependency(app, consent, _as_it_is, name="consent", settings=settings)
        outside = Outside(app, settings, users, user=found, consent=consents)
        app.build_middleware_stack = _Building(app, outside)  # type: ignore[method-assign]


class _Building:
    """Builds the app's stack of middleware, as the app does, with this package's layers."""

    def __init__(self, app: FastAPI, outside: Outside) -> None:
        self._app = app
        self._outside = outside
        self._build = app.build_middleware_stack
        self._routes = [
            APIRoute(path, _nothing, methods=["GET", "HEAD"], include_in_schema=False)
            for path in (SHARE_AUTH, HANDOFF)
        ]

    def __call__(self) -> ASGIApp:
        """Return the stack; what the app lists stays unchanged."""
        app, outside = self._app, self._outside
        # Last, so that no other request is compared with their paths. They only keep the app from
        # its 404: whatever a route of the app answers there, the middleware's answer goes out.
        routes = app.router.routes
        routes.extend(each for each in self._routes if each not in routes)
        listed, handlers = app.user_middleware, app.exception_handlers
        app.user_middleware = [Middleware(outside.around), *listed, Middleware(outside.inside)]
        app.exception_handlers = {
            key: outside.last(handler) if key in _LAST else handler
            for key, handler in handlers.items()
        }
        try:
            return self._build()
        finally:
            app.user_middleware, app.exception_handlers = listed, handlers


def _check(name: str, dependency: object) -> None:
    if dependency is not None and not callable(dependency):
        kind = type(dependency).__name__
        raise TypeError(f"{name} must be a function or another dependency, not {kind}")


async def _nothing() -> Response:
    """Be the endpoint of a path whose answer is the middleware's."""
    return Response()


async def _as_it_is(consents: Any) -> Any:
    return consents
