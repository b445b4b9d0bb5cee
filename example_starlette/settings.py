"""The shop's settings: each from the environment, or a value that is good for development."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.config import Config

DEFAULTS = {
    "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID",
    # The example key of Pavior's documentation. Everybody knows it, so it is good for the emulator
    # only; your own is on Pavior's settings page and belongs into the environment.
    "PAVIOR_API_KEY": "ladygaga",
    # Only an email that its owner has confirmed is sent: this attribute of a customer says so.
    "PAVIOR_EMAIL_CONFIRMED": "email_confirmed",
    # The emulator. Leave this one out to talk to Pavior itself.
    "PAVIOR_EMBED_URL": "http://pavior.localhost:8990/embed",
    # PAVIOR_SHARED_AUTH_DOMAINS would name the sites without a login of their own that may ask this
    # shop who is chatting. PAVIOR_SHARED_AUTH_SECONDS would say how long a login lasts there
    # without news from this shop.
}


def read(environ: Mapping[str, str]) -> Config:
    """Return the environment's settings, with the defaults for what it leaves out.

    Without a `SECRET_KEY`, which signs the session cookie and what takes the login along to other
    sites, a random one is made, so a restart logs everybody out.
    """
    return Config(environ={"SECRET_KEY": secrets.token_hex(), **DEFAULTS, **environ})
