"""The head of a response in; leave it, or a rewriter that gives the new head and body."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header

from . import caching
from .identity import Identity, IdentityRefused
from .log import WarnOnce
from .placement import Inserter
from .settings import Settings
from .snippet import render

HeaderList = list[tuple[str, str]]
"""Header fields in order, as text decoded as latin-1."""

_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_FETCHED_OR_UNKNOWN = frozenset({"empty", ""})
_PAGE_DESTINATIONS = _FRAMES | _FETCHED_OR_UNKNOWN | {"document"}
_BODY_WITHOUT_PAGE = frozenset({204, 205, 206})
# Labels of UTF-16 in the WHATWG Encoding standard, section 4.2, and of encodings like it.
# Then those in which ASCII bytes may be halves of other characters after an escape.
_NOT_ASCII_COMPATIBLE = (
    *("utf-16", "utf-32", "utf-7", "ucs-2", "iso-10646-ucs", "unicode", "csuni"),
    *("iso-2022", "csiso2022", "hz-gb-2312"),
)


@dataclass(frozen=True)
class PageRequest:
    """What of a request matters to its page: the method, and `Sec-Fetch-Dest` ('' if not sent).

    That field (Fetch Metadata, section 2.1) tells what the browser wants the response for.
    """

    method: str
    destination: str


def is_page(status: int, headers: HeaderList) -> bool:
    """Whether a response is a whole HTML page that a browser shows, in a form that can be changed.

    Redirects, parts (RFC 9110 section 15.3.7), downloads (RFC 6266 section 4.2), encoded bodies and
    charsets in which ASCII bytes mean something else are not.
    """
    if status < 200 or 300 <= status < 400 or status in _BODY_WITHOUT_PAGE:
        return False
    fields = [(name.lower(), value) for name, value in headers]
    content_types = [value for name, value in fields if name == "content-type"]
    if len(content_types) != 1:
        return False
    media_type, parameters = parse_options_header(content_types[0])
    if media_type.lower() != "text/html":
        return False
    if parameters.get("charset", "").strip().lower().startswith(_NOT_ASCII_COMPATIBLE):
        return False
    return all(
        name != "content-range"
        and (name != "content-encoding" or value.strip().lower() in ("", "identity"))
        and (name != "content-disposition" or parse_options_header(value)[0].lower() == "inline")
        for name, value in fields
    )


class Rewriting:
    """What one site does to its pages; made once, at start-up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._anonymous = render(settings)
        self._warn = WarnOnce()

    def rewrites(self, request: PageRequest, status: int, headers: HeaderList) -> bool:
        """Whether a response is a page that may get the script, as far as its head tells."""
        if request.destination in _FRAMES and not self._settings.inject_in_frames:
            return False
        return request.destination in _PAGE_DESTINATIONS and is_page(status, headers)

    def rewriter(
        self, request: PageRequest, headers: HeaderList, identity: Identity | None
    ) -> Rewriter:
        """Return what rewrites one page, a response that `rewrites` holds for.

        An identity that is refused is left out, and the refusal is logged once.
        """
        personal = self._personal(identity)
        inserter = Inserter(
            personal or self._anonymous,
            documents_only=request.destination in _FETCHED_OR_UNKNOWN,
            charset_is_known=_names_charset(headers),
        )
        # A page that borrows its login is the same for everyone.
        varies_by = ["Cookie"] if self._settings.share_auth is None else []
        return Rewriter(
            headers,
            inserter,
            has_body=request.method != "HEAD",
            is_personal=personal is not None,
            varies_by=[*varies_by, "Sec-Fetch-Dest"],
        )

    def _personal(self, identity: Identity | None) -> bytes | None:
        if identity is None or self._settings.share_auth is not None:
            return None
        try:
            return render(self._settings, identity)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is left out of a page: {refusal}")
            return None


class Rewriter:
    """One page on its way: `feed` and `finish` for its body, `headers` for its head.

    The new head is known best once bytes of the body have been returned, so ask for it no sooner
    than it must be sent.
    """

    def __init__(
        self,
        headers: HeaderList,
        inserter: Inserter,
        *,
        has_body: bool,
        is_personal: bool,
        varies_by: list[str],
    ) -> None:
        self._headers = headers
        self._inserter = inserter
        self._has_body = has_body
        self._is_personal = is_personal
        self._varies_by = varies_by
        self.has_begun = False
        """Whether any of the body was fed."""

    def feed(self, data: bytes) -> bytes:
        """Take the body's next bytes and return what may be sent of it now.

        What an app sends it may have flushed, so nothing of it waits for what comes next but an
        unfinished token of the head.
        """
        if not (data and self._has_body):
            return data
        self.has_begun = True
        return self._inserter.feed(data) + self._inserter.flush()

    def finish(self) -> bytes:
        """Say that the body has ended and return the rest of it."""
        return self._inserter.finish() if self._has_body else b""

    def headers(self) -> HeaderList:
        """Return the header fields, as far as the bytes so far tell.

        The length is left out where it is not known yet: before the place is found, and for HEAD,
        which need not send it (RFC 9110 section 9.3.2).
        """
        added = self._inserter.added
        if added == 0:
            return self._headers
        headers = Headers(self._headers)
        caching.forget_original(headers)
        caching.vary(headers, *self._varies_by)
        if self._is_personal:
            caching.keep_private(headers)
        length = headers.get("Content-Length", "")
        if added is None or not length.isdecimal():
            headers.remove("Content-Length")
        else:
            headers.set("Content-Length", str(int(length) + added))
        return headers.to_wsgi_list()


def _names_charset(headers: HeaderList) -> bool:
    return any(
        name.lower() == "content-type" and "charset" in parse_options_header(value)[1]
        for name, value in headers
    )
