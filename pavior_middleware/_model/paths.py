"""Where a site lends its login: fixed paths, since a borrower knows only the domain (RFC 8615)."""

SHARE_AUTH = "/.well-known/pavior/share-auth"
"""Answers who is logged in."""

HANDOFF = "/.well-known/pavior/handoff"
"""Redirects a user to a borrower, with a code."""

SHARE_SCRIPT = "/.well-known/pavior/share.js"
"""The script that a borrower's page runs."""

FRAME = "/.well-known/pavior/frame"
"""The page that a borrower's page has in a frame, to get access to the login cookie."""
