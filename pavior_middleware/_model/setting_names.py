"""Which setting a key is meant to be, where its name is misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from .copied_texts import BYTE_ORDER_MARKS

PREFIX = "PAVIOR_"

_LONG_NAME = 8  # letters of a setting's name, of which two may be wrong
_LONGEST_PREFIX = 64  # characters that are compared

# The variables that Kubernetes sets for a Service named pavior ("Discovering services").
_OF_KUBERNETES = re.compile(
    r".*_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


def misspelt_name(key: str, names: Iterable[str]) -> str | None:
    """Return the name that a key with our prefix misspells; None if it resembles no name.

    Other programs read the same environment, so a key that resembles no name may be theirs.
    """
    if _OF_KUBERNETES.fullmatch(key):
        return None
    return next((name for name in names if _is_misspelt(key, name)), None)


def name_behind_prefix(key: str, names: Iterable[str]) -> str | None:
    """Return the setting's name behind a prefix that resembles ours; None without such a prefix.

    The key may be in lower case. It may begin with what a badly read `.env` file leaves there.
    """
    if key.startswith(PREFIX):
        return None
    for mark in BYTE_ORDER_MARKS:
        key = key.removeprefix(mark)
    word = "".join(key.split()[-1:]).upper().replace("-", "_")
    prefix, underscore, rest = word.partition("_")
    name = PREFIX + rest.lstrip("_")
    is_near = underscore and len(prefix) < _LONGEST_PREFIX and _is_near(prefix, PREFIX[:-1])
    return name if is_near and name in names else None


def _is_misspelt(key: str, name: str) -> bool:
    return _is_near(key.removeprefix(PREFIX), name.removeprefix(PREFIX))


def _is_near(text: str, name: str) -> bool:
    """Whether at most two characters of a name are wrong, missing, swapped or superfluous.

    In a short name at most one may be, since two would make another word of it.
    """
    most = 1 if len(name) < _LONG_NAME else 2
    if abs(len(text) - len(name)) > most:
        return False
    same = sum(block.size for block in SequenceMatcher(None, name, text).get_matching_blocks())
    return max(len(text), len(name)) - same <= most
