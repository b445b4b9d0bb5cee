"""The parts of a response's head that decide what happens to the response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, covers, vary_names
from .._http.headers import FieldForm
from .._http.media import MediaType, is_inline, media_type
from .skip import INNER_FIELD, SKIP_FIELD

_MOST_DIGITS = 18  # a longer Content-Length is not believed
_MOST_HEADS = 512
_MOST_NAMES = 1024  # names of fields that are remembered; others are looked up each time
_NOT_HTML = MediaType(is_html=False, has_charset=False)
_POLICIES = (csp.ENFORCED, csp.REPORT_ONLY)
_TEXTS = frozenset(
    {
        *("cache-control", "content-disposition", "content-encoding", "content-type"),
        *(csp.ENFORCED, csp.REPORT_ONLY, "signature-input", "vary"),
    }
)
"""The response fields whose values decide what happens."""

_ELSEWHERE = (
    *("x-accel-redirect", "x-lighttpd-send-file", "x-lighttpd-send-tempfile", "x-reproxy-file"),
    *("x-reproxy-url", "x-sendfile", "x-sendfile2"),
)
"""The fields by which an app makes the server in front send another body."""

_PRESENCES = frozenset({"content-length", "content-range", *_ELSEWHERE, INNER_FIELD, SKIP_FIELD})
"""The fields whose mere presence decides what happens."""

_OPT_OUTS = (SKIP_FIELD, INNER_FIELD)
"""The fields by which a response says that it must not get the chat."""

_EDITED = (
    *DIGESTS,
    *("accept-ranges", "cache-control", "content-length", csp.ENFORCED, csp.REPORT_ONLY),
    *("etag", "expires", "last-modified", "set-cookie", "vary"),
)
"""The fields that may be edited, so a signature that covers them would become invalid."""


class ResponseHead(NamedTuple):
    """What the head of a response says.

    `is_shown`: a browser shows the response, rather than saving it. `is_part`: it is a part of a
    page or file. `is_elsewhere`: a server in front sends another body instead. `codings` are the
    values of `Content-Encoding`. `varies_by` are the names in `Vary`, in lower case. `is_signed`: a
    signature covers a field that may be edited. `repeats`: a field that is edited as one value
    comes several times.
    """

    status: int
    is_inner: bool
    is_skipped: bool
    is_html: bool
    has_charset: bool
    is_shown: bool
    is_part: bool
    is_elsewhere: bool
    codings: tuple[str, ...]
    policies: csp.Verdict
    has_policy: bool
    varies_by: frozenset[str]
    has_vary: bool
    has_cache_control: bool
    has_length: bool
    is_signed: bool
    repeats: bool


class Read(NamedTuple):
    """What a head says, the nonces of its policies, and the length that it declares."""

    head: ResponseHead
    nonces: csp.Nonces | None
    length: int | None


class HeadReader(Generic[AnyStr]):
    """Reads the heads of responses, in the form of one interface."""

    def __init__(self, form: FieldForm[AnyStr]) -> None:
        self._decode: Callable[[AnyStr], str] = form.decode
        self._names: _DecisiveNames[AnyStr] = _DecisiveNames(form)
        self._head = lru_cache(maxsize=_MOST_HEADS)(self._read_fields)
        self._is_html = lru_cache(maxsize=_MOST_HEADS)(
            lambda value: media_type(form.decode(value)).is_html
        )

    def may_matter(self, headers: Sequence[tuple[AnyStr, AnyStr]], *, is_skipped: bool) -> bool:
        """Whether a response is HTML, or the app says that it gets no chat.

        With `is_skipped`, the response's path gets no chat, so HTML does not matter.
        """
        names = self._names
        for raw_name, value in headers:
            name = names[raw_name]
            if name is None:
                continue
            if name == "content-type":
                if self._is_html(value) and not is_skipped:
                    return True
            elif name in _OPT_OUTS:
                return True
        return False

    def is_page(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> bool:
        """Whether a response is HTML, and the app has not skipped it."""
        names, is_html = self._names, False
        for raw_name, value in headers:
            name = names[raw_name]
            if name == "content-type":
                is_html = is_html or self._is_html(value)
            elif name in _OPT_OUTS:
                return False
        return is_html

    def is_skipped(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> bool:
        """Whether the app has skipped a response."""
        return any(self._names[name] in _OPT_OUTS for name, _ in headers)

    def read(self, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Read:
        """Return what the head says, and the nonces and the length, which vary by response."""
        nonces, length, names = None, None, self._names
        fields: list[tuple[str, AnyStr | str | None]] = []
        for raw_name, value in headers:
            name = names[raw_name]
            if name is None:
                continue
            if name == "content-length":
                length = _length(self._decode(value)) if length is None else length
                fields.append((name, None))
            elif name in _POLICIES:
                nonces = nonces or csp.Nonces()
                fields.append((name, nonces.numbered(self._decode(value))))
            else:
                fields.append((name, None if name in _PRESENCES else value))
        return Read(self._head(status, tuple(fields)), nonces, length)

    def _read_fields(
        self, status: int, fields: tuple[tuple[str, AnyStr | str | None], ...]
    ) -> ResponseHead:
        """Read the fields that decide. Policies are text in which the nonces are numbered."""
        decode: Any = self._decode
        return _head(
            status,
            [
                (name, value if isinstance(value, str) else "" if value is None else decode(value))
                for name, value in fields
            ],
        )


class _DecisiveNames(dict[AnyStr, str | None]):
    """Maps each name of a field to its lower case, or to None if the field decides nothing."""

    def __init__(self, form: FieldForm[AnyStr]) -> None:
        super().__init__()
        self._decode: Callable[[AnyStr], str] = form.decode

    def __missing__(self, raw: AnyStr) -> str | None:
        name = self._decode(raw).lower()
        known = name if name in _TEXTS or name in _PRESENCES else None
        if len(self) < _MOST_NAMES:
            self[raw] = known
        return known


def _length(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) <= _MOST_DIGITS else None


def _head(status: int, fields: Sequence[tuple[str, str]]) -> ResponseHead:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    content_type = values.get("content-type")
    media = media_type(", ".join(content_type)) if content_type else _NOT_HTML
    policies = [(name, value) for name, value in fields if name in _POLICIES]
    return ResponseHead(
        status=status,
        is_inner=INNER_FIELD in values,
        is_skipped=SKIP_FIELD in values,
        is_html=media.is_html,
        has_charset=media.has_charset,
        is_shown=all(map(is_inline, values.get("content-disposition", ()))),
        is_part="content-range" in values,
        is_elsewhere=not values.keys().isdisjoint(_ELSEWHERE),
        codings=tuple(values.get("content-encoding", ())),
        policies=csp.read(policies) if policies else csp.Verdict(),
        has_policy=bool(policies),
        varies_by=vary_names(", ".join(values.get("vary", ()))),
        has_vary="vary" in values,
        has_cache_control="cache-control" in values,
        has_length="content-length" in values,
        is_signed=covers(" ".join(values.get("signature-input", ())), _EDITED),
        repeats=any(len(values.get(name, ())) > 1 for name in ("cache-control", "vary")),
    )
