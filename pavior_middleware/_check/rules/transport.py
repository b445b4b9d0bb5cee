"""Whether TLS and the server's clock are right."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from ..addresses import is_local
from ..evidence import Evidence, Exchange, answered
from ..findings import Finding, advice, problem
from ..hits import came_from_cache

_DAY = 24 * 60 * 60
_SOON = 14 * _DAY
_MOST_SECONDS_APART = 60


def plain_http(evidence: Evidence) -> Iterator[Finding]:
    """The page is served over plain http."""
    page = evidence.answered
    if page is None or page.parts.scheme == "https" or is_local(page.url):
        return
    yield problem(
        "plain-http",
        f"{page.url} is served over plain http.",
        "Anybody on the way can read the hmac, which is good for ever, and put scripts into the"
        " page.",
        "Serve the site by https, and redirect http to it.",
    )
    if evidence.element is not None and (evidence.element.data or {}).get("links"):
        yield problem(
            "login-cookie-needs-tls",
            "The site lends its login, and its pages are served over plain http.",
            "The login cookie, __Host-pavior-share, is kept by browsers over TLS alone, so"
            " borrowers whose cookies are blocked get nobody.",
            "Serve the site by https, and redirect http to it.",
        )


def certificate(evidence: Evidence) -> Iterator[Finding]:
    """A certificate is bad, or ends soon."""
    for exchange in _exchanges(evidence):
        if exchange.tls_problem:
            yield problem(
                "certificate",
                f"The certificate of {exchange.parts.netloc} is not good: {exchange.tls_problem}.",
                "Browsers show a warning in place of the page, and load no script from there. The"
                " cookie was not sent.",
                "Install a certificate of a known authority for this name, with its intermediate"
                " certificates. For an authority of your own, set SSL_CERT_FILE.",
            )
        elif exchange.certificate_ends is not None:
            left = exchange.certificate_ends - exchange.seen_at
            if left < _SOON:
                yield advice(
                    "certificate-ends",
                    f"The certificate of {exchange.parts.netloc} ends in {left / _DAY:.0f} days.",
                    "Then browsers show a warning in place of the page.",
                    "Renew it, and find out why that did not happen by itself.",
                )


def _exchanges(evidence: Evidence) -> Iterator[Exchange]:
    """Yield one answer of each host."""
    seen: set[str] = set()
    fetched = [evidence.page, evidence.embed, *(each.script for each in evidence.borrowing)]
    for exchange in filter(None, map(answered, fetched)):
        if exchange.parts.netloc not in seen:
            seen.add(exchange.parts.netloc)
            yield exchange


def clock(evidence: Evidence) -> Iterator[Finding]:
    """The server's clock differs from this machine's clock."""
    exchange = answered(evidence.share_auth) or evidence.answered
    dates = exchange.values("date") if exchange is not None else []
    if exchange is None or not dates or came_from_cache(exchange):
        return
    try:
        at_server = parsedate_to_datetime(dates[-1]).timestamp()
    except (ValueError, OverflowError):
        return
    apart = at_server - exchange.seen_at
    if abs(apart) > _MOST_SECONDS_APART:
        direction = "ahead of" if apart > 0 else "behind"
        yield problem(
            "clock",
            f"The server's clock is {abs(apart):.0f} seconds {direction} that of this machine.",
            "Logins that are lent, and the codes by which they travel, are good for a time. With"
            " machines whose clocks differ, they are refused.",
            "Have all machines of the site set their clocks by NTP, and this one, too.",
        )


RULES = (plain_http, certificate, clock)
