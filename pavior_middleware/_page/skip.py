"""How an app says that a response of its own is to get no chat."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Protocol, TypeVar

SKIP_FIELD = "pavior-skip"
"""A response field with this name, and any value, is taken out, and the response left as it is."""


class HasHeaders(Protocol):
    """A response of Flask, Werkzeug, Starlette or Django, or what has their form."""

    @property
    def headers(self) -> Any:
        """A mapping of header fields that can be set."""


R = TypeVar("R", bound=HasHeaders)


def skip(response: R) -> R:
    """Say that this response is to get no chat; return it.

    Works for the responses of Flask, Starlette, FastAPI and Django. Elsewhere, set a header field
    `Pavior-Skip`, with any value: the middleware takes it out.
    """
    headers: MutableMapping[str, str] = response.headers
    headers[SKIP_FIELD] = "1"
    return response
