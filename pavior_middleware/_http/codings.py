"""The content codings that can be opened, and closed again: gzip, x-gzip, deflate, br and zstd.

(RFC 9110 section 8.4.1, and the HTTP Content Coding Registry.) Each decodes and encodes a stream, a
little at a time.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from werkzeug.http import parse_list_header

PIECE = 64 * 1024
"""How many bytes are decoded at a time, about."""

_GZIP, _ZLIB, _BARE = 31, 15, -15  # zlib's "window bits" for three forms of deflate
_ZLIB_HEADER_LENGTH = 2
_ZLIB_NEEDS_DICTIONARY = 0x20
_GZIP_TIME_AND_SYSTEM_LENGTH = 6
_GZIP_HAS_HEADER_CHECKSUM, _GZIP_HAS_EXTRA_FIELD = 0x02, 0x04
_GZIP_HAS_NAME, _GZIP_HAS_COMMENT, _GZIP_RESERVED_FLAGS = 0x08, 0x10, 0xE0
_MAGIC_LENGTH = 4
_FED = 8 * 1024
_GZIP_MAGIC = re.compile(rb"\x1f\x8b")
_ZSTD_MAGIC = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_NEVER = re.compile(rb"(?!)")
_EXTRA = 'pip install "pavior-middleware[codings]"'
_GZIP_LEVEL, _BROTLI_QUALITY, _ZSTD_LEVEL = 4, 4, 3
_LARGEST_ZSTD_WINDOW_LOG = 23  # 8 MiB, beyond which browsers refuse too (RFC 9659 section 3)
_MOST_CODINGS = 4


class CodingError(ValueError):
    """A body that is not what its `Content-Encoding` says, or that expands beyond all measure."""


class Decoder(Protocol):
    """Takes coded bytes and yields what they stand for, at most about `PIECE` at a time."""

    @property
    def has_ended(self) -> bool:
        """Whether the stream was complete, so far."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be told by now; raise `CodingError`."""


class Encoder(Protocol):
    """Codes bytes; what was flushed can be decoded without what comes after it."""

    def encode(self, data: bytes) -> bytes:
        """Take the next bytes and return what has come of them so far."""

    def flush(self) -> bytes:
        """Return the rest of what has come so far."""

    def finish(self) -> bytes:
        """Return the rest, and the end of the stream."""


@dataclass(frozen=True)
class Coding:
    """A content coding: how to open and to close it. `encoder` gets the form of the original."""

    decoder: Callable[[], Decoder]
    encoder: Callable[[Any], Encoder]


class Unsupported(LookupError):
    """A coding that cannot be opened here; the message names it and the mend."""


def names(fields: Sequence[str]) -> list[str]:
    """Return the codings that `Content-Encoding` fields name, in the order they were applied."""
    listed = (name.strip().lower() for field in fields for name in parse_list_header(field))
    return [name for name in listed if name not in ("", "identity")]


def codings(coding_names: Sequence[str]) -> list[Coding]:
    """Return the codings of these names; raise `Unsupported` for one that is not known here."""
    if len(coding_names) > _MOST_CODINGS:
        raise Unsupported(f"{len(coding_names)} content codings on one page are too many")
    return [_coding(name) for name in coding_names]


class _Member(Protocol):
    """One gzip member, zlib stream or zstd frame, with the names of Python's own zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Members:
    """Members one after another are one stream (RFC 1952 section 2.2, RFC 8878 section 3).

    What follows the last one and does not begin another is ignored, as browsers do.
    """

    def __init__(
        self,
        new_member: Callable[[], _Member],
        magic: re.Pattern[bytes],
        error: type[Exception] = zlib.error,
    ) -> None:
        self._new_member = new_member
        self._magic = magic
        self._error = error
        self._member = new_member()
        self._between = b""  # the beginning of what may be another member
        self._is_over = False

    @property
    def has_ended(self) -> bool:
        return self._member.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        # A little at a time, since what follows each of many short members is copied.
        for start in range(0, len(data), _FED):
            yield from self._decode(data[start : start + _FED])

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data and not self._is_over:
            if self._member.eof:
                self._between += data
                if len(self._between) < _MAGIC_LENGTH:
                    return
                data, self._between = self._between, b""
                if not self._magic.match(data):
                    self._is_over = True
                    return
                self._member = self._new_member()
            yield from self._decode_member(data)
            data = self._member.unused_data

    def _decode_member(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                decoded = self._member.decompress(data, PIECE)
            except self._error as error:
                raise CodingError(str(error)) from error
            if decoded:
                yield decoded
            if self._member.needs_input or self._member.eof:
                return
            data = b""


class _DeflateMember:
    """Deflate data between a header and a checksum, at which browsers do not look either."""

    def __init__(self, header: Generator[None, int, None], checksum_length: int) -> None:
        self._header = header
        self._is_in_header = next(header, True) is None
        self._stream = zlib.decompressobj(_BARE)
        self._checksum_left = checksum_length
        self.needs_input = True
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return self._stream.eof and not self._checksum_left

    def decompress(self, data: bytes, max_length: int) -> bytes:
        decoded = b""
        if self._is_in_header:
            data = self._skip_header(data)
        if not (self._is_in_header or self._stream.eof):
            decoded = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
            data = self._stream.unused_data
        if self._stream.eof:
            checksum = data[: self._checksum_left]
            self._checksum_left -= len(checksum)
            self.unused_data = data[len(checksum) :]
        has_more = len(decoded) == max_length or bool(self._stream.unconsumed_tail)
        self.needs_input = self._stream.eof or not has_more
        return decoded

    def _skip_header(self, data: bytes) -> bytes:
        """Take what of the data is the header; return the rest."""
        taken = 0
        try:
            for byte in data:
                taken += 1
                self._header.send(byte)
        except StopIteration:
            self._is_in_header = False
        return data[taken:]


def _gzip_header() -> Generator[None, int, None]:
    """Take the header of a gzip member, a byte at a time (RFC 1952 section 2.3)."""
    for expected in b"\x1f\x8b\x08":
        if (yield) != expected:
            raise CodingError("it does not begin like gzip")
    flags = yield
    if flags & _GZIP_RESERVED_FLAGS:
        raise CodingError("it has flags that gzip does not know")
    for _ in range(_GZIP_TIME_AND_SYSTEM_LENGTH):
        yield
    if flags & _GZIP_HAS_EXTRA_FIELD:
        length = (yield) | (yield) << 8
        for _ in range(length):
            yield
    for flag in (_GZIP_HAS_NAME, _GZIP_HAS_COMMENT):
        if flags & flag:
            while (yield):
                pass
    if flags & _GZIP_HAS_HEADER_CHECKSUM:
        yield
        yield


def _zlib_header() -> Generator[None, int, None]:
    """Take the header of a zlib stream (RFC 1950 section 2.2), which was looked at before."""
    yield
    if (yield) & _ZLIB_NEEDS_DICTIONARY:
        raise CodingError("it needs a dictionary that is not there")


def _no_header() -> Generator[None, int, None]:
    yield from ()


class _DeflateDecoder:
    """`deflate` is the zlib format, and from some servers bare deflate data; browsers take both."""

    def __init__(self) -> None:
        self._beginning = b""
        self._members: _Members | None = None
        self.wbits = _ZLIB

    @property
    def has_ended(self) -> bool:
        return self._members is not None and self._members.has_ended

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._members is None:
            data = self._beginning = self._beginning + data
            if len(data) < _ZLIB_HEADER_LENGTH:
                return
            # No encoder begins bare data so: the bits would be padding that is not zero.
            is_zlib = data[0] & 0x8F == 0x08 and int.from_bytes(data[:2], "big") % 31 == 0
            self.wbits = _ZLIB if is_zlib else _BARE
            self._members = _Members(_zlib_member if is_zlib else _bare_member, _NEVER)
        yield from self._members.decode(data)


class _ZlibEncoder:
    def __init__(self, wbits: int) -> None:
        self._stream = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, wbits)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def flush(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush(zlib.Z_FINISH)


class _BrotliDecoder:
    """What follows the end of the stream is ignored, as browsers do."""

    def __init__(self) -> None:
        self._stream = _brotli().Decompressor()

    @property
    def has_ended(self) -> bool:
        return bool(self._stream.is_finished())

    def decode(self, data: bytes) -> Iterator[bytes]:
        while not self._stream.is_finished():
            try:
                decoded = self._stream.process(data, output_buffer_limit=PIECE)
            except _brotli().error as error:
                raise CodingError(str(error)) from error
            if decoded:
                yield decoded
            elif self._stream.can_accept_more_data():
                return
            data = b""


class _BrotliEncoder:
    def __init__(self) -> None:
        self._stream = _brotli().Compressor(quality=_BROTLI_QUALITY)

    def encode(self, data: bytes) -> bytes:
        return self._stream.process(data)  # type: ignore[no-any-return]  # Brotli is untyped

    def flush(self) -> bytes:
        return self._stream.flush()  # type: ignore[no-any-return]

    def finish(self) -> bytes:
        return self._stream.finish()  # type: ignore[no-any-return]


class _ZstdEncoder:
    def __init__(self) -> None:
        self._stream = _zstd().ZstdCompressor(_ZSTD_LEVEL)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)  # type: ignore[no-any-return]

    def flush(self) -> bytes:
        return self._stream.flush(self._stream.FLUSH_BLOCK)  # type: ignore[no-any-return]

    def finish(self) -> bytes:
        return self._stream.flush(self._stream.FLUSH_FRAME)  # type: ignore[no-any-return]


def _coding(name: str) -> Coding:
    if name in ("gzip", "x-gzip"):
        return Coding(lambda: _Members(_gzip_member, _GZIP_MAGIC), lambda _: _ZlibEncoder(_GZIP))
    if name == "deflate":
        return Coding(_DeflateDecoder, lambda decoder: _ZlibEncoder(decoder.wbits))
    if name == "br":
        _brotli()
        return Coding(_BrotliDecoder, lambda _: _BrotliEncoder())
    if name == "zstd":
        error = _zstd().ZstdError
        return Coding(lambda: _Members(_zstd_member, _ZSTD_MAGIC, error), lambda _: _ZstdEncoder())
    raise Unsupported(f"the content coding {name!r} is not known")


def _gzip_member() -> _Member:
    return _DeflateMember(_gzip_header(), checksum_length=8)


def _zlib_member() -> _Member:
    return _DeflateMember(_zlib_header(), checksum_length=4)


def _bare_member() -> _Member:
    return _DeflateMember(_no_header(), checksum_length=0)


def _zstd_member() -> _Member:
    zstd = _zstd()
    limit = {zstd.DecompressionParameter.window_log_max: _LARGEST_ZSTD_WINDOW_LOG}
    return zstd.ZstdDecompressor(options=limit)  # type: ignore[no-any-return]


@cache
def _brotli() -> Any:
    try:
        import brotli
    except ImportError:
        brotli = None
    if not hasattr(getattr(brotli, "Decompressor", None), "can_accept_more_data"):
        raise Unsupported(f"the content coding br needs Brotli 1.2 or later: {_EXTRA}")
    return brotli


@cache
def _zstd() -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise Unsupported(f"the content coding zstd needs backports.zstd: {_EXTRA}") from None
    return zstd
