"""One response on its way to the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from werkzeug.datastructures import Headers

from .._http import caching
from .._http.headers import HeaderList
from .change import Change
from .coded_body import Document


class Body(Protocol):
    """The body of a page on its way."""

    @property
    def stays(self) -> bool:
        """Whether it is just as it came."""

    @property
    def is_fragment(self) -> bool:
        """Whether it stays because it is no document."""

    @property
    def is_determined(self) -> bool:
        """Whether every byte is known from the original and the snippet."""

    @property
    def is_determinable(self) -> bool:
        """Whether every byte would be known if it came whole."""

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes and yield what may be sent of them now; with `is_last`, all."""

    def finish(self) -> Iterator[bytes]:
        """Yield the rest."""

    def length(self, original: int) -> int | None:
        """Return how long it gets if the original is so long; None where that is not known."""


class PlainBody:
    """The body of a page that is in no content coding."""

    is_determinable = True
    """Whether every byte would be known if it came whole."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def stays(self) -> bool:
        """Whether the document gained nothing."""
        return self._document.stays

    @property
    def is_fragment(self) -> bool:
        """Whether it gained nothing because it is no page."""
        return self._document.is_fragment

    @property
    def is_determined(self) -> bool:
        """Whether the place is known, and that of the whole document."""
        return self._document.added is not None and self._document.is_determined

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes and yield what may be sent of them now; with `is_last`, all."""
        changed = self._document.feed(data)
        rest = self._document.finish() if is_last else self._document.flush()
        if changed or rest:
            yield changed + rest if rest else changed

    def finish(self) -> Iterator[bytes]:
        """Yield the rest."""
        rest = self._document.finish()
        if rest:
            yield rest

    def length(self, original: int) -> int | None:
        """Return how long it gets if the original is so long; None where that is not known."""
        added = self._document.added
        return None if added is None else original + added


class Rewriter:
    """One response on its way: `feed` and `finish` for its body, `headers` for its head.

    The new head is known best once bytes of the body have been returned, so ask for it no sooner
    than it must be sent.
    """

    def __init__(
        self,
        headers: HeaderList,
        change: Change | None = None,
        body: Body | None = None,
        *,
        is_head: bool = False,
        keep_strong: bool = True,
    ) -> None:
        self._headers = headers
        self._change = change
        self._body = body
        self._is_head = is_head
        self._keep_strong = keep_strong
        length = Headers(headers).get("Content-Length", "")
        self._declared = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
        self._received = 0
        self._is_finished = body is None or is_head

    @property
    def changes_body(self) -> bool:
        """Whether the body may have to pass through `feed` and `finish`."""
        return not self._is_finished

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the body's next bytes and yield what may be sent of it now.

        What an app sends it may have flushed, so nothing of it waits for what comes next but an
        unfinished token of the head. A body ends where `is_last` says so, or its length.
        """
        if self._body is None or self._is_finished:
            if data:
                yield data
            return
        self._received += len(data)
        self._is_finished = is_last or self._received == self._declared
        if data or self._is_finished:
            yield from self._body.feed(data, is_last=self._is_finished)

    def finish(self) -> Iterator[bytes]:
        """Say that the body has ended and yield the rest of it."""
        if self._body is not None and not self._is_finished:
            self._is_finished = True
            yield from self._body.finish()

    def headers(self) -> HeaderList:
        """Return the header fields, as far as the bytes so far tell.

        The length is left out where it is not known yet: before the place is found, and for HEAD,
        which need not send it (RFC 9110 section 9.3.2).
        """
        body, change = self._body, self._change
        if body is not None and body.stays:
            change = change.of_fragment if change and body.is_fragment else None
            body = None
        if change is None:
            return self._headers
        keep_strong = self._keep_strong
        if body is not None:  # a HEAD tells what the GET of a page that comes whole would
            keep_strong = body.is_determinable if self._is_head else body.is_determined
        headers = change.head(self._headers, keep_strong=keep_strong)
        if body is not None:
            headers.remove("Content-Length")
            if self._declared is not None and not self._is_head:
                length = body.length(self._declared)
                if length is not None:
                    headers.set("Content-Length", str(length))
        return headers.to_wsgi_list()

    def trailers(self, fields: HeaderList) -> HeaderList:
        """Return what may follow the body of such trailer fields (RFC 9110 section 6.5)."""
        if self._change is None or self._change.snippet is None:
            return fields
        return [(name, value) for name, value in fields if not caching.is_of_original(name)]
