"""A Pavior to develop against: the embed, the verification and the inbox, on one's own machine.

`create_app` builds it, `serve` runs it. Its rules, where they are Pavior's:

- with neither id nor email, a visitor is anonymous; with one of them, a lead; a contact whose hmac
  was right once is a signup for good;
- each message carries what was verified at its own init, so a signup's forged message shows ⚠️.

And where they are the emulator's own:

- the inits of an unauthenticated page never change what a signup's authenticated inits said of
  them (name, email, …), and such a page is shown only what it wrote itself;
- `doTracking: false` keeps the page's address and title to the page; `quadClickForFeedback: true`
  opens the chat at four quick clicks; `doTimeTravel` is shown in the inbox and does nothing;
- an identity borrowed through `shareAuth` counts only if the borrowing page's domain is in the text
  box "Shared Authentication Domains". While the box is empty, every domain may borrow.
"""

from ._app import create_app
from ._server import serve

__all__ = ["create_app", "serve"]
