"""What the adapters learn from an app beyond its interface."""

from __future__ import annotations

from dataclasses import replace

from .._model.settings import Settings
from .._model.settings_checks import root_path_problems

_MOST_LAYERS = 64  # of middleware around an app
_NO_ROUTE = (404, 405, "404", "405")


def with_root_path_of(app: object, settings: Settings) -> Settings:
    """Return the settings; if they have no `root_path`, with that of the app.

    FastAPI keeps there the path below which browsers see it. The app may have middleware around it
    that keeps the next layer in `app`, as Starlette's does. Text that is not a path is ignored.
    """
    layer = app
    for _ in range(_MOST_LAYERS):
        if layer is None or settings.root_path is not None:
            break
        root_path = getattr(layer, "root_path", None)
        if isinstance(root_path, str) and root_path and not root_path_problems(root_path):
            return replace(settings, root_path=root_path)
        layer = getattr(layer, "app", None)
    return settings


def says_no_route(error: Exception) -> bool:
    """Whether an exception means that the app has no route for a path, or not for a method.

    Routers raise such exceptions for an outer layer, which answers 404 or 405. Starlette's have a
    `status_code`, Werkzeug's a `code`, and those of others a `status`, which may be text like
    `404 Not Found`.
    """
    found = (getattr(error, name, None) for name in ("status_code", "code", "status"))
    return any(
        (status.partition(" ")[0] if isinstance(status, str) else status) in _NO_ROUTE
        for status in found
    )
