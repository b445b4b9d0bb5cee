"""What a page gains, and what decides how its head is edited."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .edit_kind import EditKind
from .snippet import Snippet
from .variants import FRAGMENT, NO_SCRIPT


@dataclass(frozen=True, slots=True)
class Payload:
    """What a response gains. A page gains a snippet, or none for this request alone.

    `is_masked` tells that its element holds an hmac, masked by another pad in each response.
    `bare_variant` is the variant of a page that gains no snippet. `cookie` is a `Set-Cookie` field
    that the page gains.
    """

    snippet: Snippet | None
    edit: EditKind
    is_masked: bool = False
    bare_variant: str | None = None
    cookie: str | None = None

    @property
    def variant(self) -> str | None:
        """The variant of the page; None if the response is not a page, or stays unchanged.

        It does not count if the element holds a nonce (`EditKind.holds_nonce`).
        """
        return self.bare_variant if self.snippet is None else self.snippet.variant

    def with_cookie(self, cookie: str | None) -> Payload:
        """Return the payload that also sets a cookie."""
        if cookie is None:
            return self
        return replace(self, cookie=cookie, edit=self.edit._replace(has_cookie=True))

    def of_fragment(self) -> Payload:
        """Return the payload of a part of a page, `NOTHING` if every request gets the same part."""
        if not self.edit.varies_by:
            return NOTHING
        return without_snippet(variant=FRAGMENT).with_cookie(
            None if self.edit.is_personal else self.cookie
        )


NOTHING = Payload(None, EditKind())
"""The payload of a response that is not a page, or that stays unchanged."""


def with_snippet(
    snippet: Snippet, varies_by: tuple[str, ...], *, may_store: bool = True
) -> Payload:
    """Return the payload of a page that gains a snippet, and depends on request fields.

    `may_store` tells that the user's own browser may store the page.
    """
    edit = EditKind(
        is_page=True,
        is_personal=snippet.is_personal,
        may_store=may_store,
        changes_length=True,
        varies_by=varies_by,
        needs=snippet.needs,
    )
    return Payload(snippet, edit, is_masked=snippet.hmac is not None)


def without_snippet(
    varies_by: tuple[str, ...] = ("Sec-Fetch-Dest",), variant: str = NO_SCRIPT
) -> Payload:
    """Return the payload of a page that gains no snippet for this request."""
    return Payload(None, EditKind(is_page=True, varies_by=varies_by), bare_variant=variant)
