"""Where the script goes in pages that begin like earlier ones.

Where an `Inserter` has decided after some bytes, it decides alike for every document that begins
with them, since the same bytes in other pieces give the same document. A site's pages often begin
alike, and to compare bytes costs a fraction of reading them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..placement import Inserter

MOST_HEADS = 16
"""So many heads are remembered."""

LONGEST_HEAD = 16 * 1024
_MARGIN = 64  # bytes behind the place that the decision may look at
_MISSES = 32  # after so many in a row, one head in so many is learned


class KnownHead(NamedTuple):
    """The beginning of a document, and what goes in at `place`: the snippet behind `closer`.

    `is_early`: the snippet takes the form for a place behind which a policy may follow.
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
        for head in self._heads:
            if document.startswith(head.beginning):
                self._misses = 0
                view, place = memoryview(document), head.place
                form = early(snippet) if head.is_early else snippet
                return b"".join((view[:place], head.closer, form, view[place:]))
        self._misses += 1
        return None

    def learn(self, document: bytes, inserter: Inserter, make: Callable[[], Inserter]) -> None:
        """Remember the head of a document that an inserter was fed with in one piece.

        `make` makes another such inserter. It has to decide alike for the beginning alone.
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
    """Puts a snippet into a document whose head may be known; else an `Inserter` does.

    It has the form of that. `early` returns the form of the snippet for a place behind which a
    policy may follow, and `make` makes the inserter.
    """

    def __init__(
        self,
        heads: KnownHeads,
        snippet: bytes,
        early: Callable[[bytes], bytes],
        make: Callable[[], Inserter],
    ) -> None:
        self._heads = heads
        self._snippet = snippet
        self._early = early
        self._make = make
        self._added: int | None = None
        self._inserter: Inserter | None = None

    @property
    def added(self) -> int | None:
        """By how many bytes the document has grown; None while that is not known."""
        return self._added if self._inserter is None else self._inserter.added

    @property
    def stays(self) -> bool:
        """Whether the document stays as it is."""
        return self._inserter is not None and self._inserter.stays

    @property
    def is_determined(self) -> bool:
        """Whether the place is that of the whole document, however it was cut."""
        return self._inserter is None or self._inserter.is_determined

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it does not begin like a document."""
        return self._inserter is not None and self._inserter.is_fragment

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return what may go on its way."""
        if self._inserter is not None:
            return self._inserter.feed(data)
        if self._added is not None:
            return data
        known = self._heads.insert(data, self._snippet, self._early)
        if known is not None:
            self._added = len(known) - len(data)
            return known
        self._inserter = self._make()
        fed = self._inserter.feed(data)
        self._heads.learn(data, self._inserter, self._make)
        return fed

    def flush(self) -> bytes:
        """Return what must not wait for more."""
        return b"" if self._inserter is None else self._inserter.flush()

    def finish(self) -> bytes:
        """Return the rest."""
        if self._inserter is None and self._added is None:
            self._inserter = self._make()
        return b"" if self._inserter is None else self._inserter.finish()
