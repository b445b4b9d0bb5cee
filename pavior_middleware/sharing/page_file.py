"""The file that the script of a page loads, at an address with a hash of its content in it."""

from __future__ import annotations

import hashlib
import re

from .. import _assets
from ..well_known import PAGE_FILE
from .answer import Answer, answer, not_allowed
from .request import Request

_HASHED = re.compile(r"(?P<name>/\.well-known/pavior/page)-(?P<hash>[0-9a-f]{16})\.js")
_CONTENT = _assets.read("page.js").encode("ascii")
_HASH = hashlib.sha256(_CONTENT).hexdigest()[:16]

ADDRESS = PAGE_FILE.replace(".js", f"-{_HASH}.js")
"""The address at which the file may be stored for ever."""


def without_hash(path: str) -> str:
    """Return `PAGE_FILE` for the address of any version of it, and other paths as they are."""
    return PAGE_FILE if _HASHED.fullmatch(path) else path


def page_file(request: Request) -> Answer:
    """Return the file, whichever version of it a page asks for.

    A page of an older or a newer release, stored somewhere or made by another machine while a
    release is rolled out, gets this version, which nothing stores under that address.
    """
    if not request.is_read:
        return not_allowed("GET, HEAD")
    is_current = request.whole_path.endswith(ADDRESS)
    stored = "public, max-age=31536000, immutable" if is_current else "no-store"
    fields = (("Cache-Control", stored), ("Vary", "Accept-Encoding"))
    return answer(200, "text/javascript; charset=utf-8", _CONTENT, *fields)
