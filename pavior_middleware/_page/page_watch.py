"""Looks for two mistakes in the text of pages: the API key, and a second call of init.

Searching a page takes some microseconds. So the first `FIRST_PAGES` pages of a process are
searched, and then one page in `ONE_PAGE_OF`. A mistake in a template is on many pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain, cycle, repeat
from typing import NamedTuple

from .._model.settings_checks import SHORTEST_FOUND_KEY
from .._model.written_forms import written_forms
from .body import Document

FIRST_PAGES = 100
ONE_PAGE_OF = 512

KEY_IN_PAGE = (
    "A page holds the API key (PAVIOR_API_KEY), so each visitor can sign as anybody. Remove it from"
    " the template or view that writes it. Then replace the key in Pavior's settings, since it"
    " is known now. `PAVIOR_API_KEY=… pavior check URL` tells whether a page holds it"
)
SECOND_INIT = (
    "A page calls or shows Pavior('init', …) itself, beside this middleware's script. If a script"
    " calls it, the last call says who is chatting: remove the page's own script, or leave the page"
    " out by skip_paths (PAVIOR_SKIP_PATHS) or skip(response). If the page shows it as text, all is"
    " well"
)


_CALL = re.compile(rb"Pavior\(\s{0,8}['\"]init['\"]")
_LONGEST_CALL = len("Pavior('init'") + 8


class _Mistake(NamedTuple):
    """Texts that a page should not hold, and what to log if it does.

    If there is a `pattern`, a text counts only if the pattern matches, too. Searching for the
    pattern alone would take ten times as long.
    """

    texts: tuple[bytes, ...]
    warning: str
    length: int
    pattern: re.Pattern[bytes] | None = None

    def is_in(self, data: bytes) -> bool:
        """Whether a part of a page holds it."""
        has_text = any(text in data for text in self.texts)
        return has_text and (self.pattern is None or self.pattern.search(data) is not None)


class PageWatch:
    """Watches the pages of one site. `warn` is called with a warning, once for each mistake.

    A key so short that a page may hold it by chance is not searched for.
    """

    def __init__(self, api_key: str, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._mistakes = [_Mistake((b"Pavior(",), SECOND_INIT, _LONGEST_CALL, _CALL)]
        if len(api_key) >= SHORTEST_FOUND_KEY:
            forms = tuple(form.encode() for form in written_forms(api_key))
            self._mistakes.append(_Mistake(forms, KEY_IN_PAGE, max(map(len, forms))))
        rarely = cycle(chain([True], repeat(False, ONE_PAGE_OF - 1)))
        self.is_due: Callable[[], bool] = chain(repeat(True, FIRST_PAGES), rarely).__next__
        """Called once for each page: whether to search it. An iterator needs no lock."""

    def over(self, document: Document) -> Document:
        """Return a document that acts like the given one, and whose bytes are searched."""
        return WatchedDocument(document, self)

    @property
    def longest(self) -> int:
        """The length of the longest text that is searched for."""
        return max((mistake.length for mistake in self._mistakes), default=0)

    def look(self, data: bytes) -> None:
        """Search a part of a page; warn of each mistake that is found for the first time."""
        for mistake in tuple(self._mistakes):
            if mistake.is_in(data):
                self._warn(mistake.warning)
                # Another thread may find the same mistake at the same time.
                self._mistakes = [each for each in self._mistakes if each is not mistake]


class WatchedDocument:
    """A document whose bytes are searched, also across the ends of its pieces."""

    def __init__(self, document: Document, watch: PageWatch) -> None:
        self._document = document
        self._watch = watch
        self._end = b""
        self._overlap = watch.longest - 1

    @property
    def added(self) -> int | None:
        """The number of bytes by which it has grown; None while that is not known."""
        return self._document.added

    @property
    def stays(self) -> bool:
        """Whether it stays unchanged."""
        return self._document.stays

    @property
    def is_determined(self) -> bool:
        """Whether the place is the one that the document in one piece would have."""
        return self._document.is_determined

    @property
    def is_fragment(self) -> bool:
        """Whether it stays unchanged because it does not begin like a document."""
        return self._document.is_fragment

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return those that may be sent."""
        overlap = self._overlap
        if overlap > 0 and data:
            self._watch.look(data)
            if self._end:
                self._watch.look(self._end + data[:overlap])
            self._end = (self._end + data)[-overlap:] if len(data) < overlap else data[-overlap:]
        return self._document.feed(data)

    def flush(self) -> bytes:
        """Return the held bytes that must not wait for more input."""
        return self._document.flush()

    def finish(self) -> bytes:
        """Return the rest."""
        return self._document.finish()
