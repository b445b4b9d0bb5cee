"""A coded page: opened, changed and closed again as a stream.

It is decoded a little at a time, and what the app flushed can be decoded at once by its receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from .._http.codings import Coding, CodingError, Encoder

MOST_HELD = 1024 * 1024
"""Up to so many bytes of a page that is there in one piece are held until all of it is done."""

FREE_EXPANSION = 8 * 1024 * 1024
MOST_EXPANSION = 1032
"""A page is given up if it decodes to more than so many times its bytes, beyond the free ones.

It is what deflate can reach at the most; codings that reach more do so on no page that is one.
"""


PAUSE = b""
"""Stands between the pieces of a body where others may run, as a certain amount of work is done."""

WORK = 64 * 1024
"""So many bytes are decoded, changed and coded again from one pause to the next, about."""

_WORK_OF_PIECE = 1024  # of what comes in one piece is flushed, which takes as long as so many bytes


class Document(Protocol):
    """What changes a document: `placement.Inserter`, or what has its form."""

    @property
    def added(self) -> int | None:
        """By how many bytes it has grown; None while that is not known."""

    @property
    def stays(self) -> bool:
        """Whether it stays as it is."""

    @property
    def is_determined(self) -> bool:
        """Whether the place is that of the whole document, however it was cut."""

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it is no document."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what may be sent of them."""

    def flush(self) -> bytes:
        """Return what must not wait for more."""

    def finish(self) -> bytes:
        """Return the rest."""


class Body(Protocol):
    """The body of a page on its way."""

    @property
    def stays(self) -> bool:
        """Whether it is just as it came."""

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it is no document."""

    @property
    def is_determined(self) -> bool:
        """Whether every byte is known from the original and the snippet."""

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterable[bytes]:
        """Take the next bytes and return what may be sent of them now; with `is_last`, all.

        Bytes that stand for many more take long. So a `PAUSE` is among the pieces now and then.
        """

    def length(self, original: int) -> int | None:
        """Return how long it gets if the original is so long; None where that is not known."""


class PlainBody:
    """The body of a page that is in no content coding."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def stays(self) -> bool:
        """Whether the document gained nothing."""
        return self._document.stays

    @property
    def is_fragment(self) -> bool:
        """Whether it gained nothing because it is no page."""
        return self._document.is_fragment

    @property
    def is_determined(self) -> bool:
        """Whether the place is known, and that of the whole document."""
        return self._document.added is not None and self._document.is_determined

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterable[bytes]:
        """Take the next bytes and return what may be sent of them now; with `is_last`, all."""
        changed = self._document.feed(data)
        rest = self._document.finish() if is_last else self._document.flush()
        changed = changed + rest if rest else changed
        return (changed,) if changed else ()

    def length(self, original: int) -> int | None:
        """Return how long it gets if the original is so long; None where that is not known."""
        added = self._document.added
        return None if added is None else original + added


class CodedBody:
    """A coded page around an `Inserter`: coded bytes in, coded bytes out.

    If it cannot be decoded or stays without the snippet, and none of it was sent yet, it passes as
    it came (`stays`). If what is wrong with it comes later, it ends there, cut off: a client that
    shows what it could decode of the original shows the same of this.
    """

    stays = False
    """Whether the page is just as it came."""
    is_determined = False
    """Whether every byte is known from the original and the snippet: compressors differ."""

    def __init__(
        self, codings: Sequence[Coding], inserter: Document, warn: Callable[[str], None]
    ) -> None:
        self._codings = codings
        self._inserter = inserter
        self._warn = warn
        self._decoders = [coding.decoder() for coding in reversed(codings)]
        self._encoders: list[Encoder] = []
        self._original: list[bytes] = []
        self._received = self._decoded = self._unpaused = 0
        self._has_decoded = self._has_sent = self._is_over = False
        self._length: int | None = None

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it is no document."""
        return self._inserter.is_fragment

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes and yield what may be sent of them now.

        With `is_last`, yield all the rest. If that is a whole page, not a long one, its length is
        known when the first of it is yielded. What was cut off stays cut off: its end is not made
        up.
        """
        if self.stays:
            yield data
        elif not self._is_over:
            self._received += len(data)
            if not self._has_sent:
                self._original.append(data)
            yield from self._guarded(self._recoded(data, is_last=is_last), is_last=is_last)

    def length(self, original: int) -> int | None:  # noqa: ARG002
        """Return how many bytes the page has; None where that is not known."""
        return self._length

    def _guarded(self, pieces: Iterator[bytes], *, is_last: bool) -> Iterator[bytes]:
        """Hold pieces while the page may still stay as it is, or its length may become known."""
        held: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                if not piece:
                    yield PAUSE
                    continue
                held.append(piece)
                size += len(piece)
                is_undecided = self._inserter.added is None or is_last
                if self._has_sent or not is_undecided or size > MOST_HELD:
                    yield from self._send(held)
        except CodingError as error:
            self._warn(f"a page gets no chat, being not what its Content-Encoding says: {error}")
            self.stays, self._is_over = not self._has_sent, self._has_sent
            if self._has_sent:  # as if it were cut short there
                held += [*self._encode(self._inserter.finish()), *self._flush()]
        # There may be nothing in it, and then it must not be held for ever.
        has_nothing = (is_last or self._received > MOST_HELD) and not self._has_decoded
        if not self._has_sent and (self.stays or self._inserter.stays or has_nothing):
            self.stays = True
            yield from filter(None, self._original)
        else:
            self._length = size if is_last and not self._has_sent else None
            yield from self._send(held)
        if is_last:
            self._is_over = True  # what follows the end belongs to nothing

    def _send(self, held: list[bytes]) -> Iterator[bytes]:
        if held:
            self._has_sent = True
            self._original.clear()
            yield from held
            held.clear()

    def _recoded(self, data: bytes, *, is_last: bool) -> Iterator[bytes]:
        has_decoded = False
        self._unpaused += _WORK_OF_PIECE
        for decoded in self._decode(data, 0):
            has_decoded = self._has_decoded = True
            yield from self._encode(self._inserter.feed(decoded))
            self._unpaused += len(decoded)
            if self._unpaused >= WORK:
                self._unpaused = 0
                yield PAUSE
        if is_last:
            yield from self._rest()
        elif has_decoded:
            yield from self._encode(self._inserter.flush())
            yield from self._flush()

    def _rest(self) -> Iterator[bytes]:
        if not self._has_decoded:
            return
        yield from self._encode(self._inserter.finish())
        is_complete = all(decoder.has_ended for decoder in self._decoders)
        yield from self._close() if is_complete else self._flush()

    def _decode(self, data: bytes, layer: int) -> Iterator[bytes]:
        if layer == len(self._decoders):
            yield data
            return
        for decoded in self._decoders[layer].decode(data):
            self._decoded += len(decoded)
            if self._decoded > FREE_EXPANSION + MOST_EXPANSION * self._received:
                raise CodingError(f"it expands to more than {MOST_EXPANSION} times its size")
            yield from self._decode(decoded, layer + 1)

    def _open(self) -> list[Encoder]:
        """Make the encoders once the decoders have seen what form the original has."""
        if not self._encoders:
            pairs = zip(self._codings, reversed(self._decoders), strict=True)
            self._encoders = [coding.encoder(decoder) for coding, decoder in pairs]
        return self._encoders

    def _encode(self, data: bytes) -> Iterator[bytes]:
        if data:
            for encoder in self._open():
                data = encoder.encode(data)
            if data:
                yield data

    def _flush(self) -> Iterator[bytes]:
        data = b""
        for encoder in self._open():
            data = encoder.encode(data) + encoder.flush()
        if data:
            yield data

    def _close(self) -> Iterator[bytes]:
        data = b""
        for encoder in self._open():
            data = encoder.encode(data) + encoder.finish()
        yield data
