"""Who is visiting, as the site says."""

from __future__ import annotations

from typing import NamedTuple

from .identity import Identity


class Visitor(NamedTuple):
    """Who is visiting, None for somebody unknown, and whether the chat may be shown to them.

    `is_doubtful` tells that the app names somebody, who may not be who is visiting. `lookup_failed`
    tells that `identity` or `consent` failed, so that somebody may be logged in.
    """

    identity: Identity | None = None
    consents: bool = True
    is_doubtful: bool = False
    lookup_failed: bool = False

    @property
    def user(self) -> Identity | None:
        """The identity if it names somebody."""
        return self.identity if self.identity and self.identity.identifier else None
