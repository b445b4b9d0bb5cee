"""Starlette and FastAPI: settings from a `Config`, the user from `request.user`."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature

try:
    from starlette.config import Config
    from starlette.middleware.sessions import SessionMiddleware
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.starlette needs Starlette: pip install "pavior-middleware[starlette]"'
    ) from error

from . import asgi
from ._model.identity import Identity, identity_of_user
from ._model.settings import NAMES, PREFIX, Settings, as_secret_key
from ._model.tracebacks import keeping_keys_from_tracebacks


class PaviorMiddleware(asgi.PaviorMiddleware):
    """The ASGI middleware, for `Middleware(PaviorMiddleware, settings=…)` or `add_middleware`.

    `settings` may be a `starlette.config.Config`, which `read_settings` reads. The user is the one
    `identity` returns; without it, the one under the scope's key `pavior.identity`; else
    `request.user`, where AuthenticationMiddleware (at any place in the stack) has authenticated it.
    `identity` is called with the scope, once the app has begun its response, so `scope["session"]`
    and `scope["state"]` are there; so is `consent`, which says whether the chat may be shown.

    Raises `SettingsError`, but Starlette makes its middleware no sooner than it is called, and some
    servers go on then. `read_settings(config)` for `settings` stops the app at start-up.
    """

    def __init__(
        self,
        app: asgi.ASGIApp,
        settings: Settings | Config,
        *,
        identity: asgi.IdentityOfScope | None = None,
        consent: asgi.ConsentOfScope | None = None,
    ) -> None:
        super().__init__(app, _settings(settings), identity=identity, consent=consent)

    def identity_in(self, scope: asgi.Scope) -> Identity | None:
        """Return the user that Starlette has authenticated, for a site that gives no `identity`."""
        if asgi.IDENTITY_KEY in scope:
            return super().identity_in(scope)
        return identity_of_user(scope.get("user"))

    def session_cookies(self, scope: asgi.Scope) -> Sequence[str]:
        """Return the name that a SessionMiddleware of the app was given; else its default.

        One that is neither in the app nor listed by it is not found.
        """
        names = _listed(scope.get("app"))
        inner: object = self.app
        while inner is not None:
            names += _listed(inner)
            if isinstance(inner, SessionMiddleware):
                names.append(inner.session_cookie)
            inner = getattr(inner, "app", None)
        return names or ("session",)


def _listed(app: object) -> list[str]:
    """Return the names of the session cookies of the middleware that a Starlette app lists."""
    found = []
    for each in getattr(app, "user_middleware", ()):
        if isinstance(each.cls, type) and issubclass(each.cls, SessionMiddleware):
            arguments = signature(each.cls).bind_partial(None, *each.args, **each.kwargs)
            found.append(arguments.arguments.get("session_cookie", "session"))
    return found


def _settings(settings: Settings | Config) -> Settings:
    return read_settings(settings) if isinstance(settings, Config) else settings


@keeping_keys_from_tracebacks
def read_settings(config: Config) -> Settings:
    """Read the `PAVIOR_*` keys of a config, behind its `env_prefix`; raise `SettingsError`.

    Without a `PAVIOR_SECRET_KEY`, the config's `SECRET_KEY` is the secret key.
    """
    return Settings.from_mapping(_mapping(config))


def _mapping(config: Config) -> dict[str, object]:
    prefix = config.env_prefix
    keys = (*config.environ, *config.file_values)
    present = {key[len(prefix) :] for key in keys if key.startswith(prefix + PREFIX)}
    names = present.union(NAMES)
    mapping: dict[str, object] = {name: config(name, default=None) for name in sorted(names)}
    secret_key = config("SECRET_KEY", default="")
    if secret_key and not mapping["PAVIOR_SECRET_KEY"]:
        mapping["PAVIOR_SECRET_KEY"] = as_secret_key(str(secret_key))
    return mapping
