"""The head of a response, as far as it decides: what its fields say, not their texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import AnyStr, Generic, NamedTuple

from .._http import csp
from .._http.cache_control import DIGESTS, covers, vary_names
from .._http.headers import FieldForm
from .._http.media import MediaType, is_inline, media_type
from .skip import SKIP_FIELD

_LENGTH = re.compile("[0-9]{1,18}")
_MOST_NAMES = 1024  # of fields that a site has; others are looked at anew
_NOT_HTML = MediaType(is_html=False, has_charset=False)
_POLICIES = (csp.ENFORCED, csp.REPORT_ONLY)
_TEXTS = frozenset(
    {
        *("cache-control", "content-disposition", "content-encoding", "content-type"),
        *(csp.ENFORCED, csp.REPORT_ONLY, "signature-input", "vary"),
    }
)
"""The response fields whose values decide."""

_PRESENCES = frozenset({"content-length", "content-range", SKIP_FIELD})
"""Those that decide by being there."""

_EDITED = (
    *DIGESTS,
    *("accept-ranges", "cache-control", "content-length", csp.ENFORCED, csp.REPORT_ONLY),
    *("etag", "expires", "last-modified", "vary"),
)
"""Those that may be edited, so that a signature of them would no longer hold."""


class ResponseHead(NamedTuple):
    """What the head of a response says.

    `is_shown`: a browser shows it, rather than saving it. `is_part`: it is a part of something.
    `codings` are the values of `Content-Encoding`. `varies_by` are the names in `Vary`, in lower
    case. `is_signed`: a signature covers a field that may be edited. `repeats`: a field that is
    edited as one value comes several times.
    """

    status: int
    is_skipped: bool
    is_html: bool
    has_charset: bool
    is_shown: bool
    is_part: bool
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
    """What a head says, the nonces of its policies, and the length of the body as it says."""

    head: ResponseHead
    nonces: csp.Nonces
    length: int | None


class HeadReader(Generic[AnyStr]):
    """Reads heads of responses as one interface hands them over."""

    def __init__(self, form: FieldForm[AnyStr]) -> None:
        self._decode: Callable[[AnyStr], str] = form.decode
        self._names: _DecisiveNames[AnyStr] = _DecisiveNames(form)

    def quick(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> tuple[bool, bool]:
        """Return whether a response is HTML, and whether the app says that it gets no chat."""
        is_html = is_skipped = False
        names = self._names
        for raw_name, value in headers:
            name = names[raw_name]
            if name == "content-type":
                is_html = is_html or media_type(self._decode(value)).is_html
            elif name == SKIP_FIELD:
                is_skipped = True
        return is_html, is_skipped

    def read(self, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Read:
        """Return what the head says, and what is different in each response."""
        nonces = csp.Nonces()
        fields = []
        length = None
        names = self._names
        for raw_name, value in headers:
            name = names[raw_name]
            if name is None:
                continue
            if name in _PRESENCES:
                fields.append((name, ""))
                if name == "content-length" and length is None:
                    length = _length(self._decode(value))
            elif name in _POLICIES:
                fields.append((name, nonces.numbered(self._decode(value))))
            else:
                fields.append((name, self._decode(value)))
        return Read(_head(status, tuple(fields)), nonces, length)


class _DecisiveNames(dict[AnyStr, str | None]):
    """Names as they come: in lower case if the field decides, else None."""

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
    return int(value) if _LENGTH.fullmatch(value) else None


@lru_cache(maxsize=512)
def _head(status: int, fields: tuple[tuple[str, str], ...]) -> ResponseHead:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    content_type = values.get("content-type")
    media = media_type(", ".join(content_type)) if content_type else _NOT_HTML
    policies = [(name, value) for name, value in fields if name in _POLICIES]
    return ResponseHead(
        status=status,
        is_skipped=SKIP_FIELD in values,
        is_html=media.is_html,
        has_charset=media.has_charset,
        is_shown=all(map(is_inline, values.get("content-disposition", ()))),
        is_part="content-range" in values,
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
