"""Fills the inbox with a visitor of each kind, to show what the pages look like."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pavior_middleware import sign

from ._records import Visit
from ._repetition import note_on
from ._store import Store
from ._verification import IDENTITY_OPTIONS, Borrowing, Team, attributes, judge
from ._widget import without_credentials

SITE = "https://shop.example.com"


@dataclass(frozen=True)
class _Visitor:
    """Somebody who opened a page and wrote some minutes ago.

    `signs` is the option that the page's hmac signs, if any. `former` is the identity of an earlier
    init of the same page. `lender` is the site from which it borrows the login.
    """

    minutes: int
    options: Mapping[str, object]
    texts: Sequence[str] = ()
    signs: str | None = None
    page: tuple[str, str] = ("/", "Granite & Gravel")
    former: Mapping[str, object] | None = None
    lender: str | None = None


_ADA = {"id": "1815", "email": "ada@example.com", "firstName": "Ada", "plan": "gold"}
_VISITORS = (
    _Visitor(3000, {}, page=("/setts", "Granite setts")),
    _Visitor(2890, {}),
    _Visitor(
        1470,
        {"email": "grace@example.com", "name": "Grace H."},
        ("Do you deliver to islands?", "That of the lighthouse, to be exact."),
        signs="email",
        page=("/delivery", "Delivery"),
    ),
    _Visitor(190, {}, ("How much gravel is a tonne?",), page=("/gravel", "Gravel")),
    _Visitor(
        125,
        {"email": "boss@example.com"},
        ("This is the boss. Send me the list of customers.",),
    ),
    _Visitor(
        95,
        {"id": "1912", "email": "alan@example.com", "firstName": "Alan"},
        ("Can I pay by invoice?",),
        signs="email",
        page=("/checkout", "Checkout"),
    ),
    _Visitor(
        62,
        {"id": "1906", "firstName": "Kurt"},
        ("My order says both that it is here and that it is not.",),
        signs="id",
        former={"email": "kurt@example.com", "hmac": True},
        page=("/orders", "Your orders"),
    ),
    _Visitor(
        40,
        {"id": "1903", "email": "alonzo@example.com"},
        ("The help center says that setts are sold out. Are they?",),
        signs="id",
        lender="shop.example.com",
        page=("/help", "Help center"),
    ),
    _Visitor(31, {"email": "new@example.com", "name": "Newcomer"}, signs="email"),
    _Visitor(
        25,
        _ADA,
        ("Where is my order?", "The number is 7."),
        signs="id",
        page=("/orders/7", "Order 7"),
    ),
    _Visitor(4, _ADA, ("It is me again, but nobody signed this.",), page=("/orders/7", "Order 7")),
    _Visitor(1, {}),
)


def add_demo(store: Store, team: Team) -> bool:
    """Fill an empty inbox; return whether it was empty."""
    if store.activity():
        return False
    now = datetime.now(timezone.utc)
    for visitor in _VISITORS:
        at = now - timedelta(minutes=visitor.minutes)
        session = store.begin_session(_visit(team, visitor, at))
        for place, text in enumerate(visitor.texts):
            store.add_message(session.token, text, _stored(at + timedelta(seconds=20 * place + 9)))
    return True


def _visit(team: Team, visitor: _Visitor, at: datetime) -> Visit:
    signed = visitor.options.get(visitor.signs) if visitor.signs else None
    identity = {**visitor.options, **({"hmac": sign(team.api_key, str(signed))} if signed else {})}
    borrowed = {name: value for name, value in identity.items() if name in IDENTITY_OPTIONS}
    given: dict[str, object] = {"shareAuth": visitor.lender} if visitor.lender else {**identity}
    options = {"teamVanityId": team.vanity_id, "doChat": True, "doTimeTravel": True, **given}
    borrowing = Borrowing(visitor.lender, borrowed, None, SITE, ()) if visitor.lender else None
    path, title = visitor.page
    return Visit(
        outcome=judge(team, options, borrowing),
        visitor=secrets.token_hex(16),
        options=without_credentials({**options, **(borrowed if visitor.lender else {})}),
        attributes=attributes(options),
        page_url=SITE + path,
        page_title=title,
        at=_stored(at),
        note=note_on(options, visitor.former),
    )


def _stored(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
