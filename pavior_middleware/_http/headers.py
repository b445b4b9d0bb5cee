"""Header fields, in the forms in which the interfaces pass them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import AnyStr, Generic

HeaderList = list[tuple[str, str]]
"""Header fields in order, as text decoded as latin-1."""


@dataclass(frozen=True)
class FieldForm(Generic[AnyStr]):
    """How an interface writes the names and values of header fields.

    `decode` returns a value as text; `encode` turns text back into a value. `encode_name` turns
    text into the name of a field that is added.
    """

    decode: Callable[[AnyStr], str]
    encode: Callable[[str], AnyStr]
    encode_name: Callable[[str], AnyStr]


ASGI_FORM = FieldForm[bytes](
    methodcaller("decode", "latin-1"),  # faster than a function in Python
    methodcaller("encode", "latin-1"),
    lambda name: name.lower().encode("latin-1"),
)
"""Bytes, names in lower case (ASGI specification, "HTTP Connection Scope")."""

WSGI_FORM = FieldForm[str](str, str, str)
"""Text that holds the bytes as latin-1 (PEP 3333, "Unicode Issues")."""


def latin1(text: str) -> str:
    """Return a text that was decoded as UTF-8 with `surrogateescape`, decoded as latin-1."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _from_latin1(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


AIOHTTP_FORM = FieldForm[str](latin1, _from_latin1, str)
"""Text that aiohttp decodes and encodes as UTF-8."""
