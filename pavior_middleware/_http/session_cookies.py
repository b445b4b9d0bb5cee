"""Whether a request may hold a session that another host of the domain has set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from werkzeug.sansio.http import parse_cookie


def are_doubled(cookies: Sequence[str], names: Iterable[str]) -> bool:
    """Whether a request's `Cookie` fields hold two cookies of one of these names.

    A browser sends two if one of them is for all the domain, or for a path (RFC 6265 section 5.4).
    """
    held = parse_cookie("; ".join(cookies))
    return any(len(held.getlist(name)) > 1 for name in names)
