"""The answers of our paths: whole responses, with fields that say who may store and read them."""

from __future__ import annotations

from dataclasses import dataclass

NOT_WHITELISTED = (
    "This origin may not share the login. If it should, its domain is missing in"
    " PAVIOR_SHARED_AUTH_DOMAINS."
)

Fields = tuple[tuple[str, str], ...]

_ALWAYS: Fields = (
    ("Cache-Control", "no-store"),
    ("Vary", "Origin, Sec-Fetch-Site, Sec-Fetch-Storage-Access"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


@dataclass(frozen=True)
class Answer:
    """A whole response; header fields in latin-1. `is_named` tells that it names a user."""

    status: int
    headers: Fields
    body: bytes
    is_named: bool = False


def answer(
    status: int,
    content_type: str = "",
    body: bytes = b"",
    *fields: tuple[str, str],
    is_named: bool = False,
) -> Answer:
    """Return a response; a given field replaces the usual one of its name."""
    given = {name.lower() for name, _ in fields}
    usual = tuple(field for field in _ALWAYS if field[0].lower() not in given)
    described: Fields = (("Content-Type", content_type),) if content_type else ()
    if status not in (204, 304):  # these have no content (RFC 9110 section 8.6)
        described = (*described, ("Content-Length", str(len(body))))
    return Answer(status, (*described, *usual, *fields), body, is_named)


def refused(reason: str, *fields: tuple[str, str]) -> Answer:
    """Return a 403 that says why, and nothing about any user."""
    return answer(403, "text/plain; charset=utf-8", f"{reason}\n".encode(), *fields)


def not_allowed(methods: str, *fields: tuple[str, str]) -> Answer:
    """Return a 405 that names the allowed methods."""
    return answer(405, "", b"", ("Allow", methods), *fields)
