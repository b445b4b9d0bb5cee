"""How a response says that it is to get no chat: the app has skipped it, or it may have one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol, TypeVar

SKIP_FIELD = "pavior-skip"
"""A response field with this name, and any value, is taken out, and the response left as it is."""

INNER_FIELD = "pavior-inner"
"""Says that another middleware, inside of this one, has made the response. It is taken out, too.

It stands in the response, since an app may hand a request on and answer with something else.
"""

_FORMS: tuple[tuple[Any, Any], ...] = ((SKIP_FIELD, "1"), (SKIP_FIELD.encode("ascii"), b"1"))


class HasHeaders(Protocol):
    """A response of Flask, Starlette, Django, Falcon or BlackSheep, or what has their form."""

    @property
    def headers(self) -> Any:
        """The header fields: a mapping that can be set, unless there is a `set_header`."""


R = TypeVar("R", bound=HasHeaders)


def skip(response: R) -> R:
    """Say that this response is to get no chat; return it.

    Works for response objects whose `headers` can be set, such as those of Flask, Starlette,
    FastAPI and Django, and for those that have a method `set_header`, such as Falcon's. Elsewhere,
    set a header field `Pavior-Skip`, with any value: the middleware takes it out.

    Raises `TypeError` for what is no response object, such as the text that a Flask view returns.
    """
    headers = getattr(response, "headers", None)
    # Falcon's `headers` are a copy. BlackSheep's names and values are bytes.
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
