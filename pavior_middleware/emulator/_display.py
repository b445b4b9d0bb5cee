"""The forms in which the inbox's pages show values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from . import _clock
from ._records import Contact, Entry
from ._verification import CONTROL_OPTIONS

_NOT_OF_THE_USER = CONTROL_OPTIONS | {"hmac", "shareAuth"}


def display_name(contact: Contact | Entry) -> str:
    """Return the best name that a contact's attributes, email, id or key give."""
    attributes = contact.attributes
    parts = (attributes.get("firstName"), attributes.get("lastName"))
    full_name = " ".join(part for part in parts if isinstance(part, str) and part.strip())
    name = attributes.get("name")
    if isinstance(name, str) and name.strip():
        return name
    if full_name or contact.email:
        return full_name or str(contact.email)
    if contact.status == "anonymous":
        return f"Visitor {contact.identifier[:6]}"
    return contact.identifier


def web_url(text: str | None) -> bool:
    """Whether a page's address may be a link; a `javascript:` URL would be a trap."""
    try:
        return text is not None and urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def value_text(value: object) -> str:
    """Return an option's value for people: text unchanged, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_of_the_user(option: str) -> bool:
    """Whether an init option describes the user, so that forging it would pay."""
    return option not in _NOT_OF_THE_USER


FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        "display_name": display_name,
        "readable": _clock.readable,
        "web_url": web_url,
        "value_text": value_text,
        "is_of_the_user": is_of_the_user,
    }
)
"""The filters of the templates."""
