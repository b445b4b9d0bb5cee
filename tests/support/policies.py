"""Policies of a whole head, read and extended as the pages of a site do it."""

from __future__ import annotations

from pavior_middleware._http import csp
from pavior_middleware._page.snippet import Snippet

Headers = list[tuple[str, str]]


def read(headers: Headers) -> csp.Verdict:
    """Return what the policies say, with the nonce itself in place of its number."""
    nonces = csp.Nonces()
    fields = [(name.lower(), nonces.numbered(value)) for name, value in headers]
    verdict = csp.read(fields)
    return verdict if verdict.nonce is None else verdict._replace(nonce=nonces.value(verdict.nonce))


def extended(headers: Headers, snippet: Snippet) -> Headers:
    """Return the fields with policies that allow the snippet."""
    nonces = csp.Nonces()
    numbered = [(name, nonces.numbered(value)) for name, value in headers]
    nonce = csp.read([(name.lower(), value) for name, value in numbered]).nonce
    return [
        (name, nonces.restored(csp.extended(value, nonce, snippet.needs)))
        if name.lower() in (csp.ENFORCED, csp.REPORT_ONLY)
        else (name, value)
        for name, value in numbered
    ]
