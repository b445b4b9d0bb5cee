"""Header fields, as the two interfaces hand them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import AnyStr, Generic

HeaderList = list[tuple[str, str]]
"""Header fields in order, as text decoded as latin-1."""


def _from_bytes(text: bytes) -> str:
    return text.decode("latin-1")


def _to_bytes(text: str) -> bytes:
    return text.encode("latin-1")


@dataclass(frozen=True)
class FieldForm(Generic[AnyStr]):
    """How an interface writes the names and values of header fields.

    `decode` returns text; `encode` turns text back. `encode_name` does so for the name of a field
    that is added.
    """

    decode: Callable[[AnyStr], str]
    encode: Callable[[str], AnyStr]
    encode_name: Callable[[str], AnyStr]


ASGI_FORM = FieldForm(_from_bytes, _to_bytes, lambda name: name.lower().encode("latin-1"))
"""Bytes, names in lower case (ASGI specification, "HTTP Connection Scope")."""

WSGI_FORM = FieldForm[str](str, str, str)
"""Text that holds the bytes as latin-1 (PEP 3333, "Unicode Issues")."""
