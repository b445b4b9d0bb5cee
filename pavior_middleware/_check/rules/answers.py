"""Whether the page came at all, and whether it is an HTML page."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence import Evidence, Failed
from ..findings import Finding, advice, problem

_PAGES = ("text/html", "application/xhtml+xml")
_FIRST_ERROR = 400
_MENDS = {
    "name": "Check the spelling of the host, and that this machine can look it up",
    "connection": "Check that the server runs, and that this machine reaches it",
    "timeout": "Check that the server answers, and how long it takes",
    "tls": "Check that the server speaks TLS on this port",
    "redirects": "Check where the page leads, and pass the address of the page itself",
    "protocol": "Check that the server speaks HTTP on this port",
    "cookie": "Pass the address of the page itself",
}


def unreachable(evidence: Evidence) -> Iterator[Finding]:
    """The page did not come."""
    page = evidence.page
    if isinstance(page, Failed):
        yield problem(
            "unreachable",
            f"{page.url} did not answer: {page.reason}",
            "Nothing can be said of a page that does not come.",
            f"{_MENDS[page.kind]}.",
        )


def error_page(evidence: Evidence) -> Iterator[Finding]:
    """The page is that of an error, or not an HTML page."""
    page = evidence.answered
    if page is None:
        return
    if page.status >= _FIRST_ERROR:
        yield problem(
            "error-page",
            f"The page answers {page.status}.",
            "What an error's page holds says little of the site's other pages.",
            "Pass the address of a page that answers 200 to a visitor who is not logged in.",
        )
    elif page.media_type not in _PAGES:
        yield problem(
            "not-a-page",
            f"The answer's Content-Type is {page.media_type or 'absent'}.",
            "The middleware gives the chat to pages alone, whose Content-Type is text/html.",
            "Pass the address of a page, or correct the Content-Type.",
        )


def redirected(evidence: Evidence) -> Iterator[Finding]:
    """Another host has answered."""
    page = evidence.answered
    if page is None or not page.redirects:
        return
    if page.parts.netloc != _netloc(page.redirects[0]):
        yield advice(
            "redirected",
            f"{page.redirects[0]} leads to {page.url}, which is what was checked.",
            "A cookie is sent to the origin of the address that you pass, and to no other.",
            f"Pass {page.url} to check it with a cookie.",
        )


def _netloc(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


RULES = (unreachable, error_page, redirected)
