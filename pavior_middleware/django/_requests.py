"""Changes requests, and copies them for layers below that are asked again."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from io import BytesIO
from typing import Any

from .._adapters.environ import FIELD_KEYS, change
from .._adapters.scope import changed

_READ_FROM_META = ("COOKIES", "headers")
"""The attributes in which Django caches what it has read from the fields."""

_OF_ONE_REQUEST = frozenset(
    {
        *("META", "environ", "scope", "resolver_match", "_stream", "_read_started"),
        *("_body", "_post", "_files", *_READ_FROM_META),
    }
)
"""The attributes of a request that its copy must not share."""

_MESSAGES = "_messages"


def outer_of(request: Any, key: str) -> Any:
    """Return what an outer middleware has left under the key; None without such a middleware."""
    found = request.META.get(key)
    if found is None and hasattr(request, "scope"):
        found = request.scope.get(key)
    return found


def change_fields(request: Any, changes: Mapping[str, str | None]) -> None:
    """Change fields of a request in place; None removes a field."""
    change(request.META, changes)
    for name in _READ_FROM_META:
        if hasattr(type(request), name):
            vars(request).pop(name, None)


class Untouched:
    """A request as the layers above have left it, before the layers below change it."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._meta = dict(request.META)
        self._attributes = dict(vars(request))
        messages = self._attributes.get(_MESSAGES)
        if messages is not None:
            self._attributes[_MESSAGES] = _copied(messages)

    def once_more(self, changes: Mapping[str, str | None]) -> Any:
        """Return a copy of the request without content, with changed fields."""
        request = object.__new__(type(self._request))
        vars(request).update(self._attributes)
        for name in _OF_ONE_REQUEST:
            vars(request).pop(name, None)
        request.META = dict(self._meta)
        if hasattr(self._request, "environ"):
            request.environ = request.META
        if hasattr(self._request, "scope"):
            scope = self._request.scope
            request.scope = {**scope, "headers": changed(scope["headers"], changes)}
        request.resolver_match = None
        request._stream = BytesIO()
        request._read_started = False
        if _MESSAGES in vars(request):
            request._messages.request = request
        change_fields(request, changes)
        return request


def tell_of(request: Any, once_more: Any) -> None:
    """Copy to a request what the layers below have left in its copy, for the layers above."""
    seen = vars(once_more).items()
    vars(request).update({name: value for name, value in seen if name not in _OF_ONE_REQUEST})
    request.resolver_match = once_more.resolver_match
    meta = once_more.META.items()
    request.META.update({key: value for key, value in meta if key not in FIELD_KEYS})


def _copied(messages: Any) -> Any:
    """Return a copy of a storage of messages, in which no message was shown yet."""
    copied = copy(messages)
    for name, value in vars(messages).items():
        if isinstance(value, list):
            setattr(copied, name, list(value))
    return copied
