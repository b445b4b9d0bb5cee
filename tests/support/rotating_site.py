"""A lender whose machines may have different keys.

    gunicorn "tests.support.rotating_site:site()"

The settings come from the environment. Every visitor is Ada.
"""

from __future__ import annotations

from typing import Any

from pavior_middleware import Settings
from pavior_middleware.wsgi import PaviorMiddleware

from .adapters import HTML_TYPE, PAGE
from .sites import ADA


def site() -> PaviorMiddleware:
    """Return the site; for `X-App-Cookies: no` a browser has left the app's cookies out."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML_TYPE])
        return [PAGE]

    def identity(environ: dict[str, Any]) -> Any:
        return None if environ.get("HTTP_X_APP_COOKIES") == "no" else ADA

    return PaviorMiddleware(app, Settings.from_env(), identity=identity)
