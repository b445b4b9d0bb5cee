"""Random bytes that mask hmacs. Each pad masks the hmac of one response."""

from __future__ import annotations

import os
import secrets

SIZE = 32
"""The number of bytes of a pad, and of an hmac."""

_AT_ONCE = 64

_unused: list[bytes] = []


def random_pad() -> bytes:
    """Return `SIZE` random bytes, as `secrets.token_bytes` does, mostly without a system call."""
    try:
        return _unused.pop()  # no two threads get the same
    except IndexError:
        pad, *more = (secrets.token_bytes(SIZE) for _ in range(_AT_ONCE))
        _unused.extend(more)
        return pad


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_unused.clear)  # or two processes would use the same pads
