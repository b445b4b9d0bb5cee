"""What a visitor's page gains: made once for each user, and remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial

from .._model.events import Event, refused
from .._model.identity import Identity, IdentityRefused
from .._model.log import WarnOnce
from .._model.settings import Settings
from .payload import Payload, with_snippet, without_snippet
from .snippet import render

_MOST_USERS = 1024  # their elements are kept, some 2 kB each
_MOST_ROOT_PATHS = 16


class Payloads:
    """What the pages of one site gain. Only the hmac's mask is new in each page.

    The pages depend on the request fields `varies_by`. `report` is called with refusals.
    """

    def __init__(
        self,
        settings: Settings,
        varies_by: tuple[str, ...],
        *,
        asks_consent: bool,
        report: Callable[[Event], None],
    ) -> None:
        self._render = partial(render, settings, asks_consent=asks_consent)
        self._varies_by = varies_by
        self._report = report
        self._is_same_for_all = settings.cacheable_pages
        self._anonymous = with_snippet(self._render(), varies_by)
        self._anonymous_below = lru_cache(maxsize=_MOST_ROOT_PATHS)(self._make_anonymous)
        self._asking = lru_cache(maxsize=_MOST_ROOT_PATHS)(self._make_asking)
        self._named = lru_cache(maxsize=_MOST_USERS)(self._make_named)
        self._warn = WarnOnce()
        self.without_script = without_snippet(varies_by)
        """The payload for a visitor who does not consent to the chat."""

    def asking(self, root_path: str) -> Payload:
        """Return the payload of a page whose script asks the site who is logged in.

        A script of another origin may get this page, so nobody may store it.
        """
        return self._asking(root_path)

    def for_identity(
        self, identity: Identity | None, root_path: str, mount_path: str = ""
    ) -> Payload:
        """Return the payload of a user's page; that of nobody if the identity is refused.

        The refusal is logged once. The script of a page that names nobody asks below `mount_path`.
        """
        if identity is None:
            return self._for_nobody(mount_path) if mount_path else self._anonymous
        try:
            if identity.attributes:
                return self._with_attributes(identity, root_path)
            user_id, email, authenticated = identity.id, identity.email, identity.authenticated
            return self._named(user_id, email, authenticated, "{}", root_path)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is left out of a page: {refusal}")
            self._report(refused(refusal))
            return self._for_nobody(mount_path)

    def _for_nobody(self, mount_path: str) -> Payload:
        if not mount_path or self._is_same_for_all:
            return self._anonymous
        return self._anonymous_below(mount_path)

    def _with_attributes(self, identity: Identity, root_path: str) -> Payload:
        try:
            # Text is hashable, and the app may change a list that it has passed.
            attributes = json.dumps(dict(identity.attributes))
        except (TypeError, ValueError, RecursionError):
            return self._make(identity, root_path)  # it raises the error that explains this
        return self._named(
            identity.id, identity.email, identity.authenticated, attributes, root_path
        )

    def _make_named(
        self,
        user_id: str | None,
        email: str | None,
        authenticated: bool,  # `lru_cache` compares arguments by their places
        attributes: str,
        root_path: str,
    ) -> Payload:
        identity = Identity(
            user_id, email, authenticated=authenticated, attributes=json.loads(attributes)
        )
        return self._make(identity, root_path)

    def _make(self, identity: Identity, root_path: str) -> Payload:
        return with_snippet(self._render(identity, root_path=root_path), self._varies_by)

    def _make_anonymous(self, mount_path: str) -> Payload:
        return with_snippet(self._render(mount_path=mount_path), self._varies_by)

    def _make_asking(self, root_path: str) -> Payload:
        snippet = self._render(must_ask=True, root_path=root_path)
        return with_snippet(snippet, self._varies_by, may_store=False)
