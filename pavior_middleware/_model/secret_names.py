"""Names of attributes that hold secrets, which must not go into a page."""

from __future__ import annotations

import re
from itertools import pairwise

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET_WORDS = frozenset(
    {"password", "passwords", "passwd", "passphrase", "pwd", "credential", "credentials"}
    | {"token", "tokens", "secret", "secrets", "hash", "hashes", "salt", "hmac"}
    | {"otp", "totp", "apikey", "uniquifier"}
)
_SECRET_ENDS = ("token", "tokens", "password", "passwords", "passwd", "secret", "secrets", "apikey")
"""Ends of words that are written as one, such as `authtoken`."""

_SECRET_KEYS = frozenset(
    [("api", "key"), ("api", "keys"), ("private", "key"), ("access", "key"), ("recovery", "codes")]
)


def looks_secret(name: str) -> bool:
    """Whether an attribute's name says that it holds a secret, as `password_hash` or `apiKey` does.

    Underscores, dots and capitals separate words: `secretary` is no secret.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or any(word.endswith(_SECRET_ENDS) for word in words)
        or not _SECRET_KEYS.isdisjoint(pairwise(words))
    )
