"""Flask: settings from `app.config`, the user from Flask-Login or a callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from flask import Flask, Response, current_app, request
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.flask needs Flask: pip install "pavior-middleware[flask]"'
    ) from error

from .identity import Identity, IdentitySource, identity_of_user
from .rewriting import is_page
from .settings import Settings
from .sharing import SHARE_AUTH_PATH
from .wsgi import PaviorMiddleware


class Pavior:
    """The Flask extension: `Pavior(app)`, or `Pavior()` and later `init_app(app)`.

    The settings are the `PAVIOR_*` keys of `app.config`, read when the app is given, unless a
    `Settings` is passed. The user is the one `identity` returns; without it, Flask-Login's
    `current_user` if the app uses that. `identity` is called with the WSGI environ, while the
    request context is alive, after the view and the app's own `after_request` functions.

    Raises `SettingsError` when the app is given, and `RuntimeError` when it was given before.
    """

    def __init__(
        self,
        app: Flask | None = None,
        settings: Settings | None = None,
        *,
        identity: Callable[[dict[str, Any]], Identity | None] | None = None,
    ) -> None:
        self._settings = settings
        self._source = IdentitySource(identity or _current_user)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put the middleware around the app."""
        if "pavior" in app.extensions:
            raise RuntimeError("this app has its Pavior already: call Pavior(app) once")
        settings = self._settings or Settings.from_mapping(app.config)
        # One key for each app: an app that runs inside another must not name the other's user.
        key = f"pavior_middleware.identity.{id(app)}"

        def remember_user(response: Response) -> Response:
            """Keep the user for the middleware, which runs when the request context is gone.

            Only where it will be asked for: once the session is read, Flask varies by it.
            """
            headers = response.headers.to_wsgi_list()
            path = request.script_root + request.path
            if path == SHARE_AUTH_PATH or is_page(response.status_code, headers):
                request.environ[key] = self._source.ask(request.environ)
            return response

        # Flask calls these in reverse, so the first is the last to change the response.
        app.after_request_funcs.setdefault(None, []).insert(0, remember_user)
        app.wsgi_app = PaviorMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, settings, identity=lambda environ: environ.get(key)
        )
        app.extensions["pavior"] = self


def _current_user(environ: dict[str, Any]) -> Identity | None:  # noqa: ARG001
    if not hasattr(current_app, "login_manager"):
        return None
    from flask_login import current_user

    return identity_of_user(current_user)
