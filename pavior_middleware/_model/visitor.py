"""Who is visiting, as the site says."""

from __future__ import annotations

from typing import NamedTuple

from .identity import Identity


class Visitor(NamedTuple):
    """Who is visiting, None for an unknown visitor, and whether the chat may be shown to them.

    `is_doubtful` tells that the app names a user, but the visitor may be somebody else.
    `lookup_failed` tells that `identity` or `consent` failed, so somebody may be logged in. Without
    `is_said`, neither the app nor its framework says anything about users.
    """

    identity: Identity | None = None
    consents: bool = True
    is_doubtful: bool = False
    lookup_failed: bool = False
    is_said: bool = True

    @property
    def user(self) -> Identity | None:
        """The identity, if it has an id or an email."""
        return self.identity if self.identity and self.identity.identifier else None
