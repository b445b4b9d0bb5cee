"""What the settings of one site say about its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .._model.settings import Settings


@dataclass(frozen=True, eq=False)
class SiteRules:
    """What the settings of one site say about its pages; made once, at start-up.

    `is_same_for_all`: pages are the same for everybody, and their script asks who is logged in.
    `names_users`: pages name the site's own users. `holds_login_cookie` looks for the login cookie
    in a request's fields, if the site has one. `varies_by` are the request fields on which the
    pages depend.
    """

    is_same_for_all: bool
    names_users: bool
    injects_in_frames: bool
    extends_policies: bool
    holds_login_cookie: Callable[[Mapping[str, str]], bool] | None
    has_root_path: bool
    varies_by: tuple[str, ...]
    skip_paths: tuple[tuple[str, ...], ...]

    def skips(self, path: str) -> bool:
        """Whether pages at a path get no chat."""
        return any(_matches(path, pieces) for pieces in self.skip_paths)


def site_rules(
    settings: Settings,
    *,
    asks_consent: bool,
    holds_login_cookie: Callable[[Mapping[str, str]], bool] | None = None,
) -> SiteRules:
    """Read the settings. `asks_consent` tells that the site has a `consent` callable."""
    return SiteRules(
        is_same_for_all=settings.cacheable_pages,
        names_users=not settings.cacheable_pages and settings.share_auth is None,
        injects_in_frames=settings.inject_in_frames,
        extends_policies=settings.csp == "extend",
        holds_login_cookie=holds_login_cookie,
        has_root_path=settings.root_path is not None,
        varies_by=_varies_by(settings, asks_consent=asks_consent),
        skip_paths=tuple(tuple(pattern.split("*")) for pattern in settings.skip_paths),
    )


def _varies_by(settings: Settings, *, asks_consent: bool) -> tuple[str, ...]:
    if settings.cacheable_pages:
        return ()
    if settings.share_auth is not None and not asks_consent:
        return ("Sec-Fetch-Dest",)  # a page that borrows its login is the same for every user
    return ("Cookie", "Sec-Fetch-Dest")


def _matches(path: str, pieces: Sequence[str]) -> bool:
    """Whether a path is these pieces with any text between them.

    Each piece is searched for once, behind the piece before it, so this takes linear time. A
    regular expression would try all combinations.
    """
    first, *middle = pieces
    if not middle:
        return path == first
    last = middle.pop()
    position, end = len(first), len(path) - len(last)
    if position > end or not (path.startswith(first) and path.endswith(last)):
        return False
    for piece in middle:
        found = path.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
