"""Whether a response came from a cache, by its header fields."""

from __future__ import annotations

import re

from .evidence import Exchange

_FIELDS = (
    *("x-cache", "x-cache-status", "x-proxy-cache", "cf-cache-status", "x-cache-lookup"),
    *("x-nginx-cache", "x-varnish-cache", "x-litespeed-cache", "x-vercel-cache", "x-cdn-cache"),
)
_HIT = re.compile(
    r"\b(?:tcp_|tcp_mem_)?hit\b|\bstale\b|\bupdating\b|\brevalidated\b", re.IGNORECASE
)
_HIT_OF_CACHE_STATUS = re.compile(r";\s*hit(?:\s*(?:;|,|=\?1|$))", re.IGNORECASE)
_TWO_NUMBERS = re.compile(r"\d+ \d+")


def came_from_cache(exchange: Exchange) -> bool:
    """Whether a cache on the way had stored the response.

    The signs are `Age` (RFC 9111 section 5.1), `Cache-Status` (RFC 9211), and the fields that
    nginx, Varnish, Cloudflare, Fastly, CloudFront and others send.
    """
    age = exchange.field("age").partition(",")[0].strip()
    return (
        (age.isdecimal() and int(age) > 0)
        or any(_HIT.search(exchange.field(name)) is not None for name in _FIELDS)
        or _HIT_OF_CACHE_STATUS.search(exchange.field("cache-status")) is not None
        or _TWO_NUMBERS.fullmatch(exchange.field("x-varnish").strip()) is not None
    )
