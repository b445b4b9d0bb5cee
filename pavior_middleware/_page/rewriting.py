"""The head of a response in; leave it, or a rewriter that gives the new head and body."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache, partial
from typing import Protocol

from werkzeug.datastructures import Headers

from .._http import caching, csp
from .._http.caller import is_foreign_fetch
from .._http.codings import Coding, Unsupported, codings, names
from .._http.headers import HeaderList
from .._http.media import content_type, is_html, is_shown, may_be_page
from .._http.session_cookies import are_doubled
from .._model.identity import Identity, IdentityRefused
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from ..placement import Inserter
from .change import Change
from .coded_body import CodedBody, Document
from .conditions import conditions
from .exchange import FETCHED_OR_UNKNOWN, FRAMES, Exchange
from .placeholder import Replacer
from .rewriter import PlainBody, Rewriter
from .skipping import has_skip_field, without_skip_field
from .snippet import Snippet, render

_NOT_MODIFIED, _PARTIAL_CONTENT = 304, 206
_MOST_USERS = 1024  # whose snippets are kept, some 2 kB each
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PREFIX_WITHOUT_SETTING = (
    "A request came in below a path (SCRIPT_NAME, root_path), but with cacheable_pages"
    " Pavior's script asks who is logged in at the domain's root: if the site stands below a path,"
    " set root_path (PAVIOR_ROOT_PATH) to it, like /shop; if it does not, set it to /"
)
_ONLY_READ = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.1


class Handling(Enum):
    """What is to be done about a response, as far as its head tells."""

    LEAVE = "it passes as it is"
    MEND = "it passes with another head, or the app is asked again, for any visitor"
    NAME = "it depends on the visitor"


class KeptCookie(Protocol):
    """A cookie that says who is logged in, and that follows what the pages say."""

    def is_held(self, cookies: str) -> bool:
        """Whether a request's `Cookie` field holds it."""

    def update(self, visitor: Visitor, held: str) -> str | None:
        """Return the `Set-Cookie` field that a page is to have; None if none.

        `held` is the request's `Cookie` field, '' where that says nothing.
        """

    def replacement(self, visitor: Visitor, held: str) -> str | None:
        """Return the field that any response is to have if it is not the visitor's cookie."""


class Rewriting:
    """What one site does to its pages; made once, at start-up.

    `cookie` is one that is to follow what the pages say, or None.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        asks_consent: bool = False,
        cookie: KeptCookie | None = None,
    ) -> None:
        self._settings = settings
        self._cookie = cookie
        self._varies_by = _varies_by(settings, asks_consent=asks_consent)
        self._asks_consent = asks_consent
        self._anonymous = self._render(None)
        self._asking = lru_cache(maxsize=16)(partial(self._render, None, must_ask=True))
        self._rendered = lru_cache(maxsize=_MOST_USERS)(self._render_named)
        self._skip_paths = [pattern.split("*") for pattern in settings.skip_paths]
        self._frames: frozenset[str] = frozenset() if settings.inject_in_frames else FRAMES
        self._warn = WarnOnce()

    def exchange(
        self,
        method: str,
        scheme: str,
        path: str,
        root_path: str,
        fields: Mapping[str, str],
        session_cookies: Callable[[], Sequence[str]] = tuple,
    ) -> Exchange | None:
        """Read a request: its path and the part of that below which the app stands, both as text.

        `scheme` is that of its URL, and `fields` are those of `conditions.FIELDS` that it has.
        `session_cookies` returns names of the app's session cookie, for a site whose settings have
        none. Returns None for a path that gets no chat.
        """
        if any(_matches(path, pieces) for pieces in self._skip_paths):
            return None
        destination = fields.get("sec-fetch-dest", "")
        is_for_page = destination in FRAMES | FETCHED_OR_UNKNOWN | {"document"}
        gets_page = is_for_page and destination not in self._frames
        # What another site began, or a frame in its page, may lack the app's own cookies, and so
        # say that nobody is there.
        cookies = fields.get("cookie", "")
        holds_cookie = (
            self._cookie is not None
            and fields.get("sec-fetch-site") != "cross-site"
            and "sec-fetch-storage-access" not in fields
            and self._cookie.is_held(cookies)
        )
        is_same_for_all = self._settings.cacheable_pages
        if is_same_for_all and self._settings.root_path is None and root_path.strip("/"):
            self._warn(_PREFIX_WITHOUT_SETTING)
        names_users = not is_same_for_all and self._settings.share_auth is None
        return Exchange(
            method,
            root_path,
            "" if is_same_for_all else destination,
            conditions(
                method,
                fields,
                is_for_page=is_for_page and not is_same_for_all,
                gets_script=gets_page,
            ),
            gets_page=gets_page or is_same_for_all,
            is_foreign=names_users and is_foreign_fetch(fields, scheme),
            share_cookie=cookies if holds_cookie else "",
            is_begun_elsewhere=fields.get("sec-fetch-site") in ("same-site", "cross-site"),
            is_of_tab=destination in ("", "document"),
            has_two_sessions=lambda: are_doubled(
                [cookies], self._settings.session_cookie or session_cookies()
            ),
        )

    def handling(self, exchange: Exchange | None, status: int, headers: HeaderList) -> Handling:
        """Say what is to be done about a response."""
        if has_skip_field(headers):
            return Handling.MEND
        if exchange is None:
            return Handling.LEAVE
        handling = self._handling_as_page(exchange, status, headers)
        may_change_user = exchange.method not in _ONLY_READ or status in _REDIRECTS
        if handling is Handling.LEAVE and exchange.share_cookie and may_change_user:
            return Handling.NAME
        return handling

    def _handling_as_page(self, exchange: Exchange, status: int, headers: HeaderList) -> Handling:
        needs_visitor = exchange.gets_page and not self._settings.cacheable_pages
        if status == _NOT_MODIFIED:
            if not exchange.conditions.held:
                return Handling.LEAVE
        elif status == _PARTIAL_CONTENT:
            is_part_of_page = (
                exchange.conditions.wants_part and is_html(headers) and is_shown(headers)
            )
            return Handling.MEND if is_part_of_page else Handling.LEAVE
        elif not (
            may_be_page(status, headers)
            and is_html(headers)
            and self._codings(headers) is not None
            and not csp.is_isolated(headers)
        ):
            return Handling.LEAVE
        return Handling.NAME if needs_visitor else Handling.MEND

    def rewriter(
        self,
        exchange: Exchange | None,
        status: int,
        headers: HeaderList,
        visitor: Visitor | None = None,
    ) -> Rewriter | None:
        """Return what rewrites a response that is to be mended, or named after its visitor.

        None says that the app is to be asked again: its 304 speaks of a page that this visitor is
        not to get, or it has sent a part of one. An identity that is refused is left out, and the
        refusal is logged once.
        """
        kept = without_skip_field(headers)
        is_skipped = exchange is None or len(kept) < len(headers)
        if exchange is None or (is_skipped and not exchange.conditions.held):
            return Rewriter(kept)
        if not is_skipped and self._handling_as_page(exchange, status, headers) is Handling.LEAVE:
            return Rewriter(self._with_cookie(exchange, kept, visitor))
        change = None if is_skipped else self._change(exchange, headers, visitor)
        if status == _NOT_MODIFIED:
            return _rewriter_of_304(exchange, kept, change)
        if change is None:
            return Rewriter(kept)
        if status == _PARTIAL_CONTENT:
            return None
        if change.snippet is None:
            return Rewriter(headers, change)
        element = change.snippet.element(change.nonce, checks_files=csp.needs_hashes(headers))
        document = self._document(exchange, headers, element, change.snippet.early(element))
        opened = self._codings(headers) or []
        body = CodedBody(opened, document, self._warn) if opened else PlainBody(document)
        return Rewriter(headers, change, body, is_head=exchange.method == "HEAD")

    def _with_cookie(
        self, exchange: Exchange, headers: HeaderList, visitor: Visitor | None
    ) -> HeaderList:
        """Return the fields of what is no page, after which somebody else may be logged in."""
        if self._cookie is None or visitor is None:
            return headers
        # Another host of the domain may have set a session for this path alone, which no user would
        # notice. A page of the site loads images, and they may be redirects.
        is_aside = exchange.method in _ONLY_READ and not exchange.is_of_tab
        is_unseen = exchange.is_begun_elsewhere or is_aside
        if visitor.user is not None and (is_unseen or exchange.has_two_sessions()):
            return headers
        cookie = self._cookie.replacement(visitor, exchange.share_cookie)
        if cookie is None:
            return headers
        changed = Headers(headers)
        changed.add("Set-Cookie", cookie)
        caching.keep_private(changed)
        return changed.to_wsgi_list()

    def _change(
        self, exchange: Exchange, headers: HeaderList, known_visitor: Visitor | None
    ) -> Change:
        """Decide what a page gains, and what its head has to say for it."""
        if not exchange.gets_page:
            return Change(varies_by=("Sec-Fetch-Dest",))
        visitor = known_visitor or Visitor()
        cookie = None
        if self._cookie is not None and known_visitor and _is_seen(exchange, known_visitor):
            cookie = self._cookie.update(known_visitor, exchange.share_cookie)
        if not visitor.consents:
            return Change(varies_by=self._varies_by, cookie=cookie)
        snippet = self._snippet(visitor, exchange)
        extends = self._settings.csp == "extend"
        return Change(
            snippet,
            csp.nonce(headers),
            self._varies_by,
            embed_url=self._settings.embed_url if extends else None,
            cookie=cookie,
            may_store=not exchange.is_foreign,
        )

    def _snippet(self, visitor: Visitor, exchange: Exchange) -> Snippet:
        if exchange.is_foreign:
            # In a page of the site's own the script gets its answer, and nowhere else.
            return self._asking(exchange.root_path)
        if visitor.identity is None:
            return self._anonymous
        try:
            return self._named_snippet(visitor.identity, exchange.root_path)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is left out of a page: {refusal}")
            return self._anonymous

    def _named_snippet(self, identity: Identity, root_path: str) -> Snippet:
        """Return the snippet of a user, as it was made for an equal identity if there was one."""
        try:
            # As text, since the app may change a list that it has passed.
            attributes = json.dumps(dict(identity.attributes)) if identity.attributes else "{}"
        except (TypeError, ValueError, RecursionError):
            return self._render(identity, root_path)  # which says what is wrong
        return self._rendered(
            identity.id, identity.email, identity.authenticated, attributes, root_path
        )

    def _render_named(
        self,
        user_id: str | None,
        email: str | None,
        authenticated: bool,  # `lru_cache` compares arguments by their places
        attributes: str,
        root_path: str,
    ) -> Snippet:
        identity = Identity(
            user_id, email, authenticated=authenticated, attributes=json.loads(attributes)
        )
        return self._render(identity, root_path)

    def _render(
        self, identity: Identity | None, root_path: str = "", *, must_ask: bool = False
    ) -> Snippet:
        return render(
            self._settings,
            identity,
            asks_consent=self._asks_consent,
            must_ask=must_ask,
            root_path=root_path,
        )

    def _document(
        self, exchange: Exchange, headers: HeaderList, element: bytes, early: bytes
    ) -> Document:
        """Return what puts the element into the page.

        `early` is its form where a `<meta>` policy may block the embed unless it is loaded at once.
        """
        extends = self._settings.csp == "extend"
        inserter = Inserter(
            element,
            snippet_before_policy=early if extends else None,
            documents_only=exchange.may_be_fragment,
            charset_is_known="charset" in content_type(headers)[1],
            before_policy=extends,
        )
        # What tells its length is rendered already, so no template will ask for a placeholder. If
        # one did, the placeholder would stay, as the new length may have been told.
        if exchange.placeholder is None and "Content-Length" in Headers(headers):
            return inserter
        return Replacer(inserter, lambda: exchange.placeholder)

    def _codings(self, headers: HeaderList) -> list[Coding] | None:
        """Return what opens a page; None, and a warning once, if it cannot be opened."""
        fields = [value for name, value in headers if name.lower() == "content-encoding"]
        if not fields:
            return []
        try:
            return codings(names(fields))
        except Unsupported as error:
            self._warn(f"Pavior's chat is left out of coded pages: {error}")
            return None


def _is_seen(exchange: Exchange, visitor: Visitor) -> bool:
    """Whether users would notice that a page names somebody else.

    They would not where another origin fetches or frames it, and there the session may be one that
    another host of the domain has set for that path alone. So may one of two sessions be where the
    site's own script fetches it.
    """
    if exchange.is_of_tab or visitor.user is None:
        return True
    return not (exchange.is_begun_elsewhere or exchange.has_two_sessions())


def _rewriter_of_304(
    exchange: Exchange, headers: HeaderList, change: Change | None
) -> Rewriter | None:
    """Return what mends a 304 if it speaks of the copy that this client would get now.

    Without a change it would get what the app makes.
    """
    if change is not None and change.snippet is not None and csp.is_isolated(headers):
        return None
    marks = [] if change is None else [change.mark]
    if change is not None and exchange.may_be_fragment:
        marks.append(caching.FRAGMENT)
    etag = Headers(headers).get("ETag")
    copy = caching.copy_that_holds(exchange.conditions.held, etag, marks)
    if copy is None:
        return None
    if change is None or copy.mark is None:
        return Rewriter(headers)
    if copy.mark == caching.FRAGMENT:
        change = change.of_fragment or change
    without_length = [(name, value) for name, value in headers if name.lower() != "content-length"]
    return Rewriter(without_length, change, keep_strong=copy.is_strong)


def _varies_by(settings: Settings, *, asks_consent: bool) -> tuple[str, ...]:
    """The request fields that decide about a site's pages."""
    if settings.cacheable_pages:
        return ()
    if settings.share_auth is not None and not asks_consent:
        return ("Sec-Fetch-Dest",)  # a page that borrows its login is the same for everyone
    return ("Cookie", "Sec-Fetch-Dest")


def _matches(path: str, pieces: Sequence[str]) -> bool:
    """Whether a path is these pieces with any text between them.

    Each is looked for once, behind the one before it: a regular expression would try all ways.
    """
    first, *middle = pieces
    if not middle:
        return path == first
    last = middle.pop()
    position, end = len(first), len(path) - len(last)
    if position > end or not (path.startswith(first) and path.endswith(last)):
        return False
    for piece in middle:
        found = path.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
