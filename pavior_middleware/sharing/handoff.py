"""`handoff`: sends a user on to a whitelisted site, with a code that names them."""

from __future__ import annotations

import re

from ..identity import Identity, IdentityRefused, signed_options
from ..log import WarnOnce
from ..settings import Settings
from ..visitor import Visitor
from ..whitelist import Whitelist
from .answer import Answer, answer, not_allowed, refused
from .request import Request
from .tokens import Tokens

# An origin, then what can only be a path, a query or a fragment of it, as browsers serialize them
# (WHATWG URL section 4.5). So whoever reads it, the origin ends at the first of `/?#`.
_DESTINATION = re.compile(
    r"""(?P<origin>https?://[^/?#\\@]+)"""
    r"""(?P<rest>(?:/[^\x00-\x20"<>\\?#\x7f-\U0010ffff]*)?(?:[?#][^\x00-\x20"<>\x7f-\U0010ffff]*)?)"""
)
_OTHER_CODES = re.compile(r"(?:pavior-handoff=[^&]*(?:&|$))*")


class Handoff:
    """The path of one site; made once, at start-up.

    It is never an open redirect: it leads to whitelisted origins alone. The code stands in the
    fragment, which no server and no `Referer` is told. `Referrer-Policy` lets the next page see the
    origin that it was led to from, by which it knows that the code is not somebody else's.
    """

    def __init__(self, settings: Settings, whitelist: Whitelist, tokens: Tokens) -> None:
        self._settings = settings
        self._whitelist = whitelist
        self._tokens = tokens
        self._warn = WarnOnce()

    def refusal(self, request: Request) -> Answer | None:
        """Answer what can be answered without knowing the user, or return None."""
        if not request.is_read:
            return not_allowed("GET, HEAD")
        if request.mode not in (None, "navigate") or request.destination not in (None, "document"):
            return refused("This is a link to follow, and nothing to fetch or to frame.")
        if self._destination(request) is None:
            return refused("This site does not hand its login over to that address.")
        return None

    def answer(self, request: Request, visitor: Visitor) -> Answer:
        """Redirect, with a code for whoever is logged in; with an empty one for nobody.

        What no page of our own began gets no code at all.
        """
        destination = self._destination(request)
        if destination is None:
            return refused("This site does not hand its login over to that address.")
        url, origin = destination
        page, _, fragment = url.partition("#")
        kept = _OTHER_CODES.sub("", fragment, count=1)
        if request.site in (None, "same-origin"):
            code = f"pavior-handoff={self._code(visitor.identity, origin)}"
        else:  # who began it might get hold of the code, and the next page would not take it
            code = ""
        location = "#".join(filter(None, [page, "&".join(filter(None, [code, kept]))]))
        fields = (("Location", location), ("Referrer-Policy", "strict-origin"))
        return answer(303, "", b"", *fields)

    def _destination(self, request: Request) -> tuple[str, str] | None:
        """Return the URL to go to and its origin; None if nobody is led there."""
        url = request.parameter("to")
        found = _DESTINATION.fullmatch(url or "")
        if url is None or found is None or not self._whitelist.allows(found["origin"]):
            return None
        return url, found["origin"]

    def _code(self, identity: Identity | None, origin: str) -> str:
        if identity is None:
            return ""
        try:
            named = signed_options(self._settings.api_key, identity)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is not shared: {refusal}")
            return ""
        return self._tokens.code(identity, origin) if named else ""
