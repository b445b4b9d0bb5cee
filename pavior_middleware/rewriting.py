"""The head of a response in; leave it, or a rewriter that gives the new head and body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from werkzeug.datastructures import Headers
from werkzeug.http import parse_list_header, parse_options_header

from . import caching, csp
from .coded_body import CodedBody, Document
from .codings import Coding, Unsupported, codings, names
from .conditions import Conditions, conditions
from .headers import HeaderList
from .identity import IdentityRefused
from .log import WarnOnce
from .placeholder import Replacer
from .placement import Inserter
from .settings import Settings
from .skipping import SKIP_FIELD
from .snippet import Snippet, render
from .visitor import Visitor

_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_FETCHED_OR_UNKNOWN = frozenset({"empty", ""})
_BODY_WITHOUT_PAGE = frozenset({204, 205, 206})
_NOT_MODIFIED, _PARTIAL_CONTENT = 304, 206
# Labels of UTF-16 in the WHATWG Encoding standard, section 4.2, and of encodings like it.
# Then those in which ASCII bytes may be halves of other characters after an escape.
_NOT_ASCII_COMPATIBLE = (
    *("utf-16", "utf-32", "utf-7", "ucs-2", "iso-10646-ucs", "unicode", "csuni"),
    *("iso-2022", "csiso2022", "hz-gb-2312"),
)


class Exchange:
    """One request, as far as it matters to its page. A template may say that it places the script.

    `destination` is `Sec-Fetch-Dest` ('' if not sent; Fetch Metadata, section 2.1), which tells
    what the browser wants the response for.
    """

    KEY = "pavior_middleware.exchange"
    """Under which the shells keep it in the ASGI scope or the WSGI environ."""

    def __init__(
        self, method: str, destination: str, conditions: Conditions, *, gets_page: bool
    ) -> None:
        self.method = method
        self.destination = destination
        self.conditions = conditions
        self.gets_page = gets_page
        self.is_placed_by_template = False

    @property
    def may_be_fragment(self) -> bool:
        """Whether the markup has to tell if the answer is a document or a part of one."""
        return self.gets_page and self.destination in _FETCHED_OR_UNKNOWN

    def again(self) -> Exchange:
        """Return the exchange in which the app is asked for the whole page."""
        return Exchange(
            self.method,
            self.destination,
            Conditions(changes=self.conditions.again),
            gets_page=self.gets_page,
        )


class Handling(Enum):
    """What is to be done about a response, as far as its head tells."""

    LEAVE = "it passes as it is"
    MEND = "it passes with another head, whoever the visitor is"
    NAME = "it depends on the visitor"
    ASK_AGAIN = "the app is to be asked for the whole of it"


class Rewriting:
    """What one site does to its pages; made once, at start-up."""

    def __init__(self, settings: Settings, *, asks_consent: bool = False) -> None:
        self._settings = settings
        self._varies_by = _varies_by(settings, asks_consent=asks_consent)
        self._anonymous = render(settings)
        self._is_skipped = _path_pattern(settings.skip_paths)
        self._frames: frozenset[str] = frozenset() if settings.inject_in_frames else _FRAMES
        self._warn = WarnOnce()

    def exchange(self, method: str, path: str, fields: Mapping[str, str]) -> Exchange | None:
        """Read a request: its path, as text, and those of `conditions.FIELDS` that it has.

        Returns None for a path that gets no chat.
        """
        if self._is_skipped is not None and self._is_skipped.fullmatch(path):
            return None
        destination = fields.get("sec-fetch-dest", "")
        is_for_page = destination in _FRAMES | _FETCHED_OR_UNKNOWN | {"document"}
        gets_page = is_for_page and destination not in self._frames
        asked = conditions(method, fields, is_for_page=is_for_page, gets_script=gets_page)
        if self._settings.cacheable_pages:  # the same page whatever it is for
            return Exchange(method, "", asked, gets_page=True)
        return Exchange(method, destination, asked, gets_page=gets_page)

    def handling(self, exchange: Exchange | None, status: int, headers: HeaderList) -> Handling:
        """Say what is to be done about a response."""
        if any(name.lower() == SKIP_FIELD for name, _ in headers):
            return Handling.MEND
        if exchange is None:
            return Handling.LEAVE
        needs_visitor = exchange.gets_page and not self._settings.cacheable_pages
        if status == _NOT_MODIFIED:
            if not exchange.conditions.held:
                return Handling.LEAVE
        elif status == _PARTIAL_CONTENT:
            is_part_of_page = exchange.conditions.wants_part and _is_html(headers)
            return Handling.ASK_AGAIN if is_part_of_page else Handling.LEAVE
        elif not (
            _may_be_page(status, headers)
            and _is_html(headers)
            and self._codings(headers) is not None
            and not csp.forbids_scripts(headers)
        ):
            return Handling.LEAVE
        return Handling.NAME if needs_visitor else Handling.MEND

    def rewriter(
        self,
        exchange: Exchange | None,
        status: int,
        headers: HeaderList,
        visitor: Visitor | None = None,
    ) -> Rewriter | None:
        """Return what rewrites a response that is to be mended, or named after its visitor.

        None says that the app is to be asked again: its 304 speaks of somebody else's page. An
        identity that is refused is left out, and the refusal is logged once.
        """
        if any(name.lower() == SKIP_FIELD for name, _ in headers):
            kept = [(name, value) for name, value in headers if name.lower() != SKIP_FIELD]
            return Rewriter(kept)
        if exchange is None:
            return Rewriter(headers)
        change = self._change(exchange, headers, visitor or Visitor())
        if status == _NOT_MODIFIED:
            return _rewriter_of_304(exchange, headers, change)
        if change.snippet is None:
            return Rewriter(headers, change)
        document = self._document(exchange, headers, change.snippet.element(change.nonce))
        opened = self._codings(headers) or []
        body = CodedBody(opened, document, self._warn) if opened else _PlainBody(document)
        return Rewriter(headers, change, body, is_head=exchange.method == "HEAD")

    def _change(self, exchange: Exchange, headers: HeaderList, visitor: Visitor) -> _Change:
        """Decide what a page gains, and what its head has to say for it."""
        if not exchange.gets_page:
            return _Change(varies_by=("Sec-Fetch-Dest",))
        if not visitor.consents:
            return _Change(varies_by=self._varies_by)
        snippet = self._snippet(visitor)
        extends = self._settings.csp == "extend"
        return _Change(
            snippet,
            csp.nonce(headers),
            self._varies_by,
            embed_url=self._settings.embed_url if extends else None,
        )

    def _snippet(self, visitor: Visitor) -> Snippet:
        if visitor.identity is None:
            return self._anonymous
        try:
            return render(self._settings, visitor.identity)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is left out of a page: {refusal}")
            return self._anonymous

    def _document(self, exchange: Exchange, headers: HeaderList, element: bytes) -> Document:
        if exchange.is_placed_by_template:
            return Replacer(element)
        return Inserter(
            element,
            documents_only=exchange.may_be_fragment,
            charset_is_known="charset" in _content_type(headers)[1],
        )

    def _codings(self, headers: HeaderList) -> list[Coding] | None:
        """Return what opens a page; None, and a warning once, if it cannot be opened."""
        fields = [value for name, value in headers if name.lower() == "content-encoding"]
        if not fields:
            return []
        try:
            return codings(names(fields))
        except Unsupported as error:
            self._warn(f"Pavior's chat is left out of coded pages: {error}")
            return None


@dataclass(frozen=True)
class _Change:
    """What a page gains: a snippet, or none for this request alone, and the head to go with it."""

    snippet: Snippet | None = None
    nonce: str | None = None
    varies_by: tuple[str, ...] = ()
    embed_url: str | None = None
    """Where policies are to be extended, the embed's URL."""

    is_fragment: bool = False

    @property
    def of_fragment(self) -> _Change | None:
        """The change to a part of a page; None where it is one whatever it is asked for."""
        if not self.varies_by:
            return None
        return _Change(varies_by=("Sec-Fetch-Dest",), is_fragment=True)

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
        caching.vary(headers, *self.varies_by)
        caching.forget_signatures(headers)
        if self.snippet is not None:
            caching.forget_original(headers)
            if self.snippet.is_personal:
                caching.keep_private(headers)
        if self.mark is None:
            headers.remove("ETag")
        else:
            caching.mark_validator(headers, self.mark, keep_strong=keep_strong)
        return headers


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

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the next bytes and yield what may be sent of them now; with `is_last`, all."""

    def finish(self) -> Iterator[bytes]:
        """Yield the rest."""

    def length(self, original: int) -> int | None:
        """Return how long it gets if the original is so long; None where that is not known."""


class _PlainBody:
    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def stays(self) -> bool:
        return self._document.added == 0

    @property
    def is_fragment(self) -> bool:
        return self._document.is_fragment

    @property
    def is_determined(self) -> bool:
        return self._document.added is not None and self._document.is_determined

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        changed = self._document.feed(data)
        rest = self._document.finish() if is_last else self._document.flush()
        if changed or rest:
            yield changed + rest if rest else changed

    def finish(self) -> Iterator[bytes]:
        rest = self._document.finish()
        if rest:
            yield rest

    def length(self, original: int) -> int | None:
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
        change: _Change | None = None,
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
        self._declared = int(length) if length.isdecimal() else None
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
        is_determined = body.is_determined if body is not None else self._keep_strong
        headers = change.head(self._headers, keep_strong=is_determined)
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


def _rewriter_of_304(exchange: Exchange, headers: HeaderList, change: _Change) -> Rewriter | None:
    """Return what mends a 304 if it speaks of the copy that this client would get now."""
    if change.snippet is not None and csp.forbids_scripts(headers):
        return None
    etag = Headers(headers).get("ETag")
    marks = [change.mark, caching.FRAGMENT] if exchange.may_be_fragment else [change.mark]
    copy = caching.copy_that_holds(exchange.conditions.held, etag, marks)
    if copy is None:
        return None
    if copy.mark is None:
        return Rewriter(headers)
    if copy.mark == caching.FRAGMENT:
        change = change.of_fragment or change
    without_length = [(name, value) for name, value in headers if name.lower() != "content-length"]
    return Rewriter(without_length, change, keep_strong=copy.is_strong)


def _may_be_page(status: int, headers: HeaderList) -> bool:
    """Whether a response is a whole one that a browser shows.

    Redirects, parts (RFC 9110 section 15.3.7) and downloads (RFC 6266 section 4.2) are not.
    """
    if status < 200 or 300 <= status < 400 or status in _BODY_WITHOUT_PAGE:
        return False
    return all(
        name.lower() != "content-range"
        and (
            name.lower() != "content-disposition"
            or parse_options_header(value)[0].lower() == "inline"
        )
        for name, value in headers
    )


def _is_html(headers: HeaderList) -> bool:
    """Whether a browser takes it for HTML, in a charset in which ASCII bytes mean ASCII."""
    media_type, parameters = _content_type(headers)
    charset = parameters.get("charset", "").strip().lower()
    return media_type == "text/html" and not charset.startswith(_NOT_ASCII_COMPATIBLE)


def _content_type(headers: HeaderList) -> tuple[str, dict[str, str]]:
    """Return the media type and its parameters: of several, the last (Fetch, section 3.7)."""
    media_type, parameters = "", dict[str, str]()
    for name, value in headers:
        if name.lower() == "content-type":
            for each in parse_list_header(value) if "," in value else [value]:
                found, found_parameters = parse_options_header(each)
                found = found.strip().lower()
                if "/" in found and found != "*/*":
                    charset = parameters.get("charset") if found == media_type else None
                    media_type, parameters = found, found_parameters
                    if charset is not None:
                        parameters.setdefault("charset", charset)
    return media_type, parameters


def _varies_by(settings: Settings, *, asks_consent: bool) -> tuple[str, ...]:
    """The request fields that decide about a site's pages."""
    if settings.cacheable_pages:
        return ()
    if settings.share_auth is not None and not asks_consent:
        return ("Sec-Fetch-Dest",)  # a page that borrows its login is the same for everyone
    return ("Cookie", "Sec-Fetch-Dest")


def _path_pattern(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """Return what matches the paths of the patterns, in which `*` stands for any text."""
    if not patterns:
        return None
    return re.compile(
        "|".join(re.escape(each).replace(r"\*", ".*") for each in patterns), re.DOTALL
    )
