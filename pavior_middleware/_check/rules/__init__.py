"""The rules: pure functions from the evidence to findings, with a module for each subject.

The docstring of a rule says what it finds. "Nobody" is a visitor without a cookie, and "somebody"
is the user of the cookie that the check was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..evidence import Evidence
from ..findings import Finding
from . import (
    answers,
    browser,
    caches,
    cookies,
    element,
    embed,
    identity,
    keys,
    policies,
    routes,
    settings,
    sharing,
    transport,
)

Rule = Callable[[Evidence], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    *answers.RULES,
    *transport.RULES,
    *cookies.RULES,
    *element.RULES,
    *settings.RULES,
    *policies.RULES,
    *embed.RULES,
    *routes.RULES,
    *caches.RULES,
    *identity.RULES,
    *sharing.RULES,
    *browser.RULES,
    *keys.RULES,
)


def findings_of(evidence: Evidence) -> list[Finding]:
    """Return what all rules find, each finding once."""
    found = (finding for rule in RULES for finding in rule(evidence))
    return list(dict.fromkeys(found))
