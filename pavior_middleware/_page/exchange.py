"""One request, as far as it matters to its page."""

from __future__ import annotations

from collections.abc import Callable

from .conditions import Conditions
from .placeholder import new_placeholder

FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
FETCHED_OR_UNKNOWN = frozenset({"empty", ""})
"""Values of `Sec-Fetch-Dest`: for pages in pages, and for what the markup has to tell more of."""


class Exchange:
    """One request, as far as it matters to its page. A template may say that it places the script.

    `destination` is `Sec-Fetch-Dest` ('' if not sent; Fetch Metadata, section 2.1), which tells
    what the browser wants the response for. `is_foreign` tells that another origin's script may
    read the response. `share_cookie` is its `Cookie` field if the narrow cookie came along in a
    request that says something about who is logged in, and '' otherwise. `is_begun_elsewhere` tells
    that a page of another origin has begun it, and `is_of_tab` that the browser may show what comes
    of it in a tab. `has_two_sessions` returns whether it holds two cookies of the session's name,
    which few responses depend on.
    """

    KEY = "pavior_middleware.exchange"
    """Under which the shells keep it in the ASGI scope or the WSGI environ."""

    def __init__(
        self,
        method: str,
        root_path: str,
        destination: str,
        conditions: Conditions,
        *,
        gets_page: bool,
        is_foreign: bool = False,
        share_cookie: str = "",
        is_begun_elsewhere: bool = False,
        has_two_sessions: Callable[[], bool] = bool,
        is_of_tab: bool = True,
    ) -> None:
        self.method = method
        self.root_path = root_path
        self.destination = destination
        self.conditions = conditions
        self.gets_page = gets_page
        self.is_foreign = is_foreign
        self.share_cookie = share_cookie
        self.is_begun_elsewhere = is_begun_elsewhere
        self.is_of_tab = is_of_tab
        self.has_two_sessions = has_two_sessions
        self.placeholder: bytes | None = None
        """What templates write where the script is to stand, once one has asked for it."""

    def place(self) -> bytes:
        """Return the placeholder of this request, for a template."""
        self.placeholder = self.placeholder or new_placeholder()
        return self.placeholder

    @property
    def may_be_fragment(self) -> bool:
        """Whether the markup has to tell if the answer is a document or a part of one."""
        return self.gets_page and self.destination in FETCHED_OR_UNKNOWN

    def again(self) -> Exchange:
        """Return the exchange in which the app is asked for the whole page."""
        return Exchange(
            self.method,
            self.root_path,
            self.destination,
            Conditions(changes=self.conditions.again),
            gets_page=self.gets_page,
            is_foreign=self.is_foreign,
            share_cookie=self.share_cookie,
            is_begun_elsewhere=self.is_begun_elsewhere,
            is_of_tab=self.is_of_tab,
            has_two_sessions=self.has_two_sessions,
        )
