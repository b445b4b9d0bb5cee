"""What a page gains, and what its head has to say for it."""

from __future__ import annotations

from dataclasses import dataclass

from .head import ResponseHead
from .head_edit import EditKind
from .rules import SiteRules
from .snippet import Snippet
from .variants import FRAGMENT, NO_SCRIPT


@dataclass(frozen=True)
class Change:
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


def edit_kind(
    rules: SiteRules, head: ResponseHead, change: Change | None, *, changes_length: bool
) -> EditKind:
    """Return what happens to a head whose response is changed so, or passes but for a field."""
    if change is None:
        return EditKind(head.has_vary, head.has_cache_control)
    # A same-origin GET sends no `Origin`, so the browser keeps its copy from other origins.
    varies_by = (*change.varies_by, "Origin") if change.is_personal else change.varies_by
    is_covered = "*" in head.varies_by
    extends = rules.extends_policies and head.has_policy
    return EditKind(
        has_vary=head.has_vary,
        has_cache_control=head.has_cache_control,
        is_signed=head.is_signed,
        adds_element=change.snippet is not None,
        is_private=change.is_personal or change.cookie is not None or not change.may_store,
        may_store=change.may_store,
        tells_variant=True,
        changes_length=changes_length,
        varies_by=tuple(
            name for name in varies_by if not is_covered and name.lower() not in head.varies_by
        ),
        needs=change.snippet.needs if change.snippet and extends else None,
        nonce=head.policies.nonce,
    )
