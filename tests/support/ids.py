"""Readable ids for values of parametrized tests that pytest would number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import partial

from pavior_middleware import Identity, Settings

from .adapters import Reply

MOST_CHARACTERS = 60
"""A longer id is cut off there; pytest numbers those that are equal then."""


# A signature holds the time, and a placeholder is random. Such values would give another id in each
# process that collects tests.
_TOKEN = re.compile(r"[0-9a-f]{20,}|[\w.-]{40,}")


def readable(value: object) -> str | None:
    """Return an id for a value; None for a value that pytest itself names."""
    if isinstance(value, str | bytes | int | float | type | None):
        return None
    text = str(_described(value)).encode("unicode_escape").decode()  # no line ends, no surrogates
    return _TOKEN.sub("...", text)[:MOST_CHARACTERS]


def _described(value: object) -> str | None:
    """Return what a value holds, without the address of any object."""
    if isinstance(value, str | bytes | int | float | None):
        return value if isinstance(value, str) else ascii(value)
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, Identity):
        return f"user {value.identifier}" if value.identifier is not None else "nobody"
    if isinstance(value, Reply):
        return f"{value.status} {dict(value.headers).get('Content-Type', 'without a type')}"
    if isinstance(value, Settings):
        return _given(value) or "defaults"
    if isinstance(value, Mapping):
        return _joined("{}", [f"{key}: {_described(each)}" for key, each in value.items()])
    if isinstance(value, Set):
        return _joined("{}", sorted(map(str, map(_described, value))))
    if isinstance(value, Sequence):
        return _joined("[]", [str(_described(each)) for each in value])
    if isinstance(value, partial):
        return (
            f"{_described(value.func)}({', '.join(str(_described(each)) for each in value.args)})"
        )
    name = getattr(value, "name", getattr(value, "__name__", None))
    return name if isinstance(name, str) else type(value).__name__


def _joined(brackets: str, parts: list[str]) -> str:
    return f"{brackets[0]}{', '.join(parts)}{brackets[1]}"


def _given(settings: Settings) -> str:
    """Return the names of the settings that differ from their defaults."""
    assert is_dataclass(settings)
    changed = [
        each.name for each in fields(settings) if getattr(settings, each.name) != each.default
    ]
    return ", ".join(name for name in changed if name not in ("team_vanity_id", "api_key"))
