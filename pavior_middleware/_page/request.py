"""The parts of a request that matter to its page."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from .._http.caller import FETCHED_OR_UNKNOWN, FRAMES, SAFE_METHODS, is_foreign_fetch
from .._http.cookies import cookies_after
from .._http.session_cookies import payloads_of
from .._model.identity_key import NOT_SAID, REQUEST_KEY, IdentityHolder
from .._model.visitor import Visitor
from .conditions import CONDITIONAL, NO_CONDITIONS, Conditions, conditions
from .placeholder import new_placeholder
from .rules import SiteRules


@dataclass(frozen=True, slots=True, eq=False)  # so plans are found by the object, not its values
class RequestKind:
    """The parts of a request that decide what happens to its response; a site sees a dozen kinds.

    `gets_script`: the page may get the script. `may_be_fragment`: only the markup shows whether the
    response is a page or a part of one. `may_change_login`: the method may log somebody in or out.
    `is_foreign`: the site names users, and another origin's script may read the response.
    `holds_login_cookie`: the request holds the login cookie, and all cookies of the app came along.
    `holds_variants`: the client holds copies that this middleware made. `holds_unknown_copy`: the
    client holds a copy that may be a page, and no mark says which element it holds. `wants_part`:
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

    `cookies` are its `Set-Cookie` fields, which go out in any case. `may_go_out` tells that the
    whole answer goes out, unless the next answer is another page.
    """

    status: int
    headers: Sequence[tuple[Any, Any]]
    cookies: Sequence[tuple[Any, Any]]
    may_go_out: bool


class PageRequest(IdentityHolder):
    """The parts of a request that matter to its page. A template may ask it for a placeholder.

    `path` is the whole path, and `root_path` the part of it below which the app is, as text.
    `scheme` is that of the URL. `fields` are the request's header fields, with names in lower case;
    only those in `conditions.FIELDS` are read. `is_conditional` is False if the request has no
    field of `conditions.CONDITIONAL`.
    """

    KEY = REQUEST_KEY
    """The key under which adapters keep the request in the ASGI scope or the WSGI environ."""

    outer: PageRequest | None = None
    """The same request, as an outer middleware has it."""

    visitor: Visitor | None
    """Who is visiting, once a layer inside the app knows."""

    response_fields: Sequence[tuple[Any, Any]] = ()
    """The header fields of the app's response, in the form of the adapter's interface.

    They are set before the visitor is looked up.
    """

    is_skipped: bool
    """Whether its path is in `skip_paths`."""

    mount_path: str
    """The part of `root_path` that the app of an outer middleware has mounted this app at."""

    is_rendered = False
    """Whether the whole page is rendered, so no template will ask for a placeholder."""

    placeholder: bytes | None
    """What templates write at the script's place; None until a template has asked for it."""

    earlier: Earlier | None
    """The app's first answer, if this is the second time that it is asked."""

    conditions: Conditions
    """What the client's conditions ask for."""

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
        # Up to Python 3.11, reading an attribute of the class takes longer.
        self._kind: RequestKind | None = None
        self.visitor = self.earlier = self.placeholder = None
        self.is_skipped, self.mount_path, self.conditions = False, "", NO_CONDITIONS
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
        """What decides what happens to the response."""
        if self._kind is None:
            fields, rules, request_conditions = self.fields, self._rules, self.conditions
            destination = fields.get("sec-fetch-dest", "")
            # No text that a client has chosen is remembered: it could be long, and always new.
            self._kind = _kind(
                rules,
                self.method == "HEAD",
                self.method not in SAFE_METHODS,
                destination if destination in _FOR_PAGE else _NO_PAGE,
                rules.names_users and is_foreign_fetch(fields, self._scheme),
                rules.holds_login_cookie is not None and rules.holds_login_cookie(fields),
                bool(request_conditions.copies),
                request_conditions.holds_unknown_copy,
                request_conditions.wants_part,
            )
        return self._kind

    @property
    def is_foreign(self) -> bool:
        """Whether a script of another origin may have made the request."""
        return is_foreign_fetch(self.fields, self._scheme)

    @property
    def replaced_fields(self) -> Mapping[str, str | None]:
        """The fields that the app sees changed, with the values that the client has sent.

        None means that the client has not sent the field.
        """
        changed = self.conditions.changes.keys() & CONDITIONAL
        return {name: self.fields.get(name) for name in changed}

    def stand_inside(self, outer: PageRequest) -> None:
        """Take what an outer middleware knows of this request.

        If both see the same path, the outer app has added a part of that path to `root_path`. No
        field of the request has chosen that part.
        """
        self.outer = outer
        if self.path == outer.path and self.root_path.startswith(outer.root_path):
            self.mount_path = self.root_path[len(outer.root_path) :]

    def see_path(self, path: str) -> None:
        """Take the whole path from the app, which may know a prefix that a proxy removes.

        An app that passes requests on to mounted apps leaves the whole path unchanged.
        """
        if path.endswith(self.path):
            self.root_path = path.removesuffix(self.path) + self.root_path

    def place(self) -> bytes:
        """Return the placeholder of this request, for a template."""
        self.placeholder = self.placeholder or new_placeholder()
        return self.placeholder

    def cookies_after(self, cookies: str) -> str:
        """Return the `Cookie` field of a browser's next request; `cookies` is this request's."""
        set_cookies = [
            value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in self.response_fields
            if name.lower() in _SET_COOKIE
        ]
        return self._cookies_after(cookies, set_cookies) if set_cookies else cookies

    def changes_session(self, names: Container[str]) -> bool:
        """Whether the response changes the contents of the session's cookies, given by name."""
        before = self.fields.get("cookie", "")
        after = self.cookies_after(before)
        return after != before and payloads_of(after, names) != payloads_of(before, names)

    def _cookies_after(self, cookies: str, set_cookies: Sequence[str]) -> str:
        return cookies_after(
            cookies,
            set_cookies,
            host=self.fields.get("host", ""),
            path=self.path,
            # Behind a proxy the scheme may be http. Browsers send this field to https and loopback
            # (Fetch Metadata section 2.4), and that is where they keep such cookies.
            is_secure=self._scheme == "https" or "sec-fetch-site" in self.fields,
        )

    def again(self, earlier: Earlier, set_cookies: Sequence[str]) -> PageRequest:
        """Return the request in which the app is asked for the whole page.

        `set_cookies` are the values of `earlier.cookies`, as text. The app sees these cookies as if
        a browser sent them.
        """
        again = copy(self)
        changes = self.conditions.again
        if set_cookies:
            cookies = self._cookies_after(self.fields.get("cookie", ""), set_cookies)
            changes = {**changes, "cookie": cookies or None}
        again.conditions = Conditions(changes=changes)
        again.earlier = earlier
        again.placeholder = None
        again.visitor = None
        again.identity = NOT_SAID
        again._kind = None  # in this request, the client's copies do not count
        return again


_FOR_PAGE = FETCHED_OR_UNKNOWN | FRAMES | {"document"}
"""Values of `Sec-Fetch-Dest` for what may be a page."""

_NO_PAGE = "image"
"""Replaces every `Sec-Fetch-Dest` that is not that of a page."""

_SET_COOKIE = ("set-cookie", b"set-cookie")

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


def _gets_script(rules: SiteRules, destination: str) -> bool:
    is_in_frame = destination in FRAMES and not rules.injects_in_frames
    return destination in _FOR_PAGE and not is_in_frame
