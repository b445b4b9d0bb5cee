"""Django under WSGI."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from pavior_middleware import Settings
from tests.frameworks.django_site import use

INTERFACE = "wsgi"


def make_app(settings: Settings) -> Any:
    use(settings)
    return WSGIHandler()
