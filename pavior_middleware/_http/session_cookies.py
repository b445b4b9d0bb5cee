"""Whether a request may hold a session that another host of the domain has set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def are_doubled(cookies: Sequence[str], names: Iterable[str]) -> bool:
    """Whether a request's `Cookie` fields hold two cookies of one of these names.

    A browser sends two if one of them is for all the domain, or for a path (RFC 6265 section 5.4).
    Frameworks differ in what they trim from a name, so all that Python calls white space is trimmed
    here: a cookie that the app may take for its session counts.
    """
    pieces = (piece for field in cookies for piece in field.split(";"))
    held = Counter(piece.partition("=")[0].strip() for piece in pieces)
    return any(held[name] > 1 for name in names)
