"""One response on its way to the client, without I/O: both adapters drive this object.

An adapter hands over what the app sends, and sends on what this object returns. The states, and
what may be called in each:

    IDLE      start(…)    → PASSING, EDITED, HELD, ASKING, RETRY
    ASKING    visitor(…)  → PASSING, EDITED, HELD, RETRY
    EDITED    head()      → PASSING
    HELD      feed(…)     → HELD, COMPLETE      head() → SENDING
    SENDING   feed(…)     → SENDING, DONE
    COMPLETE  head()      → DONE
    any       abandon()   → PASSING

PASSING: head and body are the app's, untouched from here on. EDITED: a new head is ready, the body
stays. HELD: a page, whose new head is known best once bytes of the body have been returned, so
adapters ask for it no sooner than it must be sent. COMPLETE: all of the body is there, the head was
not taken. RETRY: none of the response goes out, and the app is to be asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, AnyStr, Generic

from .._http import csp
from .._http.cache_control import DIGESTS
from .._model.events import Event, Outcome, Reason
from .._model.visitor import Visitor
from ..placement import Inserter
from .body import Body, CodedBody, Document, PlainBody
from .change import Change, edit_kind
from .head import ResponseHead
from .head_edit import HeadEdits, Values
from .placeholder import Replacer
from .plan import FollowLogin, Inject, Pass, Plan, Retry, Revalidate, StayWithoutScript
from .request import PageRequest
from .snippet import Snippet
from .variants import FRAGMENT, copy_that_holds

if TYPE_CHECKING:
    from .pages import Pages

_OF_ORIGINAL = DIGESTS | {"etag", "signature", "signature-input"}


class State(Enum):
    """How far a response is."""

    IDLE = auto()
    ASKING = auto()
    EDITED = auto()
    HELD = auto()
    SENDING = auto()
    COMPLETE = auto()
    PASSING = auto()
    RETRY = auto()
    DONE = auto()


TRANSITIONS: Mapping[str, Mapping[State, frozenset[State]]] = {
    "start": {
        State.IDLE: frozenset(
            {State.PASSING, State.EDITED, State.HELD, State.ASKING, State.RETRY},
        )
    },
    "visitor": {
        State.ASKING: frozenset({State.PASSING, State.EDITED, State.HELD, State.RETRY}),
    },
    "head": {
        State.EDITED: frozenset({State.PASSING}),
        State.HELD: frozenset({State.SENDING}),
        State.COMPLETE: frozenset({State.DONE}),
    },
    "feed": {
        State.HELD: frozenset({State.HELD, State.COMPLETE}),
        State.SENDING: frozenset({State.SENDING, State.DONE}),
    },
    "abandon": dict.fromkeys(State, frozenset({State.PASSING})),
}
"""What may be called in which state, and to which states it leads."""


class IllegalCall(RuntimeError):
    """An adapter has called what the state of the response does not allow."""


class PageResponse(Generic[AnyStr]):
    """One response on its way to the client.

    Header fields are in the form of the adapter's interface (`headers.FieldForm`).
    """

    _head: ResponseHead
    _nonces: csp.Nonces
    _plan: Plan
    _edits: HeadEdits[AnyStr]
    _headers: Sequence[tuple[AnyStr, AnyStr]]
    _change: Change | None = None
    _cookie: str | None = None
    _body: Body | None = None
    _is_strong = True  # whether every byte of the page is known
    _drops_length = False
    _declared: int | None = None  # length, as the app says
    _received = 0

    def __init__(self, pages: Pages[AnyStr], request: PageRequest) -> None:
        self.state = State.IDLE
        self._pages: Pages[AnyStr] = pages
        self._request = request

    @property
    def changes_body(self) -> bool:
        """Whether the body has to pass through `feed`."""
        return self.state is State.HELD or self.state is State.SENDING

    @property
    def follows_login(self) -> bool:
        """Whether it is no page, but the login cookie follows it."""
        return isinstance(self._plan, FollowLogin)

    def start(self, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]) -> State:
        """Take the head of the app's response; return the new state."""
        self._check("start")
        pages = self._pages
        if not pages.may_change(self._request, status, headers):
            if pages.is_heard:
                pages.report_passed(self._request, status, headers)
            self.state = State.PASSING
            return self.state
        self._head, self._nonces, self._declared = pages.reader.read(status, headers)
        self._headers = pages.joined(headers) if self._head.repeats else headers
        self._plan, self._edits = pages.plan(self._request.kind, self._head)
        if not self._plan.needs_visitor:
            return self._decide(None, None)
        self.state = State.ASKING
        return self.state

    def visitor(self, visitor: Visitor, cookie: str | None = None) -> State:
        """Take the visitor, and the login cookie's `Set-Cookie` field; return the new state."""
        self._check("visitor")
        return self._decide(visitor, cookie)

    def head(self) -> list[tuple[AnyStr, AnyStr]]:
        """Return the new header fields, as far as the bytes so far tell; to be taken once."""
        self._check("head")
        self.state = _AFTER_HEAD[self.state]
        change, body = self._change, self._body
        changes_length, is_strong, length = self._drops_length, self._is_strong, None
        if body is not None and body.stays:
            change = change.of_fragment() if change and body.is_fragment else None
            self._report("passed", Reason.UNCHANGED)
        elif body is not None:
            self._report("injected", is_named=change is not None and change.is_personal)
            changes_length, is_strong = True, body.is_determined
            if self._declared is not None:
                length = body.length(self._declared)
        cookie = self._cookie if change is None else change.cookie
        kind = edit_kind(change, has_cookie=cookie is not None, changes_length=changes_length)
        variant = None if change is None else change.variant
        # A policy may change the form of the element while the app's tag stays.
        is_masked = self._head.policies.needs_hashes or (change is not None and change.is_masked)
        values = Values(variant, is_strong and not is_masked, length, cookie, self._nonces)
        return self._edits[kind].apply(self._headers, values)

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Take the body's next bytes and return what may be sent of it now.

        What an app sends it may have flushed, so nothing of it waits for what comes next but an
        unfinished token of the head. A body ends where `is_last` says so, or its declared length.
        """
        self._check("feed")
        assert self._body is not None  # noqa: S101  # these states have one
        self._received += len(data)
        is_last = is_last or self._received == self._declared
        if is_last:
            self.state = State.COMPLETE if self.state is State.HELD else State.DONE
        elif not data:
            return iter(())
        return self._body.feed(data, is_last=is_last)

    def abandon(self) -> None:
        """Let what follows pass: the app has replaced a response whose head was sent."""
        self.state = State.PASSING

    def trailers(self, fields: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
        """Return what may follow the body of such trailer fields (RFC 9110 section 6.5).

        Fields that describe or sign the bytes as they were may not.
        """
        if self._change is None or self._change.snippet is None:
            return list(fields)
        decode = self._pages.form.decode
        return [field for field in fields if decode(field[0]).lower() not in _OF_ORIGINAL]

    def _check(self, call: str) -> None:
        if self.state not in TRANSITIONS[call]:
            raise IllegalCall(f"{call}() may not be called in the state {self.state.name}")

    def _decide(self, visitor: Visitor | None, cookie: str | None) -> State:
        """Decide what the response becomes, now that all that its plan needs is known."""
        plan = self._plan
        if isinstance(plan, Retry):
            self._report("retried", plan.reason)
            self.state = State.RETRY
        elif isinstance(plan, Revalidate):
            self._revalidate(plan, visitor, cookie)
        elif isinstance(plan, Inject):
            self._inject(plan, self._change_of_page(visitor, cookie))
        elif isinstance(plan, StayWithoutScript):
            self._pass_edited(plan.reason, Change())
        elif isinstance(plan, Pass) or (isinstance(plan, FollowLogin) and cookie is None):
            self._report("passed", plan.reason)
            self.state = State.PASSING
        else:
            self._cookie = cookie
            self._pass_edited(Reason.SKIPPED if cookie is None else Reason.LOGIN_CHANGED, None)
        return self.state

    def _pass_edited(self, reason: Reason, change: Change | None) -> None:
        self._report("passed", reason)
        self._change = change
        self.state = State.EDITED

    def _inject(self, plan: Inject, change: Change) -> None:
        if change.snippet is None:
            self._pass_edited(Reason.NO_CONSENT, change)
            return
        self._change = change
        if self._request.kind.is_head:
            # It tells what the GET of a page that comes whole would, but for its length, which
            # need not be sent (RFC 9110 section 9.3.2).
            self._is_strong = not plan.codings
            self._drops_length = True
            self.state = State.EDITED
            return
        document = self._document(change.snippet)
        if plan.codings:
            self._body = CodedBody(plan.codings, document, self._pages.warn)
        else:
            self._body = PlainBody(document)
        self.state = State.HELD

    def _revalidate(self, plan: Revalidate, visitor: Visitor | None, cookie: str | None) -> None:
        """Decide about a 304: whether it speaks of the copy that this client would get now."""
        change = None if plan.is_skipped else self._change_of_page(visitor, cookie)
        variants = [] if change is None else [change.variant]
        if change is not None and self._request.kind.may_be_fragment:
            variants.append(FRAGMENT)
        copy = copy_that_holds(self._request.conditions.held, self._field("etag"), variants)
        is_isolated = self._head.policies.is_isolated and change and change.snippet
        if copy is None or is_isolated:
            self._report("retried", Reason.OTHER_COPY)
            self.state = State.RETRY
            return
        if copy.variant is None:
            change = None
        elif copy.variant == FRAGMENT and change is not None:
            change = change.of_fragment() or change
        self._is_strong = copy.is_strong
        self._drops_length = True
        self._pass_edited(Reason.NOT_MODIFIED, change)

    def _change_of_page(self, visitor: Visitor | None, cookie: str | None) -> Change:
        """Decide what a page gains."""
        pages, request = self._pages, self._request
        kind, varies_by = request.kind, pages.rules.varies_by
        if not kind.gets_script:
            return Change()
        if visitor is not None and not visitor.consents:
            return Change(varies_by=varies_by, cookie=cookie)
        identity = None if visitor is None else visitor.identity
        if kind.is_foreign:
            # In a page of the site's own the script gets its answer, and nowhere else.
            snippet = pages.snippets.asking(request.root_path)
        else:
            snippet = pages.snippets.for_identity(identity, request.root_path)
        nonce = self._head.policies.nonce
        return Change(snippet, nonce, varies_by, cookie, may_store=not kind.is_foreign)

    def _document(self, snippet: Snippet) -> Document:
        """Return what puts the element into the page."""
        head, request, rules = self._head, self._request, self._pages.rules
        number = head.policies.nonce
        nonce = None if number is None else self._nonces.value(number)
        element = snippet.element(nonce, checks_files=head.policies.needs_hashes)
        inserter = Inserter(
            element,
            # A `<meta>` policy may block the embed unless it is loaded at once.
            snippet_before_policy=snippet.early(element) if rules.extends_policies else None,
            documents_only=request.kind.may_be_fragment,
            charset_is_known=head.has_charset,
            before_policy=rules.extends_policies,
        )
        # What tells its length is rendered already, so no template will ask for a placeholder. If
        # one did, the placeholder would stay, as the new length may have been told.
        if request.placeholder is None and head.has_length:
            return inserter
        return Replacer(inserter, lambda: request.placeholder)

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
            self._pages.report(Event(outcome, reason.value, is_named))


_AFTER_HEAD = {
    State.EDITED: State.PASSING,
    State.HELD: State.SENDING,
    State.COMPLETE: State.DONE,
}
