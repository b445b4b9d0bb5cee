"""A WSGI app whose server knows the user, and says so in `REMOTE_USER`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pavior_middleware import Settings
from tests.frameworks import pages, recipes
from tests.frameworks.apps.wsgi import app, current_user, has_consent

INTERFACE = "wsgi"


def make_app(settings: Settings) -> Any:
    application = recipes.run(
        "wsgi",
        "REMOTE_USER",
        app=app,
        users=pages.USERS,
        has_consent=has_consent,
        settings=settings,
    )["application"]

    def server(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Set the user, like a server that has authenticated it."""
        user = current_user(environ)
        if user is not None:
            environ["REMOTE_USER"] = user.name
        body: Iterable[bytes] = application(environ, start_response)
        return body

    return server
