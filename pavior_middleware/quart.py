"""Quart: settings from `app.config`, the user from Quart-Auth or a callable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

try:
    from markupsafe import Markup
    from quart import Quart, request
    from quart.typing import ResponseTypes

except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.quart needs Quart: pip install "pavior-middleware[quart]"'
    ) from error

from . import asgi
from ._adapters.extension import add_to, call_last
from ._adapters.kept_visitors import KeptVisitors
from ._adapters.scope import paths_of
from ._adapters.user_view import UserView
from ._model.identity import Identity
from ._model.identity_key import NOT_SAID, LoginChanged, NotSaid
from ._model.settings import Settings
from ._model.users import UserMapping
from ._page.request import PageRequest
from .jinja import place

if TYPE_CHECKING:
    from quart_auth import AuthUser


class Pavior:
    """The Quart extension: `Pavior(app)`, or `Pavior()` and later `init_app(app)`.

    The settings are the `PAVIOR_*` keys of `app.config`, read when the app is given, unless a
    `Settings` is passed. The secret key is `PAVIOR_SECRET_KEY`; without it, Quart's `SECRET_KEY`
    with its fallbacks.

    The user is what `identity` returns. Without `identity`, it is the `Identity` under the scope's
    key `pavior.identity`, or else Quart-Auth's `current_user`. `identity` is called with the ASGI
    scope, while the request context is alive, after the view and the app's own `after_request`
    functions. `consent` is called in the same way and returns whether the page may show the chat.
    Without `consent`, every page may. Both may be coroutine functions.

    Templates may call `pavior_snippet()` to place the script themselves.

    Raises `SettingsError` when the app is given, and `RuntimeError` when it was given before.
    """

    def __init__(
        self,
        app: Quart | None = None,
        settings: Settings | None = None,
        *,
        identity: asgi.IdentityOfScope | None = None,
        consent: asgi.ConsentOfScope | None = None,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._consent = consent
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Put the middleware around the app."""
        settings = add_to(app, self, self._settings, _snippet)
        if settings is None:
            return
        middleware = _Middleware(app, settings, self._identity, self._consent)
        call_last(app, middleware.remember_visitor)
        app.asgi_app = middleware  # type: ignore[assignment,method-assign]


class _Middleware(asgi.PaviorMiddleware):
    """The middleware around one app."""

    _visitors: KeptVisitors[bytes]

    def __init__(
        self,
        app: Quart,
        settings: Settings,
        identity: asgi.IdentityOfScope | None,
        consent: asgi.ConsentOfScope | None,
    ) -> None:
        self._quart = app
        self._users = UserMapping(settings)
        self._names = _names(settings)
        reader: Any = identity or self._current_user
        super().__init__(app.asgi_app, settings, identity=reader, consent=consent)
        if self._site is not None:
            self._visitors = KeptVisitors(
                self._site, app, paths_of, asks_consent=consent is not None
            )

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "http":
            self._visitors.make_room(scope)
        await super().__call__(scope, receive, send)

    async def remember_visitor(self, response: ResponseTypes) -> ResponseTypes:
        """Keep the visitor for the middleware, where it will ask."""
        scope = cast("asgi.Scope", request.scope)
        visitors = self._visitors
        if visitors.are_needed(scope, response.status_code, _fields(response)):
            visitors.keep(scope, await visitors.callbacks.visitor_async(scope))
        return response

    def session_cookies(self, scope: asgi.Scope) -> Sequence[str]:  # noqa: ARG002
        app = self._quart
        extensions = app.extensions.get("QUART_AUTH", ())
        return app.config["SESSION_COOKIE_NAME"], *(each.cookie_name for each in extensions)

    async def _current_user(self, scope: asgi.Scope) -> Identity | NotSaid | LoginChanged | None:
        """Return the scope's identity; without one, Quart-Auth's user."""
        identity = self.identity_in(scope)
        if identity is not NOT_SAID or "QUART_AUTH" not in self._quart.extensions:
            return identity
        from quart_auth import current_user

        if not await current_user.is_authenticated:  # as a coroutine, it is truthy
            return None
        user = await _awaited(current_user._get_current_object(), self._names)  # type: ignore[attr-defined]  # the proxy's
        return self._users.identity(user, is_authenticated=True)


def _fields(response: ResponseTypes) -> list[tuple[bytes, bytes]]:
    """Return the fields of a response as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]


def _snippet() -> Markup:
    """Be `pavior_snippet()` in a template: the place of the script."""
    return place(request.scope.get(PageRequest.KEY))


async def _awaited(user: AuthUser, names: Iterable[str]) -> AuthUser | UserView:
    """Return a user of Quart-Auth, of whom what stands under these names need not be awaited."""
    values = {name: getattr(user, name, None) for name in names}
    promised = {name: await value for name, value in values.items() if isawaitable(value)}
    return UserView(user, promised) if promised else user


def _names(settings: Settings) -> frozenset[str]:
    """Return the attributes of a user that the settings name, besides the email."""
    confirmed, attributes = settings.email_confirmed, settings.user_attributes
    paths: list[str] = [confirmed] if isinstance(confirmed, str) else []
    if isinstance(attributes, Mapping):
        paths += attributes.values()
    elif not callable(attributes):
        paths += attributes
    return frozenset({"email", *(path.partition(".")[0] for path in paths)})
