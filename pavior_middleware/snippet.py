"""Settings and an identity in, the script that goes into the page out."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from . import _assets
from .domains import is_loopback, split_port
from .identity import Identity, IdentityRefused, signed_options
from .settings import RESERVED_OPTIONS, Settings
from .well_known import SHARE_AUTH, SHARE_SCRIPT
from .whitelist import Whitelist

TRUSTED_TYPES_POLICY = "pavior-middleware"
"""The name under which the script makes a URL that Trusted Types accept."""

_SCRIPT, _LINKS = _assets.read("snippet.js"), _assets.read("links.js")

_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Snippet:
    """The script of one page, and what caches and policies need to know of it.

    `text` is what stands between the tags, in pure ASCII. `is_personal` tells that it names
    somebody. `asks` tells that it may ask the site who is logged in, by a fetch of its own origin.
    `lender_url` is that of the script by which it borrows a login, if it does.
    """

    text: str
    is_personal: bool
    asks: bool
    lender_url: str | None = None

    def element(self, nonce: str | None = None) -> bytes:
        """Return the `<script>` element, with the nonce of the page's policy if it has one."""
        attribute = "" if nonce is None else f' nonce="{nonce}"'
        return f"<script{attribute}>{self.text}</script>".encode("ascii")

    @cached_property
    def csp_hash(self) -> str:
        """The source expression that allows this very script (CSP Level 3, section 2.3.1)."""
        return f"'sha256-{base64.b64encode(self._digest).decode()}'"

    @cached_property
    def mark(self) -> str:
        """22 letters, digits, `-` and `_` that tell this script from others."""
        return base64.urlsafe_b64encode(self._digest[:_DIGEST_BYTES]).decode().rstrip("=")

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.text.encode("ascii")).digest()


def identity_options(settings: Settings, identity: Identity | None) -> dict[str, object]:
    """Return the init options that come from the identity: attributes, `id`, `email`, `hmac`.

    Raises `IdentityRefused` for what `signed_options` refuses, for an attribute that has the name
    of an option that is not an attribute, and for attributes that are not JSON values.
    """
    if identity is None:
        return {}
    reserved = RESERVED_OPTIONS.intersection(identity.attributes)
    if reserved:
        raise IdentityRefused(
            f"attributes must not set {', '.join(sorted(reserved))}: pass id and email as the"
            " identity's own fields, and leave the rest to the settings"
        )
    options = {**identity.attributes, **signed_options(settings.api_key, identity)}
    try:
        # The second raises for text that is not Unicode.
        json.dumps(options, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused(
            f"the attributes are not JSON values ({type(error).__name__}): pass Unicode text,"
            " numbers, booleans, lists and mappings of these"
        ) from None
    return options


def site_options(settings: Settings) -> dict[str, object]:
    """Return the init options that are the same for everyone, in Pavior's documentation's order."""
    options: dict[str, object] = {
        "teamVanityId": settings.team_vanity_id,
        "doChat": settings.do_chat,
        "doTimeTravel": settings.do_time_travel,
        **settings.init_options,
    }
    return options if settings.share_auth is None else {**options, "shareAuth": settings.share_auth}


def render(
    settings: Settings,
    identity: Identity | None = None,
    *,
    asks_consent: bool = False,
    must_ask: bool = False,
    root_path: str = "",
) -> Snippet:
    """Return the script that loads the embed and calls init once.

    It means the same in every ASCII-compatible charset, and no text in it can end the script or
    open a comment (WHATWG HTML section 4.12.1.3). Run again on the same page with the
    same options it does nothing; with others it calls init again.

    With `share_auth` set the page borrows its login, and with `cacheable_pages` or `must_ask` its
    script asks who is logged in when it runs: in all three the identity is left out. `asks_consent`
    tells that the answer may be that there is no consent. `root_path` is the path below which the
    site stands as the request has it, as text. Where a page may be stored for everyone, as one that
    names nobody may, it does not count, since a request could choose it for others; the setting
    `root_path` does.

    Raises `IdentityRefused` for what `identity_options` refuses.
    """
    named: dict[str, object] = {}
    asks = "never"
    if settings.share_auth is None:
        if settings.cacheable_pages or must_ask:
            asks = "first" if asks_consent else "always"
        else:
            named = identity_options(settings, identity)
            asks = "restored"
    below = root_path if named or must_ask else ""
    path = "" if asks == "never" else _share_auth_path(settings, below)
    lender = lender_url(settings)
    arguments = (
        *(settings.embed_url, site_options(settings), named, asks, settings.inject_in_frames, path),
        *(lender or "", settings.bubble or ""),
    )
    text = _links(settings) + _with_json(_SCRIPT, "ARGUMENTS", arguments)
    return Snippet(text, is_personal=bool(named), asks=asks != "never", lender_url=lender)


def _share_auth_path(settings: Settings, root_path: str) -> str:
    """Return the path at which the script asks, as a URL has it: it begins with a single slash."""
    if settings.root_path is not None or settings.cacheable_pages:
        root_path = settings.root_path or ""
    return quote("".join(f"/{part}" for part in root_path.split("/") if part) + SHARE_AUTH)


def lender_url(settings: Settings) -> str | None:
    """Return the URL of the script that borrows the login; None on a site with users of its own.

    A site on this machine is asked by http where its borrower's pages are, so its URL has no scheme
    (WHATWG URL section 4.3) and takes theirs.
    """
    if settings.share_auth is None:
        return None
    host, _ = split_port(settings.share_auth)
    return f"{'' if is_loopback(host) else 'https:'}//{settings.share_auth}{SHARE_SCRIPT}"


def _links(settings: Settings) -> str:
    """Return the script that takes the login along where a link leads to a borrower."""
    if not settings.hands_off:
        return ""
    return _links_to(tuple(settings.shared_auth_domains))


@lru_cache(maxsize=16)  # the same for every page of a site
def _links_to(domains: tuple[str, ...]) -> str:
    return _with_json(_LINKS, "PATTERNS", Whitelist(domains).patterns)


def _with_json(script: str, name: str, value: Any) -> str:
    """Return a script with a value in place of the global variable that stands for it."""
    before, _, after = script.partition(name)
    return f"{before}{json.dumps(value, allow_nan=False).translate(_ESCAPES)}{after}"
