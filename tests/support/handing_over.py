"""The requests that share.js of a borrower's page sends to get the login by a handoff."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from pavior_middleware._model.paths import HANDOFF
from pavior_middleware._share.tokens import challenge_of

VERIFIER = "a-verifier-that-only-the-page-itself-knows."
CHALLENGE = challenge_of(VERIFIER)


def asking_for(*destinations: str, challenge: str | None = CHALLENGE) -> str:
    """Return the path and query to which a borrower's page goes."""
    query = "&".join(f"to={quote(each, safe='')}" for each in destinations)
    return f"{HANDOFF}?{query}" + ("" if challenge is None else f"&challenge={challenge}")


def referer_of(url: str) -> str:
    """Return what a browser sends as referrer of the page at a URL: its origin and a slash."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest)[0]}/"


def form(code: str, verifier: str = VERIFIER) -> bytes:
    """Return the content that redeems a code."""
    return urlencode({"code": code, "verifier": verifier}).encode()
