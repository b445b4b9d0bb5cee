"""Describes the user whom init options name, in words that may be shown to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def described(options: Mapping[str, Any]) -> str:
    """Return the id and a masked email; "nobody" if there is neither."""
    identifier, email = options.get("id"), options.get("email")
    named = [] if identifier is None else [f"the id {masked(str(identifier))!r}"]
    if email is not None:
        named.append(f"the email {masked(str(email))!r}")
    if not named:
        return "nobody"
    return " and ".join(named) + ("" if options.get("hmac") else ", without an hmac")


def masked(text: str) -> str:
    """Return a text in which an address has only the first letter of its local part."""
    local_part, at, domain = text.rpartition("@")
    return f"{local_part[:1]}…{at}{domain}" if at else text


def names_somebody(options: Mapping[str, Any]) -> bool:
    """Whether there is an id or an email."""
    return not options.keys().isdisjoint(("id", "email"))
