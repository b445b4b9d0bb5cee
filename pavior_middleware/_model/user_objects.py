"""Reads the attributes of a framework's user object, whatever the framework is."""

from __future__ import annotations

from inspect import isawaitable, iscoroutine, isroutine
from typing import Any, Final


class _Absent:
    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
"""What `attribute` returns where the user has no such attribute."""


_PLAIN = frozenset({bool, str, int, type(None)})
"""Types of most attributes, which need no further look."""


class IsAwaitable(TypeError):
    """An attribute must be awaited, so it says nothing yet; a coroutine is closed."""


def attribute(user: Any, path: str) -> Any:
    """Return the attribute of a name or of a dotted path of names; `ABSENT` if a name is missing.

    A method is called without arguments. Raises `IsAwaitable` for a coroutine and other awaitables.
    Raises what a property or method raises, except `NotImplementedError`, which means `ABSENT`:
    Starlette's `BaseUser` and Flask-Login's `UserMixin` leave some attributes to their subclasses.
    """
    value = user
    for name in path.split(".") if "." in path else (path,):
        try:
            value = getattr(value, name, ABSENT)
            if type(value) in _PLAIN:
                continue
            if isroutine(value):
                value = value()
        except NotImplementedError:
            return ABSENT
        if value is ABSENT:
            return ABSENT
        refuse_awaitable(path, value)
    return value


def refuse_awaitable(name: str, value: object) -> None:
    """Raise `IsAwaitable` for an awaitable, which is truthy whatever its result is."""
    if not isawaitable(value):
        return
    if iscoroutine(value):
        value.close()
    raise IsAwaitable(f"`{name}` is a {type(value).__name__}, which must be awaited to tell")
