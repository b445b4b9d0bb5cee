"""The shop's settings: each from the environment, or a value that is good for development."""

import secrets
from os import environ

SECRET_KEY = environ.get("SECRET_KEY") or secrets.token_hex()
"""Signs the session cookie, and what takes the login along to the help center.

Random unless given, so a restart logs everybody out.
"""

SESSION_COOKIE_SAMESITE = "Lax"
"""Other sites' forms come without our cookie, so none of them can act as a logged-in customer."""

HELP_CENTER_URL = environ.get("HELP_CENTER_URL")
SECONDS_PER_ORDER = 0.5

PAVIOR_TEAM_VANITY_ID = environ.get("PAVIOR_TEAM_VANITY_ID", "YOUR_TEAM_ID")

# The example key of Pavior's documentation. Everybody knows it, so it is good for the emulator
# only; your own is on Pavior's settings page and belongs into the environment.
PAVIOR_API_KEY = environ.get("PAVIOR_API_KEY", "ladygaga")

# Only an email that its owner has confirmed is sent: this attribute of a customer says so.
PAVIOR_EMAIL_CONFIRMED = "email_confirmed"

# The emulator. Leave this one out to talk to Pavior itself.
PAVIOR_EMBED_URL = environ.get("PAVIOR_EMBED_URL", "http://pavior.localhost:8990/embed")

# The help center is another site without a login of its own: it may ask this shop who is chatting,
# and our links to it take the login along.
PAVIOR_SHARED_AUTH_DOMAINS = environ.get("PAVIOR_SHARED_AUTH_DOMAINS", "help.localhost:8003")

# For so long the help center may go on with a login without hearing from us; an hour if left out.
PAVIOR_SHARED_AUTH_SECONDS = environ.get("PAVIOR_SHARED_AUTH_SECONDS")
