"""Signs or verifies each row, or says why the row is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..._model.identity import Identity, IdentityRefused, signed_options, verify
from .row import BadRow, Row

NOBODY = "it has neither an id nor an email"


def signed_rows(api_key: str, rows: Iterable[Row | BadRow]) -> Iterator[str | BadRow]:
    """Yield the text of each row with its hmac, and a `BadRow` for each that cannot be signed."""
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            signed = signed_options(api_key, row.identity())
        except (IdentityRefused, TypeError) as error:
            yield BadRow(row.line, str(error))
        else:
            hmac = signed.get("hmac")
            yield BadRow(row.line, NOBODY) if hmac is None else row.with_hmac(hmac)


def verified_rows(api_key: str, rows: Iterable[Row | BadRow]) -> Iterator[BadRow | None]:
    """Yield None for each row whose hmac is right, and a `BadRow` for each other row."""
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            problem = hmac_problem(api_key, row.identity(), row.hmac or "")
        except TypeError as error:
            problem = str(error)
        yield None if problem is None else BadRow(row.line, problem)


def hmac_problem(api_key: str, identity: Identity, hmac: str) -> str | None:
    """Return why an hmac is not the user's, without showing it; None if it is.

    Raises `TypeError` if it is not text.
    """
    if identity.identifier is None:
        return NOBODY
    if verify(api_key, identity.identifier, hmac):
        return None
    signed = "id" if identity.id is not None else "email"
    return f"the hmac is not that of the {signed}: {_hint(api_key, identity, hmac)}"


def _hint(api_key: str, identity: Identity, hmac: str) -> str:
    """Return the likeliest reason why an hmac is wrong, and what to do."""
    if not hmac:
        return "it is missing"
    if identity.identifier and verify(api_key, identity.identifier, hmac.strip().lower()):
        return "it is in capitals or has white space around it; write it as `pavior sign` does"
    if identity.id and identity.email and verify(api_key, identity.email, hmac):
        return "it is that of the email; where there is an id, sign the id"
    if len(hmac) != _LENGTH:
        return f"it has {len(hmac)} characters in place of {_LENGTH}; copy it whole"
    return "sign it again, and see that the API key is the same"


_LENGTH = 64  # hexadecimal digits of SHA-256
