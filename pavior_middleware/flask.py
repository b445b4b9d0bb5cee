"""Flask: settings from `app.config`, the user from Flask-Login or a callable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

try:
    from flask import Flask, Response, request
    from markupsafe import Markup
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.flask needs Flask: pip install "pavior-middleware[flask]"'
    ) from error

from ._adapters.environ import paths_of
from ._adapters.extension import add_to, call_last
from ._adapters.kept_visitors import KeptVisitors
from ._model.identity import Identity
from ._model.identity_key import NOT_SAID, NotSaid
from ._model.settings import Settings
from ._model.users import UserMapping
from ._page.request import PageRequest
from .jinja import place
from .wsgi import PaviorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Pavior:
    """The Flask extension: `Pavior(app)`, or `Pavior()` and later `init_app(app)`.

    The settings are the `PAVIOR_*` keys of `app.config`, read when the app is given, unless a
    `Settings` is passed. The secret key is `PAVIOR_SECRET_KEY`; without it, Flask's `SECRET_KEY`
    with its fallbacks.

    The user is what `identity` returns. Without `identity`, it is the `Identity` under the
    environ's key `pavior.identity`, or else Flask-Login's `current_user`. The settings
    `email_confirmed` and `user_attributes` choose what Pavior gets of a `current_user`. `identity`
    is called with the WSGI environ, while the request context is alive, after the view and the
    app's own `after_request` functions. `consent` is called in the same way and returns whether
    the page may show the chat. Without `consent`, every page may.

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
        self._identity = identity
        self._consent = consent
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put the middleware around the app."""
        settings = add_to(app, self, self._settings, _snippet)
        if settings is None:
            return
        middleware = _Middleware(app, settings, self._identity, self._consent)
        call_last(app, middleware.remember_visitor)
        app.wsgi_app = middleware  # type: ignore[method-assign]


class _Middleware(PaviorMiddleware):
    """The middleware around one app, which runs when the request context is gone."""

    _visitors: KeptVisitors[str]

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        identity: Callable[[dict[str, Any]], Identity | None] | None,
        consent: Callable[[dict[str, Any]], bool] | None,
    ) -> None:
        self._flask = app
        self._users = UserMapping(settings)
        super().__init__(app.wsgi_app, settings, identity=identity, consent=consent)
        if self._site is not None:
            self._visitors = KeptVisitors(
                self._site, app, paths_of, asks_consent=consent is not None
            )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        self._visitors.make_room(environ)
        return super().__call__(environ, start_response)

    def remember_visitor(self, response: Response) -> Response:
        """Keep the visitor for the middleware, where it will ask."""
        environ, visitors = request.environ, self._visitors
        headers = response.headers.to_wsgi_list()
        if visitors.are_needed(environ, response.status_code, headers):
            visitors.keep(environ, visitors.callbacks.visitor(environ))
        return response

    def user_in(self, environ: dict[str, Any]) -> Identity | NotSaid | None:  # noqa: ARG002
        """Return Flask-Login's user."""
        if not hasattr(self._flask, "login_manager"):
            return NOT_SAID
        from flask_login import current_user

        return self._users.identity(current_user._get_current_object())

    def session_cookies(self) -> Sequence[str]:
        name = self._flask.session_interface.get_cookie_name(self._flask)
        if not hasattr(self._flask, "login_manager"):
            return (name,)
        return name, self._flask.config.get("REMEMBER_COOKIE_NAME", "remember_token")


def _snippet() -> Markup:
    """Be `pavior_snippet()` in a template: the place of the script."""
    return place(request.environ.get(PageRequest.KEY))
