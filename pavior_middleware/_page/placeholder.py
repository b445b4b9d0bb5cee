"""Puts the snippet where a template has a placeholder, not in its usual place."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ..placement import Inserter

LIMIT = 1024 * 1024
"""The number of bytes that are searched before the snippet goes to its usual place.

A flush ends the search earlier. A page that is fed in small pieces, as a coded page is, is held
meanwhile.
"""


def new_placeholder() -> bytes:
    """Return what `pavior_snippet()` writes into the pages of one request.

    It is a comment, so it does no harm if it stays. It is random, so that no text of a user can
    pass for it.
    """
    return b"<!-- pavior-middleware: %s -->" % secrets.token_hex(16).encode("ascii")


class Replacer:
    """Puts a snippet in place of the first placeholder of a document that comes in pieces.

    A placeholder counts if it comes before the first flush behind the usual place, since flushed
    bytes do not wait. If none comes until then, or in the whole document, `inserter` chooses the
    place. All other placeholders are removed. A document without a placeholder in time that
    `inserter` leaves unchanged stays unchanged.

    `placeholder` returns the placeholder of the request; None as long as no template has asked for
    one. This class has the methods of `placement.Inserter`. With a placeholder, `added` is None
    until the document has ended, as more placeholders may follow.
    """

    def __init__(self, inserter: Inserter, placeholder: Callable[[], bytes | None]) -> None:
        self._inserter = inserter
        self._placeholder = placeholder
        self._waiting = bytearray()
        self._searched = 0  # in this number of held bytes no placeholder begins
        self._removed = 0
        self._has_ended = False

    @property
    def added(self) -> int | None:
        """The number of bytes by which the document has grown; None while that is not known."""
        added = self._inserter.added
        if added is None or self.stays:
            return added
        is_known = self._has_ended or self._placeholder() is None
        return added - self._removed if is_known else None

    @property
    def stays(self) -> bool:
        """Whether the document stays unchanged."""
        return self._inserter.stays

    @property
    def is_determined(self) -> bool:
        """Whether the place is the one that the document in one piece would have."""
        return self._inserter.is_determined

    @property
    def is_fragment(self) -> bool:
        """Whether it stays unchanged because it does not begin like a document."""
        return self._inserter.is_fragment

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return those that may be sent."""
        placeholder = self._placeholder()
        if placeholder is None:
            return self._inserter.feed(data)
        if self._inserter.added is not None:
            return self._without_placeholders(data, placeholder)
        self._waiting += data
        found = self._waiting.find(placeholder, self._searched)
        if found < 0:
            self._searched = max(0, len(self._waiting) - len(placeholder) + 1)
            return self._usual(placeholder) if len(self._waiting) > LIMIT else b""
        before, behind = bytes(self._waiting[:found]), bytes(self._waiting[found:])
        self._waiting.clear()
        return self._inserter.insert_behind(before, behind) + self._without_placeholders(
            behind, placeholder
        )

    def flush(self) -> bytes:
        """Return the held bytes that must not wait for more input.

        The beginning of a placeholder stays held: it shows nothing by itself.
        """
        placeholder = self._placeholder()
        if placeholder is None:
            return self._inserter.flush()
        return self._usual(placeholder) + self._inserter.flush()

    def finish(self) -> bytes:
        """End the document; return the rest of it."""
        self._has_ended = True
        return self._inserter.feed(self._taken(len(self._waiting))) + self._inserter.finish()

    def _usual(self, placeholder: bytes) -> bytes:
        """Pass on what is held, except for the beginning of a placeholder."""
        if self._inserter.added is not None:
            return b""
        return self._inserter.feed(
            self._taken(len(self._waiting) - _length_of_beginning(self._waiting, placeholder))
        )

    def _without_placeholders(self, data: bytes, placeholder: bytes) -> bytes:
        text = self._taken(len(self._waiting)) + data if self._waiting else data
        if self.stays:
            return text
        unfinished = _length_of_beginning(text, placeholder)
        if unfinished:
            self._waiting += text[-unfinished:]
            text = text[:-unfinished]
        count = text.count(placeholder)
        self._removed += count * len(placeholder)
        return text.replace(placeholder, b"") if count else text

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._searched = 0
        return taken


def _length_of_beginning(text: bytes | bytearray, placeholder: bytes) -> int:
    """Return the length of the text's end that may begin a placeholder, which has only one "<"."""
    begins = text.rfind(b"<", max(0, len(text) - len(placeholder) + 1))
    return len(text) - begins if begins >= 0 and placeholder.startswith(text[begins:]) else 0
