"""Decides what happens to a kind of response, from its head and its request."""

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
    """Whether the visitor decides what becomes of the response."""


@dataclass(frozen=True)
class Pass(Plan):
    """The response passes unchanged."""

    reason: Reason


@dataclass(frozen=True)
class RemoveField(Plan):
    """The response passes, without the field by which the app has skipped it."""

    reason: Reason


@dataclass(frozen=True)
class Retry(Plan):
    """The response is dropped, and the middleware calls the app again for the whole page."""

    reason: Reason


@dataclass(frozen=True)
class Check(Plan):
    """The middleware calls the app again. This response goes out unless the second is another page.

    Such a page gains the script, or lacks it for want of consent.
    """

    reason: Reason


@dataclass(frozen=True)
class FollowLogin(Plan):
    """The response passes, but may update the login cookie: it may log somebody in or out."""

    reason: Reason
    needs_visitor = True


@dataclass(frozen=True)
class StayWithoutScript(Plan):
    """The response is a page that gains no script for this request alone.

    With `needs_visitor`, it may update the login cookie.
    """

    reason: Reason
    needs_visitor: bool


@dataclass(frozen=True)
class Revalidate(Plan):
    """A 304. It goes out if the client's copy is what the client would get now.

    `is_skipped` tells that the app has skipped it, so the client should have what the app made.
    """

    needs_visitor: bool
    is_skipped: bool = False


@dataclass(frozen=True)
class Inject(Plan):
    """The response is a page, which gains the script unless its visitor does not consent.

    `codings` decode its body. `head_is_first` tells that its new head does not depend on its body.
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

    `opened` returns the content codings of these names; None if one of them cannot be decoded.
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
                # Only the body shows whether it is a page, how long it gets, and whether it is what
                # its `Content-Encoding` says.
                waits = request.may_be_fragment or head.has_length or bool(codings)
                return Inject(codings, needs_visitor, head_is_first=not waits)
            return StayWithoutScript(Reason.FRAME, needs_visitor=follows_login)
        reason = Reason.CODING
    if follows_login:
        return FollowLogin(reason)
    return Pass(reason)


def _reason_to_pass(head: ResponseHead) -> Reason:
    """Return why a response is not a page that a browser shows (RFC 9110 section 15).

    Redirects, parts (section 15.3.7) and downloads are no such pages.
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
