"""Where a site lends its login: fixed paths, since a borrower knows only the domain (RFC 8615)."""

SHARE_AUTH = "/.well-known/pavior/share-auth"
"""Tells who is logged in."""

HANDOFF = "/.well-known/pavior/handoff"
"""Sends a user on to a borrower, with a code."""

SHARE_SCRIPT = "/.well-known/pavior/share.js"
"""What a borrower's page runs."""

FRAME = "/.well-known/pavior/frame"
"""What a borrower's page frames, to be let to the cookie."""
