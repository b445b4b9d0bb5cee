"""Which origin's page made a request, as far as its fields tell."""

from __future__ import annotations

from collections.abc import Mapping


def is_foreign_fetch(fields: Mapping[str, str], scheme: str) -> bool:
    """Whether a script of another origin may have made the request, and may read the response.

    `fields` are the request's header fields, in lower case; `scheme` is that of its URL. Browsers
    say it by `Sec-Fetch-Site` and `Sec-Fetch-Mode` (Fetch Metadata sections 2.2 and 2.4), but not
    on plain http. There the `Origin` tells: with a request that CORS lets a script read, browsers
    send it unless it is a GET or HEAD of the same origin (Fetch section 3.2). A form that another
    site's page posts has such an `Origin`, too.
    """
    site = fields.get("sec-fetch-site")
    if site is not None:
        is_own = site in ("same-origin", "none")
        return not is_own and fields.get("sec-fetch-mode") != "navigate"
    origin = fields.get("origin")
    return origin is not None and origin != f"{scheme}://{fields.get('host')}"
