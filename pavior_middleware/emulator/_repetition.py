"""Decides what to note about a page that calls init again with another identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ._verification import text_of

_NOBODY = "nobody"
_LONGEST_TEXT = 80  # characters of an id, an email or a domain


class Note(NamedTuple):
    """A note about such a page.

    It is a warning if both inits named somebody, since the page may have two snippets. It is not
    one if one init named nobody, as on a page that logs people in or out.
    """

    text: str
    is_warning: bool


def note_on(options: Mapping[str, object], former: object) -> Note | None:
    """Return the note, if any, on an init whose page has called init as `former` before.

    `former` is the identity of that call as the widget sends it, `{id?, email?, shareAuth?, hmac}`,
    where `hmac` is true if there was one. Any other JSON value means that there was no such call.
    """
    if not isinstance(former, Mapping):
        return None
    before, now = _named(former), _named(options)
    if before == now:
        before, now = _signed(before, former), _signed(now, options)
    if before == now:
        return None
    return Note(f"this page called init as {before}, then as {now}", _NOBODY not in (before, now))


def _named(identity: Mapping[str, object]) -> str:
    """Return the user whom an identity names, by the option that its hmac signs."""
    for name in ("shareAuth", "id", "email"):
        value = text_of(identity.get(name))
        if value is not None:
            return f"{name} {value[:_LONGEST_TEXT]}"
    return _NOBODY


def _signed(named: str, identity: Mapping[str, object]) -> str:
    return f"{named} {'with' if identity.get('hmac') else 'without'} an hmac"
