"""`GET /.well-known/pavior/share-auth`: who is logged in, told to whitelisted origins alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..identity import Identity, IdentityRefused, signed_options
from ..log import WarnOnce
from ..settings import Settings
from .whitelist import origins

SHARE_AUTH_PATH = "/.well-known/pavior/share-auth"

_METHODS = "GET, HEAD, OPTIONS"
_ALWAYS = (
    ("Cache-Control", "no-store"),
    ("Vary", "Origin"),
    ("X-Content-Type-Options", "nosniff"),
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
        self._api_key = settings.api_key
        self._origins = origins(settings.shared_auth_domains)
        self._warn = WarnOnce()

    def serves(self, path: str) -> bool:
        """Whether a path is the endpoint's; none is where no domain is whitelisted."""
        return path == SHARE_AUTH_PATH and bool(self._origins)

    def refusal(self, method: str, origin: Sequence[str]) -> Answer | None:
        """Answer what can be answered without knowing the user, or return None.

        `origin` holds the values of the request's `Origin` fields. Nothing about the user is read
        for an origin that is not whitelisted, so nothing about them can show in the answer.
        """
        if len(origin) != 1 or origin[0] not in self._origins:
            return _answer(
                403, "text/plain; charset=utf-8", b"This origin may not share the login.\n"
            )
        cors = _cors(origin[0])
        if method == "OPTIONS":
            return Answer(204, (*_ALWAYS, *cors, ("Access-Control-Allow-Methods", "GET")), b"")
        if method not in _METHODS.split(", "):
            return Answer(405, (*_ALWAYS, *cors, ("Allow", _METHODS), ("Content-Length", "0")), b"")
        return None

    def answer(self, origin: Sequence[str], identity: Identity | None) -> Answer:
        """Tell a whitelisted origin who is logged in: the fields of init, or `{}` for nobody."""
        options: dict[str, str] = {}
        if identity is not None:
            try:
                options = signed_options(self._api_key, identity)
            except IdentityRefused as refusal:
                self._warn(f"Pavior's identity is not shared: {refusal}")
        return _answer(200, "application/json", json.dumps(options).encode(), *_cors(origin[0]))


def _cors(origin: str) -> tuple[tuple[str, str], ...]:
    """The fields with which a browser lets the origin read the answer (Fetch, section 3.3.3)."""
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
    )


def _answer(status: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    described = (("Content-Type", content_type), ("Content-Length", str(len(body))))
    return Answer(status, (*described, *_ALWAYS, *headers), body)
