"""Fingerprints, by which two people can see that they have the same key without showing it.

An attacker who has a fingerprint could search for the key offline: compute the fingerprint of each
possible key, and compare. Four things prevent that:

- A key that can be guessed has no fingerprint. Its strength is rather estimated too low than too
  high.
- scrypt (RFC 7914) makes each guess take 128 MiB and some tenths of a second.
- The team's id is the salt, so a guess counts for one team only.
- Only 24 bits are shown. They distinguish two keys, but too many keys have the same 24 bits to
  prove a guess.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib

_COST, _BLOCK_SIZE, _PARALLEL = 2**17, 8, 1
_MEMORY = 256 * 1024 * 1024  # bytes; scrypt needs 128 * cost * block size, and a little more
_SHOWN_BYTES = 3
_LEAST_BITS = 80.0
_LEAST_DIGITS = 2  # decimal digits, which nearly every random key has, and hardly any phrase
_BITS_OF_WORD = 12.0
_LONGEST_RANDOM_RUN = 3.5  # characters, on average; random hex digits have about 2
_RUN = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_ZLIB_FRAME = 8  # bytes that zlib adds to a short text
_PURPOSE = b"pavior-middleware key fingerprint\0"


def fingerprint(key: str | bytes, team_vanity_id: str) -> str | None:
    """Return the fingerprint of a team's key, six hex digits; None for one that can be guessed."""
    secret = key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
    if strength(secret) < _LEAST_BITS:
        return None
    digest = hashlib.scrypt(
        secret,
        salt=_PURPOSE + team_vanity_id.encode("utf-8", "surrogatepass"),
        n=_COST,
        r=_BLOCK_SIZE,
        p=_PARALLEL,
        maxmem=_MEMORY,
        dklen=_SHOWN_BYTES,
    )
    return digest.hex()


def strength(key: bytes) -> float:
    """Return an estimate of a key's strength in bits, which is 0 for words without digits.

    Each byte counts as drawn from the bytes that the key holds, and repetitions count once. So 32
    random hex digits have about 128 bits. If letters and digits come in long runs, as in phrases
    with a year, each run counts as one word out of a few thousand.
    """
    digits = sum(byte in b"0123456789" for byte in key)
    if digits < _LEAST_DIGITS and key.isascii():
        return 0.0
    length = min(len(key), len(zlib.compress(key, 9)) - _ZLIB_FRAME)
    bits = length * math.log2(len(set(key))) if key else 0.0
    runs = _RUN.findall(key)
    if sum(map(len, runs)) > _LONGEST_RANDOM_RUN * len(runs):
        return min(bits, _BITS_OF_WORD * len(runs))
    return bits
