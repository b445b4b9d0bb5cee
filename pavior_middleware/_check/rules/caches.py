"""Whether a cache in front serves one visitor's page to another, or would."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug.http import parse_cache_control_header

from ..._http.cache_control import TARGETED, vary_names
from ..evidence import Evidence, Exchange, Fetched, answered, json_object, markup_of
from ..findings import Finding, advice, problem
from ..hits import came_from_cache
from ..whom import described, names_somebody

_HEED = (
    "Have the cache heed Cache-Control, Vary and Set-Cookie (in nginx, remove"
    " proxy_ignore_headers), or pass requests with a session cookie by. Then empty the cache."
)
_KEPT = (
    "A cache answers a request with another Cookie by the page that it has kept of a visitor who is"
    " not logged in"
)
_OR_CACHEABLE = f"{_HEED} Or set PAVIOR_CACHEABLE_PAGES=true, by which all pages are alike."


def serves_others(evidence: Evidence) -> Iterator[Finding]:
    """A cache has kept somebody's page or `share-auth`, and served it to nobody."""
    named = evidence.named
    if named is None:
        return
    kept = next(iter(markup_of(named.kept).elements), None)
    options = kept.options if kept is not None else {}
    answer = json_object(named.share_auth_kept) or {}
    for what, kept_options in (("the page", options), ("share-auth", answer)):
        if names_somebody(kept_options):
            yield problem(
                "cache-serves-others",
                f"A cache has kept {what} of somebody who is logged in: the same address without"
                f" the cookie names {described(kept_options)}.",
                "Others chat as that user, and get an hmac that is good for ever.",
                _HEED,
            )


def serves_nobody(evidence: Evidence) -> Iterator[Finding]:
    """A cache has kept nobody's page, and served it to somebody."""
    element = evidence.element
    if element is None or element.names_later:
        return
    if _is_named(evidence):
        yield problem(
            "cache-serves-nobody",
            f"{_KEPT}.",
            "Somebody who is logged in gets that page, and chats as an anonymous visitor.",
            _OR_CACHEABLE,
        )
    elif _is_for_any_cookie(evidence):
        yield advice(
            "cache-serves-nobody",
            f"{_KEPT}, whatever the page's Vary says.",
            "Unless it passes requests with the session's cookie by, somebody who is logged in gets"
            " that page, and chats as an anonymous visitor.",
            f"Check again with the cookie of a login. If that finds it, too: {_OR_CACHEABLE}",
        )


def _is_named(evidence: Evidence) -> bool:
    """Whether the cookie's page names somebody, but not at an address fetched without it before."""
    named = evidence.named
    if named is None:
        return False
    after = next(iter(markup_of(named.after_nobody).elements), None)
    if after is None or names_somebody(after.options):
        return False
    return names_somebody(evidence.named_options) or _is_hit(named.page)


def _is_for_any_cookie(evidence: Evidence) -> bool:
    """Whether a request with an unknown cookie gets the kept page, if there is no login to try."""
    return evidence.named_page is None and _is_hit(evidence.probed)


def _is_hit(fetched: Fetched | None) -> bool:
    exchange = answered(fetched)
    return exchange is not None and came_from_cache(exchange)


def lost_vary(evidence: Evidence) -> Iterator[Finding]:
    """Nobody's page has lost `Cookie` in its `Vary`."""
    page, element = evidence.answered, evidence.element
    if page is None or element is None or element.names_later or _is_private(page):
        return
    if vary_names(page.field("vary")).isdisjoint(("cookie", "*")):
        yield problem(
            "vary-lost",
            "The page does not vary by Cookie any more: something in front of the app has removed"
            " that from Vary.",
            "A cache may take it for the page of everybody, and serve it to somebody who is logged"
            " in.",
            "Leave Vary as the app sends it. Or set PAVIOR_CACHEABLE_PAGES=true, by which all pages"
            " are alike.",
        )


def storable(evidence: Evidence) -> Iterator[Finding]:
    """Somebody's page may be stored for others."""
    page = evidence.named_page
    element = next(iter(evidence.named_markup.elements), None)
    if page is None or element is None or not names_somebody(element.options):
        return
    targeted = [
        name
        for name, value in page.fields
        if name.endswith(TARGETED) and not _forbids(value) and value.strip() != "0"
    ]
    if not _is_private(page):
        targeted.insert(0, f"Cache-Control: {page.field('cache-control') or '(absent)'}")
    if targeted:
        yield problem(
            "named-page-storable",
            f"A page that names somebody says to caches: {', '.join(targeted)}.",
            "The middleware has said private, no-cache, and something outside of it has changed"
            " that: a cache may store this page, and serve it to others.",
            "Do not replace the Cache-Control of pages outside of the middleware.",
        )


def share_auth_kept(evidence: Evidence) -> Iterator[Finding]:
    """The answer of `share-auth` is kept in a cache, or may be."""
    share_auth = answered(evidence.share_auth)
    if share_auth is None or share_auth.media_type != "application/json":
        return
    if came_from_cache(share_auth) or not _forbids(share_auth.field("cache-control")):
        yield problem(
            "share-auth-cached",
            f"{share_auth.url} comes from a cache, or may be kept in one.",
            "It tells who is logged in, so each visitor must get an answer of their own.",
            "Let nothing below /.well-known/pavior/ be cached against its Cache-Control.",
        )


def _is_private(page: Exchange) -> bool:
    return _forbids(page.field("cache-control"))


def _forbids(cache_control: str) -> bool:
    """Whether a field forbids shared caches to store the response (RFC 9111 section 5.2.2)."""
    parsed = parse_cache_control_header(cache_control)
    names = {name.lower() for name in parsed}
    return not names.isdisjoint(("private", "no-store"))


RULES = (serves_others, serves_nobody, lost_vary, storable, share_auth_kept)
