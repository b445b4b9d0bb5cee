"""Logs, once each, that a site's users are not named where they should be.

A site works even if its pages name nobody, or if `share-auth` does. So only a line in the log shows
such a mistake.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum, auto
from http import HTTPStatus
from threading import Lock
from typing import Protocol

from .._http.session_cookies import session_of
from .._model.log import logger
from .._model.visitor import Visitor
from .._page.request import PageRequest
from .._share import Request
from .._share.login_cookie import NAME

ENOUGH = 2
"""The number of questions that must find nobody, in a session with a named user, for a warning."""

MOST_SESSIONS = 1024
"""The number of sessions that are remembered, as a hash of their cookies."""

NOBODY_NAMED = (
    "Pavior's pages name nobody: there is no `identity` callable, and on a page neither the app nor"
    " its framework has said who is visiting. Pass `identity`; or have the app set the key"
    " pavior.identity of the scope or environ to an Identity, or to None for nobody, before its"
    " response begins. Where a middleware in the app copies the scope, call identify(scope, …). If"
    " no page is to name anybody, pass identity=lambda request: None"
)

ONLY_ON_PAGES = (
    "Pavior's pages name their users, but /.well-known/pavior/share-auth has found nobody in the"
    " same sessions, so the app knows its users on some of its routes only. Pages that a browser"
    " brings back or prefetches name nobody then, or are loaded anew. Have users known on every"
    " path, those without a route too: in a middleware, or by an `identity` callable that reads the"
    " session. Where the session's cookie is for some paths only, let it be for all: Path=/"
)

SeePage = Callable[[PageRequest, int, Visitor], None]
SeeQuestion = Callable[[Request, Visitor, Sequence[str]], None]


class Pages(Protocol):
    """Has a hook for each page that may name its user; set as long as the watch needs pages."""

    see_page: SeePage | None


class Sharing(Protocol):
    """Has a hook for each question who is logged in; set as long as the watch needs questions."""

    see_question: SeeQuestion | None


class _State(Enum):
    NAMED = auto()
    NOT_FOUND = auto()
    """A page named the session's user, and then a question found nobody."""


class Naming:
    """Watches the pages and the questions of one site.

    A user may log out between a page and a question, and the session's cookie may stay the same. So
    the warning comes only if a later page names the session's user again, `ENOUGH` times, and no
    page of the session names nobody in between. The watch ends with the first question that finds a
    user, since the app then knows its users there.

    Pages are watched until the first one has come, and again once a question has found nobody.
    """

    def __init__(self, pages: Pages, sharing: Sharing, *, pages_name_users: bool) -> None:
        self._pages = pages
        self._sharing = sharing
        self._pages_name_users = pages_name_users
        self._sessions: OrderedDict[int, _State] = OrderedDict()
        self._session_cookies: Sequence[str] = ()
        self._has_found_nobody = False
        self._found = 0
        self._lock = Lock()
        sharing.see_question = self._first_question
        if pages_name_users:
            pages.see_page = self._first_page
            sharing.see_question = self._question

    def _first_page(self, request: PageRequest, status: int, visitor: Visitor) -> None:
        if status == HTTPStatus.OK:  # the page of an error may not come from the app
            _warn_of_nobody(visitor)
            self._pages.see_page = None
            if self._has_found_nobody:
                self._pages.see_page = self._page
                self._page(request, status, visitor)

    def _first_question(self, request: Request, visitor: Visitor, names: Sequence[str]) -> None:  # noqa: ARG002
        self._sharing.see_question = None
        _warn_of_nobody(visitor)

    def _question(self, request: Request, visitor: Visitor, names: Sequence[str]) -> None:
        if visitor.user is not None:
            self._end()
            return
        is_of_site = request.site in ("same-origin", None) and "origin" not in request.fields
        if not is_of_site or not visitor.consents or visitor.is_doubtful or visitor.lookup_failed:
            return
        session = _session("; ".join(request.fields.get("cookie", ())), names)
        if session is None:
            return
        with self._lock:
            if session in self._sessions:
                self._sessions[session] = _State.NOT_FOUND
        self._session_cookies = names
        self._has_found_nobody = True
        if self._pages.see_page is None:
            self._pages.see_page = self._page

    def _page(self, request: PageRequest, status: int, visitor: Visitor) -> None:  # noqa: ARG002
        if (visitor.user is None and not self._sessions) or visitor.lookup_failed:
            return
        session = _session(request.fields.get("cookie", ""), self._session_cookies)
        if session is None or not visitor.is_said:
            return
        with self._lock:
            state = self._sessions.pop(session, None)
            if visitor.user is None:
                return
            self._sessions[session] = _State.NAMED
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
            self._found += state is _State.NOT_FOUND
            if self._found < ENOUGH:
                return
        self._end()
        logger.warning("%s", ONLY_ON_PAGES)

    def _end(self) -> None:
        self._sharing.see_question = None
        self._has_found_nobody = False
        if self._pages.see_page == self._page:
            self._pages.see_page = None
        self._sessions.clear()


def _warn_of_nobody(visitor: Visitor) -> None:
    if not visitor.is_said:
        logger.warning("%s", NOBODY_NAMED)


def _session(cookies: str, names: Sequence[str]) -> int | None:
    """Return a hash that identifies the session of a request; None without cookies."""
    session = session_of(cookies, names, without=NAME)
    return hash(session) if session else None
