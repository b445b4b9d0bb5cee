"""One finding about a site, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "advice", "not checked"]


@dataclass(frozen=True)
class Finding:
    """What was found, why it matters, and what to do: each a sentence or two for the site's owner.

    `code` is a stable name such as `no-script`; docs/check.md lists all of them. No text holds a
    key, a cookie or an hmac.
    """

    code: str
    level: Level
    what: str
    why: str
    do: str


def problem(code: str, what: str, why: str, do: str) -> Finding:
    """Return a finding that needs a correction."""
    return Finding(code, "problem", what, why, do)


def advice(code: str, what: str, why: str, do: str) -> Finding:
    """Return a finding that the site's owner may intend."""
    return Finding(code, "advice", what, why, do)


def not_checked(code: str, what: str, why: str, do: str) -> Finding:
    """Return a finding about what could not be checked."""
    return Finding(code, "not checked", what, why, do)
