"""Whether a request may hold a session that another host of the domain has set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence


def are_doubled(cookies: Sequence[str], names: Iterable[str]) -> bool:
    """Whether a request's `Cookie` fields hold two cookies of one of these names.

    A browser sends two if one of them is for the whole domain, or for another path (RFC 6265
    section 5.4). Frameworks trim names in different ways. So all that Python calls white space is
    trimmed here, and each cookie counts that the app may take for its session.
    """
    pieces = (piece for field in cookies for piece in field.split(";"))
    counts = Counter(piece.partition("=")[0].strip() for piece in pieces)
    return any(counts[name] > 1 for name in names)


def payloads_of(cookies: str, names: Container[str]) -> frozenset[str]:
    """Return what the session's cookies in a `Cookie` field hold, without their signatures.

    A signed cookie is signed anew for each response. The signature is behind the first dot.
    """
    return frozenset(pair.partition(".")[0] for pair in session_of(cookies, names, without=""))


def session_of(cookies: str, names: Container[str], *, without: str) -> tuple[str, ...]:
    """Return the cookies of a `Cookie` field that distinguish sessions.

    They are the cookies with one of the `names`. Without any of these, they are all cookies except
    the one called `without`.
    """
    pairs = [pair.strip() for pair in cookies.split(";")]
    by_name = [(pair.partition("=")[0].strip(), pair) for pair in pairs if pair]
    of_session = tuple(pair for name, pair in by_name if name in names)
    return of_session or tuple(pair for name, pair in by_name if name != without)
