"""What a page gains, and what decides about the edits of its head."""

from __future__ import annotations

from typing import NamedTuple

from .head_edit import EditKind
from .snippet import Snippet
from .variants import FRAGMENT, NO_SCRIPT


class Change(NamedTuple):
    """What a page gains: a snippet, or none for this request alone.

    `variant` is that of the page, None for one that is like no other. `is_masked`: its element
    holds an hmac, whose mask is another one in each response. `cookie` is a `Set-Cookie` field that
    the page gains.
    """

    snippet: Snippet | None
    edit: EditKind
    variant: str | None
    is_masked: bool = False
    cookie: str | None = None

    def with_cookie(self, cookie: str | None) -> Change:
        """Return the change that also sets a cookie."""
        if cookie is None:
            return self
        return self._replace(cookie=cookie, edit=self.edit._replace(has_cookie=True))

    def with_nonce(self) -> Change:
        """Return the change whose element carries a nonce, so that the page is like no other."""
        return self._replace(variant=None)

    def of_fragment(self) -> Change | None:
        """Return the change to a part of a page; None where every request gets a part."""
        if not self.edit.varies_by:
            return None
        return without_snippet(variant=FRAGMENT).with_cookie(
            None if self.edit.is_personal else self.cookie
        )


def with_snippet(snippet: Snippet, varies_by: tuple[str, ...], *, may_store: bool = True) -> Change:
    """Return the change of a page that gains a snippet, and depends on some request fields.

    `may_store`: the user's own browser may store the page.
    """
    edit = EditKind(
        is_page=True,
        is_personal=snippet.is_personal,
        may_store=may_store,
        changes_length=True,
        varies_by=varies_by,
        needs=snippet.needs,
    )
    return Change(snippet, edit, snippet.variant, is_masked=snippet.hmac is not None)


def without_snippet(
    varies_by: tuple[str, ...] = ("Sec-Fetch-Dest",), variant: str = NO_SCRIPT
) -> Change:
    """Return the change of a page that stays without a snippet for this request."""
    return Change(None, EditKind(is_page=True, varies_by=varies_by), variant)
