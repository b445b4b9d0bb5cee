"""What happens to a kind of response: decided once, from what its head and its request say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._http.caller import REDIRECTS
from .._http.codings import Coding
from .._model.events import Reason
from .head import ResponseHead
from .request import RequestKind
from .rules import SiteRules

NOT_MODIFIED, PARTIAL_CONTENT = 304, 206
_WITHOUT_PAGE = frozenset({204, 205, PARTIAL_CONTENT})


class Plan:
    """What happens to a response."""

    needs_visitor = False
    """Whether who is visiting decides what becomes of it."""


@dataclass(frozen=True)
class Pass(Plan):
    """It passes as it is."""

    reason: Reason


@dataclass(frozen=True)
class RemoveField(Plan):
    """It passes, but for the field by which it says that it is to get no chat."""

    reason: Reason


@dataclass(frozen=True)
class Retry(Plan):
    """None of it goes out: the middleware calls the app again for the whole page."""

    reason: Reason


@dataclass(frozen=True)
class Check(Plan):
    """The middleware calls the app again; it goes out unless that brings another page.

    That is one for which there is a script, or no consent.
    """

    reason: Reason


@dataclass(frozen=True)
class FollowLogin(Plan):
    """It passes, but for the login cookie: after it, somebody else may be logged in."""

    reason: Reason
    needs_visitor = True


@dataclass(frozen=True)
class StayWithoutScript(Plan):
    """It is a page that stays without the script for this request alone.

    With `needs_visitor`, the login cookie follows it.
    """

    reason: Reason
    needs_visitor: bool


@dataclass(frozen=True)
class Revalidate(Plan):
    """It says that a copy of the client's holds: true if that copy is what the client gets now.

    `is_skipped`: the client is to get what the app makes.
    """

    needs_visitor: bool
    is_skipped: bool = False


@dataclass(frozen=True)
class Inject(Plan):
    """It is a page, which gains the script, unless its visitor gives no consent.

    `codings` open its body. `head_is_first`: all that its new head says is known before its body.
    """

    codings: tuple[Coding, ...]
    needs_visitor: bool
    head_is_first: bool = False


def plan(
    rules: SiteRules,
    request: RequestKind,
    head: ResponseHead,
    opened: Callable[[tuple[str, ...]], tuple[Coding, ...] | None],
) -> Plan:
    """Decide what happens to a response.

    `opened` returns the content codings of these names; None if one of them cannot be read.
    """
    needs_visitor = request.gets_script and not rules.is_same_for_all
    if head.is_inner:
        return RemoveField(Reason.INNER)
    if head.is_skipped:
        if head.status == NOT_MODIFIED and request.holds_variants:
            return Revalidate(needs_visitor=False, is_skipped=True)
        return RemoveField(Reason.SKIPPED)
    if request.is_skipped:
        return Pass(Reason.SKIP_PATH)
    if head.status == NOT_MODIFIED and request.holds_variants:
        return Revalidate(needs_visitor)
    if head.status == NOT_MODIFIED and request.holds_unknown_copy:
        return Check(Reason.UNKNOWN_COPY)
    if head.status == PARTIAL_CONTENT and request.wants_part and head.is_html and head.is_shown:
        return Retry(Reason.PART_OF_PAGE)
    follows_login = request.holds_login_cookie and (
        request.may_change_login or head.status in REDIRECTS
    )
    reason = _reason_to_pass(head)
    if reason is Reason.NONE:
        codings = opened(head.codings) if head.codings else ()
        if codings is not None:
            if request.gets_script:
                # The markup may have to tell what the response is, and only bytes tell a length,
                # or that a body is not what its `Content-Encoding` says.
                waits = request.may_be_fragment or head.has_length or bool(codings)
                return Inject(codings, needs_visitor, head_is_first=not waits)
            return StayWithoutScript(Reason.FRAME, needs_visitor=follows_login)
        reason = Reason.CODING
    if follows_login:
        return FollowLogin(reason)
    return Pass(reason)


def _reason_to_pass(head: ResponseHead) -> Reason:
    """Return why a response is no page that a browser shows (RFC 9110 section 15).

    Redirects, parts (section 15.3.7) and downloads are none.
    """
    if head.status == NOT_MODIFIED:
        return Reason.NOT_MODIFIED
    if head.status == PARTIAL_CONTENT or head.is_part:
        return Reason.PART
    if head.is_elsewhere:
        return Reason.ELSEWHERE
    if head.status < 200 or 300 <= head.status < 400 or head.status in _WITHOUT_PAGE:
        return Reason.NO_CONTENT
    if not head.is_html:
        return Reason.NOT_HTML
    if not head.is_shown:
        return Reason.DOWNLOAD
    if head.policies.is_isolated:
        return Reason.SANDBOX
    return Reason.NONE
