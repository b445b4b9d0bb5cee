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
"""By so much the clocks of a site's machines may differ."""


@dataclass(frozen=True)
class Loan:
    """Who was logged in, and how many seconds ago that was known."""

    identity: Identity
    age: int

    def is_of(self, user: Identity | None) -> bool:
        """Whether it says of this user all that a token does."""
        return user is not None and _said_of(self.identity) == _said_of(user)


class Tokens:
    """Signs and reads tokens under the site's secret keys, with a salt for each purpose.

    They hold the id, the email and whether the site vouches for them; not the hmac, and nothing
    secret. Its bearer is believed, so each goes only where its purpose takes it. `clock`
    returns the time in seconds since the epoch.
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
        # What a value says is the same each time; whether it is too old is looked at each time.
        self._said_by_cookie = lru_cache(maxsize=_MOST_COOKIES)(partial(_loads, self._cookies))
        self._codes = _serializer(secret_keys, "pavior-middleware.handoff-code.1")

    def cookie(self, identity: Identity) -> str:
        """Return the value of a login cookie."""
        return self._dumps(self._cookies, identity)

    def read_cookie(self, value: str) -> Loan | None:
        """Return what a cookie's value says; None if it is not ours or too old."""
        return self._loan(self._said_by_cookie(value), self._cookie_seconds)

    def code(self, identity: Identity, origin: str, challenge: str) -> str:
        """Return a code that an origin may exchange for the identity, for `CODE_SECONDS`.

        It takes the verifier, whose `challenge_of` the page has that asked for the code.
        """
        return self._dumps(self._codes, identity, to=origin, challenge=challenge)

    def read_code(self, code: str, origin: str, verifier: str) -> Loan | None:
        """Return what a code says; None if it is not ours, too old, or not for this page."""
        said = _loads(self._codes, code)
        if said is None or said["to"] != origin:
            return None
        if not hmac.compare_digest(said["challenge"], challenge_of(verifier)):
            return None
        return self._loan(said, CODE_SECONDS)

    def _dumps(self, serializer: Any, identity: Identity, **more: str) -> str:
        said = {"at": int(self._clock()), **_said_of(identity), **more}
        token: str = serializer.dumps(said)
        return token

    def _loan(self, said: dict[str, Any] | None, seconds: int) -> Loan | None:
        if said is None:
            return None
        age = int(self._clock()) - said["at"]
        if not -CLOCK_SKEW_SECONDS <= age <= seconds:
            return None
        identity = Identity(said["id"], said["email"], authenticated=said["vouched"])
        return Loan(identity, max(age, 0))


def _said_of(identity: Identity) -> dict[str, object]:
    return {"id": identity.id, "email": identity.email, "vouched": identity.authenticated}


def challenge_of(verifier: str) -> str:
    """Return what may be told of a verifier: its SHA-256 (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _serializer(secret_keys: Sequence[str | bytes], salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        [key.encode() if isinstance(key, str) else key for key in secret_keys],
        salt=salt,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _loads(serializer: Any, token: str) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = serializer.loads(token)
    except BadData:
        return None
    return said
