"""Makes the script element of a page from settings and an identity."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import string
import struct
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import mul
from urllib.parse import SplitResult, quote, urlsplit

from .. import _assets
from .._assets.page_files import BORROWER, LINKS, PAGE, PageFile
from .._http import csp
from .._model.domains import Whitelist, is_loopback, split_port
from .._model.identity import Identity
from .._model.init_options import identity_options, site_options
from .._model.paths import FRAME, SHARE_AUTH, SHARE_SCRIPT
from .._model.settings import Settings

TRUSTED_TYPES_POLICY = "pavior-middleware"
"""The name of the script's Trusted Types policy, which makes its URLs."""

ATTRIBUTE = "data-pavior"
"""The attribute of the element that holds the script's data, as JSON."""

new_pad: Callable[[int], bytes] = os.urandom
"""Returns this number of random bytes, which mask the hmac of one response."""

_VARIANT_BYTES = 16


SCRIPT = _assets.read("core.js").rstrip("\n")
"""The text of the script: the same for everybody, on every page of every site."""

SCRIPT_INTEGRITY = f"sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}"

_VERSION = 1  # of the data's format
_START_OF_DATA = f'{ATTRIBUTE}=\'{{"v":{_VERSION},'.encode("ascii")
_START = f" data-astro-rerun {ATTRIBUTE}='".encode("ascii")
_END = f"'>{SCRIPT}</script>".encode("ascii")

_ASKS, _MAY_LACK_CONSENT, _BORROWS = 1, 2, 3  # reasons why a page does not name its user itself

_POWERS = [pow(31, place, 2**32) for place in range(256)]
_DIGITS = string.digits + string.ascii_lowercase
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_ESCAPES = [(character, f"\\u{ord(character):04x}") for character in "<>&'"]


@dataclass(frozen=True)
class Snippet:
    """The script element of one page, and what caches and policies need to know of it.

    `data` is what the script gets (`js/src/shared.d.ts`), except for `hmac`, the user's in hex.
    `files` are those that the script may load from its own site. `asks` tells that it may ask the
    site who is logged in, by a fetch of its own origin. `lender_url` is the URL of the script that
    borrows the login, or None.
    """

    data: Mapping[str, object]
    hmac: str | None
    files: tuple[PageFile, ...]
    asks: bool
    lender_url: str | None = None

    @property
    def is_personal(self) -> bool:
        """Whether it names somebody."""
        return "user" in self.data

    def element(self, nonce: str | None = None, *, checks_files: bool = False) -> bytes:
        """Return the `<script>` element, in ASCII, with the nonce of the page's policy if any.

        With `checks_files`, the script loads its files with their hashes, so that a policy can
        allow them (CSP Level 3, section 6.7.1.1). Then it does not accept files of another release.

        The element means the same in every ASCII-compatible charset, and no text of a user can end
        its attribute. The hmac is masked by a fresh pad, so that the lengths of compressed pages
        tell nothing of it.
        """
        tag = b"<script" if nonce is None else b'<script nonce="%s"' % nonce.encode("ascii")
        start, end = self._checking if checks_files else self._usual
        if self.hmac is None:
            return b"".join((tag, start, end))
        size = len(self.hmac) // 2
        masked = self._hmac_number ^ int.from_bytes(new_pad(size) * 2, "big")
        return b"".join((tag, start, hexlify(masked.to_bytes(2 * size, "big")), end))

    @staticmethod
    def early(element: bytes) -> bytes:
        """Return the form of an element for a page whose later policy would block the embed."""
        return element.replace(_START_OF_DATA, _START_OF_DATA + b'"early":true,', 1)

    @cached_property
    def _hmac_number(self) -> int:
        return int(self.hmac or "0", 16)

    @cached_property
    def _usual(self) -> tuple[bytes, bytes]:
        return self._around_hmac({})

    @cached_property
    def _checking(self) -> tuple[bytes, bytes]:
        return self._around_hmac({"hash": " ".join(file.integrity for file in self.files)})

    def _around_hmac(self, more: Mapping[str, object]) -> tuple[bytes, bytes]:
        """Return the parts of the element before and behind the masked hmac."""
        data = {**self.data, **more}
        text = _json(data if self.hmac is None else {**data, "hmac": ""}).encode("ascii")
        place = len(text) if self.hmac is None else len(text) - len(b'"}')
        return _START + text[:place], text[place:] + _END

    @cached_property
    def needs(self) -> csp.Needs:
        """What the element needs of the page's policies."""
        return _needs(
            str(self.data["urls"][0]),  # type: ignore[index]
            self.files,
            self.lender_url,
            asks_site=self.asks,
            loads_file_at_once="ask" in self.data,
        )

    @cached_property
    def variant(self) -> str:
        """22 letters, digits, `-` and `_` that identify this element among others."""
        text = _json([self.data, self.hmac, SCRIPT_INTEGRITY])
        digest = hashlib.sha256(text.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest[:_VARIANT_BYTES]).decode().rstrip("=")


def render(
    settings: Settings,
    identity: Identity | None = None,
    *,
    asks_consent: bool = False,
    must_ask: bool = False,
    root_path: str = "",
    mount_path: str = "",
) -> Snippet:
    """Return the script that loads the embed and calls init once.

    With `share_auth` set, the page borrows its login. With `cacheable_pages` or `must_ask`, its
    script asks who is logged in when it runs. In all three cases the identity is left out.
    `asks_consent` tells that the answer may be that there is no consent.

    `root_path` is, as text, the path of the site that the request has. It counts only in pages that
    nobody else gets, since a request could choose it for others. Pages that others get use
    `mount_path`. In all pages the setting `root_path` comes first.

    Raises `IdentityRefused` for what `identity_options` refuses.
    """
    lender = lender_url(settings)
    must_ask = lender is None and (settings.cacheable_pages or must_ask)
    options = {} if must_ask or lender else identity_options(settings, identity)
    named = {name: value for name, value in options.items() if name != "hmac"}
    hmac = str(options["hmac"]) if "hmac" in options else None
    is_for_one = bool(named) or (must_ask and not settings.cacheable_pages)
    root = _root(settings, root_path if is_for_one else mount_path)
    links = _link_origins(settings)
    files = (BORROWER if lender else PAGE, *((LINKS,) if links else ()))
    lenders = ["", lender] if lender else []
    asks = _BORROWS if lender else (_MAY_LACK_CONSENT if asks_consent else _ASKS) * must_ask
    data: dict[str, object] = {
        "v": _VERSION,
        "site": site_options(settings),
        "user": named,
        "tag": None if asks else tag(options),
        "urls": [settings.embed_url, *(root + file.path for file in files), *lenders],
        "ask": asks,
        "frames": settings.inject_in_frames,
        "bubble": settings.bubble,
        "links": links,
    }
    return Snippet(
        {name: value for name, value in data.items() if value},
        hmac,
        files,
        asks=lender is None,
        lender_url=lender,
    )


@lru_cache(maxsize=1024)  # all users of a site get the same object, which is a key of edits
def _needs(
    embed_url: str,
    files: tuple[PageFile, ...],
    lender_url: str | None,
    *,
    asks_site: bool,
    loads_file_at_once: bool,
) -> csp.Needs:
    embed = urlsplit(embed_url)
    scripts = {csp.origin(embed): embed}
    calls = {csp.origin(embed): embed._replace(path="/")}
    frames: dict[str, SplitResult] = {}
    if lender_url is not None:
        lender = urlsplit(lender_url)
        for sources, path in ((scripts, SHARE_SCRIPT), (calls, SHARE_AUTH), (frames, FRAME)):
            sources[csp.origin(lender) + path] = lender._replace(path=path)
    return csp.Needs(
        script_hash=f"'{SCRIPT_INTEGRITY}'",
        files=tuple(f"'{file.integrity}'" for file in files),
        loads_file_at_once=loads_file_at_once,
        scripts=scripts,
        calls=calls,
        calls_site=asks_site,
        frames=frames,
        trusted_types_policy=TRUSTED_TYPES_POLICY,
    )


def tag(options: Mapping[str, object]) -> str:
    """Return a tag by which other tabs see that a page names another user, and not which one.

    It is a hash of 32 bits in base 36. The script makes the same (`js/src/page/tabs.js`); browsers
    have no stronger hash without a wait.
    """
    text = "\n".join(str(options.get(name, "")) for name in ("id", "email", "hmac"))
    encoded = text.encode("utf-16-le")
    units = struct.unpack(f"<{len(encoded) // 2}H", encoded)
    total = 0
    for start in range(0, len(units), len(_POWERS)):
        part = units[start : start + len(_POWERS)]
        total = total * pow(31, len(part), 2**32) + sum(map(mul, reversed(part), _POWERS))
        total &= 0xFFFFFFFF
    digits = ""
    while total or not digits:
        total, digit = divmod(total, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _root(settings: Settings, root_path: str) -> str:
    """Return the path below which the page asks, as in a URL: '' or one that begins with /."""
    path = root_path if settings.root_path is None else settings.root_path
    return quote("".join(f"/{part}" for part in path.split("/") if part))


def lender_url(settings: Settings) -> str | None:
    """Return the URL of the script that borrows the login; None on a site with its own users.

    The URL of a lender on this machine has no scheme (WHATWG URL section 4.3), so it takes that of
    the borrower's pages, which may be http.
    """
    if settings.share_auth is None:
        return None
    host, _ = split_port(settings.share_auth)
    return f"{'' if is_loopback(host) else 'https:'}//{settings.share_auth}{SHARE_SCRIPT}"


def _link_origins(settings: Settings) -> Sequence[str]:
    """Return the origins to which links take the login along, as patterns."""
    return Whitelist(settings.shared_auth_domains).patterns if settings.hands_off else ()


def _json(value: object) -> str:
    text = _encode(value)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text
