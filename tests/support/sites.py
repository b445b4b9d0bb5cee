"""The settings and the users of the sites that the tests make."""

from __future__ import annotations

from pavior_middleware import Identity, Settings, sign

TEAM = "acme"
API_KEY = "an-api-key-for-the-tests-only"
SECRET_KEY = "a secret key for the tests only"

SETTINGS = Settings(TEAM, API_KEY)

LOGIN_COOKIE = "__Host-pavior-share"
HELP = "https://help.example.com"
"""A site that borrows logins, where a test has such a site on its whitelist."""

ADA = Identity("7", "ada@example.com", attributes={"firstName": "Ada"})
ADAS = {"id": "7", "email": "ada@example.com", "hmac": sign(API_KEY, "7")}
"""What proves to Pavior that somebody is Ada."""

BOB = Identity("8", "bob@example.com", attributes={"firstName": "Bob"})
MALLORY = Identity("666", "mallory@evil.test")
LEAD = Identity(email="lead@example.com", authenticated=False)
