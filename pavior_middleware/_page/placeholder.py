"""Where a template puts the snippet: at a placeholder, not in its usual place."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ..placement import Inserter

LIMIT = 1024 * 1024
"""How many bytes are searched before the snippet goes to its usual place without a flush.

What is fed little by little, as a coded page is, is held meanwhile.
"""


def new_placeholder() -> bytes:
    """Return what `pavior_snippet()` writes into the pages of one request.

    It is a comment, so it does no harm where it stays. It is random: what users write into a page
    cannot be taken for it.
    """
    return b"<!-- pavior-middleware: %s -->" % secrets.token_hex(16).encode("ascii")


class Replacer:
    """Puts a snippet in place of the first placeholder of a document that comes in pieces.

    That counts up to the first flush behind the usual place, since what is flushed does not
    wait. If none has come by then, or in the whole document, the snippet stands where `inserter`
    puts it. All other placeholders are removed. A document that `inserter` leaves as it is and
    that has no placeholder in time stays as it is.

    `placeholder` returns that of the request; None as long as no template has asked for it. It has
    the form of `placement.Inserter`, but `added` is None until the document has ended if there is a
    placeholder, as more of them may follow.
    """

    def __init__(self, inserter: Inserter, placeholder: Callable[[], bytes | None]) -> None:
        self._inserter = inserter
        self._placeholder = placeholder
        self._held = bytearray()
        self._searched = 0  # so much of what is held begins no placeholder
        self._removed = 0
        self._has_ended = False

    @property
    def added(self) -> int | None:
        """By how many bytes the document has grown; None while that is not known."""
        added = self._inserter.added
        if added is None or self.stays:
            return added
        is_known = self._has_ended or self._placeholder() is None
        return added - self._removed if is_known else None

    @property
    def stays(self) -> bool:
        """Whether the document stays as it is."""
        return self._inserter.stays

    @property
    def is_determined(self) -> bool:
        """Whether the place is that of the whole document, however it was cut."""
        return self._inserter.is_determined

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it does not begin like a document."""
        return self._inserter.is_fragment

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return what may go on its way."""
        placeholder = self._placeholder()
        if placeholder is None:
            return self._inserter.feed(data)
        if self._inserter.added is not None:
            return self._without_placeholders(data, placeholder)
        self._held += data
        found = self._held.find(placeholder, self._searched)
        if found < 0:
            self._searched = max(0, len(self._held) - len(placeholder) + 1)
            return self._usual(placeholder) if len(self._held) > LIMIT else b""
        before, behind = bytes(self._held[:found]), bytes(self._held[found:])
        self._held.clear()
        return self._inserter.insert_behind(before, behind) + self._without_placeholders(
            behind, placeholder
        )

    def flush(self) -> bytes:
        """Say that what was fed must not wait for more; return what may go on its way of the rest.

        The beginning of a placeholder is held: it shows nothing by itself.
        """
        placeholder = self._placeholder()
        if placeholder is None:
            return self._inserter.flush()
        return self._usual(placeholder) + self._inserter.flush()

    def finish(self) -> bytes:
        """Say that the document has ended; return the rest of it."""
        self._has_ended = True
        return self._inserter.feed(self._taken(len(self._held))) + self._inserter.finish()

    def _usual(self, placeholder: bytes) -> bytes:
        """Pass on what is held, but for the beginning of a placeholder."""
        if self._inserter.added is not None:
            return b""
        return self._inserter.feed(
            self._taken(len(self._held) - _length_of_beginning(self._held, placeholder))
        )

    def _without_placeholders(self, data: bytes, placeholder: bytes) -> bytes:
        text = self._taken(len(self._held)) + data if self._held else data
        if self.stays:
            return text
        held = _length_of_beginning(text, placeholder)
        if held:
            self._held += text[-held:]
            text = text[:-held]
        count = text.count(placeholder)
        self._removed += count * len(placeholder)
        return text.replace(placeholder, b"") if count else text

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        self._searched = 0
        return taken


def _length_of_beginning(text: bytes | bytearray, placeholder: bytes) -> int:
    """How long the end of the text is with which a placeholder begins; there is one "<" in it."""
    begins = text.rfind(b"<", max(0, len(text) - len(placeholder) + 1))
    return len(text) - begins if begins >= 0 and placeholder.startswith(text[begins:]) else 0
