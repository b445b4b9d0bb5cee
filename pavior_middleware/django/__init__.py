"""Django: settings from `settings.py`, the user from `request.user` or a callable.

    INSTALLED_APPS = [..., "pavior_middleware.django"]
    MIDDLEWARE = [..., "pavior_middleware.django.PaviorMiddleware"]

No module here imports a model, since apps must not do so while Django loads them.
"""

from __future__ import annotations

try:
    import django  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.django needs Django: pip install "pavior-middleware[django]"'
    ) from error

from ._middleware import PaviorMiddleware
from ._skipping import SkipMixin, skip

__all__ = ["PaviorMiddleware", "SkipMixin", "skip"]
