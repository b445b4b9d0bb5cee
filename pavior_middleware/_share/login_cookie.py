"""The login cookie: says to `share-auth` alone who was logged in a short while ago."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from werkzeug.http import dump_cookie

from .._http.caller import is_begun_elsewhere, is_for_tab, may_lack_cookies
from .._model.identity import Identity, IdentityRefused, signed_options
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from .tokens import Loan, Tokens

NAME = "__Host-pavior-share"
"""Only this host can set a cookie of this name, and only over TLS (RFC 6265bis section 4.1.3.2)."""

_FRESH_PART = 0.1  # the part of its life in which it is not renewed
_LONGEST = 4096  # bytes of name, value and attributes that a browser keeps; RFC 6265 section 6.1


class LoginCookie:
    """Sets, renews and deletes the login cookie of one site, by `Set-Cookie` fields as text.

    | The app names | in | The cookie is | unless |
    | --- | --- | --- | --- |
    | a user | a page in a tab | made the user's | it is the user's, and fresh |
    | | another page | made the user's | it is, and fresh; or the request is suspect |
    | | no page, in a tab or after a form | made the user's | it is; or the request is suspect |
    | | any other response | left unchanged | |
    | nobody | any response | deleted | the request has none, or may lack the app's own cookies |
    | it is not known | any response | left unchanged | |

    A request is suspect if another origin has begun it, or if it holds two cookies of the session's
    name. Then another host of the domain may have set the session for that path alone. In a tab, a
    page shows whom it names, so its user would notice. Nobody would notice a redirect of one of the
    site's own images, which is no page and in no tab.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._fresh_seconds = settings.shared_auth_seconds * _FRESH_PART
        self._warn = WarnOnce()

    def after(
        self,
        visitor: Visitor,
        fields: Mapping[str, str],
        has_two_sessions: Callable[[], bool],
        *,
        is_page: bool,
        is_safe: bool,
    ) -> str | None:
        """Return the field that a response gains; None if it leaves the cookie unchanged.

        `fields` are the request's header fields, in lower case, and `is_safe` tells that its method
        only reads. `has_two_sessions` returns whether the request holds two cookies of the
        session's name, which few responses depend on.
        """
        is_in_tab = is_for_tab(fields)
        if visitor.user is not None and not (is_page and is_in_tab):
            is_aside = not is_page and is_safe and not is_in_tab
            if is_aside or is_begun_elsewhere(fields) or has_two_sessions():
                return None
        loan = self._loan_of(visitor, fields)
        if loan is not None and (not is_page or loan.age < self._fresh_seconds):
            return None
        return self.update(visitor, "" if may_lack_cookies(fields) else fields.get("cookie", ""))

    def update(self, visitor: Visitor, cookies: str) -> str | None:
        """Return a field that makes the cookie that of the visitor; None if it needs none.

        A user who is logged in gets a new cookie. For everybody else the cookie is deleted, if
        `cookies`, the request's `Cookie` field, has one. Nothing changes if it is not known who is
        logged in.
        """
        if visitor.is_doubtful or visitor.lookup_failed:
            return None
        identity = visitor.identity if visitor.consents else None
        field = None if identity is None else self._field(identity)
        return field or (DELETION if _values(cookies) else None)

    def tells(self, fields: Mapping[str, str]) -> bool:
        """Whether the cookie came in a request that says something about who is logged in.

        A request from another site, or from a frame in its page, may lack the app's own cookies, so
        it would say that nobody is logged in.
        """
        return not may_lack_cookies(fields) and bool(_values(fields.get("cookie", "")))

    def read(self, fields: Sequence[str]) -> Loan | None:
        """Return what the cookie says that came in a request's `Cookie` fields; None if nothing."""
        values = _values("; ".join(fields))
        if len(values) != 1 or len(values[0]) > _LONGEST:  # values that are read are remembered
            return None
        return self._tokens.read_cookie(values[0])

    def _loan_of(self, visitor: Visitor, fields: Mapping[str, str]) -> Loan | None:
        """Return what the cookie says, if a new cookie for the visitor would say the same."""
        loan = self.read([fields.get("cookie", "")]) if visitor.consents else None
        return loan if loan is not None and loan.is_of(visitor.identity) else None

    def _field(self, identity: Identity) -> str | None:
        try:
            if not signed_options(self._settings.api_key, identity):
                return None
        except IdentityRefused:
            return None  # `share-auth` logs the reason
        field = _dump(self._tokens.cookie(identity), self._settings.shared_auth_seconds)
        if len(field) > _LONGEST:
            self._warn("Pavior's login is not shared: the id or email is too long for a cookie")
            return None
        return field


def _values(cookies: str) -> list[str]:
    """Return the values of cookies of this name, trimmed as RFC 6265bis section 5.7 requires.

    Libraries trim more of a name, so a cookie that another host can set would pass for ours.
    """
    if NAME not in cookies:
        return []
    pairs = (piece.partition("=") for piece in cookies.split(";"))
    return [value.strip(" \t") for name, _, value in pairs if name.strip(" \t") == NAME]


def _dump(value: str, seconds: int) -> str:
    return dump_cookie(
        NAME,
        value,
        max_age=seconds,
        secure=True,
        httponly=True,
        samesite="None",
        path="/",
        sync_expires=False,
        max_size=0,  # the length is checked in this module
    )


DELETION = _dump("", 0)
"""The `Set-Cookie` field that deletes the cookie."""
