"""Fetches the evidence about a site: first everything as nobody, then as somebody."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from .._assets.page_files import FOLDER
from .._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from .._model.settings import Settings
from .addresses import FRESH, joined, origin_of, with_fresh_query
from .evidence import (
    LOGIN_COOKIE,
    NO_KEYS,
    Borrowing,
    Evidence,
    Exchange,
    Fetched,
    Keys,
    Named,
    answered,
    markup_of,
)
from .fetching import CODINGS, CODINGS_OF_BROWSERS, NAVIGATION, OWN_FETCH, SCRIPT, Fetcher
from .markup import Element, Markup

_MOST_SCRIPTS = 30


@dataclass(frozen=True)
class Question:
    """What to check: a page, with the keys and the settings at hand.

    `borrowers` are origins that should be able to borrow the login of the page's site.
    `cookie_names` are the names of the cookies of somebody who is logged in; None without a login.
    """

    url: str
    keys: Keys = NO_KEYS
    settings: Settings | None = None
    borrowers: tuple[str, ...] = ()
    cookie_names: tuple[str, ...] | None = None


def collect(question: Question, fetcher: Fetcher) -> Evidence:
    """Fetch all the evidence about a page that needs no browser."""
    page = fetcher.get(question.url)
    came = answered(page)
    if came is None:
        return Evidence(question.url, page, question.keys, question.settings)
    markup = markup_of(came)
    element = next(iter(markup.elements), None)
    urls = list(element.urls) if element is not None else []
    share_auth_url = _share_auth_url(came, element)
    files = {url: fetcher.get(url, OWN_FETCH) for url in _own_files(came, urls)}
    share_auth = None
    if share_auth_url is not None:
        share_auth = fetcher.get(share_auth_url, OWN_FETCH)
    evidence = Evidence(
        question.url,
        page,
        question.keys,
        question.settings,
        plain_page=fetcher.get(came.url, coding="identity") if element is None else None,
        probed=fetcher.get(came.url, cookie=f"{FRESH}={secrets.token_hex(8)}"),
        files=files,
        share_auth=share_auth,
        scripts=tuple(fetcher.get(url, SCRIPT) for url in _scripts(came, markup)),
        embed=fetcher.get(joined(came.url, urls[0]), SCRIPT) if urls else None,
        unread_codings=tuple(each for each in CODINGS_OF_BROWSERS if each not in CODINGS),
        cookie_names=question.cookie_names or (),
    )
    named = _named(came, share_auth_url, fetcher) if question.cookie_names is not None else None
    pairs = _borrowings(came, element, markup, question.borrowers)
    borrowing = tuple(_borrowing(lender, borrower, named, fetcher) for lender, borrower in pairs)
    return Evidence(**{**vars(evidence), "named": named, "borrowing": borrowing})


def _named(came: Exchange, share_auth_url: str | None, fetcher: Fetcher) -> Named:
    """Fetch pages with the login, at addresses nobody else uses, and see if a cache keeps them."""
    share_auth = share_auth_kept = None
    if share_auth_url is not None:
        url = with_fresh_query(share_auth_url)
        share_auth = fetcher.get(url, OWN_FETCH, with_login=True)
        share_auth_kept = fetcher.get(_final(share_auth, url), OWN_FETCH)
    url_of_nobody = with_fresh_query(came.url)
    fetcher.get(url_of_nobody)
    after_nobody = fetcher.get(url_of_nobody, with_login=True)
    url = with_fresh_query(came.url)
    page = fetcher.get(url, with_login=True)
    kept = fetcher.get(_final(page, url))
    return Named(page, kept, after_nobody, share_auth, share_auth_kept)


def _final(fetched: Fetched, url: str) -> str:
    """Return the address of the answer, behind all redirects; `url` without an answer."""
    came = answered(fetched)
    return url if came is None else came.url


def _share_auth_url(came: Exchange, element: Element | None) -> str | None:
    """Return where the page's script asks who is logged in; None if it asks another site."""
    if element is None or element.borrows:
        return None
    if len(element.urls) > 1:
        return joined(joined(came.url, element.urls[1]), "share-auth")
    return joined(came.url, SHARE_AUTH)


def _own_files(came: Exchange, urls: list[str]) -> Iterable[str]:
    return [joined(came.url, url) for url in urls[1:3] if url]


def _scripts(came: Exchange, markup: Markup) -> Iterable[str]:
    """Return the URLs of the page's other scripts, each once."""
    base = _base(came, markup)
    urls = (joined(base, script.src) for script in markup.scripts if script.src)
    return list(dict.fromkeys(filter(None, urls)))[:_MOST_SCRIPTS]


def _base(came: Exchange, markup: Markup) -> str:
    return joined(came.url, markup.base or "") or came.url


def _borrowings(
    came: Exchange, element: Element | None, markup: Markup, borrowers: Iterable[str]
) -> list[tuple[str, str]]:
    """Return the origins of lenders and their borrowers: the page's site may be either."""
    own = origin_of(came.url)
    found = [(own, borrower) for borrower in borrowers]
    if element is not None and element.borrows and len(element.urls) > 1:
        found.append((origin_of(joined(came.url, element.urls[-1])), own))
    base = _base(came, markup)
    for script in markup.scripts:
        url = joined(base, script.src or "")
        if urlsplit(url).path.endswith(FOLDER + "share.js"):
            found.append((origin_of(url), own))
    return list(dict.fromkeys(found))


def _borrowing(lender: str, borrower: str, named: Named | None, fetcher: Fetcher) -> Borrowing:
    """Make the requests to a lender that the script of a borrower's page makes."""
    asking = {"Accept": "*/*", "Origin": borrower, "Referer": f"{borrower}/"}
    fetched = {**asking, **_metadata("empty", "cors")}
    framed = {**NAVIGATION, "Referer": f"{borrower}/", **_metadata("iframe", "navigate")}
    led = {**NAVIGATION, "Referer": f"{borrower}/", **_metadata("document", "navigate")}
    del led["Sec-Fetch-User"], framed["Sec-Fetch-User"]
    cookie = _login_cookie(named, lender)
    destination = quote(f"{borrower}/", safe="")
    return Borrowing(
        lender,
        borrower,
        script=fetcher.get(lender + SHARE_SCRIPT, SCRIPT),
        share_auth=fetcher.get(with_fresh_query(lender + SHARE_AUTH), fetched),
        frame=fetcher.get(f"{lender}{FRAME}?origin={quote(borrower, safe='')}", framed),
        handoff=fetcher.get(f"{lender}{HANDOFF}?to={destination}", led, follows=False),
        named_share_auth=fetcher.get(with_fresh_query(lender + SHARE_AUTH), fetched, cookie=cookie)
        if cookie
        else None,
    )


def _metadata(destination: str, mode: str) -> Mapping[str, str]:
    return {
        "Sec-Fetch-Dest": destination,
        "Sec-Fetch-Mode": mode,
        "Sec-Fetch-Site": "cross-site",
    }


def _login_cookie(named: Named | None, lender: str) -> str:
    """Return the login cookie that the named pages set, for the borrowers of their own site."""
    page: Fetched | None = named.page if named else None
    came = answered(page)
    if came is None or origin_of(came.url) != lender:
        return ""
    pairs = [value.partition(";")[0].strip() for value in came.values("set-cookie")]
    found = [pair for pair in pairs if pair.startswith(f"{LOGIN_COOKIE}=")]
    return found[-1] if found and not found[-1].endswith("=") else ""
