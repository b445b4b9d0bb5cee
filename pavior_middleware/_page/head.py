"""The parts of a response's head that decide what happens to the response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import AnyStr, Generic

from .._http import csp
from .._http.cache_control import DIGESTS, covers, vary_names
from .._http.headers import FieldForm
from .._http.media import MediaType, is_inline, media_type
from .layout import ELSEWHERE, POLICIES, Layout, find_layout
from .skip import INNER_FIELD, SKIP_FIELD

_MOST_DIGITS = 18  # a longer Content-Length is not believed
_MOST_HEADS = 512
_MOST_LAYOUTS = 512
_NOT_HTML = MediaType(is_html=False, has_charset=False)

_EDITED = (
    *DIGESTS,
    *("accept-ranges", "cache-control", "content-length", csp.ENFORCED, csp.REPORT_ONLY),
    *("etag", "expires", "last-modified", "set-cookie", "vary"),
)
"""The fields that may be edited, so a signature that covers them would become invalid."""


@dataclass(frozen=True, slots=True, eq=False)  # so plans are found by the object, not its values
class ResponseHead:
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


class HeadReader(Generic[AnyStr]):
    """Reads the heads of responses, in the form of one interface."""

    def __init__(self, form: FieldForm[AnyStr]) -> None:
        self._decode: Callable[[AnyStr], str] = form.decode
        self._layout = lru_cache(maxsize=_MOST_LAYOUTS)(self._find_layout)
        self._head = lru_cache(maxsize=_MOST_HEADS)(self._read_fields)
        self._is_html = lru_cache(maxsize=_MOST_HEADS)(
            lambda value: media_type(form.decode(value)).is_html
        )

    def layout(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Layout:
        """Return the layout of a head."""
        return self._layout(tuple([name for name, _ in headers]))

    def may_matter(
        self, layout: Layout, headers: Sequence[tuple[AnyStr, AnyStr]], *, is_skipped: bool
    ) -> bool:
        """Whether a response is HTML, or the app says that it gets no chat.

        With `is_skipped`, the response's path gets no chat, so HTML does not matter.
        """
        if layout.opts_out or is_skipped:
            return layout.opts_out
        for place in layout.types:  # noqa: SIM110  # a generator takes longer
            if self._is_html(headers[place][1]):
                return True
        return False

    def read(
        self, status: int, layout: Layout, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> tuple[ResponseHead, csp.Nonces | None, int | None]:
        """Return what the head says, the nonces of its policies, and the length that it declares.

        Nonces and length vary by response, so they are not part of what it says.
        """
        nonces, length = None, None
        values = tuple([value for _, value in headers])
        policies: tuple[str, ...] = ()
        if layout.length is not None:
            length = _length(self._decode(values[layout.length]))
        if layout.policies:
            nonces = csp.Nonces()
            policies = tuple(
                nonces.numbered(self._decode(values[place])) for place in layout.policies
            )
        return self._head(status, layout, layout.pick_texts(values), policies), nonces, length

    def _find_layout(self, names: tuple[AnyStr, ...]) -> Layout:
        return find_layout([self._decode(name) for name in names])

    def _read_fields(
        self,
        status: int,
        layout: Layout,
        texts: tuple[AnyStr, ...],
        policies: tuple[str, ...],
    ) -> ResponseHead:
        """Read the fields that decide. In `policies` the nonces are numbered."""
        values = dict(zip(layout.texts, map(self._decode, texts), strict=True))
        values |= zip(layout.policies, policies, strict=True)
        return _head(
            status, [(layout.names[place], values.get(place, "")) for place in layout.decisive]
        )


_response_head = lru_cache(maxsize=_MOST_HEADS)(ResponseHead)
"""Returns the same object for the same values."""


def _length(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) <= _MOST_DIGITS else None


def _head(status: int, fields: Sequence[tuple[str, str]]) -> ResponseHead:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    content_type = values.get("content-type")
    media = media_type(", ".join(content_type)) if content_type else _NOT_HTML
    policies = [(name, value) for name, value in fields if name in POLICIES]
    return _response_head(
        status=status,
        is_inner=INNER_FIELD in values,
        is_skipped=SKIP_FIELD in values,
        is_html=media.is_html,
        has_charset=media.has_charset,
        is_shown=all(map(is_inline, values.get("content-disposition", ()))),
        is_part="content-range" in values,
        is_elsewhere=not values.keys().isdisjoint(ELSEWHERE),
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
