"""A Pavior to develop against: the embed, the verification and the inbox, on one's own machine.

`create_app` builds it, `serve` and `serve_in_thread` run it, and `contacts` reads its inbox.
`settings_of` and `start_text` say what a site needs to use it. `fill_with_demo` fills the inbox
with examples. These rules are Pavior's:

- a visitor with neither id nor email is anonymous, and one with either is a lead; a contact whose
  hmac was right once is a signup for good;
- each message shows whether its own init was verified, so a forged message of a signup shows ⚠️.

These rules are the emulator's own:

- the inits of an unauthenticated page never change what a signup's authenticated inits said (name,
  email, …), and such a page shows only what it wrote itself;
- with `doTracking: false` the inbox does not get the page's address and title;
- with `quadClickForFeedback: true` four quick clicks open the chat; `doTimeTravel` is shown in the
  inbox and has no effect;
- the inbox notes a page that calls init again with another identity, at the contact of the last
  call;
- an identity borrowed through `shareAuth` counts only if the borrowing page's domain is in the text
  box "Shared Authentication Domains". While the box is empty, every domain may borrow.
"""

from ._app import contacts, create_app, fill_with_demo, settings_of, start_text
from ._database import StorageError
from ._records import Contact, Init, Message
from ._server import DEFAULT_PORT, CannotListen, serve, serve_in_thread

__all__ = [
    "DEFAULT_PORT",
    "CannotListen",
    "Contact",
    "Init",
    "Message",
    "StorageError",
    "contacts",
    "create_app",
    "fill_with_demo",
    "serve",
    "serve_in_thread",
    "settings_of",
    "start_text",
]
