"""What travels through browsers, signed: the login cookie and the handoff's code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from .._model.identity import Identity

CODE_SECONDS = 60
_MOST_COOKIES = 1024  # whose values are remembered once they are verified
CLOCK_SKEW_SECONDS = 5
"""The number of seconds by which the clocks of a site's machines may differ."""


@dataclass(frozen=True)
class Loan:
    """Who was logged in, and the number of seconds since the app said so."""

    identity: Identity
    age: int

    def is_of(self, user: Identity | None) -> bool:
        """Whether a new token for this user would say the same."""
        return user is not None and _named_by(self.identity) == _named_by(user)


@dataclass(frozen=True)
class _Claims:
    """What a token says.

    `at` is its time, in seconds since the epoch. `to` and `challenge` are the origin of a code and
    the hash of its verifier; a cookie has None and ''.
    """

    at: int
    identity: Identity
    to: str | None
    challenge: str


class Tokens:
    """Signs and reads tokens under the site's secret keys, with a salt for each purpose.

    Tokens hold the id, the email and whether the site vouches for them. They hold neither the hmac
    nor any other secret. The bearer of a token is believed, so each token goes only where its
    purpose requires. `clock` returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        secret_keys: Sequence[str | bytes],
        cookie_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cookie_seconds = cookie_seconds
        self._clock = clock
        self._cookies = _serializer(secret_keys, "pavior-middleware.share-cookie.1")
        # The claims of a value never change, so they are remembered. Its age is checked each time.
        self._claims_of_cookie = lru_cache(maxsize=_MOST_COOKIES)(partial(_claims, self._cookies))
        self._codes = _serializer(secret_keys, "pavior-middleware.handoff-code.1")

    def cookie(self, identity: Identity) -> str:
        """Return the value of a login cookie."""
        return self._dumps(self._cookies, identity)

    def read_cookie(self, value: str) -> Loan | None:
        """Return what a cookie's value says; None if it is not ours or too old."""
        return self._loan(self._claims_of_cookie(value), self._cookie_seconds)

    def code(self, identity: Identity, origin: str, challenge: str) -> str:
        """Return a code that an origin may exchange for the identity, for `CODE_SECONDS`.

        The exchange takes the verifier of the challenge that came with the request for the code.
        """
        return self._dumps(self._codes, identity, to=origin, challenge=challenge)

    def read_code(self, code: str, origin: str, verifier: str) -> Loan | None:
        """Return what a code says; None if it is not ours, too old, or not for this page."""
        claims = _claims(self._codes, code)
        if claims is None or claims.to != origin:
            return None
        if not hmac.compare_digest(claims.challenge, challenge_of(verifier)):
            return None
        return self._loan(claims, CODE_SECONDS)

    def _dumps(self, serializer: Any, identity: Identity, **more: str) -> str:
        named = dict(zip(_NAMES, _named_by(identity), strict=True))
        token: str = serializer.dumps({"at": int(self._clock()), **named, **more})
        return token

    def _loan(self, claims: _Claims | None, seconds: int) -> Loan | None:
        if claims is None:
            return None
        age = int(self._clock()) - claims.at
        if not -CLOCK_SKEW_SECONDS <= age <= seconds:
            return None
        return Loan(claims.identity, max(age, 0))


_NAMES = ("id", "email", "vouched")


def _named_by(identity: Identity) -> tuple[str | None, str | None, bool]:
    """Return the values of the claims that name a user, in the order of `_NAMES`."""
    return identity.id, identity.email, identity.authenticated


def challenge_of(verifier: str) -> str:
    """Return the challenge of a verifier, its SHA-256; it is public (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _serializer(secret_keys: Sequence[str | bytes], salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        [key.encode() if isinstance(key, str) else key for key in secret_keys],
        salt=salt,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _claims(serializer: Any, token: str) -> _Claims | None:
    try:
        claims: dict[str, Any] = serializer.loads(token)
    except BadData:
        return None
    user_id, email, vouched = (claims[name] for name in _NAMES)
    identity = Identity(user_id, email, authenticated=vouched)
    return _Claims(claims["at"], identity, claims.get("to"), claims.get("challenge", ""))
