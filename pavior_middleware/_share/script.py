"""`share.js`: the script that the pages of a borrower run."""

from __future__ import annotations

import base64
import hashlib

from werkzeug.http import parse_etags, quote_etag

from .. import _assets
from .answer import Answer, answer, not_allowed
from .request import Request

# Files are read when this module is imported: Starlette makes its middleware in the event loop.
_WITH_HANDOFF = _assets.read("share.js").encode("ascii")
_WITHOUT_HANDOFF = _assets.read("share-without-handoff.js").encode("ascii")
_SECONDS = 3600
_FIELDS = (
    ("Cache-Control", f"public, max-age={_SECONDS}"),
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Vary", "Accept-Encoding"),
)


class Script:
    """Answers this path for one site. The answer is the same for every user.

    So any cache may store it. `hands_off` tells that there is a `handoff`; without it, the script
    does not go there.
    """

    def __init__(self, *, hands_off: bool) -> None:
        self._body = _WITH_HANDOFF if hands_off else _WITHOUT_HANDOFF
        digest = hashlib.sha256(self._body).digest()
        self._etag = base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    def answer(self, request: Request) -> Answer:
        """Return the script, or a 304 if the client has it."""
        if not request.is_read:
            return not_allowed("GET, HEAD")
        fields = (*_FIELDS, ("ETag", quote_etag(self._etag)))
        tags = parse_etags(", ".join(request.fields.get("if-none-match", ())))
        if tags.contains_weak(self._etag):
            return answer(304, "", b"", *fields)
        return answer(200, "text/javascript; charset=utf-8", self._body, *fields)
