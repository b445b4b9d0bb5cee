"""Whether a response is a page: whole, in HTML, and shown by a browser."""

from __future__ import annotations

from werkzeug.http import parse_list_header, parse_options_header

from .headers import HeaderList

_BODY_WITHOUT_PAGE = frozenset({204, 205, 206})
# Labels of UTF-16 in the WHATWG Encoding standard, section 4.2, and of encodings like it.
# Then those in which ASCII bytes may be halves of other characters after an escape.
_NOT_ASCII_COMPATIBLE = (
    *("utf-16", "utf-32", "utf-7", "ucs-2", "iso-10646-ucs", "unicode", "csuni"),
    *("iso-2022", "csiso2022", "hz-gb-2312"),
)


def may_be_page(status: int, headers: HeaderList) -> bool:
    """Whether a response is a whole one that a browser shows.

    Redirects, parts (RFC 9110 section 15.3.7) and downloads are not.
    """
    if status < 200 or 300 <= status < 400 or status in _BODY_WITHOUT_PAGE:
        return False
    return is_shown(headers) and all(name.lower() != "content-range" for name, _ in headers)


def is_shown(headers: HeaderList) -> bool:
    """Whether a browser shows a response, rather than saving it (RFC 6266 section 4.2)."""
    return all(
        parse_options_header(value)[0].lower() == "inline"
        for name, value in headers
        if name.lower() == "content-disposition"
    )


def is_html(headers: HeaderList) -> bool:
    """Whether a browser takes it for HTML, in a charset in which ASCII bytes mean ASCII."""
    media_type, parameters = content_type(headers)
    charset = parameters.get("charset", "").strip().lower()
    return media_type == "text/html" and not charset.startswith(_NOT_ASCII_COMPATIBLE)


def content_type(headers: HeaderList) -> tuple[str, dict[str, str]]:
    """Return the media type and its parameters: of several, the last (Fetch, section 3.7)."""
    media_type, parameters = "", dict[str, str]()
    for name, value in headers:
        if name.lower() == "content-type":
            for each in parse_list_header(value) if "," in value else [value]:
                found, found_parameters = parse_options_header(each)
                found = found.strip().lower()
                if "/" in found and found != "*/*":
                    charset = parameters.get("charset") if found == media_type else None
                    media_type, parameters = found, found_parameters
                    if charset is not None:
                        parameters.setdefault("charset", charset)
    return media_type, parameters
