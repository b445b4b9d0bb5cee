"""Starlette and FastAPI: settings from a `Config`, the user from `request.user`."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

try:
    from starlette.config import Config
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.starlette needs Starlette: pip install "pavior-middleware[starlette]"'
    ) from error

from . import asgi
from .identity import Identity, identity_of_user
from .settings import NAMES, PREFIX, Settings


class PaviorMiddleware(asgi.PaviorMiddleware):
    """The ASGI middleware, for `Middleware(PaviorMiddleware, settings=…)` or `add_middleware`.

    `settings` may be a `starlette.config.Config`, of which the `PAVIOR_*` keys are read. The user
    is the one `identity` returns; without it, `request.user`, where AuthenticationMiddleware (at
    any place in the stack) has authenticated it. `identity` is called with the scope, once the app
    has begun its response, so `scope["session"]` and `scope["state"]` are there.

    Raises `SettingsError`.
    """

    def __init__(
        self,
        app: asgi.ASGIApp,
        settings: Settings | Config,
        *,
        identity: asgi.IdentityOfScope | None = None,
    ) -> None:
        if isinstance(settings, Config):
            settings = _read(settings)
        super().__init__(app, settings, identity=identity or _authenticated_user)


def _read(config: Config) -> Settings:
    prefix = config.env_prefix
    present = {name.removeprefix(prefix) for name in (*config.environ, *config.file_values)}
    names = {name for name in present if name.startswith(PREFIX)}.union(NAMES)
    return Settings.from_mapping({name: config(name, default=None) for name in sorted(names)})


def _authenticated_user(scope: MutableMapping[str, Any]) -> Identity | None:
    return identity_of_user(scope.get("user"))
