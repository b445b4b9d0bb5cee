"""One response on its way to the client, without I/O: both adapters drive this object.

An adapter hands over what the app sends, and sends on what this object returns. The states, and
what may be called in each:

    at first  one of PASSING, EDITED, HELD, ASKING, RETRY, EARLIER
    ASKING    visitor(…)  → PASSING, EDITED, HELD, RETRY, EARLIER
    EDITED    head()      → PASSING
    HELD      feed(…)     → HELD, COMPLETE      head() → SENDING, DROPPED
    SENDING   feed(…)     → SENDING, DONE
    COMPLETE  head()      → DONE, DROPPED
    EARLIER   head()      → DROPPED
    RETRY     again()     → RETRY
    any       abandon()   → PASSING

PASSING: head and body are the app's, untouched from here on. EDITED: a new head is ready, the body
stays; with `drops_body`, none of it goes out. HELD: a page, whose new head is known best once bytes
of the body have been returned, so adapters ask for it no sooner than it must be sent; with
`head_is_first`, the body adds so little that an adapter that can send a head by itself does so.
COMPLETE: all of the body is there, the head was not taken. RETRY: the app is to be asked again, by
the request that `again()` returns, and nothing goes out of this response for now. EARLIER, in the
second response: the first one goes out in its place. DROPPED: it has, and had no body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, AnyStr, Generic

from .._http.cache_control import DIGESTS
from .._model.events import Event, Outcome, Reason
from .._model.visitor import Visitor
from ..placement import Inserter
from .body import Body, CodedBody, Document, PlainBody
from .head_edit import HeadEdits, Values
from .known_heads import KnownHeadInserter
from .payload import NOTHING, Payload, without_snippet
from .placeholder import Replacer
from .plan import (
    Check,
    FollowLogin,
    Inject,
    Pass,
    Plan,
    RemoveField,
    Retry,
    Revalidate,
    StayWithoutScript,
)
from .request import Earlier, PageRequest
from .snippet import Snippet
from .variants import FRAGMENT, NO_SCRIPT, copy_that_holds

if TYPE_CHECKING:
    from .pages import Pages

_OF_ORIGINAL = DIGESTS | {"etag", "signature", "signature-input"}


class State(Enum):
    """How far a response is."""

    __hash__ = object.__hash__  # that of `Enum` is a function in Python

    ASKING = auto()
    EDITED = auto()
    HELD = auto()
    SENDING = auto()
    COMPLETE = auto()
    PASSING = auto()
    RETRY = auto()
    EARLIER = auto()
    DROPPED = auto()
    DONE = auto()


TRANSITIONS: Mapping[str, Mapping[State, frozenset[State]]] = {
    "visitor": {
        State.ASKING: frozenset(
            {State.PASSING, State.EDITED, State.HELD, State.RETRY, State.EARLIER}
        ),
    },
    "head": {
        State.EDITED: frozenset({State.PASSING}),
        State.HELD: frozenset({State.SENDING, State.DROPPED}),
        State.COMPLETE: frozenset({State.DONE, State.DROPPED}),
        State.EARLIER: frozenset({State.DROPPED}),
    },
    "again": {State.RETRY: frozenset({State.RETRY})},
    "feed": {
        State.HELD: frozenset({State.HELD, State.COMPLETE}),
        State.SENDING: frozenset({State.SENDING, State.DONE}),
    },
    "abandon": dict.fromkeys(State, frozenset({State.PASSING})),
}
"""What may be called in which state, and to which states it leads."""


_ASKING, _HELD, _SENDING = State.ASKING, State.HELD, State.SENDING


class IllegalCall(RuntimeError):
    """An adapter has called what the state of the response does not allow."""


class PageResponse(Generic[AnyStr]):
    """One response on its way to the client, which an app has begun.

    `headers` are the fields of its head in the form of the adapter's interface
    (`headers.FieldForm`).
    """

    _payload: Payload = NOTHING
    _body: Body | None = None
    head_is_first = False
    """Whether its head may go before any of its body, as that of a page that gains the script.

    Bytes of the body could still tell that every byte of the page is known, or that the page gains
    nothing. Neither is worth the wait for an app that is slow to begin.
    """

    drops_body = False
    """Whether nothing of the body may go to the server: the answer to a `HEAD` has none.

    Some apps send the page all the same, and some servers tell its length, which is not that of the
    page with the script.
    """

    _is_strong = True  # whether every byte of the page is known
    _received = 0

    def __init__(
        self,
        pages: Pages[AnyStr],
        request: PageRequest,
        status: int,
        headers: Sequence[tuple[AnyStr, AnyStr]],
    ) -> None:
        self._pages: Pages[AnyStr] = pages
        self._request = request
        self._kind = request.kind
        self.status = status
        if request.earlier is not None:
            headers = list(request.earlier.cookies) + list(headers)
        head, self._nonces, self._declared = pages.reader.read(status, headers)
        self._head = head
        self._plan: Plan
        self._edits: HeadEdits[AnyStr]
        self._plan, self._edits = pages.plan(self._kind, head)
        self._headers: Sequence[tuple[AnyStr, AnyStr]] = headers
        if head.repeats and not isinstance(self._plan, Pass | RemoveField | Check):
            self._headers = pages.joined(headers)
        self.state = _ASKING
        if not self._plan.needs_visitor:
            self._decide(None, None)

    @property
    def changes_body(self) -> bool:
        """Whether the body has to pass through `feed`."""
        return self.state is _HELD or self.state is _SENDING

    @property
    def follows_login(self) -> bool:
        """Whether it is no page that names a user, but the login cookie follows it."""
        return isinstance(self._plan, FollowLogin | StayWithoutScript)

    def visitor(self, visitor: Visitor, cookie: str | None = None) -> State:
        """Take the visitor, and the login cookie's `Set-Cookie` field; return the new state."""
        self._check("visitor")
        return self._decide(visitor, cookie)

    def again(self) -> PageRequest:
        """Return the request by which the app is to be asked again."""
        self._check("again")
        decode = self._pages.form.decode
        cookies = self._cookies(self._headers)
        may_go_out = isinstance(self._plan, Check)
        earlier = Earlier(self.status, self._headers, cookies, may_go_out)
        return self._request.again(earlier, [decode(value) for _, value in cookies])

    def head(self) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new header fields, as far as the bytes so far tell; to be taken once.

        They belong to `status`, which may be that of the earlier answer from now on.
        """
        self._check("head")
        if self.state is State.EARLIER:
            return self._head_of_earlier()
        self.state = _AFTER_HEAD[self.state]
        payload, body, length, is_strong = self._payload, self._body, None, self._is_strong
        if body is not None and body.stays:
            self._payload = payload = payload.of_fragment() if body.is_fragment else NOTHING
            self._report("passed", Reason.UNCHANGED)
            if self._yields:
                return self._head_of_earlier()
        elif body is not None:
            is_strong = body.is_determined
            if self._declared is not None:
                length = body.length(self._declared)
            if self._pages.is_heard:
                self._report("injected", is_named=payload.edit.is_personal)
        # A policy may change the form of the element while the app's tag stays.
        is_strong = is_strong and not (payload.is_masked or self._head.policies.needs_hashes)
        values = Values(payload.variant, is_strong, length, payload.cookie, self._nonces)
        return self._edits[payload.edit].apply(self._headers, values)

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterable[bytes]:
        """Take the body's next bytes and return what may be sent of it now, in pieces.

        What an app sends it may have flushed, so nothing of it waits for what comes next but an
        unfinished token of the head. A body ends where `is_last` says so, or its declared length.
        An empty piece is a pause (`body.PAUSE`): nothing may be sent, but others may run.
        """
        self._check("feed")
        assert self._body is not None  # noqa: S101  # these states have one
        self._received += len(data)
        is_last = is_last or self._received == self._declared
        if is_last:
            self.state = State.COMPLETE if self.state is _HELD else State.DONE
        elif not data:
            return ()
        return self._body.feed(data, is_last=is_last)

    def abandon(self) -> None:
        """Let what follows pass: the app has replaced a response whose head was sent."""
        self.state = State.PASSING

    def trailers(self, fields: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
        """Return what may follow the body of such trailer fields (RFC 9110 section 6.5).

        Fields that describe or sign the bytes as they were may not.
        """
        if self._payload.snippet is None:
            return list(fields)
        decode = self._pages.form.decode
        return [field for field in fields if decode(field[0]).lower() not in _OF_ORIGINAL]

    def _check(self, call: str) -> None:
        if self.state not in TRANSITIONS[call]:
            raise IllegalCall(f"{call}() may not be called in the state {self.state.name}")

    def _decide(self, visitor: Visitor | None, cookie: str | None) -> State:
        """Decide what the response becomes, now that all that its plan needs is known."""
        self._choose(visitor, cookie)
        earlier = self._request.earlier
        if earlier is not None:
            if self._yields:
                self.state = State.EARLIER
            elif earlier.cookies and self.state is State.PASSING:
                self.state = State.EDITED  # by the cookies
        return self.state

    def _choose(self, visitor: Visitor | None, cookie: str | None) -> None:
        match self._plan:
            case Inject() as plan:
                self._inject(plan, self._payload_of_page(visitor, cookie))
            case Revalidate() as plan:
                self._revalidate(plan, visitor, cookie)
            case Retry(reason) | Check(reason):
                self._report("retried", reason)
                self.state = State.RETRY
            case StayWithoutScript(reason):
                self._pass_edited(reason, without_snippet().with_cookie(cookie))
            case FollowLogin() if cookie is not None:
                self._pass_edited(Reason.LOGIN_CHANGED, NOTHING.with_cookie(cookie))
            case RemoveField(reason):
                self._pass_edited(reason, NOTHING)
            case Pass(reason) | FollowLogin(reason):
                self._report("passed", reason)
                self.state = State.PASSING

    @property
    def _yields(self) -> bool:
        """Whether the earlier answer, a 304, goes out in the place of this one, as far as is known.

        Not if this is a page that gains the script, or stays without it as there is no consent: the
        client's copy may be another. The page of an error replaces no copy.
        """
        earlier = self._request.earlier
        if earlier is None or not earlier.may_go_out:
            return False
        is_other = self._payload.snippet is not None or self._payload.variant == NO_SCRIPT
        return not is_other or self._head.status >= HTTPStatus.BAD_REQUEST

    def _head_of_earlier(self) -> list[tuple[AnyStr, AnyStr]]:
        """Return the head of the earlier answer, with the cookies that both have set."""
        earlier = self._request.earlier
        assert earlier is not None  # noqa: S101  # it yields to one
        self.state, self.status = State.DROPPED, earlier.status
        own = self._cookies(self._headers)[len(earlier.cookies) :]
        return list(earlier.headers) + own

    def _cookies(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
        decode = self._pages.form.decode
        return [field for field in headers if decode(field[0]).lower() == "set-cookie"]

    def _pass_edited(self, reason: Reason, payload: Payload) -> None:
        self._report("passed", reason)
        self._payload = payload
        self.state = State.EDITED

    def _inject(self, plan: Inject, payload: Payload) -> None:
        if payload.snippet is None:
            self._pass_edited(Reason.NO_CONSENT, payload)
            return
        self._payload = payload
        if self._kind.is_head:
            # It tells what the GET of a page that comes whole would, but for its length, which
            # need not be sent (RFC 9110 section 9.3.2).
            self._is_strong = not plan.codings
            self.drops_body = True
            self._pass_edited(Reason.HEAD, payload)
            return
        document = self._document(payload.snippet)
        if plan.codings:
            self._body = CodedBody(plan.codings, document, self._pages.warn)
        else:
            self._body = PlainBody(document)
        earlier = self._request.earlier
        # Where the earlier answer may go out instead, the body has to tell.
        self.head_is_first = plan.head_is_first and not (earlier and earlier.may_go_out)
        self.state = _HELD

    def _revalidate(self, plan: Revalidate, visitor: Visitor | None, cookie: str | None) -> None:
        """Decide about a 304: whether it speaks of the copy that this client would get now."""
        payload = NOTHING if plan.is_skipped else self._payload_of_page(visitor, cookie)
        variants = [] if plan.is_skipped else [payload.variant]
        if self._kind.may_be_fragment and not plan.is_skipped:
            variants.append(FRAGMENT)
        copy = copy_that_holds(self._request.conditions.copies, self._field("etag"), variants)
        if copy is None or (self._head.policies.is_isolated and payload.snippet is not None):
            self._report("retried", Reason.OTHER_COPY)
            self.state = State.RETRY
            return
        if copy.variant is None:
            payload = NOTHING
        elif copy.variant == FRAGMENT and payload.edit.varies_by:
            payload = payload.of_fragment()
        self._is_strong = copy.is_strong
        self._pass_edited(Reason.NOT_MODIFIED, payload)

    def _payload_of_page(self, visitor: Visitor | None, cookie: str | None) -> Payload:
        """Decide what a page gains."""
        payloads, kind, root_path = self._pages.payloads, self._kind, self._request.root_path
        if not kind.gets_script:
            return without_snippet()
        if visitor is not None and not visitor.consents:
            return payloads.without_script.with_cookie(cookie)
        if kind.is_foreign:
            # In a page of the site's own the script gets its answer, and nowhere else.
            payload = payloads.asking(root_path)
        else:
            identity = visitor and visitor.identity
            payload = payloads.for_identity(identity, root_path, self._request.mount_path)
        if self._head.policies.nonce is not None:
            payload = payload.with_nonce()
        return payload.with_cookie(cookie)

    def _document(self, snippet: Snippet) -> Document:
        """Return what puts the element into the page."""
        head, request, rules = self._head, self._request, self._pages.rules
        number = head.policies.nonce
        nonce = None if number is None or self._nonces is None else self._nonces.value(number)
        element = snippet.element(nonce, checks_files=head.policies.needs_hashes)

        make = partial(
            _inserter,
            element,
            documents_only=self._kind.may_be_fragment,
            charset_is_known=head.has_charset,
            extends_policies=rules.extends_policies,
        )
        # What tells its length is rendered already, so no template will ask for a placeholder. If
        # one did, the placeholder would stay, as the new length may have been told.
        if request.placeholder is not None or not head.has_length:
            return Replacer(make(), lambda: request.placeholder)
        if not head.has_charset:  # a `<meta charset>` that is far behind the place may decide
            return make()
        heads = self._pages.known_heads[self._kind.may_be_fragment]
        return KnownHeadInserter(heads, element, snippet.early, make)

    def _field(self, wanted: str) -> str | None:
        """Return a field of the app's head; of several, the first."""
        form = self._pages.form
        for name, value in self._headers:
            if form.decode(name).lower() == wanted:
                return form.decode(value)
        return None

    def _report(
        self, outcome: Outcome, reason: Reason = Reason.NONE, *, is_named: bool = False
    ) -> None:
        if self._pages.is_heard:
            self._pages.report(Event(outcome, reason, is_named))


def _inserter(
    element: bytes, *, documents_only: bool, charset_is_known: bool, extends_policies: bool
) -> Inserter:
    return Inserter(
        element,
        # A `<meta>` policy may block the embed unless it is loaded at once.
        snippet_before_policy=Snippet.early(element) if extends_policies else None,
        documents_only=documents_only,
        charset_is_known=charset_is_known,
        before_policy=extends_policies,
    )


_AFTER_HEAD = {
    State.EDITED: State.PASSING,
    State.HELD: State.SENDING,
    State.COMPLETE: State.DONE,
}
