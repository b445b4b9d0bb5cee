"""The ASGI adapter: the messages of the specification, in order, none lost and none invented."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity
from pavior_middleware._page.snippet import Snippet, render
from pavior_middleware.asgi import ASGIApp, Message, PaviorMiddleware, Receive, Scope, Send
from pavior_middleware.placement import insert
from tests.support.adapters import PAGE
from tests.support.pages import init_call
from tests.support.sites import ADA, SETTINGS

SNIPPET = render(SETTINGS, ADA).element()
EARLY = Snippet.early(SNIPPET)  # where the rest of the head is still to come
PAGE_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/html")],
}
DATA_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json")],
}


def body(data: bytes = b"", more_body: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def http_scope(**changes: Any) -> Scope:
    headers = [(b"sec-fetch-dest", b"document")]
    return {"type": "http", "method": "GET", "path": "/", "headers": headers, **changes}


async def receive() -> Message:
    return {"type": "http.disconnect"}


def run(
    app: ASGIApp, scope: Scope | None = None, identity: Any = lambda scope: ADA
) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        middleware = PaviorMiddleware(app, SETTINGS, identity=identity)
        await middleware(scope or http_scope(), receive, send)

    anyio.run(call)
    return sent


def sending(messages: Sequence[Message]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def bodies(messages: Sequence[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


def same_objects(sent: Sequence[object], given: Sequence[object]) -> bool:
    return list(map(id, sent)) == list(map(id, given))


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "something.new"])
def test_other_scopes_than_http_pass_with_the_same_objects(kind: str) -> None:
    seen: list[object] = []
    scope: Scope = {"type": kind}

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    async def send(message: Message) -> None:
        raise AssertionError

    anyio.run(PaviorMiddleware(app, SETTINGS), scope, receive, send)
    assert same_objects(seen, [scope, receive, send])


@pytest.mark.parametrize("path", ["/", "/.well-known/pavior/share-auth"])
def test_request_fields_that_can_be_read_once_are_read_by_us_and_by_the_app(path: str) -> None:
    """`headers` is an iterable of pairs in the specification, and an iterator in Falcon's tests."""
    pairs = [(b"cookie", b"session=1"), (b"sec-fetch-dest", b"document")]
    seen: list[list[tuple[bytes, bytes]]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append([(name, value) for name, value in scope["headers"]])
        await send(PAGE_START)
        await send(body(PAGE))

    sent = run(app, http_scope(path=path, headers=iter([iter(pair) for pair in pairs])))
    assert sent[0]["status"] == 200
    assert {pair for each in seen for pair in each} == set(pairs)


def test_a_page_gains_the_script() -> None:
    start, only = run(sending([PAGE_START, body(PAGE)]))
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert init_call(only["body"])["id"] == "7"
    assert not only["more_body"]


def test_a_response_that_is_no_page_passes_as_the_same_messages() -> None:
    messages = [DATA_START, body(b"{", more_body=True), body(b"}")]
    assert same_objects(run(sending(messages)), messages)


def test_messages_after_the_place_pass_as_the_same_objects() -> None:
    messages = [PAGE_START, body(b"<p>A", more_body=True), body(b"<p>B", more_body=True), body()]
    assert same_objects(run(sending(messages))[2:], messages[2:])


@pytest.mark.parametrize("kind", [memoryview, bytearray])
def test_a_body_may_be_a_bytearray_or_a_memoryview(kind: Callable[[bytes], Any]) -> None:
    pieces = [body(kind(piece), more_body=True) for piece in (PAGE[:9], PAGE[9:40], PAGE[40:])]
    sent = run(sending([PAGE_START, *pieces, body()]))
    assert bodies(sent[1:]) == insert(PAGE, SNIPPET)
    assert same_objects(sent[-2:], [pieces[-1], sent[-1]])


def test_an_app_may_begin_to_send_a_piece_before_it_awaits_the_last_one() -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(PAGE))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**PAGE_START, "headers": headers})
        first = send(body(PAGE, more_body=True))
        last = send(body())
        await first
        await last

    sent = run(app)
    assert bodies(sent) == insert(PAGE, SNIPPET)
    assert not sent[-1]["more_body"]


def test_an_app_that_sends_from_a_thread_has_its_visitor_looked_up_in_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "trio", raising=False)  # as on a site of asyncio

    async def identity(scope: Scope) -> Identity:
        await asyncio.sleep(0.001)
        return ADA

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()

        def send_all() -> None:
            for message in (PAGE_START, body(PAGE)):
                coroutine: Any = send(message)
                asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

        await asyncio.to_thread(send_all)

    assert bodies(run(app, identity=identity)) == insert(PAGE, SNIPPET)


def test_messages_of_other_kinds_pass_in_order() -> None:
    messages: list[Message] = [
        {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]},
        {"type": "http.response.debug", "info": {}},
        {**PAGE_START, "trailers": True},
        {"type": "http.response.push", "path": "/a.css", "headers": []},
        body(PAGE[:5], more_body=True),
        {"type": "something.new"},
        body(PAGE[5:]),
        {"type": "http.response.trailers", "headers": [], "more_trailers": False},
    ]
    sent = run(sending(messages))
    assert [message["type"] for message in sent] == [
        "http.response.early_hint",
        "http.response.debug",
        "http.response.start",
        "http.response.push",
        "something.new",  # the first body is an unfinished doctype, which is held back
        "http.response.body",
        "http.response.trailers",
    ]
    assert sent[2]["trailers"] is True
    assert bodies(sent) == insert(PAGE, SNIPPET)


def test_an_early_unknown_message_costs_only_the_length() -> None:
    start = {**PAGE_START, "headers": [*PAGE_START["headers"], (b"content-length", b"45")]}
    sent = run(sending([start, {"type": "something.new"}, body(PAGE)]))
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "something.new",
        "http.response.body",
    ]
    assert b"content-length" not in dict(sent[0]["headers"])


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    path = tmp_path / "page.html"
    path.write_bytes(LONG_PAGE)
    with path.open("rb") as opened:
        yield opened


LONG_PAGE = PAGE + b"<p>" * 100_000


def test_a_page_sent_by_its_path_gains_the_script(file: BinaryIO) -> None:
    sent = run(sending([PAGE_START, {"type": "http.response.pathsend", "path": file.name}]))
    assert {message["type"] for message in sent[1:]} == {"http.response.body"}
    assert bodies(sent) == insert(LONG_PAGE, SNIPPET)
    assert [message["more_body"] for message in sent[1:]].count(False) == 1


@pytest.mark.parametrize("as_descriptor", [True, False])
@pytest.mark.parametrize(("offset", "count"), [(None, None), (0, 40), (6, None), (15, 70_000)])
def test_a_page_sent_by_its_descriptor_gains_the_script(
    file: BinaryIO, as_descriptor: bool, offset: int | None, count: int | None
) -> None:
    message: Message = {
        "type": "http.response.zerocopysend",
        "file": file.fileno() if as_descriptor else file,
    }
    given = {"offset": offset, "count": count}
    message.update({name: value for name, value in given.items() if value is not None})
    part = LONG_PAGE[offset or 0 :][:count]
    assert bodies(run(sending([PAGE_START, message]))) == insert(part, SNIPPET)


def test_a_page_that_begins_as_bytes_may_go_on_as_a_file_and_end_as_bytes(file: BinaryIO) -> None:
    middle = {"type": "http.response.zerocopysend", "file": file, "more_body": True}
    sent = run(sending([PAGE_START, body(b"<!doctype ht", more_body=True), middle, body(b"<p>")]))
    assert bodies(sent) == insert(b"<!doctype ht" + LONG_PAGE + b"<p>", SNIPPET)
    assert sent[-1]["more_body"] is False


def test_a_file_that_is_no_page_is_left_to_the_server() -> None:
    messages: list[Message] = [DATA_START, {"type": "http.response.pathsend", "path": "/x.json"}]
    assert same_objects(run(sending(messages)), messages)


def test_a_file_is_read_under_another_event_loop_too(file: BinaryIO) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    app = sending([PAGE_START, {"type": "http.response.pathsend", "path": file.name}])
    middleware = PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    anyio.run(middleware, http_scope(), receive, send, backend="trio")
    assert bodies(sent) == insert(LONG_PAGE, SNIPPET)


OPEN_FILES = Path("/proc/self/fd")


def count_open_files() -> int:
    return len(list(OPEN_FILES.iterdir()))


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="needs Linux, which lists open files")
def test_a_file_is_closed_at_once_when_the_client_goes_away(file: BinaryIO) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    async def fails() -> None:
        app = sending([PAGE_START, {"type": "http.response.pathsend", "path": file.name}])
        middleware = PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
        before = count_open_files()
        with pytest.raises(ConnectionResetError):
            await middleware(http_scope(), receive, send)
        assert count_open_files() == before

    anyio.run(fails)


def test_messages_behind_the_last_body_message_pass_unchanged() -> None:
    messages = [PAGE_START, body(PAGE), body(b"<p>more"), body()]
    sent = run(sending(messages))
    assert bodies(sent[:2]) == insert(PAGE, SNIPPET)
    assert same_objects(sent[2:], messages[2:])


@pytest.mark.parametrize(
    "message",
    [
        body(PAGE),
        {"type": "http.response.pathsend", "path": "/page.html"},
        {"type": "http.response.zerocopysend", "file": 3},
    ],
)
def test_the_body_of_an_answer_to_a_head_reaches_no_server(message: Message) -> None:
    length = (b"content-length", str(len(PAGE)).encode())
    start = {**PAGE_START, "headers": [*PAGE_START["headers"], length]}
    sent = run(sending([start, message]), http_scope(method="HEAD"))
    assert b"content-length" not in dict(sent[0]["headers"])
    assert sent[1:] == [body()]


def test_trailers_about_the_original_bytes_are_removed() -> None:
    trailers = {
        "type": "http.response.trailers",
        "headers": [(b"content-digest", b"sha-256=:x:"), (b"server-timing", b"db;dur=5")],
    }
    sent = run(sending([{**PAGE_START, "trailers": True}, body(PAGE), trailers]))
    assert sent[-1]["headers"] == [(b"server-timing", b"db;dur=5")]
    data = run(sending([{**DATA_START, "trailers": True}, body(PAGE), trailers]))
    assert data[-1] is trailers


def test_early_hints_and_debug_messages_pass() -> None:
    hints = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload; as=style"]}
    debug = {"type": "http.response.debug", "info": {"template": "home.html"}}
    sent = run(sending([hints, debug, PAGE_START, body(PAGE)]))
    assert same_objects(sent[:2], [hints, debug])
    assert bodies(sent[3:]) == insert(PAGE, SNIPPET)


def test_headers_that_are_an_iterator_are_not_lost() -> None:
    headers = [(b"content-type", b"image/gif"), (b"set-cookie", b"a=1")]
    (start,) = run(sending([{**DATA_START, "headers": iter(headers)}]))
    assert start["headers"] == headers


def test_fields_that_are_lists_are_edited_as_tuples_are() -> None:
    fields = {b"content-type": b"text/html", b"vary": b"Accept", b"cache-control": b"public"}
    start, _ = run(sending([{**PAGE_START, "headers": [*map(list, fields.items())]}, body(b"A")]))
    edited = dict(start["headers"])
    assert edited[b"vary"] == b"Accept, Cookie, Sec-Fetch-Dest, Origin"
    assert edited[b"cache-control"] == b"private, no-cache"


def test_the_start_is_held_no_longer_than_the_first_bytes() -> None:
    sent = run(sending([PAGE_START, body(b"<", more_body=True), body(b"p>A", more_body=True)]))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == SNIPPET + b"<p>A"


def test_an_empty_first_body_message_sends_the_start() -> None:
    messages = [PAGE_START, body(b"", more_body=True)]
    assert [each["type"] for each in run(sending(messages))] == [each["type"] for each in messages]


def test_an_unfinished_tag_is_the_only_thing_held() -> None:
    messages = [PAGE_START, body(b"<!doctype html><link", more_body=True)]
    assert bodies(run(sending(messages))) == b"<!doctype html>"


def test_a_flush_in_the_middle_of_a_script_is_sent_at_once() -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    start = {**PAGE_START, "headers": headers}
    messages = [start, body(b"<!doctype html><script>a()", more_body=True)]
    assert bodies(run(sending(messages))) == b"<!doctype html>" + EARLY + b"<script>a()"


def test_a_body_message_may_have_no_keys_but_its_type() -> None:
    messages: list[Message] = [
        PAGE_START,
        body(PAGE, more_body=True),
        {"type": "http.response.body"},
    ]
    assert bodies(run(sending(messages))) == insert(PAGE, SNIPPET)


def test_a_start_without_headers_is_no_page() -> None:
    messages: list[Message] = [{"type": "http.response.start", "status": 200}, body(PAGE)]
    assert same_objects(run(sending(messages)), messages)


def test_exceptions_of_the_app_pass_untouched() -> None:
    error = ValueError("oh")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(PAGE_START)
        raise error

    with pytest.raises(ValueError, match="oh") as caught:
        run(app)
    assert caught.value is error


def test_an_exception_of_the_server_reaches_the_app() -> None:
    caught: list[OSError] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(PAGE_START)
            await send(body(PAGE))
        except OSError as error:
            caught.append(error)

    async def send(message: Message) -> None:
        raise ConnectionResetError

    anyio.run(PaviorMiddleware(app, SETTINGS), http_scope(), receive, send)
    assert isinstance(caught[0], ConnectionResetError)


@pytest.mark.parametrize("is_async", [False, True])
def test_the_identity_is_asked_for_after_the_response_began_and_for_pages_alone(
    is_async: bool,
) -> None:
    asked = []

    def identity(scope: Scope) -> Identity:
        asked.append(scope["user_id"])
        return Identity(scope["user_id"])

    async def identity_async(scope: Scope) -> Identity:
        await anyio.lowlevel.checkpoint()
        return identity(scope)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["user_id"] = 7
        await send(PAGE_START if scope["path"] == "/" else DATA_START)
        await send(body(PAGE))

    ask = identity_async if is_async else identity
    assert init_call(bodies(run(app, identity=ask)))["id"] == "7"
    run(app, http_scope(path="/data"), identity=ask)
    assert asked == [7]


async def fails(scope: Scope) -> Identity:
    await anyio.lowlevel.checkpoint()
    raise ConnectionError("no database")


def test_a_page_whose_identity_callable_fails_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "id" not in init_call(bodies(run(sending([PAGE_START, body(PAGE)]), identity=fails)))
    assert "no database" in caplog.text


@given(
    pieces=st.lists(st.binary(max_size=3) | st.sampled_from([b"<p>", b"</head>", b"<title>", b""])),
    tells_length=st.booleans(),
    ends_with_last=st.booleans(),
)
def test_any_page_in_any_pieces_gains_the_script_at_its_place(
    pieces: list[bytes], tells_length: bool, ends_with_last: bool
) -> None:
    whole = b"".join(pieces)
    length = [(b"content-length", str(len(whole)).encode())] if tells_length else []
    start = {**PAGE_START, "headers": [*PAGE_START["headers"], *length]}
    messages = [start, *(body(piece, more_body=True) for piece in pieces), body()]
    if ends_with_last and pieces:
        messages[-2:] = [body(pieces[-1])]
    sent = run(sending(messages))
    assert bodies(sent) == insert(whole, SNIPPET)
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    assert [message.get("more_body", False) for message in sent].count(False) == 2
    sent_length = dict(sent[0]["headers"]).get(b"content-length", str(len(bodies(sent))).encode())
    assert int(sent_length) == len(bodies(sent))
