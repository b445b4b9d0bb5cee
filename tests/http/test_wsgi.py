"""The WSGI adapter: PEP 3333 kept to the letter, between any server and any app."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity
from pavior_middleware._page.snippet import render
from pavior_middleware.placement import insert
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.adapters import PAGE
from tests.support.pages import init_call
from tests.support.sites import ADA, SETTINGS

HTML_HEADERS = [("Content-Type", "text/html")]
JSON_HEADERS = [("Content-Type", "application/json")]
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Server:
    """The least a server does: it keeps what the app says, and sends nothing by itself."""

    def __init__(self, app: App, *, identity: Identity | None = ADA, **environ: str) -> None:
        self.starts: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []
        self.environ: dict[str, Any] = {"HTTP_SEC_FETCH_DEST": "document", **environ}
        setup_testing_defaults(self.environ)
        self.middleware = PaviorMiddleware(app, SETTINGS, identity=lambda environ: identity)

    def start_response(self, *arguments: Any) -> Callable[[bytes], object]:
        if len(arguments) == 3 and any(self.written):
            raise arguments[2][1]
        self.starts.append(arguments)
        return self.written.append

    def body(self) -> Any:
        return self.middleware(self.environ, self.start_response)

    def run(self) -> bytes:
        body = self.body()
        for piece in body:
            self.written.append(piece)
        getattr(body, "close", lambda: None)()
        return b"".join(self.written)


class Body:
    """An app's iterable that counts what is asked of it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.pulled = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.pulled += 1
            yield piece

    def close(self) -> None:
        self.closed += 1


def answering(body: Iterable[bytes], headers: list[tuple[str, str]] = HTML_HEADERS) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return body

    return app


@pytest.mark.parametrize("status", ["200 OK", "304 Not Modified"])
def test_a_response_that_is_no_page_passes_as_the_same_objects(status: str) -> None:
    body = Body(b"{}")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, JSON_HEADERS)
        return body

    server = Server(app)
    assert server.body() is body
    assert server.starts == [(status, JSON_HEADERS)]
    assert server.starts[0][1] is JSON_HEADERS


def test_a_file_that_is_not_a_page_keeps_the_servers_own_wrapper() -> None:
    wrapper = FileWrapper(io.BytesIO(b"GIF"))
    assert Server(answering(wrapper, [("Content-Type", "image/gif")])).body() is wrapper


def test_an_html_file_gains_the_script() -> None:
    file = io.BytesIO(PAGE)
    assert init_call(Server(answering(FileWrapper(file))).run())["id"] == "7"
    assert file.closed


def test_a_page_gives_one_piece_for_each_of_the_apps_and_only_the_first_before_it_is_asked() -> (
    None
):
    body = Body(b"<!doctype html>", b"<title>A</title>", b"<p>B", b"<p>C")
    server = Server(answering(body))
    pieces = iter(server.body())
    assert body.pulled == 1
    seen = []
    for count in range(1, 5):
        seen.append(next(pieces))
        assert body.pulled == count
    assert seen[:2] == [b"<!doctype html>", b"<title>A</title>"]
    assert seen[2].endswith(b"</script><p>B")
    assert seen[3] is body.pieces[3]


def test_the_body_of_a_page_is_closed_once() -> None:
    body = Body(PAGE)
    assert Server(answering(body)).run()
    assert body.closed == 1


def test_a_page_that_answers_a_head_reaches_no_server_and_is_closed_once() -> None:
    body = Body(PAGE)
    server = Server(answering(body), REQUEST_METHOD="HEAD")
    assert server.run() == b""
    assert body.closed == 1


def test_what_is_written_in_answer_to_a_head_reaches_no_server() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", HTML_HEADERS)(PAGE)
        return []

    server = Server(app, REQUEST_METHOD="HEAD")
    assert server.run() == b""
    assert len(server.starts) == 1


def test_the_body_of_a_page_is_closed_once_when_the_client_goes_away() -> None:
    body = Body(b"<p>A", b"<p>B")
    pieces = Server(answering(body)).body()
    next(pieces)
    pieces.close()
    assert (body.pulled, body.closed) == (1, 1)


def test_a_page_that_ends_in_its_head_gains_a_piece() -> None:
    page = b"<!doctype html><title>A</title><style>"
    assert Server(answering([page])).run() == insert(page, render(SETTINGS, ADA).element())


class BrokenBody(Body):
    def __iter__(self) -> Iterator[bytes]:
        raise RuntimeError("oh")


class BodyThatFailsAtOnce(Body):
    def __iter__(self) -> Iterator[bytes]:
        yield from ()
        raise RuntimeError("oh")


@pytest.mark.parametrize("kind", [BrokenBody, BodyThatFailsAtOnce])
def test_a_body_that_fails_before_the_server_gets_one_is_closed_once(kind: type[Body]) -> None:
    body = kind()
    server = Server(answering(body))
    with pytest.raises(RuntimeError, match="oh"):
        server.body()
    assert body.closed == 1
    assert server.starts == []


def test_a_body_is_closed_once_if_the_server_refuses_the_start() -> None:
    def refuse(*arguments: Any) -> Any:
        raise AssertionError("a bad header")

    for pieces in ([], [PAGE], [b"<p>A", b"<p>B"]):
        body = Body(*pieces)
        server = Server(answering(body), REQUEST_METHOD="GET" if pieces else "HEAD")
        with pytest.raises(AssertionError, match="a bad header"):
            server.middleware(server.environ, refuse)
        assert body.closed == 1


def test_a_body_that_fails_behind_its_first_piece_is_closed_by_the_server_alone() -> None:
    class Failing(Body):
        def __iter__(self) -> Iterator[bytes]:
            yield PAGE
            raise RuntimeError("oh")

    body = Failing()
    pieces = Server(answering(body)).body()
    next(pieces)
    with pytest.raises(RuntimeError, match="oh"):
        next(pieces)
    assert body.closed == 0
    pieces.close()
    assert body.closed == 1


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_body_of_one_piece_stays_one_piece(kind: Any) -> None:
    body = Server(answering(kind([b"<!doctype html><title>A"]))).body()
    assert len(body) == 1
    assert body[0] == insert(b"<!doctype html><title>A", render(SETTINGS, ADA).element())


@pytest.mark.parametrize("kind", [bytearray, memoryview])
@pytest.mark.parametrize("cut", [0, 20])
def test_a_page_may_come_in_any_object_of_bytes_that_a_server_takes(
    kind: Callable[[bytes], Any], cut: int
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[Any]:
        start_response("200 OK", HTML_HEADERS)
        return [kind(piece) for piece in (PAGE[:cut], PAGE[cut:]) if piece]

    assert init_call(Server(app).run())["id"] == "7"


def test_a_list_with_a_close_method_is_closed() -> None:
    class Closed(list[bytes]):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    body = Closed([PAGE])
    assert init_call(Server(answering(body)).run())["id"] == "7"
    assert body.closed == 1


def test_a_start_that_the_app_replaces_is_dropped_with_its_cookies() -> None:
    marked = '"pavior.none.s.1"'

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("304 Not Modified", [("ETag", '"1"'), ("Set-Cookie", "a=taken back")])
        start_response("500 Internal Server Error", HTML_HEADERS, (None, None, None))
        return [PAGE]

    server = Server(app, HTTP_IF_NONE_MATCH=marked)
    assert init_call(server.run())["id"] == "7"
    assert "Set-Cookie" not in dict(server.starts[-1][1])


def test_the_skip_field_is_removed_from_a_start_that_replaces_another() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", JSON_HEADERS)
        skipped = [*HTML_HEADERS, ("Pavior-Skip", "1")]
        start_response("500 Internal Server Error", skipped, (None, None, None))
        return [PAGE]

    server = Server(app)
    assert server.run() == PAGE
    assert server.starts[-1][1] == HTML_HEADERS


def test_a_page_whose_content_length_ends_in_its_head_gets_its_new_length() -> None:
    page = b"<!doctype html><title>A</title><style>"
    server = Server(answering(Body(page), [*HTML_HEADERS, ("Content-Length", str(len(page)))]))
    sent = server.run()
    assert sent == insert(page, render(SETTINGS, ADA).element())
    assert dict(server.starts[0][1])["Content-Length"] == str(len(sent))


def test_a_content_length_that_is_an_int_becomes_that_of_the_page_with_the_script() -> None:
    headers: list[Any] = [*HTML_HEADERS, ("Content-Length", len(PAGE))]
    server = Server(answering([PAGE], headers))
    sent = server.run()
    assert dict(server.starts[0][1])["Content-Length"] == str(len(sent))


def test_an_ended_body_stays_ended() -> None:
    pieces = iter(Server(answering([PAGE])).body())
    assert len(list(pieces)) == 1
    assert list(pieces) == []


def test_a_page_of_a_generator_app_gains_the_script() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HTML_HEADERS)
        yield PAGE

    server = Server(app)
    pieces = iter(server.body())
    assert len(server.starts) == 1
    assert init_call(next(pieces))["id"] == "7"
    assert len(server.starts) == 1


def test_a_generator_that_yields_nothing_gains_no_piece() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("204 No Content", [])
        yield from ()

    assert list(Server(app).body()) == []


def test_the_pieces_of_a_generator_that_is_no_page_are_the_same_objects() -> None:
    piece = bytes(100)

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", JSON_HEADERS)
        yield piece

    assert next(iter(Server(app).body())) is piece


def test_bytes_that_the_app_writes_are_part_of_the_page() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", HTML_HEADERS)
        write(b"<!doctype html><tit")
        write(b"le>A</title>")
        return [b"<p>B"]

    page = b"<!doctype html><title>A</title><p>B"
    assert Server(app).run() == insert(page, render(SETTINGS, ADA).element())


def test_a_page_may_be_written_as_a_whole() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HTML_HEADERS)(b"<title>A</title>")
        return []

    assert init_call(Server(app).run())["id"] == "7"


def test_written_bytes_that_are_no_page_go_straight_to_the_server() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", JSON_HEADERS)(b"{}")
        return []

    assert Server(app).run() == b"{}"


def test_an_app_may_replace_its_start_while_nothing_was_sent() -> None:
    error = ValueError("oh")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HTML_HEADERS)
        try:
            raise error
        except ValueError:
            start_response("500 Internal Server Error", HTML_HEADERS, sys.exc_info())
        return [b"<p>sorry"]

    server = Server(app)
    assert init_call(server.run())["id"] == "7"
    ((status, _, exc_info),) = server.starts
    assert status == "500 Internal Server Error"
    assert exc_info[1] is error


@pytest.mark.parametrize(
    ("first", "second"), [(HTML_HEADERS, JSON_HEADERS), (JSON_HEADERS, HTML_HEADERS)]
)
def test_an_app_may_replace_its_start_by_one_of_another_media_type(first: Any, second: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", first)
        start_response("500 Internal Server Error", second, (None, None, None))
        return [b"sorry"]

    server = Server(app)
    assert server.run() == b"sorry"
    assert server.starts[-1][:2] == ("500 Internal Server Error", second)


def test_an_app_that_fails_after_bytes_were_sent_gets_its_error_back() -> None:
    error = ValueError("oh")

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HTML_HEADERS)
        yield PAGE
        try:
            raise error
        except ValueError:
            start_response("500 Internal Server Error", HTML_HEADERS, sys.exc_info())

    with pytest.raises(ValueError, match="oh") as caught:
        Server(app).run()
    assert caught.value is error


def test_a_server_without_write_gets_the_very_objects_of_an_app_that_is_not_changed() -> None:
    """Such as asgiref's, and Starlette's `WSGIMiddleware`."""
    body, headers = Body(b"{}"), list(JSON_HEADERS)
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return body

    def start_response(*arguments: Any) -> None:
        seen.extend(arguments)

    server = Server(app)
    assert server.middleware(server.environ, start_response) is body  # type: ignore[arg-type]
    assert seen[1] is headers


def test_starting_twice_without_exc_info_raises_an_error() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", HTML_HEADERS)
        start_response("200 OK", HTML_HEADERS)
        return []

    with pytest.raises(AssertionError, match="twice"):
        Server(app).run()


def test_exceptions_of_the_app_pass_untouched() -> None:
    error = ValueError("oh")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise error

    with pytest.raises(ValueError, match="oh") as caught:
        Server(app).run()
    assert caught.value is error


def test_the_identity_is_asked_for_after_the_response_began_and_for_pages_alone() -> None:
    asked = []

    def identity(environ: dict[str, Any]) -> Identity:
        asked.append(environ["app.user"])
        return Identity(environ["app.user"])

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["app.user"] = 7
        headers = HTML_HEADERS if environ["PATH_INFO"] == "/" else JSON_HEADERS
        start_response("200 OK", headers)
        return [PAGE]

    server = Server(app)
    server.middleware = PaviorMiddleware(app, SETTINGS, identity=identity)
    assert init_call(server.run())["id"] == "7"
    server.environ["PATH_INFO"] = "/data"
    server.run()
    assert asked == [7]


# ── Servers that read the head before they ask for the body, such as granian ────────────────────


def early_reading(server: Server) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return what such a server sends: it keeps the last start, and gives no `write`."""
    starts: list[Any] = []
    start_response: Any = lambda *arguments: starts.append(arguments)  # noqa: E731
    body = server.middleware(server.environ, start_response)
    status, headers, *_ = starts[-1]
    count = len(starts)
    sent = b"".join(body)
    assert len(starts) == count
    getattr(body, "close", lambda: None)()
    return status, headers, sent


@pytest.mark.parametrize("asked_for", ["GET", "HEAD"])
def test_the_head_of_an_app_that_yields_nothing_is_read_early(asked_for: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [*HTML_HEADERS, ("Set-Cookie", "a=1")])
        yield from ()

    for each in (app, answering([], [*HTML_HEADERS, ("Set-Cookie", "a=1")])):
        status, headers, sent = early_reading(Server(each, REQUEST_METHOD=asked_for))
        assert status == "200 OK"
        assert dict(headers)["Set-Cookie"] == "a=1"
        assert bool(sent) == (asked_for == "GET")


def test_a_response_that_is_no_page_is_the_same_object_for_a_server_without_write() -> None:
    body = Body(b"{}")
    server = Server(answering(body, JSON_HEADERS))
    start_response: Any = lambda *arguments: None  # noqa: E731
    assert server.middleware(server.environ, start_response) is body
    assert body.pulled == 0


def test_the_head_of_a_generator_that_is_called_again_is_read_early() -> None:
    asked = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        asked.append(environ.get("HTTP_IF_NONE_MATCH"))
        if asked[-1]:
            start_response("304 Not Modified", [("ETag", '"1"'), ("Set-Cookie", "a=1")])
            return
        start_response("200 OK", [*HTML_HEADERS, ("ETag", '"1"')])
        yield PAGE

    server = Server(app, HTTP_IF_NONE_MATCH='"pavior.none.s.1"')
    status, headers, sent = early_reading(server)
    assert asked == ['"1"', None]
    assert status == "200 OK"
    assert dict(headers)["Set-Cookie"] == "a=1"
    assert init_call(sent)["id"] == "7"


def test_a_response_is_closed_once_before_the_app_is_called_again() -> None:
    bodies = [Body(), Body(PAGE)]
    closed_before: list[int] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        body = bodies[len(closed_before)]
        closed_before.append(bodies[0].closed)
        if body is bodies[0]:
            start_response("304 Not Modified", [("ETag", '"1"')])
        else:
            start_response("200 OK", HTML_HEADERS)
        return body  # type: ignore[return-value]

    Server(app, HTTP_IF_NONE_MATCH='"pavior.none.s.1"').run()
    assert closed_before == [0, 1]
    assert [body.closed for body in bodies] == [1, 1]


def test_an_empty_piece_before_the_start_is_left_out() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("200 OK", HTML_HEADERS)
        yield PAGE

    _, headers, sent = early_reading(Server(app))
    assert dict(headers)["Cache-Control"] == "private, no-cache"
    assert init_call(sent)["id"] == "7"


def test_bytes_before_the_start_reach_the_server() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield b"too soon"
        raise AssertionError("pulled without need")

    server = Server(app)
    pieces = server.body()
    assert server.starts == []
    assert next(pieces) == b"too soon"


def test_a_start_taken_back_behind_an_empty_piece_reaches_the_server() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", HTML_HEADERS)
        yield b""
        try:
            raise ValueError("oh")
        except ValueError:
            start_response("500 Internal Server Error", JSON_HEADERS, sys.exc_info())
        yield b"{}"

    server = Server(app)
    assert server.run() == b"{}"
    assert [status for status, *_ in server.starts] == ["200 OK", "500 Internal Server Error"]


def as_generator(body: list[bytes], headers: list[tuple[str, str]]) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", headers)
        yield from body

    return app


def as_replaced_start(body: list[bytes], headers: list[tuple[str, str]]) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("500 Internal Server Error", [("X-Taken-Back", "1"), *headers])
        start_response("200 OK", headers, (None, None, None))
        yield from body

    return app


KINDS: list[Callable[[list[bytes], list[tuple[str, str]]], App]] = [
    answering,
    as_generator,
    as_replaced_start,
    lambda body, headers: answering(tuple(body), headers),
    lambda body, headers: answering(iter(body), headers),
    lambda body, headers: answering(Body(*body), headers),
    lambda body, headers: answering(FileWrapper(io.BytesIO(b"".join(body))), headers),
]


@given(
    kind=st.sampled_from(KINDS),
    pieces=st.lists(st.sampled_from([b"<p>", b"<!doctype html>", b"<title>A", b"</title>", b""])),
    is_page=st.booleans(),
    has_length=st.booleans(),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_a_server_that_reads_the_head_early_sends_what_others_send(
    kind: Any, pieces: list[bytes], is_page: bool, has_length: bool, method: str
) -> None:
    pieces = [] if method == "HEAD" else pieces
    whole = b"".join(pieces)
    length = [("Content-Length", str(len(whole)))] if has_length else []
    headers = [*(HTML_HEADERS if is_page else JSON_HEADERS), ("Set-Cookie", "a=1"), *length]
    status, fields, sent = early_reading(Server(kind(pieces, headers), REQUEST_METHOD=method))
    assert status == "200 OK"
    assert fields.count(("Set-Cookie", "a=1")) == 1
    assert dict(fields).get("Content-Length", str(len(sent))) == str(len(sent)) or method == "HEAD"
    if is_page:
        assert dict(fields)["Cache-Control"] == "private, no-cache"
        page = insert(whole, render(SETTINGS, ADA).element())
        assert sent == (b"" if method == "HEAD" else page)
    else:
        assert fields == headers
        assert sent == whole
    assert Server(kind(pieces, headers), REQUEST_METHOD=method).run() == sent


PIECES = st.lists(st.binary(max_size=3) | st.sampled_from([b"<p>", b"</head>", b"<title>", b""]))


@given(pieces=PIECES, length=st.booleans(), method=st.sampled_from(["GET", "HEAD", "POST"]))
def test_validators_around_and_inside_the_middleware_find_no_error(
    pieces: list[bytes], length: bool, method: str
) -> None:
    pieces = [] if method == "HEAD" else pieces
    size = [("Content-Length", str(sum(map(len, pieces))))] if length else []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html"), *size])
        return pieces

    server = Server(app, REQUEST_METHOD=method, QUERY_STRING="")
    server.middleware = validator(  # type: ignore[assignment]
        PaviorMiddleware(validator(app), SETTINGS, identity=lambda environ: ADA)
    )
    sent = server.run()
    whole = b"".join(pieces)
    assert sent == (b"" if method == "HEAD" else insert(whole, render(SETTINGS, ADA).element()))
    ((_, headers, *_),) = server.starts
    assert dict(headers).get("Content-Length", str(len(sent))) == str(len(sent))
