"""The content codings that can be decoded and encoded: gzip, x-gzip, deflate, br and zstd.

(RFC 9110 section 8.4.1, and the HTTP Content Coding Registry.) Each works on a stream, about
`PIECE` bytes at a time.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

from werkzeug.http import parse_list_header

PIECE = 64 * 1024
"""About the number of bytes that are decoded at a time."""

_GZIP, _ZLIB, _BARE = 31, 15, -15  # zlib's "window bits" for three forms of deflate
_ZLIB_HEADER_LENGTH = 2
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
    """A body that is not what its `Content-Encoding` says, or that expands too much."""


class Decoder(Protocol):
    """Takes coded bytes and yields decoded bytes, about `PIECE` at a time at most."""

    @property
    def has_ended(self) -> bool:
        """Whether the bytes so far are a complete stream."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be decoded so far. Raises `CodingError`."""


@dataclass(frozen=True)
class Encoder:
    """Encodes bytes. What is returned up to a flush can be decoded without what follows.

    `encode` takes the next bytes and returns the coded bytes that are ready. `flush` returns the
    coded rest of all bytes so far. `finish` returns that rest and the end of the stream.
    """

    encode: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    finish: Callable[[], bytes]


@dataclass(frozen=True)
class Coding:
    """A content coding. `encoder` takes the form that the decoder has found in the original."""

    decoder: Callable[[], Decoder]
    encoder: Callable[[Any], Encoder]


class Unsupported(LookupError):
    """A coding that cannot be decoded here. The message names the coding and what to do."""


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
    """Decodes several members, one after another, as one stream.

    (RFC 1952 section 2.2, RFC 8878 section 3.) Bytes behind the last member that do not begin
    another one are ignored, as in browsers.
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
        self._between = b""  # bytes that may begin another member
        self._is_over = False

    @property
    def has_ended(self) -> bool:
        return self._member.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        # In small steps, since the bytes behind each member are copied, and members may be short.
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


class _ZlibMember:
    """Deflate data, with the header and the checksum of its form."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        decoded = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self.needs_input = len(decoded) < max_length and not self._stream.unconsumed_tail
        return decoded


class _DeflateDecoder:
    """Decodes `deflate`, which is the zlib format; some servers send bare deflate data.

    Browsers take both.
    """

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
            # Bare data never begins with such bits: they would be padding other than zero.
            is_zlib = data[0] & 0x8F == 0x08 and int.from_bytes(data[:2], "big") % 31 == 0
            self.wbits = _ZLIB if is_zlib else _BARE
            self._members = _Members(partial(_ZlibMember, self.wbits), _NEVER)
        yield from self._members.decode(data)


class _BrotliDecoder:
    """Decodes `br`. Bytes behind the end of the stream are ignored, as in browsers."""

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


def _coding(name: str) -> Coding:
    if name in ("gzip", "x-gzip"):
        new_member = partial(_ZlibMember, _GZIP)
        return Coding(lambda: _Members(new_member, _GZIP_MAGIC), lambda _: _zlib_encoder(_GZIP))
    if name == "deflate":
        return Coding(_DeflateDecoder, lambda decoder: _zlib_encoder(decoder.wbits))
    if name == "br":
        _brotli()
        return Coding(_BrotliDecoder, lambda _: _brotli_encoder())
    if name == "zstd":
        error = _zstd().ZstdError
        return Coding(lambda: _Members(_zstd_member, _ZSTD_MAGIC, error), lambda _: _zstd_encoder())
    raise Unsupported(f"the content coding {name!r} is not known")


def _zlib_encoder(wbits: int) -> Encoder:
    stream = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, wbits)
    return Encoder(stream.compress, partial(stream.flush, zlib.Z_SYNC_FLUSH), stream.flush)


def _brotli_encoder() -> Encoder:
    stream = _brotli().Compressor(quality=_BROTLI_QUALITY)
    return Encoder(stream.process, stream.flush, stream.finish)


def _zstd_encoder() -> Encoder:
    stream = _zstd().ZstdCompressor(_ZSTD_LEVEL)
    return Encoder(
        stream.compress,
        partial(stream.flush, stream.FLUSH_BLOCK),
        partial(stream.flush, stream.FLUSH_FRAME),
    )


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
