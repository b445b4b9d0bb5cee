"""What a page gains, and what its head has to say for it."""

from __future__ import annotations

from typing import NamedTuple

from .head_edit import EditKind
from .snippet import Snippet
from .variants import FRAGMENT, NO_SCRIPT


class Change(NamedTuple):
    """What a page gains: a snippet, or none for this request alone.

    `nonce` is the number of the page's nonce (`csp.Nonces`), if the element carries one. The page
    depends on the request fields `varies_by`. `cookie` is a `Set-Cookie` field that it gains.
    `may_store`: the user's own browser may store it.
    """

    snippet: Snippet | None = None
    nonce: str | None = None
    varies_by: tuple[str, ...] = ("Sec-Fetch-Dest",)
    cookie: str | None = None
    may_store: bool = True
    is_fragment: bool = False

    @property
    def variant(self) -> str | None:
        """The variant of such a page; None for one with a nonce, which is like no other."""
        if self.snippet is None:
            return FRAGMENT if self.is_fragment else NO_SCRIPT
        return self.snippet.variant if self.nonce is None else None

    @property
    def is_personal(self) -> bool:
        """Whether the page names somebody."""
        return self.snippet is not None and self.snippet.is_personal

    @property
    def is_masked(self) -> bool:
        """Whether the element holds an hmac, whose mask is another one in each response."""
        return self.snippet is not None and self.snippet.hmac is not None

    def of_fragment(self) -> Change | None:
        """Return the change to a part of a page; None where every request gets a part."""
        if not self.varies_by:
            return None
        return Change(cookie=None if self.is_personal else self.cookie, is_fragment=True)


def edit_kind(change: Change | None, *, has_cookie: bool, changes_length: bool) -> EditKind:
    """Return what of a change decides about the edits of the head.

    Without a change, the response passes but for a field.
    """
    if change is None:
        return EditKind(has_cookie=has_cookie)
    return EditKind(
        True,
        has_cookie,
        change.is_personal,
        change.may_store,
        changes_length,
        change.varies_by,
        None if change.snippet is None else change.snippet.needs,
    )
