"""Whether a browser treats a response as HTML, and whether it shows it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from werkzeug.http import parse_list_header, parse_options_header

# The first labels are those of UTF-16 (WHATWG Encoding standard, section 4.2) and similar
# encodings. In the other encodings, ASCII bytes after an escape may be halves of other characters.
_NOT_ASCII_COMPATIBLE = (
    *("utf-16", "utf-32", "utf-7", "ucs-2", "iso-10646-ucs", "unicode", "csuni"),
    *("iso-2022", "csiso2022", "hz-gb-2312"),
)


class MediaType(NamedTuple):
    """What a `Content-Type` says.

    `is_html` is True for HTML in a charset in which ASCII bytes mean ASCII. `has_charset` tells
    that the browser need not look for one in the page.
    """

    is_html: bool
    has_charset: bool


@lru_cache(maxsize=512)
def media_type(value: str) -> MediaType:
    """Read a `Content-Type`, several fields joined by commas: the last type counts (Fetch 3.7)."""
    essence, parameters = "", dict[str, str]()
    for each in parse_list_header(value) if "," in value else [value]:
        found, found_parameters = parse_options_header(each)
        found = found.strip().lower()
        if "/" in found and found != "*/*":
            charset = parameters.get("charset") if found == essence else None
            essence, parameters = found, found_parameters
            if charset is not None:
                parameters.setdefault("charset", charset)
    charset = parameters.get("charset", "").strip().lower()
    is_html = essence == "text/html" and not charset.startswith(_NOT_ASCII_COMPATIBLE)
    return MediaType(is_html, "charset" in parameters)


def is_inline(disposition: str) -> bool:
    """Whether a browser shows a response with this `Content-Disposition` (RFC 6266 section 4.2)."""
    return parse_options_header(disposition)[0].lower() == "inline"
