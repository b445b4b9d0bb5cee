"""Decides whether an init is anonymous, a lead or authenticated, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pavior_middleware import verify

from ._domains import domain_of, is_among

Status = Literal["anonymous", "lead", "signup"]

CONTROL_OPTIONS = frozenset(
    {"teamVanityId", "doChat", "doTimeTravel", "doTracking", "quadClickForFeedback"}
)
IDENTITY_OPTIONS = frozenset({"id", "email", "hmac", "shareAuth"})

_HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Team:
    """Whose Pavior this is, and the key its site signs with."""

    vanity_id: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class Borrowing:
    """An identity that a page asked another site for, through `shareAuth`.

    `lender` is the domain that was asked, and `identity` its answer (empty without an answer).
    `failure` says what went wrong, by the widget. `origin` is the borrowing page's `Origin` header.
    `allowed_domains` are those of the text box.
    """

    lender: str
    identity: Mapping[str, object]
    failure: str | None
    origin: str | None
    allowed_domains: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """Who an init says is chatting, whether that is authenticated, and if not, why."""

    id: str | None
    email: str | None
    authenticated: bool
    reason: str | None

    @property
    def identifier(self) -> str | None:
        """The id, or the email if there is no id; None for an anonymous visitor."""
        return self.id or self.email

    @property
    def status(self) -> Status:
        """The visitor's status by this init alone; earlier inits do not count."""
        if self.identifier is None:
            return "anonymous"
        return "signup" if self.authenticated else "lead"


def judge(team: Team, options: Mapping[str, object], borrowing: Borrowing | None) -> Outcome:
    """Return the outcome of an init. `options` may hold any JSON values; nothing is raised.

    With a borrowing, the options' own identity is ignored: a page borrows an identity or vouches
    for one, but not both.
    """
    claim = options if borrowing is None else borrowing.identity
    user_id, email = text_of(claim.get("id")), text_of(claim.get("email"))
    problems = (
        _team_problem(team, options.get("teamVanityId")),
        _lending_problem(borrowing) if borrowing and not claim else None,
        _type_problem("id", claim.get("id")) or _type_problem("email", claim.get("email")),
        _hmac_problem(team, claim.get("hmac"), user_id, email),
        _page_problem(borrowing) if borrowing and (user_id or email) else None,
    )
    reason = next((problem for problem in problems if problem), None)
    identified = user_id is not None or email is not None
    return Outcome(user_id, email, identified and reason is None, reason)


def attributes(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options that describe the user: all but the identity and the widget's own."""
    return {
        name: value
        for name, value in options.items()
        if name not in CONTROL_OPTIONS | IDENTITY_OPTIONS and value is not None
    }


def text_of(value: object) -> str | None:
    """The text that an id or email stands for: pages pass numbers, too."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _team_problem(team: Team, vanity_id: object) -> str | None:
    if vanity_id is None:
        return "teamVanityId is missing"
    if text_of(vanity_id) != team.vanity_id:
        return f"teamVanityId {str(vanity_id)[:80]!r} is not this team's"
    return None


def _lending_problem(borrowing: Borrowing) -> str:
    detail = f" ({borrowing.failure})" if borrowing.failure else ""
    return f"{borrowing.lender} lent no identity{detail}"


def _type_problem(name: str, value: object) -> str | None:
    if value is None or value == "" or text_of(value) is not None:
        return None
    return f"{name} is neither text nor a number"


def _hmac_problem(team: Team, hmac: object, user_id: str | None, email: str | None) -> str | None:
    if user_id is None and email is None:
        return None if hmac is None else "hmac signs nobody: there is neither id nor email"
    if hmac is None or hmac == "":
        return "no hmac"
    if not isinstance(hmac, str) or not _HEX_DIGEST.fullmatch(hmac):
        return "hmac is not 64 hexadecimal digits"
    name, identifier = ("id", user_id) if user_id is not None else ("email", str(email))
    if verify(team.api_key, str(identifier), hmac):
        return None
    if verify(team.api_key, str(identifier), hmac.lower()):
        return "hmac is in upper case: send its digits in lower case"
    if user_id is not None and email is not None and verify(team.api_key, email, hmac):
        return "hmac signs the email, but there is an id: sign the id"
    return f"hmac does not match the {name}"


def _page_problem(borrowing: Borrowing) -> str | None:
    allowed = borrowing.allowed_domains
    if not allowed or is_among(borrowing.origin, allowed):
        return None
    page = domain_of(borrowing.origin) or "a page without a domain"
    return f"{page} is not among the Shared Authentication Domains"
