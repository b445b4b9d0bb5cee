"""Flask: settings from `app.config`, the user from Flask-Login or a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

try:
    from flask import Flask, Response, current_app, request
    from markupsafe import Markup
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.flask needs Flask: pip install "pavior-middleware[flask]"'
    ) from error

from ._adapters.site import Site
from ._model.identity import Identity, identity_of_user
from ._model.settings import Settings, as_secret_key
from ._model.tracebacks import keeping_keys_from_tracebacks
from ._model.visitor import Visitor
from ._page.request import PageRequest
from .jinja import place
from .wsgi import PaviorMiddleware


class Pavior:
    """The Flask extension: `Pavior(app)`, or `Pavior()` and later `init_app(app)`.

    The settings are the `PAVIOR_*` keys of `app.config`, read when the app is given, unless a
    `Settings` is passed. The secret key is `PAVIOR_SECRET_KEY`; without it, Flask's `SECRET_KEY`
    with its fallbacks. The user is the one `identity` returns; without it, Flask-Login's
    `current_user` if the app uses that. `identity` is called with the WSGI environ, while the
    request context is alive, after the view and the app's own `after_request` functions. So is
    `consent`, which says whether the chat may be shown; without it, it may.

    Templates may call `pavior_snippet()` to place the script themselves.

    Raises `SettingsError` when the app is given, and `RuntimeError` when it was given before.
    """

    def __init__(
        self,
        app: Flask | None = None,
        settings: Settings | None = None,
        *,
        identity: Callable[[dict[str, Any]], Identity | None] | None = None,
        consent: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._identity = identity or _current_user
        self._consent = consent
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put the middleware around the app."""
        if "pavior" in app.extensions:
            raise RuntimeError("this app has its Pavior already: call Pavior(app) once")
        app.extensions["pavior"] = self
        settings = _settings(self._settings, app)
        app.jinja_env.globals["pavior_snippet"] = _snippet
        if not settings.enabled:
            return
        middleware = _Middleware(app, settings, self._identity, self._consent)
        # Flask calls these in reverse, so the first is the last to change the response.
        app.after_request_funcs.setdefault(None, []).insert(0, middleware.remember_visitor)
        app.wsgi_app = middleware  # type: ignore[method-assign]


class _Middleware(PaviorMiddleware):
    """The middleware around one app.

    The visitor is asked for while the request context is alive, and the middleware runs when it is
    gone: a response hook keeps the visitor under a key of this app alone, since an app that runs
    inside another must not name the other's user.
    """

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        identity: Callable[[dict[str, Any]], Identity | None],
        consent: Callable[[dict[str, Any]], bool] | None,
    ) -> None:
        self._key = f"pavior_middleware.visitor.{id(app)}"
        self._unknown = Visitor(consents=consent is None, lookup_failed=True)
        super().__init__(app.wsgi_app, settings, identity=identity, consent=consent)
        self._flask = app

    def remember_visitor(self, response: Response) -> Response:
        """Keep the visitor for the middleware.

        Only where it will be asked for: once the session is read, Flask varies by it.
        """
        environ = request.environ
        assert self._site is not None  # noqa: S101  # the hook is there only with a site
        if self._asks(self._site, environ, response):
            environ[self._key] = self._site.callbacks.visitor(environ)
        return response

    def _asks(self, site: Site[str], environ: dict[str, Any], response: Response) -> bool:
        page_request: PageRequest | None = environ.get(PageRequest.KEY)
        if page_request is not None:
            headers = response.headers.to_wsgi_list()
            return site.pages.may_need_visitor(page_request, response.status_code, headers)
        root_path = request.root_path.rstrip("/")
        return site.sharing.asks_app(root_path + request.path, root_path)

    def visitor(self, site: Site[str], environ: dict[str, Any]) -> Visitor:  # noqa: ARG002
        visitor: Visitor = environ.get(self._key, self._unknown)
        return visitor

    def session_cookies(self) -> Sequence[str]:
        name = self._flask.session_interface.get_cookie_name(self._flask)
        if not hasattr(self._flask, "login_manager"):
            return (name,)
        return name, self._flask.config.get("REMEMBER_COOKIE_NAME", "remember_token")


@keeping_keys_from_tracebacks
def _settings(given: Settings | None, app: Flask) -> Settings:
    """Return the settings given, or the config's; without a secret key, the app's own are used."""
    if given is None:
        return Settings.from_mapping(_mapping(app.config))
    if given.shared_auth_domains and not given.secret_keys:
        return replace(given, secret_key=_secret_keys(app.config) or None)
    return given


def _mapping(config: Mapping[str, Any]) -> Mapping[str, Any]:
    keys = _secret_keys(config)
    if config.get("PAVIOR_SECRET_KEY") or not keys:
        return config
    return {**config, "PAVIOR_SECRET_KEY": keys}


def _secret_keys(config: Mapping[str, Any]) -> list[Any]:
    """Return Flask's keys, from the oldest to the newest; none if there is no newest one."""
    keys = [*(config.get("SECRET_KEY_FALLBACKS") or ()), config.get("SECRET_KEY")]
    return [as_secret_key(key) for key in keys if keys[-1]]


def _snippet() -> Markup:
    """Be `pavior_snippet()` in a template: the place of the script."""
    return place(request.environ.get(PageRequest.KEY))


def _current_user(environ: dict[str, Any]) -> Identity | None:  # noqa: ARG001
    if not hasattr(current_app, "login_manager"):
        return None
    from flask_login import current_user

    return identity_of_user(current_user)
