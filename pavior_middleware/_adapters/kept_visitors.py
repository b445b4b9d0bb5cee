"""Keeps the visitors that a framework knows only while it handles the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, AnyStr, Generic

from .._model.visitor import Visitor
from .._page.request import PageRequest
from .site import Site, Visitors


class KeptVisitors(Generic[AnyStr]):
    """Replaces the site's callables by visitors that a hook of the framework has looked up.

    When the middleware runs, the framework's request is gone. So a hook runs earlier and keeps the
    visitor. Each app has its own key, since an app inside another app must not name the other's
    user. If no hook has run, somebody may be logged in.

    `paths` returns the whole path of a scope or environ, and the part of it that the app is mounted
    at.
    """

    def __init__(
        self,
        site: Site[AnyStr],
        app: object,
        paths: Callable[[Mapping[str, Any]], tuple[str, str]],
        *,
        asks_consent: bool,
    ) -> None:
        self.callbacks: Visitors = site.callbacks
        """What the hook calls to find the visitor."""

        self._site: Site[AnyStr] = site
        self._paths = paths
        self._key = f"pavior_middleware.visitor.{id(app)}"
        self._unknown = Visitor(consents=not asks_consent, lookup_failed=True)
        site.callbacks = self

    def make_room(self, scope: MutableMapping[str, Any]) -> None:
        """Keep the visitor visible here, even if an inner layer copies the scope or environ."""
        scope[self._key] = []

    def are_needed(
        self,
        request: MutableMapping[str, Any],
        status: int,
        headers: Sequence[tuple[AnyStr, AnyStr]],
    ) -> bool:
        """Whether the middleware will ask for the visitor of a request.

        Only then may a hook read the session: reading it makes frameworks add `Vary: Cookie`.
        """
        page_request: PageRequest | None = request.get(PageRequest.KEY)
        if page_request is None:
            return self._site.sharing.asks_app(*self._paths(request))
        return self._site.pages.may_need_visitor(page_request, status, headers)

    def keep(self, request: MutableMapping[str, Any], visitor: Visitor) -> None:
        """Keep the visitor of a request: its ASGI scope or its WSGI environ."""
        request.setdefault(self._key, []).append(visitor)

    def has_kept(self, request: MutableMapping[str, Any]) -> bool:
        """Whether the visitor of a request is kept."""
        return bool(request.get(self._key))

    def visitor(self, request: MutableMapping[str, Any]) -> Visitor:
        """Return the visitor kept last: an app may be asked twice."""
        kept: list[Visitor] = request.get(self._key, [])
        return kept[-1] if kept else self._unknown

    def begin(self, request: MutableMapping[str, Any]) -> Visitor:
        """Return what `visitor` does."""
        return self.visitor(request)

    async def visitor_async(self, request: MutableMapping[str, Any]) -> Visitor:
        """Return what `visitor` does."""
        return self.visitor(request)
