"""Where a template has said that the snippet goes: at a placeholder, in place of the head's end."""

from __future__ import annotations

from collections.abc import Callable

PLACEHOLDER = b"<!-- pavior-middleware: the script goes here -->"
"""What `pavior_snippet()` puts into a page. A comment, so that it does no harm if it stays."""


class Replacer:
    """Puts a snippet in place of the first placeholder of a document that comes in pieces.

    It has the form of `placement.Inserter`: `added` is the number of bytes by which the document
    has grown, None until the place is known, and 0 if there is none.
    """

    added: int | None = None
    is_determined = True
    is_fragment = False

    def __init__(self, snippet: bytes, warn: Callable[[str], None]) -> None:
        self._snippet = snippet
        self._warn = warn
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return what may go on its way."""
        if self.added is not None:
            return data
        text = self._held + data
        before, found, after = text.partition(PLACEHOLDER)
        if found:
            self.added = len(self._snippet) - len(PLACEHOLDER)
            return before + self._snippet + after
        ready = len(text) - _length_of_beginning(text)
        self._held = text[ready:]
        return text[:ready]

    def flush(self) -> bytes:
        """Return nothing: what is held, the beginning of a placeholder, shows nothing by itself."""
        return b""

    def finish(self) -> bytes:
        """Say that the document has ended; return the rest of it."""
        if self.added is not None:
            return b""
        self.added, held, self._held = 0, self._held, b""
        self._warn(
            "Pavior's chat is left out of a page: its template called pavior_snippet(), and what"
            " that returned is not in the page; write {{ pavior_snippet() }} where it is to stand"
        )
        return held


def _length_of_beginning(text: bytes) -> int:
    """How long the longest end of the text is with which a placeholder begins."""
    most = min(len(PLACEHOLDER) - 1, len(text))
    lengths = range(most, 0, -1)
    return next((length for length in lengths if text.endswith(PLACEHOLDER[:length])), 0)
