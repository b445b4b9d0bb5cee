"""The narrow cookie: tells `share-auth`, and nobody else, who was logged in a short while ago."""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie  # which takes any bytes

from .._model.identity import Identity, IdentityRefused, signed_options
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from .tokens import Loan, Tokens

NAME = "__Host-pavior-share"
"""A browser takes this name from the very host only, over TLS (RFC 6265bis section 4.1.3.2)."""

_LONGEST = 4096  # bytes of name, value and attributes that a browser keeps; RFC 6265 section 6.1


class ShareCookie:
    """Keeps the cookie of one site what it is to be. It has `Set-Cookie` fields, as text."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._warn = WarnOnce()

    def update(self, visitor: Visitor, held: str) -> str | None:
        """Return the field that a response is to have; None if none.

        A user who is logged in gets a fresh cookie. From everybody else it is taken away, where
        `held`, the request's `Cookie` field, has one.
        """
        identity = visitor.identity if visitor.consents else None
        field = None if identity is None else self._field(identity)
        return field or (DELETION if self.is_held(held) else None)

    def replacement(self, visitor: Visitor, held: str) -> str | None:
        """Return the same for a response that renews no cookie: None if it is the visitor's own."""
        loan = self.read([held])
        if loan is not None and visitor.consents and loan.is_of(visitor.identity):
            return None
        return self.update(visitor, held)

    def is_held(self, cookies: str) -> bool:
        """Whether a request's `Cookie` field holds the cookie, whatever it says."""
        return NAME in cookies and bool(parse_cookie(cookies).getlist(NAME))

    def read(self, fields: Sequence[str]) -> Loan | None:
        """Return what the cookie says that came in a request's `Cookie` fields; None if nothing."""
        values = parse_cookie("; ".join(fields)).getlist(NAME)
        return self._tokens.read_cookie(values[0]) if len(values) == 1 else None

    def _field(self, identity: Identity) -> str | None:
        try:
            if not signed_options(self._settings.api_key, identity):
                return None
        except IdentityRefused:
            return None  # whose request for it gets the reason
        field = _dump(self._tokens.cookie(identity), self._settings.shared_auth_seconds)
        if len(field) > _LONGEST:
            self._warn("Pavior's login is not shared: the id or email is too long for a cookie")
            return None
        return field


def _dump(value: str, seconds: int) -> str:
    return dump_cookie(
        NAME,
        value,
        max_age=seconds,
        secure=True,
        httponly=True,
        samesite="None",
        path="/",
        sync_expires=False,
        max_size=0,  # how long it gets is looked at here
    )


DELETION = _dump("", 0)
"""The field that takes the cookie away."""
