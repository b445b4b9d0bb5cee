"""The files that the script of a page loads."""

from __future__ import annotations

import re

from .._assets.page_files import ALL, FOLDER
from .answer import Answer, answer, not_allowed
from .request import Request

_HASHED = re.compile(rf"(?P<folder>{re.escape(FOLDER)})(?P<stem>[a-z]+)-[0-9a-f]{{8}}(?P<end>\.js)")
_FOR_EVER = "public, max-age=31536000, immutable"


def without_hash(path: str) -> str:
    """Return the path of a file without its hash; other paths unchanged."""
    return _HASHED.sub(r"\g<folder>\g<stem>\g<end>", path) if _HASHED.fullmatch(path) else path


PATHS = frozenset(without_hash(file.path) for file in ALL.values())


def page_file(request: Request) -> Answer:
    """Return the file, for any version of it that a page asks for.

    A page of another release may be in a cache, or come from another machine while a release is
    rolled out. It gets the version of this release, which caches must not store under that address.
    """
    if not request.is_read:
        return not_allowed("GET, HEAD")
    file = ALL[request.path.removeprefix(FOLDER)]
    stored = _FOR_EVER if request.whole_path.endswith(file.path) else "no-store"
    fields = (("Cache-Control", stored), ("Vary", "Accept-Encoding"))
    return answer(200, "text/javascript; charset=utf-8", file.content, *fields)
