"""A coded page: decoded, changed and encoded again as a stream.

About `PIECE` bytes are decoded at a time. The client can decode at once what the app has flushed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from .._http.codings import Coding, CodingError, Encoder

MOST_HELD = 1024 * 1024
"""Up to this number of bytes, a coded page in one piece is held until all of it is ready."""

FREE_EXPANSION = 8 * 1024 * 1024
MOST_EXPANSION = 1032
"""A page that decodes to more than its bytes times this factor is given up, unless it is small.

Deflate can reach this factor and no more; other codings exceed it on no real page.
"""


PAUSE = b""
"""An empty piece of a body, at which other requests may run."""

WORK = 64 * 1024
"""About the number of bytes that are decoded, changed and coded again between two pauses."""

_WORK_OF_PIECE = 1024  # each piece is flushed, which takes as long as these bytes


class Document(Protocol):
    """Puts a snippet into a document: `placement.Inserter`, or a class with the same methods."""

    @property
    def added(self) -> int | None:
        """The number of bytes by which it has grown; None while that is not known."""

    @property
    def stays(self) -> bool:
        """Whether it stays unchanged."""

    @property
    def is_determined(self) -> bool:
        """Whether the place is the one that the document in one piece would have."""

    @property
    def is_fragment(self) -> bool:
        """Whether it stays unchanged because it does not begin like a document."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return those that may be sent."""

    def flush(self) -> bytes:
        """Return the held bytes that must not wait for more input."""

    def finish(self) -> bytes:
        """Return the rest of the document."""


class CodedBody:
    """A coded page around an `Inserter`: coded bytes in, coded bytes out.

    If the page cannot be decoded, or gets no snippet, it passes unchanged, as long as none of it
    was sent (`stays`). If bytes that cannot be decoded come later, the page is cut off before them.
    A client then shows as much of it as of the original.
    """

    stays = False
    """Whether the page passes unchanged."""
    is_determined = False
    """Whether the original and the snippet determine every byte; no, as compressors differ."""
    added: int | None = None
    """The number of coded bytes by which it has grown; None while that is not known."""

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

    @property
    def is_fragment(self) -> bool:
        """Whether it stays unchanged because it does not begin like a document."""
        return self._inserter.is_fragment

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes and yield what may be sent now.

        With `is_last`, yield all the rest. If that is a whole page of at most `MOST_HELD` bytes,
        its length is known when its first piece is yielded. A page that came cut off stays cut off:
        it does not gain an end. Bytes that decode to many more take long, so each `WORK` bytes are
        followed by a `PAUSE`.
        """
        if self.stays:
            yield data
        elif not self._is_over:
            self._received += len(data)
            if not self._has_sent:
                self._original.append(data)
            yield from self._guarded(self._recoded(data, is_last=is_last), is_last=is_last)

    def _guarded(self, pieces: Iterator[bytes], *, is_last: bool) -> Iterator[bytes]:
        """Hold pieces while the page may still pass unchanged, or its length may become known."""
        waiting: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                if not piece:
                    yield PAUSE
                    continue
                waiting.append(piece)
                size += len(piece)
                is_undecided = self._inserter.added is None or is_last
                if self._has_sent or not is_undecided or size > MOST_HELD:
                    yield from self._send(waiting)
        except CodingError as error:
            self._warn(f"a page gets no chat, being not what its Content-Encoding says: {error}")
            self.stays, self._is_over = not self._has_sent, self._has_sent
            if self._has_sent:  # the page ends here, as if the app had cut it short
                waiting += [*self._encode(self._inserter.finish()), *self._flush()]
        # The codings may hold an empty page, which must not be held for ever.
        has_nothing = (is_last or self._received > MOST_HELD) and not self._has_decoded
        if not self._has_sent and (self.stays or self._inserter.stays or has_nothing):
            self.stays = True
            yield from filter(None, self._original)
        else:
            self.added = size - self._received if is_last and not self._has_sent else None
            yield from self._send(waiting)
        if is_last:
            self._is_over = True  # what follows the end is not part of the page

    def _send(self, waiting: list[bytes]) -> Iterator[bytes]:
        if waiting:
            self._has_sent = True
            self._original.clear()
            yield from waiting
            waiting.clear()

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
        """Make the encoders, once the decoders know the form of the original."""
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
