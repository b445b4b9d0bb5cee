"""`handoff`: a borrower's page visits the lender, in its whole tab, to learn who is logged in."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from .._model import events
from .._model.domains import Whitelist
from .._model.events import Event
from .._model.identity import IdentityRefused, signed_options
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from .answer import Answer, answer, not_allowed, refused
from .request import Request
from .tokens import Tokens

# An origin, then what can only be a path, a query or a fragment of it, as browsers serialize them
# (WHATWG URL section 4.5). So for any reader, the origin ends at the first of `/?#`.
_DESTINATION = re.compile(
    r"""(?P<page>(?P<origin>https?://[^/?#\\@]+)"""
    r"""(?:/[^\x00-\x20"<>\\?#\x7f-\U0010ffff]*)?(?:\?[^\x00-\x20"<>#\x7f-\U0010ffff]*)?)"""
    r"""(?:#(?P<fragment>[^\x00-\x20"<>\x7f-\U0010ffff]*))?"""
)
_OTHER_CODES = re.compile(r"(?:pavior-handoff=[^&]*(?:&|$))*")
_ADDRESS = re.compile(r"https?://[^/?#]+(?P<path>/[^?#]*)\?(?P<query>[^#]*)")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_ASK = "pavior-handoff=ask"
_AGAIN = "&again="


@dataclass(frozen=True)
class _Destination:
    """The page that a request wants to return to: its URL, its origin, and its own fragment."""

    page: str
    origin: str
    fragment: str

    def with_fragment(self, ours: str = "", *, is_named: bool = False) -> Answer:
        """Return a redirect to the page, with our part in its fragment."""
        fragment = "&".join(filter(None, [ours, self.fragment]))
        location = ("Location", "#".join(filter(None, [self.page, fragment])))
        return answer(303, "", b"", location, is_named=is_named)


class Handoff:
    """Answers this path for one site; made once, at start-up.

    It is never an open redirect: it leads only to whitelisted origins. It gives a code only if
    `Referer` shows that the request comes from a page of the destination's origin. A script of that
    page must have made the request, and not a link (`Sec-Fetch-User`). Only a page with the
    verifier of the `challenge` can use the code. The code is in the fragment, which no server gets.

    A navigation from another site's page has no `SameSite=Strict` cookies (RFC 6265bis section
    5.2); one from a page of this site has them. So where the app knows nobody, the answer is a page
    of this site, which asks again.

    Without `tokens` it only leads back, for stored scripts that still use this path.
    """

    def __init__(
        self,
        settings: Settings,
        whitelist: Whitelist,
        tokens: Tokens | None,
        report: Callable[[Event], None],
    ) -> None:
        self._report = report
        self._settings = settings
        self._whitelist = whitelist
        self._tokens = tokens
        self._warn = WarnOnce()

    def refusal(self, request: Request) -> Answer | None:
        """Answer what can be answered without knowing the user, or return None."""
        if not request.is_read:
            return not_allowed("GET, HEAD")
        # A service worker of this site may have made the request.
        is_navigation = request.mode in (None, "navigate") and request.destination in (
            None,
            "document",
        )
        if not is_navigation and request.site != "same-origin":
            return refused("This is a link to follow, and nothing to fetch or to frame.")
        destination = self._destination(request)
        if destination is None:
            return refused(
                "This site does not hand its login over to that address. If it should, its domain"
                " is missing in PAVIOR_SHARED_AUTH_DOMAINS."
            )
        if self._tokens is None:
            return destination.with_fragment()
        if not request.has_parameter("challenge"):
            return destination.with_fragment(_ASK)
        if self._challenge(request) is None:
            return destination.with_fragment()
        if _is_again(request):
            return None
        if not _comes_from(request, destination):
            return destination.with_fragment()
        # A link in that page may have any challenge, and a destination that redirects elsewhere.
        # The page's script waits until no click is recent; an older copy of the script asks once
        # more.
        return destination.with_fragment(_ASK) if request.is_by_user else None

    def answer(self, request: Request, visitor: Visitor) -> Answer:
        """Redirect, with a code for the user who is logged in; with an empty code for nobody.

        If it is not known who is logged in, there is no code.
        """
        destination, challenge = self._destination(request), self._challenge(request)
        if self._tokens is None or destination is None or challenge is None:
            return refused("This site does not hand its login over to that address.")
        if visitor.lookup_failed:
            return destination.with_fragment()
        identity = visitor.user
        if identity is None and request.site == "cross-site" and not visitor.is_doubtful:
            return _page_that_asks_again(request)
        code = ""
        try:
            if identity is not None and signed_options(self._settings.api_key, identity):
                code = self._tokens.code(identity, destination.origin, challenge)
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is not shared: {refusal}")
            self._report(events.refused(refusal))
        return destination.with_fragment(f"pavior-handoff={code}", is_named=bool(code))

    def _destination(self, request: Request) -> _Destination | None:
        found = _DESTINATION.fullmatch(request.parameter("to") or "")
        if found is None or not self._whitelist.allows(found["origin"]):
            return None
        fragment = _OTHER_CODES.sub("", found["fragment"] or "", count=1)
        return _Destination(found["page"], found["origin"], fragment)

    def _challenge(self, request: Request) -> str | None:
        challenge = request.parameter("challenge") or ""
        return challenge if _CHALLENGE.fullmatch(challenge) else None


def _comes_from(request: Request, destination: _Destination) -> bool:
    referers = request.fields.get("referer", ())
    return len(referers) == 1 and f"{referers[0]}/".startswith(f"{destination.origin}/")


def _page_that_asks_again(request: Request) -> Answer:
    # The address is relative, since a proxy may remove a part of the path. A proxy may also change
    # the field Referrer-Policy, so the page has a policy of its own.
    address = html.escape(f"?{request.query}{_AGAIN}")
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>One moment</title>'
        '<meta name="referrer" content="same-origin">'
        f'<meta http-equiv="refresh" content="0;url={address}">'
        f'<a href="{address}">Go on</a></html>'
    ).encode()
    policy = ("Referrer-Policy", "same-origin")
    return answer(200, "text/html; charset=utf-8", page, policy)


def _is_again(request: Request) -> bool:
    """Whether the request comes from the page that asks again, by its `Referer`.

    No other page has that address, so no other page sends this `Referer`.
    """
    referers = request.fields.get("referer", ())
    if request.site != "same-origin" or len(referers) != 1:
        return False
    first = _ADDRESS.fullmatch(referers[0])
    return (
        first is not None
        and first["query"] + _AGAIN == request.query
        and unquote(first["path"]) == request.whole_path
    )
