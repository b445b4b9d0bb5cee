"""The files that the script of a page loads, each at an address with a hash of its content."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from .. import _assets

FOLDER = "/.well-known/pavior/"
_HASH_DIGITS = 8


@dataclass(frozen=True)
class PageFile:
    """A file by its name, such as `page.js`; its content is pure ASCII.

    `path` is its address, such as `/.well-known/pavior/page-01234567.js`, which changes with the
    content, so that it may be stored for ever. `integrity` is its hash as browsers check it
    (Subresource Integrity, section 3.1).
    """

    name: str
    content: bytes = field(init=False, repr=False)
    path: str = field(init=False)
    integrity: str = field(init=False)

    def __post_init__(self) -> None:
        content = _assets.read(self.name).encode("ascii")
        digest = hashlib.sha256(content).digest()
        stem = self.name.removesuffix(".js")
        object.__setattr__(self, "content", content)
        object.__setattr__(self, "path", f"{FOLDER}{stem}-{digest.hex()[:_HASH_DIGITS]}.js")
        object.__setattr__(self, "integrity", f"sha256-{base64.b64encode(digest).decode()}")


PAGE = PageFile("page.js")
"""For all that is no ordinary page view, on a site with users of its own."""

BORROWER = PageFile("borrower.js")
"""The same on a site that borrows its login."""

LINKS = PageFile("links.js")
"""For links to sites that borrow the login."""

ALL = {file.name: file for file in (PAGE, BORROWER, LINKS)}
