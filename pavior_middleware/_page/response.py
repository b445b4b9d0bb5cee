"""One response, without I/O: all adapters drive this object.

An adapter passes in what the app sends, and sends what this object returns. The states, and what
may be called in each:

    at first  one of PASSING, EDITED, HELD, ASKING, RETRY, EARLIER
    ASKING    visitor(…)  → PASSING, EDITED, HELD, RETRY, EARLIER
    EDITED    head()      → PASSING
    HELD      feed(…)     → HELD, COMPLETE      head() → SENDING, DROPPED
    SENDING   feed(…)     → SENDING, DONE
    COMPLETE  head()      → DONE, DROPPED
    EARLIER   head()      → DROPPED
    RETRY     again()     → RETRY
    any       abandon()   → PASSING

PASSING: head and body are the app's, unchanged from here on. EDITED: a new head is ready, and the
body stays. With `drops_body`, none of the body goes out. HELD: a page. Its new head is more precise
once bytes of the body have been returned, so adapters ask for the head only when they must send it.
With `head_is_first`, the body adds little, so an adapter that can send a head by itself does so.
COMPLETE: all of the body has come, and the head was not taken. RETRY: the adapter asks the app
again, by the request that `again()` returns. Nothing of this response goes out for now. EARLIER, in
the second response: the first response goes out in its place. DROPPED: the first response has gone
out, without a body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, AnyStr, Generic

from .._http.cache_control import DIGESTS
from .._model.events import Event, Outcome, Reason
from .._model.visitor import Visitor
from .body import CodedBody, Document
from .head_edit import HeadEdits
from .layout import Layout
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
    """The state of a response."""

    __hash__ = object.__hash__  # `Enum.__hash__` is a slower function in Python

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


# Up to Python 3.11, `State.HELD` costs a look-up by the metaclass.
_ASKING, _HELD, _SENDING = State.ASKING, State.HELD, State.SENDING
_COMPLETE, _DONE, _EARLIER = State.COMPLETE, State.DONE, State.EARLIER

# The states in which each method may be called, since each call looks that up.
_VISITOR, _HEAD, _AGAIN, _FEED = (
    TRANSITIONS[call] for call in ("visitor", "head", "again", "feed")
)


class IllegalCall(RuntimeError):
    """An adapter has called a method that the state of the response does not allow."""

    def __init__(self, call: str, state: State) -> None:
        super().__init__(f"{call}() may not be called in the state {state.name}")


class PageResponse(Generic[AnyStr]):
    """One response that an app has begun.

    `headers` are the fields of its head in the form of the adapter's interface
    (`headers.FieldForm`), behind the cookies of an earlier answer. `layout` is the layout of these
    fields.
    """

    head_is_first: bool
    """Whether its head may go before any of its body, as that of a page that gains the script.

    Bytes of the body could still tell that every byte of the page is known, or that the page gains
    nothing. Neither is worth the wait for an app that is slow to begin.
    """

    drops_body: bool
    """Whether nothing of the body may go to the server: the answer to a `HEAD` has none.

    Some apps send the page all the same, and some servers tell its length, which is not that of the
    page with the script.
    """

    def __init__(
        self,
        pages: Pages[AnyStr],
        request: PageRequest,
        status: int,
        headers: Sequence[tuple[AnyStr, AnyStr]],
        layout: Layout,
    ) -> None:
        self._pages: Pages[AnyStr] = pages
        self._request = request
        self._kind = request.kind
        self.status = status
        head, self._nonces, self._declared = pages.reader.read(status, layout, headers)
        self._head = head
        self._plan: Plan
        self._edits: HeadEdits[AnyStr]
        self._plan, self._edits = pages.plan(self._kind, head)
        self._headers: Sequence[tuple[AnyStr, AnyStr]] = headers
        self._layout = layout
        if head.repeats and not isinstance(self._plan, Pass | RemoveField | Check):
            self._headers = pages.joined(headers)
            self._layout = pages.reader.layout(self._headers)
        self.head_is_first = self.drops_body = False
        self._payload = NOTHING
        self._body: Document | CodedBody | None = None
        self._is_strong = True  # whether every byte of the page is known
        self._received = 0
        self.state = _ASKING
        if not self._plan.needs_visitor:
            self._decide(None, None)

    @property
    def changes_body(self) -> bool:
        """Whether the body has to pass through `feed`."""
        return self.state is _HELD or self.state is _SENDING

    @property
    def follows_login(self) -> bool:
        """Whether it names no user, but may update the login cookie."""
        return isinstance(self._plan, FollowLogin | StayWithoutScript)

    def visitor(self, visitor: Visitor, cookie: str | None = None) -> State:
        """Take the visitor, and the login cookie's `Set-Cookie` field; return the new state."""
        if self.state not in _VISITOR:
            raise IllegalCall("visitor", self.state)
        return self._decide(visitor, cookie)

    def again(self) -> PageRequest:
        """Return the request with which the app is asked again."""
        if self.state not in _AGAIN:
            raise IllegalCall("again", self.state)
        decode = self._pages.form.decode
        cookies = self._cookies(self._headers)
        may_go_out = isinstance(self._plan, Check)
        earlier = Earlier(self.status, self._headers, cookies, may_go_out)
        return self._request.again(earlier, [decode(value) for _, value in cookies])

    def head(self) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new header fields, by what the body so far shows. May be called once.

        They belong to `status`, which may be that of the earlier answer from now on.
        """
        if self.state not in _HEAD:
            raise IllegalCall("head", self.state)
        if self.state is _EARLIER:
            return self._head_of_earlier()
        self.state = _AFTER_HEAD[self.state]
        payload, body, length, is_strong = self._payload, self._body, None, self._is_strong
        if body is not None and body.stays:
            self._payload = payload = payload.of_fragment() if body.is_fragment else NOTHING
            self._report("passed", Reason.UNCHANGED)
            if self._yields:
                return self._head_of_earlier()
        elif body is not None:
            added = body.added
            is_strong = added is not None and body.is_determined
            if added is not None and self._declared is not None:
                length = self._declared + added
            if self._pages.is_heard:
                self._report("injected", is_named=payload.edit.is_personal)
        # A policy may change the form of the element although the app's entity tag is the same.
        is_strong = is_strong and not (payload.is_masked or self._head.policies.needs_hashes)
        return self._edits[payload.edit].apply(
            self._headers, self._layout, payload, length, is_strong, self._nonces
        )

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterable[bytes]:
        """Take the body's next bytes and return what may be sent now, in pieces.

        The app may have flushed what it sends. So nothing waits for more input, except an
        unfinished token of the head. A body ends with `is_last`, or at its declared length. An
        empty piece is a pause (`body.PAUSE`): there is nothing to send, but other tasks may run.
        """
        if self.state not in _FEED:
            raise IllegalCall("feed", self.state)
        body = self._body
        assert body is not None  # noqa: S101  # there is a body in these states
        self._received += len(data)
        is_last = is_last or self._received == self._declared
        if is_last:
            self.state = _COMPLETE if self.state is _HELD else _DONE
        elif not data:
            return ()
        if isinstance(body, CodedBody):
            return body.feed(data, is_last=is_last)
        new = body.feed(data)
        rest = body.finish() if is_last else body.flush()
        new = new + rest if rest else new
        return (new,) if new else ()

    def abandon(self) -> None:
        """Pass all that follows: the app has replaced a response whose head was sent."""
        self.state = State.PASSING

    def trailers(self, fields: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
        """Return those of the trailer fields that may follow the body (RFC 9110 section 6.5).

        Fields that describe or sign the original bytes may not.
        """
        if self._payload.snippet is None:
            return list(fields)
        decode = self._pages.form.decode
        return [field for field in fields if decode(field[0]).lower() not in _OF_ORIGINAL]

    def _decide(self, visitor: Visitor | None, cookie: str | None) -> State:
        """Decide what the response becomes, once all that its plan needs is known."""
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
        if self._request.earlier is not None:
            self._weigh(self._request.earlier)
        return self.state

    def _weigh(self, earlier: Earlier) -> None:
        """Decide whether this answer or the earlier one goes out."""
        if self._yields:
            self.state = State.EARLIER
        elif earlier.cookies and self.state is State.PASSING:
            self.state = State.EDITED  # the head gains the earlier answer's cookies

    @property
    def _yields(self) -> bool:
        """Whether the earlier answer, a 304, goes out in the place of this one, as far as is known.

        It does not if this is a page that gains the script, or that lacks it for want of consent:
        the client's copy may differ. The page of an error replaces no copy.
        """
        earlier = self._request.earlier
        if earlier is None or not earlier.may_go_out:
            return False
        is_other = self._payload.snippet is not None or self._payload.variant == NO_SCRIPT
        return not is_other or self._head.status >= HTTPStatus.BAD_REQUEST

    def _head_of_earlier(self) -> list[tuple[AnyStr, AnyStr]]:
        """Return the head of the earlier answer, with the cookies that both have set."""
        earlier = self._request.earlier
        assert earlier is not None  # noqa: S101  # this response yields to the earlier one
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
            # The head is that of a GET whose page comes in one piece. It only lacks the length,
            # which need not be sent (RFC 9110 section 9.3.2).
            self._is_strong = not plan.codings
            self.drops_body = True
            self._pass_edited(Reason.HEAD, payload)
            return
        document = self._document(payload.snippet)
        if self._pages.watch.is_due():
            document = self._pages.watch.over(document)
        self._body = document
        if plan.codings:
            self._body = CodedBody(plan.codings, document, self._pages.warn)
        earlier = self._request.earlier
        # If the earlier answer may go out instead, only the body shows which one does.
        self.head_is_first = plan.head_is_first and not (earlier and earlier.may_go_out)
        self.state = _HELD

    def _revalidate(self, plan: Revalidate, visitor: Visitor | None, cookie: str | None) -> None:
        """Decide about a 304: whether the client's copy is what the client would get now."""
        payload = NOTHING if plan.is_skipped else self._payload_of_page(visitor, cookie)
        has_variant = not plan.is_skipped and not payload.edit.holds_nonce(self._head)
        variants = [payload.variant] if has_variant else []
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
            # The script gets an answer only if it runs in a page of the site itself.
            payload = payloads.asking(root_path)
        else:
            identity = None if visitor is None else visitor.identity
            see_page = self._pages.see_page  # another thread may remove it
            if see_page is not None and visitor is not None:
                see_page(self._request, self._head.status, visitor)
            payload = payloads.for_identity(identity, root_path, self._request.mount_path)
        return payload if cookie is None else payload.with_cookie(cookie)

    def _document(self, snippet: Snippet) -> Document:
        """Return the document that puts the element into the page."""
        head, request, nonces = self._head, self._request, self._nonces
        if nonces is None:  # the response has no policy
            element = snippet.element()
        else:
            number = head.policies.nonce
            nonce = None if number is None else nonces.value(number)
            element = snippet.element(nonce, checks_files=head.policies.needs_hashes)
        kind = self._kind.may_be_fragment, head.has_charset
        # A page with a length is rendered already, so no template will ask for a placeholder. If
        # one did, the placeholder would stay, as the new length may have been sent.
        if request.placeholder is None and (head.has_length or request.is_rendered):
            return self._pages.documents[kind](element)
        return Replacer(self._pages.inserters[kind](element), lambda: request.placeholder)

    def _field(self, wanted: str) -> str | None:
        """Return the first field of this name in the app's head; None without one."""
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


_AFTER_HEAD = {
    State.EDITED: State.PASSING,
    State.HELD: State.SENDING,
    State.COMPLETE: State.DONE,
}
