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
from ._http.caller import SAFE_METHODS
from ._model.identity import Identity
from ._model.identity_key import LOGIN_CHANGED, NOT_SAID, LoginChanged, NotSaid
from ._model.settings import NAMES, PREFIX, Settings, as_secret_key
from ._model.tracebacks import keeping_keys_from_tracebacks
from ._model.users import UserMapping
from ._page.request import PageRequest


class PaviorMiddleware(asgi.PaviorMiddleware):
    """The ASGI middleware, for `Middleware(PaviorMiddleware, settings=…)` or `add_middleware`.

    `settings` may be a `starlette.config.Config`, which `read_settings` reads.

    The user is what `identity` returns. Without `identity`, it is the `Identity` under the scope's
    key `pavior.identity`, or else `request.user`, if AuthenticationMiddleware (at any place in the
    stack) has authenticated it. The settings `email_confirmed` and `user_attributes` choose what
    Pavior gets of a `request.user`. `identity` is called with the scope, once the app has begun its
    response, so `scope["session"]` and `scope["state"]` are there. `consent` is called in the same
    way and returns whether the page may show the chat. Without `consent`, every page may.

    Raises `SettingsError`. Starlette makes its middleware only with the first call, and some
    servers go on after an error then. Pass `read_settings(config)` as `settings` to stop the app at
    start-up.
    """

    def __init__(
        self,
        app: asgi.ASGIApp,
        settings: Settings | Config,
        *,
        identity: asgi.IdentityOfScope | None = None,
        consent: asgi.ConsentOfScope | None = None,
    ) -> None:
        settings = _settings(settings)
        self._users = UserMapping(settings)
        self._session_cookies = settings.session_cookie
        super().__init__(app, settings, identity=identity, consent=consent)

    def user_in(self, scope: asgi.Scope) -> Identity | NotSaid | LoginChanged | None:
        """Return the user that Starlette has authenticated, unless that may have changed since.

        It does so when the request comes. A response to a form that changes the session may have
        logged somebody in or out.
        """
        user = self.authenticated_user(scope)
        request: PageRequest | None = scope.get(PageRequest.KEY)
        if isinstance(user, Identity) and request and request.method not in SAFE_METHODS:
            names = self._session_cookies or self.session_cookies(scope)
            if request.changes_session(names):
                return LOGIN_CHANGED
        return user

    def authenticated_user(self, scope: asgi.Scope) -> Identity | NotSaid | None:
        """Return the user as of the beginning of the request; `NOT_SAID` without one."""
        return self._users.identity(scope["user"]) if "user" in scope else NOT_SAID

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
