"""The states of one response: legal calls go on, illegal ones change nothing, no byte is lost."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pavior_middleware import Identity, Settings
from pavior_middleware._http.headers import ASGI_FORM, WSGI_FORM, FieldForm
from pavior_middleware._model.events import Event
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._page.pages import Pages
from pavior_middleware._page.request import Earlier
from pavior_middleware._page.response import TRANSITIONS, IllegalCall, PageResponse, State
from pavior_middleware._page.snippet import ATTRIBUTE, SCRIPT
from pavior_middleware.placement import insert
from tests.support.covering import first_of
from tests.support.sites import ADA, API_KEY, BOB, LEAD, SECRET_KEY, SETTINGS, TEAM

FORMS: dict[str, FieldForm[Any]] = {"asgi": ASGI_FORM, "wsgi": WSGI_FORM}
SITES = {
    "plain": SETTINGS,
    "lending": Settings(
        TEAM, API_KEY, shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY
    ),
    "borrowing": Settings(TEAM, share_auth="www.example.com"),
    "cacheable": Settings(TEAM, API_KEY, cacheable_pages=True),
    "with policies left": Settings(TEAM, API_KEY, csp="leave", inject_in_frames=True),
    "that skips": Settings(TEAM, API_KEY, skip_paths=["/"]),
}
ELEMENT = re.compile(
    rb"<script[^>]*? data-astro-rerun %s='[^']*'>%s</script>"
    % (ATTRIBUTE.encode(), re.escape(SCRIPT.encode()))
)
CLOSER = re.compile(rb"(?:</[a-z]+>|[-\"' ?/]*>)?")
Fields = Sequence[tuple[str, str]]

ETAG = ("ETag", '"v1"')
HTML = ("Content-Type", "text/html; charset=utf-8")
DOCUMENT = {"sec-fetch-dest": "document"}
LOGIN_COOKIE = {"cookie": "__Host-pavior-share=1"}
COPY = {"if-none-match": '"pavior.0123456789abcdefghijkl.s.v1"'}


def pages_of(site: str, form: FieldForm[Any], events: list[Event], *, asks_consent: bool) -> Any:
    """Return the pages of a site, which report to `events`."""
    holds_login_cookie = None

    if site == "lending":

        def holds_login_cookie(fields: Mapping[str, str]) -> bool:
            return "cookie" in fields

    return Pages(
        SITES[site],
        form,
        report=events.append,
        is_heard=True,
        asks_consent=asks_consent,
        holds_login_cookie=holds_login_cookie,
    )


def response_to(
    pages: Pages[Any],
    method: str,
    fields: Mapping[str, str],
    status: int,
    headers: Fields,
    earlier: Earlier | None = None,
) -> PageResponse[Any]:
    request = pages.request(method, "https", "/", "", fields, True)
    request.earlier = earlier
    sent = as_sent(pages.form, headers)
    return pages.begin(request, status, sent) or PageResponse(
        pages, request, status, sent, pages.reader.layout(sent)
    )


def as_sent(form: FieldForm[Any], fields: Fields) -> list[tuple[Any, Any]]:
    return [(form.encode_name(name), form.encode(value)) for name, value in fields]


def call(response: PageResponse[Any], name: str, *args: Any, **kwargs: Any) -> Any:
    """Make a call and return what it returns, the pieces of a body all taken."""
    result = getattr(response, name)(*args, **kwargs)
    return list(result) if name == "feed" else result


def is_legal(response: PageResponse[Any], name: str) -> bool:
    return response.state in TRANSITIONS[name]


@dataclass
class Run:
    """One response of a site, and the calls that an adapter makes."""

    calls: Sequence[tuple[Any, ...]]
    headers: Fields = (HTML,)
    status: int = 200
    site: str = "plain"
    fields: Mapping[str, str] = field(default_factory=dict)
    earlier: Earlier | None = None

    def begun(self) -> PageResponse[Any]:
        pages = pages_of(self.site, WSGI_FORM, [], asks_consent=True)
        fields = {**DOCUMENT, **self.fields}
        return response_to(pages, "GET", fields, self.status, self.headers, self.earlier)

    def transitions(self, *, abandons_after: int | None = None) -> set[tuple[str, State, State]]:
        """Make the calls; return each of them with the states before and after it."""
        response = self.begun()
        calls = list(self.calls)
        if abandons_after is not None:
            calls[abandons_after:] = [("abandon",)]
        made = set()
        for name, *args in calls:
            before = response.state
            call(response, name, *args, **({"is_last": not args[0]} if name == "feed" else {}))
            made.add((name, before, response.state))
        return made


ADAS = ("visitor", Visitor(ADA))
AMP = b"<!doctype html><html amp><head>"
UNCHANGED = Earlier(304, [ETAG, ("Set-Cookie", "a=1")], [("Set-Cookie", "a=1")], may_go_out=True)
TO_HOME = ("Location", "/")
RUNS = {
    "a page that comes whole": Run([ADAS, ("feed", b"<p>"), ("feed", b""), ("head",)]),
    "a page that is streamed": Run(
        [ADAS, ("feed", b"<p>"), ("head",), ("feed", b"text"), ("feed", b"")]
    ),
    "a page that is the same for all": Run([("feed", b"")], site="cacheable"),
    "a download": Run([], [HTML, ("Content-Disposition", "attachment")]),
    "a page that the app skips": Run([("head",)], [HTML, ("Pavior-Skip", "1")]),
    "a page without consent": Run([("visitor", Visitor(consents=False)), ("head",)]),
    "a part of a page": Run([], status=206, fields={"range": "bytes=0-9"}),
    "a 304 of another copy": Run([("visitor", Visitor(BOB)), ("again",)], [ETAG], 304, fields=COPY),
    "a 304 of an unknown copy": Run([], [ETAG], 304, fields={"if-none-match": ETAG[1]}),
    "a page after a 304": Run([ADAS, ("feed", b""), ("head",)], earlier=UNCHANGED),
    "a download after a 304": Run(
        [("head",)], [HTML, ("Content-Disposition", "attachment")], earlier=UNCHANGED
    ),
    "the page of an error after a 304": Run([ADAS, ("head",)], status=404, earlier=UNCHANGED),
    "an AMP page after a 304": Run(
        [ADAS, ("feed", AMP), ("feed", b""), ("head",)], earlier=UNCHANGED
    ),
    "a streamed AMP page after a 304": Run([ADAS, ("feed", AMP), ("head",)], earlier=UNCHANGED),
    "a redirect after which the same user is logged in": Run(
        [("visitor", Visitor(ADA), None)], [TO_HOME], 303, "lending", LOGIN_COOKIE
    ),
    "a redirect after which nobody is logged in": Run(
        [("visitor", Visitor(), "a=b"), ("head",)], [TO_HOME], 303, "lending", LOGIN_COOKIE
    ),
}


def test_responses_begin_in_each_of_the_first_states_and_in_no_other() -> None:
    assert {run.begun().state for run in RUNS.values()} == {
        *(State.PASSING, State.EDITED, State.HELD, State.ASKING, State.RETRY, State.EARLIER),
    }


def test_an_earlier_answer_that_goes_out_has_the_cookies_of_both_answers() -> None:
    download = [HTML, ("Content-Disposition", "attachment"), ("Set-Cookie", "b=2")]
    response = Run([], download, earlier=UNCHANGED).begun()
    assert response.head() == [*UNCHANGED.headers, ("Set-Cookie", "b=2")]
    assert response.status == 304


def test_a_second_answer_that_passes_has_the_cookies_of_the_first() -> None:
    refused = UNCHANGED._replace(may_go_out=False)
    response = Run([], [("Content-Type", "text/plain")], earlier=refused).begun()
    assert response.head() == [("Set-Cookie", "a=1"), ("Content-Type", "text/plain")]
    assert response.status == 200


def test_responses_can_make_each_transition_of_the_table_and_no_other() -> None:
    made = set()
    for run in RUNS.values():
        made |= run.transitions()
        for place in range(len(run.calls) + 1):
            made |= run.transitions(abandons_after=place)
    assert made == {
        (name, before, after)
        for name, states in TRANSITIONS.items()
        for before, afters in states.items()
        for after in afters
    }


PIECES = st.sampled_from(
    [
        *("<!doctype html>", "<html>", "<head>", "<title>A</title>", "<link rel=stylesheet>"),
        *("</head>", "<body>", "<p>", "text", "<!-- c -->", "<script>a()</script>", "<scr", "<"),
        *("<meta http-equiv=Content-Security-Policy content=x>", "\n", "<html amp>", "\xe9"),
    ]
)
EDITED_FIELDS = [
    *(ETAG, ("ETag", 'W/"v1"'), ("ETag", "v1"), ("Vary", "Accept"), ("Vary", "*")),
    *(("Cache-Control", "public"), ("Cache-Control", "no-store"), ("Expires", "0")),
    *(("Set-Cookie", "a=1"), ("Content-Digest", "sha-256=:AA==:")),
    ("Content-Security-Policy", "script-src 'nonce-abc'"),
    ("Content-Security-Policy", "default-src 'self'"),
]
FIELDS_OF_NO_PAGE = [
    *(("Pavior-Skip", "1"), ("Content-Disposition", "attachment")),
    *(("Content-Range", "bytes 0-9/20"), ("Content-Security-Policy", "sandbox")),
]


def mostly(usual: Sequence[Any], rare: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that yields the usual values more often.

    Hypothesis likes the first and the last values, so the rare ones stand between the others.
    """
    return st.sampled_from([*usual, *usual, *rare, *usual, *usual])


PAGES = st.tuples(
    st.sampled_from([200, 404]),
    st.sampled_from(["text/html", HTML[1]]),
    st.lists(st.sampled_from(EDITED_FIELDS), max_size=2),
)
HEADS = st.tuples(
    st.sampled_from([200, 204, 206, 303, 304, 500]),
    st.sampled_from(["text/html", "text/html; charset=utf-16", "application/json"]),
    st.lists(st.sampled_from([*EDITED_FIELDS, *FIELDS_OF_NO_PAGE]), max_size=3),
)
VISITORS = st.builds(
    Visitor, mostly([ADA, BOB, None], [LEAD, Identity("a@b.test")]), mostly([True], [False])
)
ODD: list[Mapping[str, str]] = [
    *({"sec-fetch-dest": "iframe"}, {"sec-fetch-dest": "image"}, {"range": "bytes=0-9"}),
    *(COPY, {"if-none-match": '"pavior.none.w.v1"'}, {"if-none-match": '"pavior.part.w.v1"'}),
    {"origin": "https://evil.test", "host": "www.example.com"},
]


class Responses(RuleBasedStateMachine):
    """Two equal responses of equal sites; one of them also gets the illegal calls."""

    def __init__(self, form: FieldForm[Any]) -> None:
        super().__init__()
        self.form = form
        self.site = ""
        self.codings: tuple[str, ...] = ()
        self.declared: int | None = None
        self.is_whole = False  # and came in one piece before its head is taken
        self.is_first = False  # its head was taken before its body, and may be
        self.given: list[bytes] = []
        self.sent: list[bytes] = []
        self.heads: list[list[tuple[Any, Any]]] = []

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        draw = data.draw
        site, asks_consent = draw(mostly(["plain", "lending"], list(SITES))), draw(st.booleans())
        self.site = site
        method, fields = draw(mostly(["GET"], ["HEAD", "POST"])), draw(mostly([{}, DOCUMENT], ODD))
        if draw(st.booleans()):
            fields = {**fields, **LOGIN_COOKIE}
        status, headers = self.app(draw)
        self.may_be_abandoned = draw(mostly([False], [True]))
        self.events: tuple[list[Event], list[Event]] = ([], [])
        self.response, self.undisturbed = (
            response_to(
                pages_of(site, self.form, events, asks_consent=asks_consent),
                *(method, fields, status, headers),
            )
            for events in self.events
        )

    def app(self, draw: st.DrawFn) -> tuple[int, Fields]:
        """Draw an app's response; return its status and its fields."""
        body = "".join(draw(st.lists(PIECES, min_size=1, max_size=9))).encode()
        status, content_type, others = draw(HEADS if draw(mostly([False], [True])) else PAGES)
        headers = [("Content-Type", content_type), *others]
        coding = draw(mostly(["", "gzip", ""], ["x-unknown"]))
        if coding:
            headers.append(("Content-Encoding", coding))
            self.codings = (coding,)
            body = gzip.compress(body, mtime=0) if coding == "gzip" else body
        misstated_by = draw(mostly([0, 0], [1, None, -1]))
        if misstated_by is not None:
            self.declared = max(len(body) + misstated_by, 0)
            headers.append(("Content-Length", str(self.declared)))
        self.rest = body
        return status, headers

    def both(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make a legal call on both responses, which are in equal states before and after it."""
        before = self.response.state
        result, expected = (
            call(response, name, *args, **kwargs) for response in (self.response, self.undisturbed)
        )
        assert result == expected
        if name in TRANSITIONS:
            assert self.response.state in TRANSITIONS[name][before]
        if isinstance(result, State):
            assert result is self.response.state
        return result

    @rule(data=st.data())
    def step(self, data: Any) -> None:
        """Make all calls that the state does not allow, then one that it does."""
        for name in TRANSITIONS:
            if not is_legal(self.response, name):
                self.call_illegally(name)
        names = ["visitor", "head", "feed", *["abandon"] * self.may_be_abandoned]
        legal = [name for name in names if is_legal(self.response, name)]
        getattr(self, data.draw(st.sampled_from([*legal * 2, "trailers", *legal])))(data.draw)

    def visitor(self, draw: st.DrawFn) -> None:
        cookie = draw(st.sampled_from([None, None, "__Host-pavior-share=2"]))
        self.both("visitor", draw(VISITORS), cookie)

    def head(self, draw: st.DrawFn) -> None:
        self.is_whole = self.response.state is State.COMPLETE and len(self.given) == 1
        self.is_first = self.response.head_is_first and not self.given
        self.heads.append(self.both("head"))

    def feed(self, draw: st.DrawFn) -> None:
        size = draw(st.sampled_from([0, 1, 9, 40, 1000, 1000]))
        data, self.rest = self.rest[:size], self.rest[size:]
        ends = not self.rest and draw(st.booleans())
        is_cut_off = draw(mostly([False] * 4, [True]))
        self.given.append(data)
        self.sent += self.both("feed", data, is_last=ends or is_cut_off)

    def abandon(self, draw: st.DrawFn) -> None:
        self.both("abandon")

    def trailers(self, draw: st.DrawFn) -> None:
        fields = as_sent(self.form, draw(st.sampled_from([[], [("Content-Digest", "x")], [ETAG]])))
        assert self.both("trailers", fields) in ([], fields)

    def call_illegally(self, name: str) -> None:
        """Only one of the responses gets the call."""
        arguments: dict[str, tuple[Any, ...]] = {
            "visitor": (Visitor(BOB), "a=b"),
            "feed": (b"more",),
        }
        before = self.response.state
        with pytest.raises(IllegalCall, match=f"{name}.*{before.name}"):
            call(self.response, name, *arguments.get(name, ()))

    @invariant()
    def an_illegal_call_changes_nothing(self) -> None:
        assert self.response.state is self.undisturbed.state
        assert self.response.changes_body == self.undisturbed.changes_body
        assert self.response.head_is_first == self.undisturbed.head_is_first
        assert self.response.drops_body == self.undisturbed.drops_body
        assert self.events[0] == self.events[1]

    @invariant()
    def the_head_is_returned_once(self) -> None:
        assert len(self.heads) <= 1

    @invariant()
    def a_head_may_go_first_only_where_no_byte_of_the_body_could_make_it_wrong(self) -> None:
        if self.response.head_is_first:
            assert not self.codings
            assert self.declared is None
        if self.is_first:
            (head,) = self.heads
            fields = {_text(name).lower(): self.form.decode(value) for name, value in head}
            assert "content-length" not in fields
            assert fields.get("etag", "W/").startswith("W/")

    @invariant()
    def what_is_sent_is_what_came_and_the_element(self) -> None:
        given, sent = b"".join(self.given), b"".join(self.sent)
        is_over = self.response.state in (State.COMPLETE, State.DONE)
        if self.codings and not is_over:
            return
        if self.codings and sent != given:
            given, sent = _decoded(given), _decoded(sent)
        before, *others = ELEMENT.split(sent)
        assert len(others) <= 1
        is_reported = any(event.outcome == "injected" for event in self.events[0])
        if self.response.state is State.DONE and self.is_whole:
            assert is_reported == bool(others)
        assert is_reported or not others or not self.heads
        behind = b"".join(others)
        if is_over:
            kept = given[: len(given) - len(behind)]
            assert kept + behind == given
            # At the end of the file, what is open there is closed before the element.
            assert before.startswith(kept)
            assert CLOSER.fullmatch(before[len(kept) :])
        else:
            assert given.startswith(before + behind)
        if is_over and others and len(self.given) == 1:
            if self.site == "with policies left":  # there, a `<meta>` policy is like any other tag
                given, sent = (text.replace(b"http-equiv", b"xxxx-equiv") for text in (given, sent))
            assert sent == insert(given, ELEMENT.search(sent)[0])  # type: ignore[index]

    @invariant()
    def a_length_that_is_sent_is_that_of_the_body(self) -> None:
        is_right = self.declared == len(b"".join(self.given))
        if self.response.state is not State.DONE or not is_right:
            return
        (head,) = self.heads
        lengths = [value for name, value in head if _text(name).lower() == "content-length"]
        assert lengths in ([], [self.form.encode(str(len(b"".join(self.sent))))])


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("latin-1")


def _decoded(data: bytes) -> bytes:
    """Return what can be decoded, as a browser would of a page that is cut off."""
    return zlib.decompressobj(wbits=31).decompress(data)


@pytest.mark.parametrize("form", first_of(FORMS))
def test_a_response_that_is_called_in_any_order_refuses_illegal_calls_and_loses_no_byte(
    form: str,
) -> None:
    # A failure is a short list of calls as it is, and making it shorter takes minutes.
    phases = set(Phase) - {Phase.shrink, Phase.explain}
    examples = 5 * hypothesis.settings().max_examples  # most of them are no pages in pieces
    settings = hypothesis.settings(phases=phases, stateful_step_count=15, max_examples=examples)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        partial(Responses, FORMS[form]), settings=settings
    )
