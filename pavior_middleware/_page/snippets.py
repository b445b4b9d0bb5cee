"""Which element a visitor's page gains."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial

from .._model.events import Event
from .._model.identity import Identity, IdentityRefused
from .._model.log import WarnOnce
from .._model.settings import Settings
from .snippet import Snippet, render

_MOST_USERS = 1024  # whose elements are kept, some 2 kB each
_MOST_ROOT_PATHS = 16


class Snippets:
    """The elements of one site, each made once for a user; the hmac's mask is new in each page."""

    def __init__(
        self, settings: Settings, *, asks_consent: bool, report: Callable[[Event], None]
    ) -> None:
        self._render = partial(render, settings, asks_consent=asks_consent)
        self._report = report
        self._anonymous = self._render()
        self._asking = lru_cache(maxsize=_MOST_ROOT_PATHS)(
            lambda root_path: self._render(must_ask=True, root_path=root_path)
        )
        self._named = lru_cache(maxsize=_MOST_USERS)(self._render_named)
        self._warn = WarnOnce()

    def asking(self, root_path: str) -> Snippet:
        """Return the element that asks the site who is logged in."""
        return self._asking(root_path)

    def for_identity(self, identity: Identity | None, root_path: str) -> Snippet:
        """Return a user's element; that of nobody for an identity that is refused.

        The refusal is logged once.
        """
        if identity is None:
            return self._anonymous
        try:
            return self._for_user(identity, root_path)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is left out of a page: {refusal}")
            self._report(Event("refused", str(refusal)))
            return self._anonymous

    def _for_user(self, identity: Identity, root_path: str) -> Snippet:
        try:
            # As text, since the app may change a list that it has passed.
            attributes = json.dumps(dict(identity.attributes)) if identity.attributes else "{}"
        except (TypeError, ValueError, RecursionError):
            return self._render(identity, root_path=root_path)  # which says what is wrong
        return self._named(
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
        return self._render(identity, root_path=root_path)
