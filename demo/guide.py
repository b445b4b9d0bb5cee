"""What the demo prints for the person at the terminal."""

from __future__ import annotations

from typing import NamedTuple

LOAN_SECONDS = 60
"""How many seconds a loan of the login lasts: short enough to watch its end."""


class Addresses(NamedTuple):
    """The addresses of the demo's sites."""

    inbox: str
    flask_shop: str
    starlette_shop: str
    help_center: str
    same_site_help_center: str
    stranger: str


def addresses(emulator: int, flask_shop: int, starlette_shop: int, help_center: int) -> Addresses:
    """Return the URLs for these ports; every name under `localhost` means this machine."""
    return Addresses(
        inbox=f"http://pavior.localhost:{emulator}/",
        flask_shop=f"http://shop.localhost:{flask_shop}/",
        starlette_shop=f"http://boutique.localhost:{starlette_shop}/",
        help_center=f"http://help.localhost:{help_center}/",
        same_site_help_center=f"http://help.shop.localhost:{help_center}/",
        stranger=f"http://elsewhere.localhost:{help_center}/",
    )


def guide(at: Addresses, logs: str) -> str:
    """Return the table of addresses and the list of what to try."""
    rows = [
        ("", "Address", "Log in with"),
        ("Inbox, of the emulator", at.inbox, ""),
        ("Flask & Fern, in Flask", at.flask_shop, "user@example.com / password"),
        ("Starlit, in Starlette", at.starlette_shop, "ada@example.com / engine"),
        ("Help center, another site", at.help_center, "borrows the login of Flask & Fern"),
        ("The same, under the shop", at.same_site_help_center, "borrows it too"),
        ("The same, not whitelisted", at.stranger, "may borrow nothing"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    table = "\n".join(f"  {line}" for line in lines)
    return f"""
{table}

  Both logins are good in both shops.

  What to try, with the inbox open in a second window:

  1. Log in to {at.flask_shop}login, open the chat, send a message.
     The inbox shows a signup, without a warning sign: the shop vouches for the visitor.
  2. Log out and send another. The inbox shows an anonymous visitor.
  3. Forge somebody: logged out, type into the browser's console
       Pavior('init', {{teamVanityId: 'YOUR_TEAM_ID', email: 'boss@example.com'}})
     and send a message. The inbox shows a lead, with a warning sign: nobody vouches for
     that address.
  4. Log in to the shop again, follow its link "Help center", and send a message from there.
     That is another site, of plain files, which gets none of the shop's cookies; yet the inbox
     shows a signup: the link took the login along.
  5. Leave that tab open, log out in the shop in another one, and follow the link again: the
     chat is an anonymous visitor's at once. The tab that was open may not hear of the logout.
     There the loan ends {LOAN_SECONDS} seconds after the shop last vouched for you, which is what
     PAVIOR_SHARED_AUTH_SECONDS says here; it is an hour if it is not set.
  6. Log in and open {at.same_site_help_center}
     without a link. Under the shop's own domain, the shop's cookies come along. From
     {at.stranger} the same files learn nothing, since the shop refuses them.
  7. Do steps 1 to 3 in {at.starlette_shop}: another framework, the same chat.

  The addresses under localhost work in Chrome, Edge and Firefox; Safari may not find them.
  What the servers say is in {logs}
  Ctrl-C stops everything.

"""
