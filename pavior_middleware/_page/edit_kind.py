"""What decides how the head of a response is edited."""

from __future__ import annotations

from typing import NamedTuple

from .._http import csp
from .head import ResponseHead


class EditKind(NamedTuple):
    """The parts of a response's payload that decide how its head is edited.

    `is_page`: the response is a page, and not one that only loses a field. `has_cookie`: it gains a
    cookie. `is_personal`: it names somebody. `may_store`: the user's own browser may store it.
    `changes_length`: its bytes change. `varies_by` are the request fields that it depends on.
    `needs` is what its element, if it gains one, needs of a policy.
    """

    is_page: bool = False
    has_cookie: bool = False
    is_personal: bool = False
    may_store: bool = True
    changes_length: bool = False
    varies_by: tuple[str, ...] = ()
    needs: csp.Needs | None = None

    @property
    def is_private(self) -> bool:
        """Whether no shared cache may store it."""
        return self.is_personal or self.has_cookie or not self.may_store

    def holds_nonce(self, head: ResponseHead) -> bool:
        """Whether its element holds a nonce, so no other response has its bytes."""
        return self.needs is not None and head.policies.nonce is not None

    def missing_in_vary(self, head: ResponseHead) -> tuple[str, ...]:
        """Return the names that `Vary` lacks."""
        if "*" in head.varies_by:
            return ()
        # A same-origin GET has no `Origin`, so the browser does not give its copy to other origins.
        wanted = (*self.varies_by, "Origin") if self.is_personal else self.varies_by
        return tuple(name for name in wanted if name.lower() not in head.varies_by)
