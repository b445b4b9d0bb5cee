"""What began a request, and what its response is for, by the request's header fields."""

from __future__ import annotations

from collections.abc import Mapping

FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
"""Values of `Sec-Fetch-Dest` for a page inside another page (Fetch Metadata section 2.1)."""

FETCHED_OR_UNKNOWN = frozenset({"empty", ""})
"""Its value for a response that a script gets, and '' for a client that does not send it."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.1
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def is_foreign_fetch(fields: Mapping[str, str], scheme: str) -> bool:
    """Whether a script of another origin may have made the request, and may read the response.

    `fields` are the request's header fields, in lower case; `scheme` is that of its URL. Browsers
    send `Sec-Fetch-Site` and `Sec-Fetch-Mode` (Fetch Metadata sections 2.2 and 2.4), but not on
    plain http. There, `Origin` decides. Browsers send it with each request whose response CORS lets
    a script read, except a GET or HEAD of the same origin (Fetch section 3.2). A form that another
    site's page posts has such an `Origin`, too.
    """
    site = fields.get("sec-fetch-site")
    if site is not None:
        is_own = site in ("same-origin", "none")
        return not is_own and fields.get("sec-fetch-mode") != "navigate"
    origin = fields.get("origin")
    return origin is not None and origin != f"{scheme}://{fields.get('host')}"


def is_begun_elsewhere(fields: Mapping[str, str]) -> bool:
    """Whether a page of another origin has begun the request (section 2.4)."""
    return fields.get("sec-fetch-site") in ("same-site", "cross-site")


def may_lack_cookies(fields: Mapping[str, str]) -> bool:
    """Whether a browser may have left out cookies.

    A browser may do so if another site began the request, and in a frame of another site's page.
    In such a frame it sends whether cookies are accessible (Storage Access Headers).
    """
    is_cross_site = fields.get("sec-fetch-site") == "cross-site"
    return is_cross_site or "sec-fetch-storage-access" in fields


def is_for_tab(fields: Mapping[str, str]) -> bool:
    """Whether the browser may show the response in a tab."""
    return fields.get("sec-fetch-dest", "") in ("", "document")
