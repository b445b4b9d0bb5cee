"""The shop's settings: each from the environment, or a value that is good for development."""

import secrets
from os import environ

SECRET_KEY = environ.get("SECRET_KEY") or secrets.token_hex()
"""Signs the session cookie. Random unless given, so a restart logs everybody out."""

SESSION_COOKIE_SAMESITE = "Lax"
"""Other sites' forms come without our cookie, so none of them can act as a logged-in customer."""

HELP_CENTER_URL = environ.get("HELP_CENTER_URL")
SECONDS_PER_ORDER = 0.5

PAVIOR_TEAM_VANITY_ID = environ.get("PAVIOR_TEAM_VANITY_ID", "YOUR_TEAM_ID")

# The example key of Pavior's documentation. Everybody knows it, so it is good for the emulator
# only; your own stands on Pavior's settings page and belongs into the environment.
PAVIOR_API_KEY = environ.get("PAVIOR_API_KEY", "ladygaga")

# The emulator. Leave this one out to talk to Pavior itself.
PAVIOR_EMBED_URL = environ.get("PAVIOR_EMBED_URL", "http://pavior.localhost:8000/embed")

# The help center has no login of its own: it may ask this shop who is chatting.
PAVIOR_SHARED_AUTH_DOMAINS = environ.get("PAVIOR_SHARED_AUTH_DOMAINS", "help.shop.localhost:8003")
