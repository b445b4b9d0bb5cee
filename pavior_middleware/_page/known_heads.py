"""Finds the place for the script in pages that begin like earlier pages.

If an `Inserter` has decided after some bytes, it decides the same for every document that begins
with these bytes. How the bytes are cut makes no difference. A site's pages often have the same
beginning, and comparing bytes costs much less than parsing them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..placement import Inserter

MOST_HEADS = 16
"""The number of heads that are remembered."""

LONGEST_HEAD = 16 * 1024
_MARGIN = 64  # bytes behind the place that the decision may depend on
_MISSES = 32  # after this number in a row, only one head in 32 is learned


class KnownHead(NamedTuple):
    """The beginning of a document. At `place`, `closer` and then the snippet go in.

    `is_early`: the snippet has the form for a place behind which a policy may follow.
    """

    beginning: bytes
    place: int
    closer: bytes
    is_early: bool


class KnownHeads:
    """The heads of one site's pages, for documents that are read by the same rules."""

    def __init__(self) -> None:
        self._heads: tuple[KnownHead, ...] = ()
        self._misses = 0

    def insert(
        self, document: bytes, snippet: bytes, early: Callable[[bytes], bytes]
    ) -> bytes | None:
        """Return a document with the snippet; None if its head is not known."""
        for beginning, place, closer, is_early in self._heads:
            if document.startswith(beginning):
                self._misses = 0
                form = early(snippet) if is_early else snippet
                rest = memoryview(document)[place:]  # the long part is copied once
                return b"".join((document[:place], closer, form, rest))
        self._misses += 1
        return None

    def learn(self, document: bytes, inserter: Inserter, make: Callable[[], Inserter]) -> None:
        """Remember the head of a document that an inserter was fed with in one piece.

        `make` makes another such inserter. The head is remembered only if that inserter decides the
        same from the beginning alone.
        """
        if self._misses > _MISSES and self._misses % _MISSES:
            return
        beginning = document[: inserter.position + _MARGIN]
        if inserter.inserted is None or len(beginning) > LONGEST_HEAD:
            return
        other = make()
        other.feed(beginning)
        if other.inserted == inserter.inserted and other.is_determined:
            head = KnownHead(beginning, *other.inserted)
            self._heads = (head, *self._heads[: MOST_HEADS - 1])


class KnownHeadInserter:
    """Puts a snippet into a document if its head is known; otherwise an `Inserter` does.

    It has the methods of `Inserter`. `early` returns the form of the snippet for a place behind
    which a policy may follow. `make` makes the inserter of a snippet.
    """

    added: int | None
    """The number of bytes by which the document has grown; None while that is not known."""

    stays: bool
    """Whether the document stays unchanged."""

    is_determined: bool
    """Whether the place is the one that the document in one piece would have."""

    is_fragment: bool
    """Whether it stays unchanged because it does not begin like a document."""

    def __init__(
        self,
        heads: KnownHeads,
        early: Callable[[bytes], bytes],
        make: Callable[[bytes], Inserter],
        snippet: bytes,
    ) -> None:
        self._heads = heads
        self._snippet = snippet
        self._early = early
        self._make = make
        self._inserter: Inserter | None = None
        self.added, self.stays, self.is_determined, self.is_fragment = None, False, True, False

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return those that may be sent."""
        if self._inserter is not None:
            return self._by_inserter(self._inserter, self._inserter.feed(data))
        if self.added is not None:
            return data
        known = self._heads.insert(data, self._snippet, self._early)
        if known is not None:
            self.added = len(known) - len(data)
            return known
        self._inserter = self._make(self._snippet)
        fed = self._inserter.feed(data)
        self._heads.learn(data, self._inserter, partial(self._make, self._snippet))
        return self._by_inserter(self._inserter, fed)

    def flush(self) -> bytes:
        """Return the held bytes that must not wait for more input."""
        if self._inserter is None:
            return b""
        return self._by_inserter(self._inserter, self._inserter.flush())

    def finish(self) -> bytes:
        """Return the rest."""
        if self.added is not None and self._inserter is None:
            return b""
        self._inserter = self._inserter or self._make(self._snippet)
        return self._by_inserter(self._inserter, self._inserter.finish())

    def _by_inserter(self, inserter: Inserter, data: bytes) -> bytes:
        """Take what the inserter knows of the document by now; return what it has returned."""
        self.added, self.stays = inserter.added, inserter.stays
        self.is_determined, self.is_fragment = inserter.is_determined, inserter.is_fragment
        return data
