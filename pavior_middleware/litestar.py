"""Litestar: the user comes from the app's authentication, or from a callable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

try:
    from litestar import Litestar, Request, get
    from litestar.config.app import AppConfig
    from litestar.plugins import InitPlugin
    from litestar.types import Message, Scope
    from litestar.utils.path import join_paths
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.litestar needs Litestar: pip install "pavior-middleware[litestar]"'
    ) from error

from ._litestar.middleware import Middleware
from ._litestar.visitors import REACHED, ConsentOfRequest, IdentityOfRequest
from ._model.paths import HANDOFF, SHARE_AUTH
from ._model.settings import Settings

__all__ = ["Pavior"]

_ROUTE = "pavior_middleware.visitor"


class Pavior(InitPlugin):
    """The plugin: `Litestar(…, plugins=[Pavior(settings)])`.

    The user is what `identity` returns. Without `identity`, it is the `Identity` under the scope's
    key `pavior.identity`, or else `request.user`, which authentication middleware of the app has
    found. `identity` is called with the request, once the app has begun its response. `consent` is
    called in the same way and returns whether the page may show the chat. Without `consent`, every
    page may. Both may be async.

    Where the app's middleware has not run, as for a path without a route, the plugin asks the app
    for a route of its own by the visitor's cookies.

    The chat is on the pages of all routes, and on error pages, but not on those of the schema.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        identity: IdentityOfRequest | None = None,
        consent: ConsentOfRequest | None = None,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._consent = consent

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the routes that know who is visiting, and the hooks."""
        if self._settings.enabled:
            for path, name in ((SHARE_AUTH, _ROUTE), (HANDOFF, None)):
                route = get(path, name=name, include_in_schema=False, sync_to_thread=False)
                app_config.route_handlers.append(route(_reached))
            app_config.on_startup.insert(0, self._stand_around)
            app_config.before_send.append(self._stand_around_late)
        return app_config

    def _stand_around(self, app: Litestar) -> None:
        """Put the middleware around all that the app answers with."""
        app.asgi_handler = Middleware(  # type: ignore[assignment]  # of Litestar's own ASGI types
            app,
            app.asgi_handler,
            self._settings_of(app),
            identity=self._identity,
            consent=self._consent,
            route=app.route_reverse(_ROUTE),
        )
        app.before_send = [each for each in app.before_send if each != self._stand_around_late]

    async def _stand_around_late(self, message: Message, scope: Scope) -> None:  # noqa: ARG002
        """Do so with the first response of an app that never starts, as one that is mounted."""
        self._stand_around(Litestar.from_scope(scope))

    def _settings_of(self, app: Litestar) -> Settings:
        """Return the settings, with the app's path, and with its schema among the skipped ones."""
        settings, config = self._settings, app.openapi_config
        if settings.root_path is None and app.path.strip("/"):
            settings = replace(settings, root_path=app.path)
        if config is None:
            return settings
        router = config.openapi_router
        schema = join_paths([app.path, router.path if router else config.path or "/schema"])
        return replace(settings, skip_paths=[*settings.skip_paths, schema, f"{schema}/*"])


def _reached(request: Request[Any, Any, Any]) -> None:
    """Be the handler of a path whose answer is the middleware's."""
    scope: Any = request.scope
    scope[REACHED] = True
