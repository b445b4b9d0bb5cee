"""What caches may do with a rewritten page: one that names a user is that user's alone."""

from __future__ import annotations

from werkzeug.datastructures import Headers, ResponseCacheControl
from werkzeug.http import parse_cache_control_header, parse_set_header

_OF_THE_ORIGINAL_BYTES = (
    "Accept-Ranges",
    "Content-Digest",
    "Content-MD5",
    "Digest",
    "ETag",
    "Last-Modified",
    "Repr-Digest",
)


_FOR_SHARED_CACHES_ALONE = (
    "cdn-cache-control",
    "edge-control",
    "surrogate-control",
    "x-accel-expires",
)


def forget_original(headers: Headers) -> None:
    """Remove the fields that describe the page as it was before the snippet went in.

    Among them are the validators (RFC 9110 section 8.8): with the app's own, a browser could be
    told by a 304 that the page of the former user is still good.
    """
    for name in _OF_THE_ORIGINAL_BYTES:
        headers.remove(name)


def vary(headers: Headers, *names: str) -> None:
    """Add request fields that the page depends on to `Vary` (RFC 9110 section 12.5.5)."""
    value = ", ".join(headers.getlist("Vary"))
    there = parse_set_header(value)
    if "*" not in there:
        headers.set(
            "Vary", ", ".join([*filter(None, [value]), *(n for n in names if n not in there)])
        )


def keep_private(headers: Headers) -> None:
    """Let nobody but the user's own browser store the page (RFC 9111 section 5.2.2.7).

    The browser asks again before it shows the page once more, since the user may have logged out;
    what the app said that is stricter stays. Fields that speak to shared caches alone, and that
    these put before `Cache-Control` (RFC 9213 section 2.2), are removed.
    """
    for name in {name for name, _ in headers}:
        if name.lower().endswith(_FOR_SHARED_CACHES_ALONE):
            headers.remove(name)
    said = parse_cache_control_header(", ".join(headers.getlist("Cache-Control")))
    # Werkzeug leaves it to us that these names are case-insensitive (RFC 9111 section 5.2).
    cache_control = ResponseCacheControl({name.lower(): value for name, value in said.items()})
    cache_control.public = False
    cache_control.s_maxage = None
    cache_control.private = True
    if not cache_control.no_store:
        cache_control.no_cache = True
    headers.set("Cache-Control", cache_control.to_header())
