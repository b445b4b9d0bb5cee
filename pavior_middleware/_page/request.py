"""One request, as far as it matters to its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple

from .._http.caller import FETCHED_OR_UNKNOWN, FRAMES, SAFE_METHODS, is_foreign_fetch
from .._http.cookies import cookies_after
from .conditions import CONDITIONAL, NO_CONDITIONS, Conditions, conditions
from .placeholder import new_placeholder
from .rules import SiteRules


class RequestKind(NamedTuple):
    """What decides about the response to a request; a site sees a dozen kinds.

    `gets_script`: its page may get the script. `may_be_fragment`: the markup has to tell whether it
    is a page or a part of one. `may_change_login`: the method may log somebody in or out.
    `is_foreign`: the site names users, and another origin's script may read the response.
    `holds_login_cookie`: the login cookie came along, in a request that says something about who is
    logged in. `holds_variants`: the client holds copies that this middleware made.
    `holds_unknown_copy`: it holds one that may be a page, and no mark tells which. `wants_part`:
    the app sees a `Range`.
    """

    is_skipped: bool = False
    gets_script: bool = False
    may_be_fragment: bool = False
    is_head: bool = False
    may_change_login: bool = False
    is_foreign: bool = False
    holds_login_cookie: bool = False
    holds_variants: bool = False
    holds_unknown_copy: bool = False
    wants_part: bool = False


class Earlier(NamedTuple):
    """An answer of the app after which it is asked again, in the form of the adapter's interface.

    `cookies` are the fields by which it sets cookies; they go out in any case. `may_go_out`: the
    whole answer goes out, unless the next one is another page.
    """

    status: int
    headers: Sequence[tuple[Any, Any]]
    cookies: Sequence[tuple[Any, Any]]
    may_go_out: bool


class PageRequest:
    """One request, as far as it matters to its page. A template may say that it places the script.

    `path` is the whole path and `root_path` the part of it below which the app stands, as text;
    `scheme` is that of the URL. `fields` are the request's, of which those in `conditions.FIELDS`
    are looked at, names in lower case. `is_conditional` is False where none of them is in
    `conditions.CONDITIONAL`.
    """

    KEY = "pavior_middleware.request"
    """Under which the adapters keep it in the ASGI scope or the WSGI environ."""

    is_skipped = False
    """Whether its path gets no chat."""

    mount_path = ""
    """The part of `root_path` at which the app of another middleware has put this one's."""

    placeholder: bytes | None = None
    """What templates write where the script is to stand, once one has asked for it."""

    earlier: Earlier | None = None
    """What the app has answered when it was first asked, if this is the second time."""

    conditions = NO_CONDITIONS
    _kind: RequestKind | None = None

    def __init__(
        self,
        rules: SiteRules,
        method: str,
        scheme: str,
        path: str,
        root_path: str,
        fields: Mapping[str, str],
        is_conditional: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.root_path = root_path
        self.fields = fields
        self._rules = rules
        self._scheme = scheme
        if rules.skip_paths and rules.skips(path):
            self.is_skipped = True
            self._kind = _SKIPPED
        elif is_conditional:
            destination = fields.get("sec-fetch-dest", "")
            self.conditions = conditions(
                method,
                fields,
                gets_script=_gets_script(rules, destination),
                is_same_for_all=rules.is_same_for_all,
            )

    @property
    def kind(self) -> RequestKind:
        """What decides about the response."""
        if self._kind is None:
            fields, rules = self.fields, self._rules
            destination = fields.get("sec-fetch-dest", "")
            # Nothing that a client has chosen is remembered: it could be long, and ever new.
            self._kind = _kind(
                rules,
                self.method == "HEAD",
                self.method not in SAFE_METHODS,
                destination if _is_for_page(destination) else _NO_PAGE,
                rules.names_users and self.is_foreign,
                rules.holds_login_cookie is not None and rules.holds_login_cookie(fields),
                bool(self.conditions.copies),
                self.conditions.holds_unknown_copy,
                self.conditions.wants_part,
            )
        return self._kind

    @property
    def is_foreign(self) -> bool:
        """Whether a script of another origin may have made the request."""
        return is_foreign_fetch(self.fields, self._scheme)

    @property
    def replaced_fields(self) -> Mapping[str, str | None]:
        """The conditions that the app sees changed, as the client has sent them.

        None stands for a field that it has not sent.
        """
        changed = self.conditions.changes.keys() & CONDITIONAL
        return {name: self.fields.get(name) for name in changed}

    def stand_inside(self, outer: PageRequest) -> None:
        """Take what an outer middleware knows of this request.

        Where both see the same path, what its app has added to `root_path` is a part of that path,
        and no field of the request has chosen it.
        """
        if self.path == outer.path and self.root_path.startswith(outer.root_path):
            self.mount_path = self.root_path[len(outer.root_path) :]

    def see_path(self, path: str) -> None:
        """Take the whole path as the app has it, which may know of a prefix that a proxy removes.

        An app that hands requests on to mounted apps leaves the whole path as it is.
        """
        if path.endswith(self.path):
            self.root_path = path.removesuffix(self.path) + self.root_path

    def place(self) -> bytes:
        """Return the placeholder of this request, for a template."""
        self.placeholder = self.placeholder or new_placeholder()
        return self.placeholder

    def again(self, earlier: Earlier, set_cookies: Sequence[str]) -> PageRequest:
        """Return the request in which the app is asked for the whole page.

        `set_cookies` are the values of `earlier.cookies`, as text. The app sees them as from a
        browser.
        """
        again = copy(self)
        changes = self.conditions.again
        if set_cookies:
            cookies = cookies_after(
                self.fields.get("cookie", ""),
                set_cookies,
                host=self.fields.get("host", ""),
                path=self.path,
                # A proxy may keep https to itself. Browsers send this field where they keep such
                # cookies: to https and loopback (Fetch Metadata section 2.4).
                is_secure=self._scheme == "https" or "sec-fetch-site" in self.fields,
            )
            changes = {**changes, "cookie": cookies or None}
        again.conditions = Conditions(changes=changes)
        again.earlier = earlier
        again.placeholder = None
        again._kind = None  # the copies that the client holds do not count any more
        return again


_NO_PAGE = "image"
"""Stands for every `Sec-Fetch-Dest` of what is no page."""

_SKIPPED = RequestKind(is_skipped=True)


@lru_cache(maxsize=256)
def _kind(
    rules: SiteRules,
    is_head: bool,  # `lru_cache` compares arguments by their places
    may_change_login: bool,
    destination: str,
    is_foreign: bool,
    holds_login_cookie: bool,
    holds_variants: bool,
    holds_unknown_copy: bool,
    wants_part: bool,
) -> RequestKind:
    gets_script = rules.is_same_for_all or _gets_script(rules, destination)
    return RequestKind(
        gets_script=gets_script,
        may_be_fragment=gets_script
        and (rules.is_same_for_all or destination in FETCHED_OR_UNKNOWN),
        is_head=is_head,
        may_change_login=may_change_login,
        is_foreign=is_foreign,
        holds_login_cookie=holds_login_cookie,
        holds_variants=holds_variants,
        holds_unknown_copy=holds_unknown_copy,
        wants_part=wants_part,
    )


def _is_for_page(destination: str) -> bool:
    return destination in FETCHED_OR_UNKNOWN or destination == "document" or destination in FRAMES


def _gets_script(rules: SiteRules, destination: str) -> bool:
    is_in_frame = destination in FRAMES and not rules.injects_in_frames
    return _is_for_page(destination) and not is_in_frame
