"""Turns values of Python into those of JSON, as init options must be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID


class NoJsonValue(TypeError):
    """A value cannot be written as JSON; the message names its type and does not show the value."""


def json_value(value: object) -> Any:
    """Return a value as JSON has it.

    Dates and times become ISO 8601 text. UUIDs become text, and so do decimals, which floats would
    round. An enum's member becomes its value; sequences and sets become lists. Raises `NoJsonValue`
    for other types, NaN, infinities, and text that is not Unicode, and for a value that holds one
    of these or itself.
    """
    if value is None or isinstance(value, bool) or (type(value) is str and value.isascii()):
        return value
    try:
        converted = _converted(value)
        # The second raises for text that is not Unicode.
        json.dumps(converted, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise NoJsonValue(type(value).__name__) from None
    return converted


def _converted(value: object) -> Any:
    if isinstance(value, Enum):
        return _converted(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {_name(name): _converted(each) for name, each in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray | memoryview):
        return [_converted(each) for each in value]
    raise NoJsonValue(type(value).__name__)


def _name(name: object) -> str:
    converted = _converted(name)
    if not isinstance(converted, str):
        raise NoJsonValue(type(name).__name__)
    return converted
