"""Logs which origins a site has not shared its login with, so that a typo in the whitelist shows.

Anybody can make requests with any origin. So each origin is logged once, and at most `MOST_ORIGINS`
are. Only text in the form of an origin is logged, so it cannot break or forge a line of the log.
"""

from __future__ import annotations

import re

from .._model.domains import Whitelist
from .._model.log import logger
from .._model.paths import FRAME, HANDOFF
from .request import Request

MOST_ORIGINS = 64

_ORIGIN = re.compile(r"null|https?://[A-Za-z0-9._:\[\]-]{1,260}")
_ORIGIN_OF_URL = re.compile(r"[^/?#\\]*//[^/?#\\]*")

_LAST = f"Pavior logs no more than {MOST_ORIGINS} origins with which the login was not shared"


class RefusedOrigins:
    """The refusals of one site."""

    def __init__(self, whitelist: Whitelist) -> None:
        self._whitelist = whitelist
        self._logged: set[str] = set()

    def see(self, request: Request) -> None:
        """Log the origin for which a refused request asks, if the whitelist is why."""
        origin = _asking_origin(request)
        if origin is None or not _ORIGIN.fullmatch(origin) or self._whitelist.allows(origin):
            return
        if origin in self._logged or len(self._logged) >= MOST_ORIGINS:
            return
        self._logged.add(origin)
        logger.warning("Pavior's login was not shared with %s: %s", origin, self._reason(origin))
        if len(self._logged) == MOST_ORIGINS:
            logger.warning(_LAST)

    def _reason(self, origin: str) -> str:
        scheme, _, domain = origin.partition("://")
        if origin == "null":
            return "it is an opaque origin, such as that of a sandboxed frame or of a file"
        if scheme == "http" and self._whitelist.allows(f"https://{domain}"):
            return "it is not https. If the site is yours, serve it over https"
        return (
            f"if the site is yours, add {domain} to shared_auth_domains"
            " (PAVIOR_SHARED_AUTH_DOMAINS), and to the whitelist in Pavior's settings"
        )


def _asking_origin(request: Request) -> str | None:
    """Return the origin for which a request asks; None if it names no single one."""
    if request.path == HANDOFF:
        found = _ORIGIN_OF_URL.match(request.parameter("to") or "")
        return found and found[0]
    origins = request.fields.get("origin", ())
    if origins and request.path != FRAME:
        return origins[0] if len(origins) == 1 else None
    return request.parameter("origin")
