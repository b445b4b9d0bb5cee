"""The fields by which a response says that it must not get a chat."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol, TypeVar

SKIP_FIELD = "pavior-skip"
"""A response with a field of this name, and any value, only loses that field."""

INNER_FIELD = "pavior-inner"
"""Says that an inner middleware has handled the response. This field is removed, too.

It is in the response and not in the request: an app may pass a request on and then answer with
something else.
"""

_FORMS: tuple[tuple[Any, Any], ...] = ((SKIP_FIELD, "1"), (SKIP_FIELD.encode("ascii"), b"1"))


class HasHeaders(Protocol):
    """A response of Flask, Starlette, Django, Falcon or BlackSheep, or an object like these."""

    @property
    def headers(self) -> Any:
        """The header fields: a mapping that can be set, unless there is a `set_header`."""


R = TypeVar("R", bound=HasHeaders)


def skip(response: R) -> R:
    """Mark a response so that it gets no chat; return it.

    Works for response objects whose `headers` can be set, such as those of Flask, Starlette,
    FastAPI and Django, and for those that have a method `set_header`, such as Falcon's. Elsewhere,
    set a header field `Pavior-Skip`, with any value: the middleware removes it.

    Raises `TypeError` for other objects, such as the text that a Flask view returns.
    """
    headers = getattr(response, "headers", None)
    # Falcon's `headers` are a copy, so setting them has no effect. BlackSheep takes bytes.
    setters = (getattr(response, "set_header", None), getattr(headers, "__setitem__", None))
    for set_field in filter(None, setters):
        for name, value in _FORMS:
            with suppress(TypeError):
                set_field(name, value)
                return response
    raise TypeError(
        f"skip() takes a response object, not {type(response).__name__}: pass it one, as Flask's"
        " make_response(…) makes of what a view returns, or set the header field Pavior-Skip"
    )
