"""Django under ASGI."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler

from pavior_middleware import Settings
from tests.frameworks.django_site import use

INTERFACE = "asgi"
LACKS = {"a websocket passes": "Django has no websockets of its own; Channels has."}


def make_app(settings: Settings) -> Any:
    use(settings)
    return ASGIHandler()
