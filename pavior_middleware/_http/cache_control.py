"""What caches may do with a response, and the fields that say what its bytes are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from werkzeug.datastructures import ResponseCacheControl
from werkzeug.http import parse_cache_control_header, parse_set_header

DIGESTS = frozenset({"content-digest", "content-md5", "digest", "repr-digest"})
"""The fields that hold a digest of the bytes (RFC 9530), in lower case."""

TARGETED = ("-cache-control", "edge-control", "surrogate-control", "x-accel-expires")
"""Ends of the names of fields that some caches obey instead of `Cache-Control`.

(RFC 9213 section 2.2.)
"""

_WITHOUT_ASKING = ("immutable", "stale-if-error", "stale-while-revalidate")


@lru_cache(maxsize=256)
def private(directives: str, *, may_store: bool) -> str:
    """Return a `Cache-Control` that lets only the user's own browser store the response.

    `directives` is the value that the app has sent; stricter directives in it stay (RFC 9111
    section 5.2.2.7). The browser revalidates the response before each use, since the user may have
    logged out. Without `may_store`, nobody stores it. A cache that knows `must-understand` ignores
    `no-store` beside it (section 5.2.2.3), so `no-cache` is added in any case.
    """
    # These names are case-insensitive (section 5.2), but Werkzeug compares them by case.
    parsed = parse_cache_control_header(directives)
    kept = {name.lower(): value for name, value in parsed.items()}
    for name in _WITHOUT_ASKING:
        kept.pop(name, None)
    if not may_store:
        kept.pop("must-understand", None)
    result = ResponseCacheControl(kept)
    result.public = False
    result.s_maxage = None
    result.private = True
    result.no_cache = True
    if not may_store:
        result.no_store = True
    return result.to_header()


def vary_names(value: str) -> frozenset[str]:
    """Return the names in a `Vary` field, in lower case; `*` among them (RFC 9110 12.5.5)."""
    return frozenset(name.lower() for name in parse_set_header(value))


def covers(signature_input: str, names: Iterable[str]) -> bool:
    """Whether a signature (RFC 9421) covers one of the fields, or a targeted cache field."""
    signed = signature_input.lower()
    ends = (*(f'"{name}"' for name in names), *(f'{name}"' for name in TARGETED))
    return any(end in signed for end in ends)
