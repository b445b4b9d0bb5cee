"""Where a template has placed the script: `{{ pavior_snippet() }}`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import flask
import minify_html
import pytest
from flask import Flask
from flask_compress import Compress
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient
from webtest import TestApp, TestRequest, lint

from pavior_middleware import Identity, asgi, wsgi
from pavior_middleware._http.codings import codings
from pavior_middleware._page.body import CodedBody
from pavior_middleware._page.placeholder import LIMIT, Replacer, new_placeholder
from pavior_middleware._page.request import PageRequest
from pavior_middleware._page.snippet import Snippet, render
from pavior_middleware.flask import Pavior
from pavior_middleware.jinja import pavior_snippet
from pavior_middleware.placement import Inserter, insert
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import HTML_TYPE
from tests.support.codings import BR, DEFLATE, FORMS, GZIP, ZSTD, Form, streamed
from tests.support.pages import init_calls
from tests.support.sites import ADA, API_KEY, SETTINGS

ELEMENT = render(SETTINGS, ADA).element()
EARLY_ELEMENT = Snippet.early(ELEMENT)
"""The second is for a place behind which the rest of the head is still to come."""

# ── Real templates ─────────────────────────────────────────────────────────────────────────────

TEMPLATE = "<!doctype html><title>A</title><body><h1>{{ name }}</h1>{{ pavior_snippet() }}<p>B"
BEFORE, AFTER = "<!doctype html><title>A</title><body><h1>&lt;Ada&gt;</h1>", "<p>B"
BARE = "<!doctype html><title>A</title><body><p>B"
CSP = {"Content-Security-Policy": "script-src 'nonce-abc'"}
PLACEHOLDER = re.compile(rb"<!-- pavior-middleware: [0-9a-f]{32} -->")
"""What `pavior_snippet()` writes."""

Render = Callable[..., str]
View = Callable[[Render], Any]
"""Makes the content of a page, or a tuple of that and header fields, with a template renderer."""


def flask_app(
    view: View, change: Callable[[str], str] | None = None, user: Identity | None = ADA
) -> Any:
    app = Flask(__name__)
    Pavior(app, SETTINGS, identity=lambda environ: user)

    @app.get("/")
    def home() -> Any:
        return view(lambda template: flask.render_template_string(template, name="<Ada>"))

    if change is not None:

        @app.after_request
        def change_it(response: flask.Response) -> flask.Response:
            response.set_data(change(response.get_data(as_text=True)))
            return response

    return app


def flask_page(view: View, change: Callable[[str], str] | None = None) -> bytes:
    body: bytes = TestApp(flask_app(view, change)).get("/").body
    return body


def starlette_page(view: View, change: Callable[[str], str] | None = None) -> bytes:
    templates = Jinja2Templates(env=Environment(loader=DictLoader({}), autoescape=True))
    templates.env.globals["pavior_snippet"] = pavior_snippet

    async def home(request: Request) -> Response:
        content = view(
            lambda template: templates.env.from_string(template).render(
                request=request, name="<Ada>"
            )
        )
        content, headers = content if isinstance(content, tuple) else (content, {})
        return HTMLResponse(change(content) if change else content, headers=headers)

    async def identity(scope: asgi.Scope) -> Identity:
        return ADA

    middleware = [Middleware(PaviorMiddleware, settings=SETTINGS, identity=identity)]
    app = Starlette(routes=[Route("/", home)], middleware=middleware)
    body: bytes = TestClient(app).get("/").content
    return body


Page = Callable[..., bytes]
both = pytest.mark.parametrize("page", [flask_page, starlette_page])


@both
@pytest.mark.parametrize(("headers", "tag"), [({}, b"<script "), (CSP, b'<script nonce="abc" ')])
def test_a_template_may_place_the_script(page: Page, headers: dict[str, str], tag: bytes) -> None:
    body = page(lambda render: (render(TEMPLATE), headers))
    assert body.startswith(BEFORE.encode() + tag)
    assert body.endswith(b"</script>" + AFTER.encode())
    assert body.count(b"<script") == 1
    assert b"<!--" not in body


@both
def test_a_script_placed_twice_comes_once(page: Page) -> None:
    body = page(lambda render: render(TEMPLATE + "{{ pavior_snippet() }}"))
    assert body.startswith(BEFORE.encode() + b"<script ")
    assert body.endswith(b"</script>" + AFTER.encode())
    assert body.count(b"<script") == 1


@both
def test_a_page_keeps_its_chat_if_a_mail_is_rendered_for_the_same_request(page: Page) -> None:
    mails: list[str] = []

    def view(render: Render) -> str:
        mails.append(render(TEMPLATE))
        return BARE

    assert page(view) == insert(BARE.encode(), ELEMENT)
    assert PLACEHOLDER.sub(b"", mails[0].encode()) == (BEFORE + AFTER).encode()
    assert API_KEY not in mails[0]


@both
def test_a_mail_beside_a_page_that_places_the_script_changes_nothing(page: Page) -> None:
    body = page(lambda render: (render(TEMPLATE), render(TEMPLATE))[1])
    assert body == BEFORE.encode() + ELEMENT + AFTER.encode()


def test_an_error_page_without_the_call_has_the_chat_though_a_layout_with_it_was_rendered() -> None:
    def view(render: Render) -> str:
        render(TEMPLATE)
        flask.abort(404)

    body = TestApp(flask_app(view)).get("/", status=404).body
    assert len(init_calls(body)) == 1
    assert b"Not Found" in body


@both
def test_a_page_keeps_its_chat_if_a_minifier_removes_comments(page: Page) -> None:
    minified = minify_html.minify(BEFORE + AFTER)
    body = page(lambda render: render(TEMPLATE), minify_html.minify)
    assert body == insert(minified.encode(), ELEMENT)


@both
def test_a_cached_rendering_of_a_template_keeps_its_comment(page: Page) -> None:
    kept: list[str] = []

    def view(render: Render) -> str:
        if not kept:
            kept.append(render("<aside>{{ pavior_snippet() }}</aside>"))
            return BARE
        return f"{BARE}{kept[0]}" + render("<b>{{ pavior_snippet() }}</b>" if places else "")

    places = False
    page(view)
    assert PLACEHOLDER.fullmatch(kept[0].encode()[len("<aside>") : -len("</aside>")])
    assert page(view) == insert((BARE + kept[0]).encode(), ELEMENT)
    places = True
    assert page(view) == f"{BARE}{kept[0]}<b>".encode() + ELEMENT + b"</b>"


@both
def test_each_request_has_a_placeholder_of_its_own(page: Page) -> None:
    seen: list[str] = []

    def view(render: Render) -> str:
        seen.append(render("{{ pavior_snippet() }}" * 2))
        return BARE

    page(view)
    page(view)
    first, second = seen
    assert len(set(PLACEHOLDER.findall(first.encode()))) == 1
    assert first != second


@both
def test_a_response_that_is_no_page_keeps_the_placeholder(page: Page) -> None:
    headers = {"Content-Type": "text/plain"}
    body = page(lambda render: (render(TEMPLATE), headers))
    assert PLACEHOLDER.sub(b"", body) == (BEFORE + AFTER).encode()
    assert body != (BEFORE + AFTER).encode()


def test_a_page_that_the_app_hashes_has_another_entity_tag_each_time() -> None:
    def view(render: Render) -> flask.Response:
        response = flask.make_response(render(TEMPLATE))
        response.add_etag()
        return response

    app = TestApp(flask_app(view))
    assert app.get("/").headers["ETag"] != app.get("/").headers["ETag"]


def streamed_by_flask(template: str) -> Any:
    return flask_app(lambda render: flask.stream_template_string(template, name="<Ada>"))


def test_a_template_that_streams_may_place_the_script_in_its_head() -> None:
    template = "<!doctype html><title>A</title>{{ pavior_snippet() }}<link rel=x>" + AFTER
    body = TestApp(streamed_by_flask(template)).get("/").body
    assert body == b"<!doctype html><title>A</title>" + EARLY_ELEMENT + b"<link rel=x><p>B"


def test_a_template_that_streams_places_nothing_behind_its_head() -> None:
    body = TestApp(streamed_by_flask(TEMPLATE + "{{ pavior_snippet() }}")).get("/").body
    assert body == insert((BEFORE + AFTER).encode(), ELEMENT)


def test_a_template_without_a_request_raises_an_error_with_the_remedy() -> None:
    environment = Environment(autoescape=True)
    environment.globals["pavior_snippet"] = pavior_snippet
    with pytest.raises(LookupError, match="pass it to the template"):
        environment.from_string("{{ pavior_snippet() }}").render()


def test_without_the_middleware_a_template_places_nothing() -> None:
    environment = Environment(autoescape=True)
    environment.globals["pavior_snippet"] = pavior_snippet
    request = Request({"type": "http"})
    assert environment.from_string("a{{ pavior_snippet() }}b").render(request=request) == "ab"


ROWS = "".join(f"<p>Row {n} {n * n}" for n in range(20_000))


@pytest.mark.parametrize("form", [GZIP, DEFLATE, BR, ZSTD], ids=lambda form: form.name)
def test_a_compressed_page_in_one_piece_has_the_script_where_its_template_says(form: Form) -> None:
    template = "<!doctype html><body>" + ROWS + "{{ pavior_snippet() }}<p>B{{ pavior_snippet() }}"
    app = flask_app(lambda render: render(template))
    Compress(app)
    request = TestRequest.blank("/", headers={"Accept-Encoding": form.name})
    response = request.get_response(lint.middleware(app))
    assert response.headers["Content-Encoding"] == form.name
    assert form.decode(response.body) == (
        b"<!doctype html><body>" + ROWS.encode() + ELEMENT + b"<p>B"
    )


def test_a_page_compressed_inside_of_starlette_has_the_script_where_its_template_says() -> None:
    async def home(request: Request) -> Response:
        placeholder = request.scope[PageRequest.KEY].place().decode()
        return HTMLResponse(f"<!doctype html><body>{ROWS}{placeholder}<p>B{placeholder}")

    middleware = [
        Middleware(PaviorMiddleware, settings=SETTINGS, identity=lambda scope: ADA),
        Middleware(GZipMiddleware),
    ]
    client = TestClient(Starlette(routes=[Route("/", home)], middleware=middleware))
    response = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.content == b"<!doctype html><body>" + ROWS.encode() + ELEMENT + b"<p>B"


def test_a_stream_of_starlette_has_no_placeholder_of_its_request_left() -> None:
    async def home(request: Request) -> Response:
        async def pieces() -> Any:
            yield "<!doctype html><title>A</title><body>"
            yield request.scope[PageRequest.KEY].place()[:20]
            yield request.scope[PageRequest.KEY].place()[20:] + b"<p>B"

        return StreamingResponse(pieces(), media_type="text/html")

    middleware = [Middleware(PaviorMiddleware, settings=SETTINGS, identity=lambda scope: ADA)]
    client = TestClient(Starlette(routes=[Route("/", home)], middleware=middleware))
    assert client.get("/").content == insert(b"<!doctype html><title>A</title><body><p>B", ELEMENT)


# ── The length and the entity tag, as servers and their validators see them ────────────────────

PLACE = b"{}"
"""Stands for the placeholder of the request."""

page_pieces = st.lists(
    st.sampled_from([b"<!doctype html>", b"<title>A</title>", b"<p>", PLACE, b"<b", b"", b"text"]),
    max_size=6,
)


@given(
    pieces=page_pieces,
    has_length=st.booleans(),
    calls=st.sampled_from(["before the start", "when asked for pieces"]),
    destination=st.sampled_from(["document", "empty"]),
)
@example([b"<p>", PLACE], True, "when asked for pieces", "document")
@example([b"<p>", PLACE], True, "before the start", "document")
@example([PLACE, b"<p>", PLACE], True, "before the start", "document")
def test_a_page_with_placeholders_is_valid_wsgi_and_has_the_right_length(
    pieces: list[bytes], has_length: bool, calls: str, destination: str
) -> None:
    length = sum(len(new_placeholder()) if piece == PLACE else len(piece) for piece in pieces)
    fields = [("ETag", '"v1"'), *([("Content-Length", str(length))] if has_length else [])]
    placeholders: list[bytes] = []

    def body(page: PageRequest) -> Iterator[bytes]:
        for piece in pieces:
            if piece == PLACE:
                placeholders.append(page.place())
            yield page.place() if piece == PLACE else piece

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        made = body(environ[PageRequest.KEY])
        made = iter(list(made)) if calls == "before the start" else made
        start_response("200 OK", [HTML_TYPE, *fields])
        return made

    async def asgi_app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        made = body(scope[PageRequest.KEY])
        made = iter(list(made)) if calls == "before the start" else made
        raw = [(name.lower().encode(), value.encode()) for name, value in [HTML_TYPE, *fields]]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        for piece in made:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    headers = {"Sec-Fetch-Dest": destination}
    middleware: Any = wsgi.PaviorMiddleware(wsgi_app, SETTINGS, identity=lambda environ: ADA)
    by_wsgi = TestRequest.blank("/", headers=headers).get_response(lint.middleware(middleware))
    sent = dict(by_wsgi.headers)  # reading the body adds its length
    check(by_wsgi.body, sent, pieces, placeholders, has_length)
    placeholders.clear()
    middleware = asgi.PaviorMiddleware(asgi_app, SETTINGS, identity=lambda scope: ADA)
    by_asgi = TestClient(middleware).get("/", headers=headers)
    check(by_asgi.content, by_asgi.headers, pieces, placeholders, has_length)


def check(
    body: bytes, headers: Any, pieces: list[bytes], placeholders: list[bytes], has_length: bool
) -> None:
    assert int(headers.get("Content-Length", len(body))) == len(body)
    assert len(set(placeholders)) <= 1
    rest = body.replace(ELEMENT, b"", 1).replace(EARLY_ELEMENT, b"", 1)
    assert b"<script" not in rest
    clean = b"".join(piece for piece in pieces if piece != PLACE)
    if body == rest:  # a part of a page
        assert body == b"".join((placeholders or [b""])[0] if p == PLACE else p for p in pieces)
        assert "pavior.part." in headers["ETag"] or headers["ETag"].startswith("W/")
    elif has_length and PLACEHOLDER.search(body):  # rendered after its length was sent
        assert PLACEHOLDER.sub(b"", rest) == clean
    else:
        assert rest == clean


@pytest.mark.parametrize("is_stream", [False, True])
def test_the_entity_tag_of_a_page_is_strong_if_all_placeholders_are_accounted_for(
    is_stream: bool,
) -> None:
    def view(render: Render) -> flask.Response:
        page = render(TEMPLATE)
        response = flask.Response(iter([page, "<p>C"]) if is_stream else page)
        response.set_etag("v1")
        return response

    etag = TestApp(flask_app(view, user=None)).get("/").headers["ETag"]
    assert etag.startswith('W/"pavior.' if is_stream else '"pavior.')


# ── The rule, for any document and any cuts ────────────────────────────────────────────────────

ONE = new_placeholder()
MARK = b"<script>mark</script>"
PIECES = [
    *(ONE, ONE[:20], ONE[20:], b"<", b"<!-- ", b"-->", b"<!doctype html>", b"<head>", b"</head>"),
    *(b"<title>", b"</title>", b"<script>", b"</script>", b"<meta charset=utf-8>", b"<p>", b"text"),
    *(b"<body>", b"<template>", b"</template>", b"'", b" ", b"<style>", b"</style>"),
    *(b"<link rel=stylesheet>",),
]
documents = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def replacer(**options: Any) -> Replacer:
    return Replacer(Inserter(MARK, charset_is_known=True, **options), lambda: ONE)


def placed(document: bytes) -> bytes:
    """Return what becomes of a document that comes in one piece."""
    before, found, behind = document.partition(ONE)
    return before + MARK + behind.replace(ONE, b"") if found else insert(document, MARK)


def length_of_beginning(text: bytes) -> int:
    """How much of the end of a text may turn out to be a placeholder's beginning."""
    return max(length for length in range(len(ONE)) if text.endswith(ONE[:length]))


def cut(document: bytes, data: st.DataObject) -> Iterator[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(document)), max_size=8)))
    for start, end in zip([0, *cuts], [*cuts, len(document)], strict=True):
        yield document[start:end]


@given(document=documents, data=st.data())
@settings(max_examples=5 * settings().max_examples)
def test_a_document_that_is_not_flushed_has_the_script_at_its_first_placeholder_however_it_is_cut(
    document: bytes, data: st.DataObject
) -> None:
    changed = replacer()
    out = b"".join(map(changed.feed, cut(document, data))) + changed.finish()
    assert out == placed(document)
    assert changed.added == len(out) - len(document)
    assert changed.is_determined


@given(document=documents, data=st.data())
@settings(max_examples=5 * settings().max_examples)
def test_a_stream_waits_for_no_placeholder_once_the_end_of_its_head_is_flushed(
    document: bytes, data: st.DataObject
) -> None:
    changed, bare = replacer(), Inserter(MARK, charset_is_known=True)
    out = without = fed = ready = b""
    fed_in_time = document
    for piece in cut(document, data):
        out += changed.feed(piece) + changed.flush()
        fed += piece
        now_ready = fed[: len(fed) - length_of_beginning(fed)]
        without += bare.feed(now_ready[len(ready) :]) + bare.flush()
        ready = max(ready, now_ready)
        if bare.added is not None and fed_in_time is document:
            fed_in_time = fed
        waiting = len(fed.replace(ONE, b"")) - len(out.replace(MARK, b"", 1))
        assert waiting <= len(fed) - len(without.replace(MARK, b"", 1))
        assert changed.added is None
    without += bare.feed(fed[len(ready) :])
    out += changed.finish()
    before, mark, behind = (without + bare.finish()).partition(MARK)
    usual = before + mark + behind.replace(ONE, b"")
    assert out == (placed(document) if ONE in fed_in_time else usual)
    assert changed.added == len(out) - len(document)


@given(document=documents, data=st.data())
def test_a_part_of_a_page_stays_unchanged_unless_its_template_places_the_script(
    document: bytes, data: st.DataObject
) -> None:
    changed = replacer(documents_only=True)
    out = b"".join(map(changed.feed, cut(document, data))) + changed.finish()
    bare = Inserter(MARK, charset_is_known=True, documents_only=True)
    if ONE in document:
        assert out == placed(document)
    else:
        assert out == bare.feed(document) + bare.finish()
        assert (changed.stays, changed.is_fragment) == (bare.stays, bare.is_fragment)


@given(document=documents, form=st.sampled_from(FORMS), data=st.data())
def test_a_coded_stream_is_changed_like_one_that_is_not(
    document: bytes, form: Form, data: st.DataObject
) -> None:
    assume(document)
    plain = replacer()
    pieces = list(cut(document, data))
    out = b"".join(plain.feed(piece) + plain.flush() for piece in pieces) + plain.finish()
    body = CodedBody(codings([form.name]), replacer(), pytest.fail)
    recoded = [b"".join(body.feed(piece)) for piece in streamed(pieces, [form])]
    assert form.decode(b"".join([*recoded, *body.feed(b"", is_last=True)])) == out


@given(document=documents, form=st.sampled_from(FORMS), data=st.data())
def test_a_coded_document_cut_anywhere_has_the_script_once_and_no_placeholder(
    document: bytes, form: Form, data: st.DataObject
) -> None:
    assume(document)
    body = CodedBody(codings([form.name]), replacer(), pytest.fail)
    recoded = [b"".join(body.feed(piece)) for piece in cut(form.encode(document), data)]
    before, mark, behind = form.decode(
        b"".join([*recoded, *body.feed(b"", is_last=True)])
    ).partition(MARK)
    assert mark
    assert (before + behind).startswith(document.replace(ONE, b"")[: len(before)])
    assert behind == document.replace(ONE, b"")[-len(behind) :] or not behind


@given(document=documents, form=st.sampled_from(FORMS))
def test_a_coded_document_in_one_piece_has_the_script_at_its_first_placeholder(
    document: bytes, form: Form
) -> None:
    assume(document)
    body = CodedBody(codings([form.name]), replacer(), pytest.fail)
    assert form.decode(b"".join(body.feed(form.encode(document), is_last=True))) == placed(document)


def test_a_part_of_a_page_that_has_begun_keeps_the_placeholders_that_come_later() -> None:
    changed = replacer(documents_only=True)
    pieces = [b"<p>A" + ONE[:5], ONE[5:] + b"<p>B" + ONE, b"<"]
    out = b"".join(changed.feed(piece) + changed.flush() for piece in pieces) + changed.finish()
    assert out == b"".join(pieces)
    assert changed.added == 0
    assert changed.stays


def test_placeholders_as_long_as_the_script_leave_no_page_that_seems_unchanged() -> None:
    mark = b"x" * len(ONE) * 3
    document = Replacer(Inserter(mark), lambda: ONE)
    assert document.feed(b"<p>" + ONE * 3) + document.finish() == b"<p>" + mark
    assert document.added == 0
    assert not document.stays
    coded = CodedBody([], Replacer(Inserter(mark), lambda: ONE), pytest.fail)
    assert b"".join(coded.feed(b"<p>" + ONE * 3, is_last=True)) == b"<p>" + mark


def test_once_the_script_is_placed_chunks_pass_as_the_same_objects() -> None:
    changed = replacer()
    changed.feed(b"<p>" + ONE)
    rest = b"<title>not in the head"
    assert changed.feed(rest) is rest


def test_a_flush_behind_the_end_of_the_head_does_not_wait_for_a_placeholder() -> None:
    changed = replacer()
    assert changed.feed(b"<p>A<!-- pavior") + changed.flush() == MARK + b"<p>A"
    assert changed.feed(b"<p>B" + ONE + b"<p>C") + changed.flush() == b"<!-- pavior<p>B<p>C"


def test_a_placeholder_behind_a_flush_that_left_the_head_open_is_replaced() -> None:
    changed = replacer()
    assert (
        changed.feed(b"<head><title>A</title><lin") + changed.flush() == b"<head><title>A</title>"
    )
    assert changed.feed(b"k>" + ONE + b"<p>") == b"<link>" + MARK + b"<p>"


def test_a_long_piece_that_is_fed_little_by_little_is_held_up_to_a_limit() -> None:
    changed = replacer()
    sent = changed.feed(b"<!doctype html><body>")
    fed = len(b"<!doctype html><body>")
    for _ in range(2 * LIMIT // 1000):
        sent += changed.feed(b"x" * 1000)
        fed += 1000
        assert fed - len(sent) <= LIMIT
    sent += changed.feed(ONE) + changed.finish()
    assert sent == insert(b"<!doctype html><body>" + b"x" * (2 * LIMIT // 1000 * 1000), MARK)


@pytest.mark.parametrize(
    "filler",
    [b"<", b"<!-- ", ONE[:-1], ONE, b"x"],
    ids=["tag", "comment", "unfinished", "placeholder", "text"],
)
@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.slow
def test_no_text_makes_the_search_for_placeholders_slower_than_linear(
    filler: bytes, size: int
) -> None:
    def seconds(length: int) -> float:
        document = b"<!doctype html><body>" + filler * (length // len(filler))
        changed = replacer()
        started = time.process_time()
        for at in range(0, len(document), size):
            changed.feed(document[at : at + size])
        changed.finish()
        return time.process_time() - started

    short = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(2)) < 24 * short + 0.05


POLICY = b"<meta http-equiv=Content-Security-Policy content=x>"
EARLY = b"<script early>mark</script>"


@pytest.mark.parametrize(
    ("pieces", "is_early"),
    [
        ([b"<head>", ONE, POLICY], True),
        ([b"<head>", ONE + b"<title>A</title>" + POLICY], True),
        ([b"<head>" + ONE, b"<p>" + POLICY], True),  # not known in time
        ([b"<head>" + ONE + b"<style></style><title>A"], True),
        ([b"<head>" + ONE + b"<template></template>"], True),
        ([b"<head>" + ONE + b"<title>A</title><p>" + POLICY], False),
        ([b"<head>" + ONE + b"<style></style></head>" + POLICY], False),
        ([b"<body>" + ONE, POLICY], False),
        ([b"<p>A</p>", ONE + POLICY], False),
        ([b"<style></style><p>", b"<p>" + ONE], False),
    ],
)
def test_a_placeholder_that_a_policy_may_follow_gives_the_form_for_that(
    pieces: list[bytes], is_early: bool
) -> None:
    inserter = Inserter(MARK, snippet_before_policy=EARLY, charset_is_known=True)
    changed = Replacer(inserter, lambda: ONE)
    out = b"".join(map(changed.feed, pieces)) + changed.finish()
    form = EARLY if is_early else MARK
    assert out == b"".join(pieces).replace(ONE, form)
    assert changed.added == len(form) - len(ONE)


def test_a_form_that_depends_on_the_chunks_is_not_determined() -> None:
    inserters = []
    for rest in (b"", b"<p>", POLICY):
        inserters.append(Inserter(MARK, snippet_before_policy=EARLY, charset_is_known=True))
        Replacer(inserters[-1], lambda: ONE).feed(b"<head>" + ONE + rest)
    assert [each.is_determined for each in inserters] == [False, True, True]


def test_a_flushed_stylesheet_does_not_wait_for_a_placeholder() -> None:
    changed = replacer()
    stylesheet = b"<link rel=stylesheet>"
    assert changed.feed(b"<head>" + stylesheet) + changed.flush() == b"<head>" + MARK + stylesheet
    assert changed.feed(ONE + b"<p>A") + changed.flush() == b"<p>A"


def test_an_amp_page_whose_template_places_the_script_gains_it() -> None:
    changed = replacer()
    assert changed.feed(b"<!doctype html><html amp>" + ONE) == b"<!doctype html><html amp>" + MARK
    assert not changed.stays


def test_an_amp_page_that_was_flushed_before_its_placeholder_stays_unchanged() -> None:
    changed = replacer()
    pieces = [b"<!doctype html><html amp><he", b"ad>" + ONE]
    out = b"".join(changed.feed(piece) + changed.flush() for piece in pieces) + changed.finish()
    assert out == b"".join(pieces)
    assert changed.stays
