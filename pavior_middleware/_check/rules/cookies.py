"""Whether the cookies of a login stay on TLS."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence import LOGIN_COOKIE, Evidence, Exchange, answered
from ..findings import Finding, advice, problem
from ..whom import names_somebody


def without_secure(evidence: Evidence) -> Iterator[Finding]:
    """A site on https sets a cookie of a login without `Secure` (RFC 6265, section 5.2.5)."""
    set_without = {name for each in _exchanges(evidence) for name in _names_without_secure(each)}
    if LOGIN_COOKIE in set_without:
        yield problem(
            "cookie-without-secure",
            f"The login cookie, {LOGIN_COOKIE}, comes without Secure.",
            "Browsers refuse it then, so borrowers whose cookies are blocked get nobody.",
            "Find the proxy that rewrites Set-Cookie, and have it leave this cookie unchanged.",
        )
    for name in _session_cookies(evidence):
        if name in set_without:
            yield advice(
                "cookie-without-secure",
                f"The site sets the cookie {name}, by which it knows its users, without Secure.",
                "Browsers send it over plain http, too. Anybody on the way can read it, take over"
                " the login, and get the hmac, which is good for ever.",
                "Set Secure on it. That is SESSION_COOKIE_SECURE in Django, Flask and Quart, and"
                " https_only of Starlette's SessionMiddleware.",
            )


def _session_cookies(evidence: Evidence) -> tuple[str, ...]:
    """Return the names of cookies that are known to be a login; no guess is made from a name.

    They are those of the settings at hand, and a cookie that has brought somebody's page alone.
    """
    known = tuple(evidence.settings.session_cookie) if evidence.settings is not None else ()
    is_named = names_somebody(evidence.named_options)
    alone = evidence.cookie_names if is_named and len(evidence.cookie_names) == 1 else ()
    return tuple(dict.fromkeys((*known, *alone)))


def _exchanges(evidence: Evidence) -> Iterator[Exchange]:
    """Yield the site's own answers that came over TLS."""
    named = evidence.named
    fetched = [evidence.page, evidence.probed, evidence.share_auth]
    if named is not None:
        fetched += [named.page, named.after_nobody, named.share_auth]
    for exchange in filter(None, map(answered, fetched)):
        if exchange.parts.scheme == "https":
            yield exchange


def _names_without_secure(exchange: Exchange) -> Iterator[str]:
    """Yield the name of each cookie that is set, not deleted, and has no `Secure`."""
    for field in exchange.values("set-cookie"):
        pair, *rest = field.split(";")
        name, _, value = pair.partition("=")
        parts = (each.partition("=") for each in rest)
        attributes = {key.strip().lower(): text.strip() for key, _, text in parts}
        is_deleted = not value.strip().strip('"') or attributes.get("max-age") in ("0", "-1")
        if not is_deleted and "secure" not in attributes:
            yield name.strip()


RULES = (without_secure,)
