"""The places of the fields in a response's head that decide what happens.

Many responses of a site have fields of the same names in the same order. So their places are found
once, and `HeadReader` remembers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from .._http import csp
from .skip import INNER_FIELD, SKIP_FIELD

POLICIES = (csp.ENFORCED, csp.REPORT_ONLY)

ELSEWHERE = (
    *("x-accel-redirect", "x-lighttpd-send-file", "x-lighttpd-send-tempfile", "x-reproxy-file"),
    *("x-reproxy-url", "x-sendfile", "x-sendfile2"),
)
"""The fields by which an app makes the server in front send another body."""

_TEXTS = frozenset(
    {
        *("cache-control", "content-disposition", "content-encoding", "content-type"),
        *("signature-input", "vary"),
    }
)
"""The fields whose values decide what happens; policies do, too."""

_PRESENCES = frozenset({"content-length", "content-range", *ELSEWHERE, INNER_FIELD, SKIP_FIELD})
"""The fields whose mere presence decides what happens."""


@dataclass(frozen=True, slots=True, eq=False)  # so heads and edits are found by the object
class Layout:
    """The places of fields in all heads whose fields have these names, in this order.

    `names` are in lower case. `decisive` are the places of all fields that decide; `texts`,
    `policies` and `types` are some of them. `length` is the place of the first `Content-Length`,
    None without one. `pick_texts` returns the values at `texts`, given those of all fields.
    `opts_out`: the app says that the response must not get the chat.
    """

    names: tuple[str, ...]
    decisive: tuple[int, ...]
    texts: tuple[int, ...]
    policies: tuple[int, ...]
    types: tuple[int, ...]
    length: int | None
    pick_texts: Callable[[Sequence[Any]], tuple[Any, ...]]
    opts_out: bool


def find_layout(names: Sequence[str]) -> Layout:
    """Find the places of the fields in heads whose fields have these names."""
    names = tuple(name.lower() for name in names)

    def places(*wanted: str) -> tuple[int, ...]:
        return tuple(place for place, name in enumerate(names) if name in wanted)

    texts = places(*_TEXTS)
    return Layout(
        names=names,
        decisive=places(*_TEXTS, *_PRESENCES, *POLICIES),
        texts=texts,
        policies=places(*POLICIES),
        types=places("content-type"),
        length=next(iter(places("content-length")), None),
        pick_texts=_picker(texts),
        opts_out=bool(places(SKIP_FIELD, INNER_FIELD)),
    )


def _picker(places: tuple[int, ...]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return a function that takes a tuple, and returns a tuple of what is at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))
