"""shareAuth from a borrower's side: what its pages get from the lender."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

from ..._http import csp
from ..addresses import is_local, origin_of
from ..evidence import (
    Borrowing,
    Evidence,
    Exchange,
    Failed,
    Fetched,
    json_object,
)
from ..findings import Finding, problem
from ..whom import described, names_somebody


def unreachable(evidence: Evidence) -> Iterator[Finding]:
    """The lender does not answer, or something else answers for it."""
    for each in evidence.borrowing:
        lost = [
            f"{name} ({fetched.reason if isinstance(fetched, Failed) else fetched.status})"
            for name, fetched, is_right in (
                ("share.js", each.script, _is_script(each.script)),
                ("share-auth", each.share_auth, _is_answer(each.share_auth)),
                ("frame", each.frame, _has_status(each.frame, 200, 403)),
                ("handoff", each.handoff, _has_status(each.handoff, 303, 403)),
            )
            if not is_right
        ]
        if lost:
            yield problem(
                "lender-not-routed",
                f"{each.lender} does not lend its login: below /.well-known/pavior/ it does not"
                f" answer {', '.join(lost)}.",
                f"The pages of {each.borrower} ask there who is logged in.",
                "Check PAVIOR_SHARE_AUTH on the borrower and PAVIOR_SHARED_AUTH_DOMAINS on the"
                " lender, and have the lender's proxy send /.well-known/pavior/* to the app.",
            )


def _is_script(fetched: Fetched) -> bool:
    return _has_status(fetched, 200) and "javascript" in _exchange(fetched).media_type


def _is_answer(fetched: Fetched) -> bool:
    if _has_status(fetched, 403, 503):
        return True
    return _has_status(fetched, 200) and _exchange(fetched).media_type == "application/json"


def _has_status(fetched: Fetched, *statuses: int) -> bool:
    return isinstance(fetched, Exchange) and fetched.status in statuses


def _exchange(fetched: Fetched) -> Exchange:
    assert isinstance(fetched, Exchange)  # noqa: S101  # its status was looked at
    return fetched


def not_whitelisted(evidence: Evidence) -> Iterator[Finding]:
    """The lender refuses the borrower."""
    for each in evidence.borrowing:
        answers = (each.share_auth, each.frame, each.handoff)
        if any(_has_status(fetched, HTTPStatus.FORBIDDEN) for fetched in answers):
            host = urlsplit(each.borrower).netloc
            insecure = each.borrower.startswith("http:") and not is_local(each.borrower)
            yield problem(
                "not-whitelisted",
                f"{each.lender} refuses {each.borrower}.",
                "Its pages name nobody."
                + (" A borrower on plain http is always refused." if insecure else ""),
                f"Add {host} to PAVIOR_SHARED_AUTH_DOMAINS on {each.lender}; look for a spelling"
                " mistake there, and for a www. that one of the two has. A borrower is on https.",
            )


def cors(evidence: Evidence) -> Iterator[Finding]:
    """A browser would not let the borrower read the answer."""
    for each in evidence.borrowing:
        share_auth = each.share_auth
        if not _has_status(share_auth, 200) or not _is_answer(share_auth):
            continue
        exchange = _exchange(share_auth)
        allowed = exchange.field("access-control-allow-origin")
        credentials = exchange.field("access-control-allow-credentials")
        if allowed != each.borrower or credentials != "true":
            yield problem(
                "cors-lost",
                f"share-auth of {each.lender} answers {each.borrower} with"
                f" Access-Control-Allow-Origin: {allowed or '(absent)'} and"
                f" Access-Control-Allow-Credentials: {credentials or '(absent)'}.",
                "The middleware has named that one origin, and true. As it is, a browser does not"
                " let the borrower's page read the answer.",
                "Do not set these fields in the proxy or in a CORS middleware for"
                " /.well-known/pavior/*.",
            )


def frame(evidence: Evidence) -> Iterator[Finding]:
    """A browser would not show the lender's frame in the borrower's page."""
    for each in evidence.borrowing:
        if not _has_status(each.frame, 200):
            continue
        page = _exchange(each.frame)
        options = page.field("x-frame-options")
        blocking = [f"X-Frame-Options: {options}"] if options else []
        for value in page.values(csp.ENFORCED):
            blocking.extend(_forbidding(value, each))
        if blocking:
            yield problem(
                "frame-blocked",
                f"The frame of {each.lender} may not be in the pages of {each.borrower}:"
                f" {', '.join(blocking)}.",
                "In browsers that block third-party cookies, a click on the bubble does not log the"
                " chat in.",
                "Do not add X-Frame-Options or a policy to /.well-known/pavior/frame.",
            )


def _forbidding(value: str, borrowing: Borrowing) -> Iterator[str]:
    for policy in value.split(","):
        for directive in policy.split(";"):
            name, *sources = directive.split() or [""]
            if name.lower() == "frame-ancestors" and borrowing.borrower not in sources:
                yield directive.strip()


def handoff(evidence: Evidence) -> Iterator[Finding]:
    """The handoff does not redirect back to the borrower."""
    for each in evidence.borrowing:
        if not _has_status(each.handoff, HTTPStatus.SEE_OTHER):
            continue
        location = _exchange(each.handoff).field("location")
        if origin_of(location) != each.borrower:
            yield problem(
                "handoff-leads-elsewhere",
                f"The handoff of {each.lender} leads to {location or 'nowhere'}, and not back to"
                f" {each.borrower}.",
                "People who come from there end up elsewhere, and without their login.",
                "Have the proxy leave the Location of redirects to other hosts as it is.",
            )


def lender_on_plain_http(evidence: Evidence) -> Iterator[Finding]:
    """The lender is served over plain http."""
    for each in evidence.borrowing:
        if each.lender.startswith("http:") and not is_local(each.lender):
            yield problem(
                "login-cookie-needs-tls",
                f"The lender, {each.lender}, is asked by plain http.",
                "The login cookie, __Host-pavior-share, is kept by browsers over TLS alone.",
                "Serve the lender by https.",
            )


def gets_nobody(evidence: Evidence) -> Iterator[Finding]:
    """The borrower does not get the user whom the lender's own page names."""
    for each in evidence.borrowing:
        options = json_object(each.named_share_auth)
        if options is None or not names_somebody(evidence.named_options):
            continue
        on_page = evidence.named_options
        if any(options.get(name) != on_page.get(name) for name in ("id", "email")):
            yield problem(
                "borrower-gets-another",
                f"The lender's page names {described(on_page)}, and {each.borrower} gets"
                f" {described(options)} for its login cookie.",
                "The chat of the borrower is somebody else's, or anonymous.",
                "Check that all machines of the lender have the same PAVIOR_SECRET_KEY, and that"
                " the proxy passes the Cookie and Origin fields on.",
            )


RULES = (
    unreachable,
    not_whitelisted,
    cors,
    frame,
    handoff,
    lender_on_plain_http,
    gets_nobody,
)
