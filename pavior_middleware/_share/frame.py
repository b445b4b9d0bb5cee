"""`frame`: a page inside a borrower's page that may read the login cookie after a click."""

from __future__ import annotations

import base64
import hashlib
import html

from .. import _assets
from .._model.domains import Whitelist
from .answer import NOT_WHITELISTED, Answer, answer, not_allowed, refused
from .request import Request

_STYLE = "html,body,button{margin:0;width:100%;height:100%;border:0;background:none;cursor:pointer}"
_SCRIPT = _assets.read("frame.js")


class Frame:
    """Answers this path for one site; made once, at start-up.

    The page itself names nobody. Only pages of one origin may have it in a frame. It sends the
    answer of `share-auth` by `postMessage` to that origin alone.
    """

    def __init__(self, whitelist: Whitelist) -> None:
        self._whitelist = whitelist
        self._policy = (
            f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)};"
            " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
        )

    def answer(self, request: Request) -> Answer:
        """Return the page for the origin in the parameter `origin`."""
        if not request.is_read:
            return not_allowed("GET, HEAD")
        origin = request.parameter("origin")
        if origin is None or not self._whitelist.allows(origin):
            return refused(NOT_WHITELISTED)
        if request.destination not in (None, "iframe"):
            return refused("This page is for frames.")
        fields = [
            ("Content-Security-Policy", self._policy + origin),
            # A page with COEP, where all it loads must opt in, can have this page in a frame, too.
            ("Cross-Origin-Resource-Policy", "cross-origin"),
            ("Cross-Origin-Embedder-Policy", "require-corp"),
        ]
        if request.storage_access == "inactive":
            fields.append(("Activate-Storage-Access", "load"))
        return answer(200, "text/html; charset=utf-8", self._page(origin), *fields)

    def _page(self, origin: str) -> bytes:
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Chat</title>'
            f"<style>{_STYLE}</style>"
            f'<button type="button" aria-label="Open chat" data-origin="{html.escape(origin)}">'
            f"</button><script>{_SCRIPT}</script></html>"
        ).encode()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
