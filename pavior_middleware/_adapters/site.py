"""The objects that are made once for one site and one interface, and what adapters ask of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, AnyStr, Generic, Protocol

from .._http.caller import SAFE_METHODS
from .._http.headers import FieldForm
from .._http.session_cookies import are_doubled
from .._model.callbacks import Callbacks
from .._model.reporter import Reporter
from .._model.settings import Settings
from .._model.visitor import Visitor
from .._page.pages import Pages
from .._page.request import PageRequest
from .._page.response import PageResponse
from .._share import Sharing
from .naming import Naming


class Visitors(Protocol):
    """Returns the visitor of a request, given by its ASGI scope or WSGI environ."""

    def visitor(self, request: Any) -> Visitor:
        """Return the request's visitor, under WSGI."""

    def begin(self, request: Any) -> Visitor | Coroutine[Any, Any, Visitor]:
        """Return the request's visitor, or a coroutine that returns it if that may take a wait."""

    async def visitor_async(self, request: Any) -> Visitor:
        """Return the request's visitor."""


class Site(Generic[AnyStr]):
    """One site: its pages, its visitors, and how it lends its login.

    `identity` and `consent` are the site's own callables; `default_identity` replaces the
    former, and never blocks.
    """

    def __init__(
        self,
        settings: Settings,
        form: FieldForm[AnyStr],
        *,
        identity: Callable[[Any], object] | None,
        default_identity: Callable[[Any], object],
        consent: Callable[[Any], object] | None,
    ) -> None:
        report = Reporter(settings.on_event)
        self._session_cookies = settings.session_cookie
        self.sharing = Sharing(settings, report)
        cookie = self.sharing.cookie
        self.pages: Pages[AnyStr] = Pages(
            settings,
            form,
            report=report,
            is_heard=report.is_heard,
            asks_consent=consent is not None,
            holds_login_cookie=None if cookie is None else cookie.tells,
        )
        self.callbacks: Visitors = Callbacks(
            identity,
            consent,
            default_identity=default_identity,
            report=report,
            may_block=settings.identity_may_block,
            seconds=settings.identity_timeout,
        )
        if settings.share_auth is None:
            Naming(self.pages, self.sharing, pages_name_users=self.pages.rules.names_users)

    def login_cookie(
        self,
        request: PageRequest,
        response: PageResponse[AnyStr],
        visitor: Visitor,
        session_cookies: Callable[[], Sequence[str]],
    ) -> str | None:
        """Return the `Set-Cookie` field that updates the login cookie; None if it stays.

        `session_cookies` returns names of the app's session cookie, for a site whose settings have
        none.
        """
        cookie = self.sharing.cookie
        if cookie is None:
            return None
        fields = request.fields
        if "sec-fetch-site" not in fields and request.is_foreign:
            return None  # another origin may have chosen what the app says about such a request

        def has_two_sessions() -> bool:
            names = self._session_cookies or session_cookies()
            return are_doubled([fields.get("cookie", "")], names)

        return cookie.after(
            visitor,
            fields,
            has_two_sessions,
            is_page=not response.follows_login,
            is_safe=request.method in SAFE_METHODS,
        )
