"""What a page gains, and the head that goes with it."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import Headers

from .._http import caching, csp
from .._http.headers import HeaderList
from .snippet import Snippet


@dataclass(frozen=True)
class Change:
    """What a page gains: a snippet, or none for this request alone, and the head to go with it."""

    snippet: Snippet | None = None
    nonce: str | None = None
    varies_by: tuple[str, ...] = ()
    embed_url: str | None = None
    """Where policies are to be extended, the embed's URL."""

    cookie: str | None = None
    """A `Set-Cookie` field that tells something about the visitor."""

    is_fragment: bool = False
    may_store: bool = True
    """Whether the user's own browser may store the page."""

    @property
    def of_fragment(self) -> Change | None:
        """The change to a part of a page; None where every request gets a part."""
        if not self.varies_by:
            return None
        is_personal = self.snippet is not None and self.snippet.is_personal
        cookie = None if is_personal else self.cookie
        return Change(varies_by=("Sec-Fetch-Dest",), cookie=cookie, is_fragment=True)

    @property
    def mark(self) -> str | None:
        """The mark of such a page; None for one with a nonce, which is like no other."""
        if self.snippet is None:
            return caching.FRAGMENT if self.is_fragment else caching.NO_SCRIPT
        return self.snippet.mark if self.nonce is None else None

    def head(self, original: HeaderList, *, keep_strong: bool) -> Headers:
        """Return the fields of the page, but for its length."""
        fields = original
        if self.snippet is not None and self.embed_url is not None:
            fields = csp.extend(original, self.snippet, self.embed_url)
        headers = Headers(fields)
        is_personal = self.snippet is not None and self.snippet.is_personal
        # A same-origin GET sends no `Origin`, so the browser keeps its copy from other origins.
        caching.vary(headers, *self.varies_by, *(["Origin"] if is_personal else []))
        caching.forget_signatures(headers)
        if self.snippet is not None:
            caching.forget_original(headers)
        if self.cookie is not None:
            headers.add("Set-Cookie", self.cookie)
        if self.cookie is not None or is_personal or not self.may_store:
            caching.keep_private(headers, may_store=self.may_store)
        if self.mark is None:
            headers.remove("ETag")
        else:
            # The mask of an hmac is another one in each response, and a policy may change the form
            # of the element while the app's tag stays.
            is_masked = self.snippet is not None and self.snippet.hmac is not None
            keep_strong = keep_strong and not is_masked and not csp.needs_hashes(original)
            caching.mark_validator(headers, self.mark, keep_strong=keep_strong)
        return headers
