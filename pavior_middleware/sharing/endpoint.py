"""`GET /.well-known/pavior/share-auth`: who is logged in, told to the site and whitelisted ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..identity import IdentityRefused, signed_options
from ..log import WarnOnce
from ..settings import SHARE_AUTH_PATH, Settings
from ..snippet import identity_options
from ..visitor import Visitor
from .whitelist import origins

_METHODS = "GET, HEAD, OPTIONS"
_ALWAYS = (
    ("Cache-Control", "no-store"),
    ("Vary", "Origin, Sec-Fetch-Site"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


@dataclass(frozen=True)
class Answer:
    """A whole response; header fields in latin-1."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ShareAuth:
    """The endpoint of one site; made once, at start-up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._origins = origins(settings.shared_auth_domains)
        self._warn = WarnOnce()

    def serves(self, path: str, root_path: str) -> bool:
        """Whether a path is the endpoint's; none is on a site that borrows its own login.

        Borrowers know the domain alone, so it is at the domain's root. The pages of a site that
        stands below `root_path` find it there.
        """
        is_endpoint = path in (SHARE_AUTH_PATH, root_path + SHARE_AUTH_PATH)
        return is_endpoint and self._settings.share_auth is None

    def refusal(
        self, method: str, origin: Sequence[str], fetch_site: Sequence[str]
    ) -> Answer | None:
        """Answer what can be answered without knowing the user, or return None.

        `origin` and `fetch_site` hold the values of the request's `Origin` and `Sec-Fetch-Site`
        fields. Nothing about the user is read for an origin that is not whitelisted, so nothing
        about them can show in the answer.
        """
        if not (self._is_own(origin, fetch_site) or self._is_whitelisted(origin)):
            return _answer(
                403, "text/plain; charset=utf-8", b"This origin may not share the login.\n"
            )
        cors = _cors(origin)
        if method == "OPTIONS":
            return Answer(204, (*_ALWAYS, *cors, ("Access-Control-Allow-Methods", "GET")), b"")
        if method not in _METHODS.split(", "):
            return Answer(405, (*_ALWAYS, *cors, ("Allow", _METHODS), ("Content-Length", "0")), b"")
        return None

    def answer(self, origin: Sequence[str], visitor: Visitor) -> Answer:
        """Tell who is logged in: the fields of init, or `{}` for nobody.

        The site's own pages are told the attributes too, and `null` where the chat is not to be
        shown for want of consent.
        """
        told: dict[str, object] | None = {}
        try:
            if not origin:
                told = identity_options(self._settings, visitor.identity)
                told = told if visitor.consents else None
            elif visitor.identity is not None:
                told = {**signed_options(self._settings.api_key, visitor.identity)}
        except IdentityRefused as refusal:
            self._warn(f"Pavior's identity is not shared: {refusal}")
        return _answer(200, "application/json", json.dumps(told).encode(), *_cors(origin))

    def _is_own(self, origin: Sequence[str], fetch_site: Sequence[str]) -> bool:
        """Whether a page of this very origin asks: its GETs have no `Origin` (Fetch, section 3.1).

        `Sec-Fetch-Site` is missing where the site is not https, or the browser an old one. Then a
        page of another site could make the request too, but not read the answer.
        """
        return not origin and list(fetch_site) in ([], ["same-origin"])

    def _is_whitelisted(self, origin: Sequence[str]) -> bool:
        return len(origin) == 1 and origin[0] in self._origins


def _cors(origin: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The fields with which a browser lets the origin read the answer (Fetch, section 3.3.3)."""
    if not origin:
        return ()
    return (
        ("Access-Control-Allow-Origin", origin[0]),
        ("Access-Control-Allow-Credentials", "true"),
    )


def _answer(status: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    described = (("Content-Type", content_type), ("Content-Length", str(len(body))))
    return Answer(status, (*described, *_ALWAYS, *headers), body)
