"""The middleware around all answers of a Litestar app, and so around its router's error pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from litestar import Litestar

from .. import asgi
from .._model.settings import Settings
from .visitors import ConsentOfRequest, IdentityOfRequest, Visitors


class Middleware(asgi.PaviorMiddleware):
    """The middleware of one app. `handler` is the app's own handler, without this middleware."""

    def __init__(
        self,
        app: Litestar,
        handler: asgi.ASGIApp,
        settings: Settings,
        *,
        identity: IdentityOfRequest | None,
        consent: ConsentOfRequest | None,
        route: str,
    ) -> None:
        self._cookies = tuple(dict.fromkeys(_session_cookies(app))) or ("session",)
        visitors = Visitors(
            settings,
            identity=identity,
            request_class=app.request_class,
            ask=handler,
            route=route,
            tokens=tuple(_tokens(app)),
        )

        super().__init__(
            handler,
            settings,
            identity=visitors.identity,
            consent=None if consent is None else visitors.consent_by(consent),
        )

    def session_cookies(self, scope: asgi.Scope) -> Sequence[str]:  # noqa: ARG002
        """Return the names of the cookies that the app's middleware reads."""
        return self._cookies


def _tokens(app: Litestar) -> Iterator[str]:
    """Return the cookies that hold a JWT, which only a login or logout sets."""
    names = (getattr(each, "kwargs", {}).get("auth_cookie_key") for each in app.middleware)
    yield from (name for name in names if isinstance(name, str))


def _session_cookies(app: Litestar) -> Iterator[str]:
    """Return the cookies of Litestar's own sessions, session authentication and JWT."""
    for each in app.middleware:
        options: dict[str, Any] = getattr(each, "kwargs", {})
        backend, config = options.get("backend"), options.get("config")
        names = (
            options.get("auth_cookie_key"),
            getattr(getattr(backend, "config", None), "key", None),
            getattr(getattr(config, "session_backend_config", None), "key", None),
        )
        yield from (name for name in names if isinstance(name, str))
