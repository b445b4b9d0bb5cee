"""Copies that no mark describes: from before the middleware was there, or known by a date alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from bottle import Bottle, static_file
from starlette.staticfiles import StaticFiles
from webtest import TestApp
from werkzeug.test import create_environ, run_wsgi_app

from pavior_middleware import asgi, wsgi
from tests.support.adapters import HTML_TYPE, PAGE, Fetch, Reply
from tests.support.pages import init_call, init_calls
from tests.support.sites import ADA, SETTINGS

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

MODIFIED = "Tue, 24 Nov 2026 06:00:00 GMT"
DOCUMENT = {"Sec-Fetch-Dest": "document"}
PLAIN_HTTP = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TURBO = {"Sec-Fetch-Dest": "empty", "Accept": "text/html, application/xhtml+xml"}
CALL_OF_API = {"Sec-Fetch-Dest": "empty", "Accept": "application/json"}
TAG, DATE, ANY = {"If-None-Match": '"1"'}, {"If-Modified-Since": MODIFIED}, {"If-None-Match": "*"}
PDF = ("Content-Type", "application/pdf")


class Conditional:
    """An app that answers 304 to every condition, and counts the requests that it gets."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = headers
        self.requests: list[dict[str, str]] = []

    def __call__(self, fields: dict[str, str]) -> Reply:
        self.requests.append(fields)
        cookie = ("Set-Cookie", f"seen={len(self.requests)}")
        if {"if-none-match", "if-modified-since"} & fields.keys():
            return Reply([], [("ETag", '"1"'), cookie], status=304)
        return Reply([PAGE], [*self.headers, ("ETag", '"1"'), cookie])


@pytest.mark.parametrize("navigation", [DOCUMENT, PLAIN_HTTP, TURBO], ids=["tab", "http", "Turbo"])
@pytest.mark.parametrize("condition", [TAG, DATE, ANY], ids=["tag", "date", "any"])
def test_a_navigation_gets_the_page_with_the_chat_although_its_old_copy_holds(
    fetch: Fetch, navigation: dict[str, str], condition: dict[str, str]
) -> None:
    app = Conditional(HTML_TYPE)
    seen = fetch(app, SETTINGS, ADA, headers={**navigation, **condition})
    assert seen.status == 200
    assert init_call(seen.body)["id"] == "7"
    assert (
        condition.items()
        <= {name.title(): value for name, value in app.requests[0].items()}.items()
    )
    assert len(app.requests) == 2
    assert seen.headers.getlist("Set-Cookie") == ["seen=1", "seen=2"]


@pytest.mark.parametrize(
    "headers",
    [[PDF], [HTML_TYPE, ("Pavior-Skip", "1")], [HTML_TYPE, ("Content-Disposition", "attachment")]],
    ids=["pdf", "skipped", "download"],
)
@pytest.mark.parametrize("condition", [TAG, DATE, ANY], ids=["tag", "date", "any"])
def test_a_response_that_gains_no_script_keeps_its_304(
    fetch: Fetch, headers: list[tuple[str, str]], condition: dict[str, str]
) -> None:
    app = Conditional(*headers)
    seen = fetch(app, SETTINGS, ADA, headers={**DOCUMENT, **condition})
    assert (seen.status, seen.body, seen.headers["ETag"]) == (304, b"", '"1"')
    assert "Vary" not in seen.headers
    assert seen.headers.getlist("Set-Cookie") == ["seen=1", "seen=2"]
    assert len(app.requests) == 2


@pytest.mark.parametrize(
    ("headers", "page"),
    [({}, b"<p>a part of a page"), (DOCUMENT, b"<!doctype html><html amp><p>AMP")],
    ids=["part", "AMP"],
)
@pytest.mark.parametrize("length", [True, False], ids=["with length", "without length"])
def test_html_whose_text_gains_no_script_keeps_its_304(
    fetch: Fetch, headers: dict[str, str], page: bytes, length: bool
) -> None:
    fields = [HTML_TYPE, *([("Content-Length", str(len(page)))] if length else [])]

    def app(fields_of_request: dict[str, str]) -> Reply:
        is_first = "if-modified-since" in fields_of_request
        return Reply([], [("ETag", '"1"')], 304) if is_first else Reply([page], fields)

    seen = fetch(app, SETTINGS, ADA, headers={**headers, **DATE})
    assert (seen.status, seen.body, seen.headers["ETag"]) == (304, b"", '"1"')


@pytest.mark.parametrize("status", [404, 429, 503])
def test_an_error_in_the_second_answer_does_not_replace_a_copy_that_holds(
    fetch: Fetch, status: int
) -> None:
    """As of a limit of requests, which the second one may exceed."""

    def app(fields: dict[str, str]) -> Reply:
        is_first = "if-none-match" in fields
        return Reply([], [("ETag", '"1"')], 304) if is_first else Reply([PAGE], status=status)

    assert fetch(app, SETTINGS, ADA, headers={**DOCUMENT, **TAG}).status == 304


def test_a_304_that_the_app_skips_passes_at_once(fetch: Fetch) -> None:
    def app(fields: dict[str, str]) -> Reply:
        return Reply([], [("ETag", '"1"'), ("Pavior-Skip", "1")], status=304)

    assert fetch(app, SETTINGS, ADA, headers={**DOCUMENT, **TAG}).status == 304


@pytest.mark.parametrize("condition", [TAG, DATE, ANY], ids=["tag", "date", "any"])
def test_without_consent_a_navigation_gets_the_page_since_its_copy_may_hold_the_chat(
    fetch: Fetch, condition: dict[str, str]
) -> None:
    headers = {**DOCUMENT, **condition}
    seen = fetch(Conditional(HTML_TYPE), SETTINGS, ADA, consent=False, headers=headers)
    assert (seen.status, seen.body) == (200, PAGE)
    assert "pavior.none." in seen.headers["ETag"]


@pytest.mark.parametrize("destination", ["image", "script", "style", "font", "video", "iframe"])
@pytest.mark.parametrize("condition", [TAG, DATE, ANY], ids=["tag", "date", "any"])
def test_a_response_that_cannot_gain_the_script_is_requested_once(
    fetch: Fetch, destination: str, condition: dict[str, str]
) -> None:
    app = Conditional(PDF)
    headers = {"Sec-Fetch-Dest": destination, **condition}
    assert fetch(app, SETTINGS, ADA, headers=headers).status == 304
    assert len(app.requests) == 1


def test_a_call_of_an_api_is_made_once_if_it_has_an_entity_tag(fetch: Fetch) -> None:
    app = Conditional(("Content-Type", "application/json"))
    assert fetch(app, SETTINGS, ADA, headers={**CALL_OF_API, **TAG}).status == 304
    assert len(app.requests) == 1


def test_a_fetched_page_that_is_known_by_its_date_alone_is_asked_for_again(fetch: Fetch) -> None:
    seen = fetch(Conditional(HTML_TYPE), SETTINGS, ADA, headers={**CALL_OF_API, **DATE})
    assert init_call(seen.body)["id"] == "7"


def test_a_head_request_for_an_old_copy_tells_of_the_page_with_the_chat(fetch: Fetch) -> None:
    headers = {**DOCUMENT, **TAG}
    seen = fetch(Conditional(HTML_TYPE), SETTINGS, ADA, method="HEAD", headers=headers)
    assert seen.status == 200
    assert "pavior." in seen.headers["ETag"]


# ── The second answer is stopped ─────────────────────────────────────────────────────────────────


def test_a_wsgi_app_whose_second_answer_is_not_wanted_is_not_read_and_closed() -> None:
    events: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            events.append("read")
            return iter([b"%PDF"])

        def close(self) -> None:
            events.append("closed")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        is_first = "HTTP_IF_NONE_MATCH" in environ
        status = "304 Not Modified" if is_first else "200 OK"
        start_response(status, [] if is_first else [PDF])
        return [] if is_first else Body()

    middleware = wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)
    environ = create_environ(headers={**DOCUMENT, **TAG})
    body, status, _ = run_wsgi_app(middleware, environ)
    assert (status, list(body), events) == ("304 Not Modified", [], ["closed"])


def test_a_generator_whose_second_answer_is_not_wanted_is_closed() -> None:
    events: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        is_first = "HTTP_IF_NONE_MATCH" in environ
        start_response("304 Not Modified" if is_first else "200 OK", [] if is_first else [PDF])
        try:
            yield b"" if is_first else b"%PDF"
            yield b"" if is_first else b"more"
        finally:
            events.append("closed")

    middleware = wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: ADA)
    environ = create_environ(headers={**DOCUMENT, **TAG})
    body, status, _ = run_wsgi_app(middleware, environ)
    assert (status, list(body), events) == ("304 Not Modified", [], ["closed"] * 2)


def asgi_reply(app: Any, fields: dict[str, str]) -> list[asgi.Message]:
    """Return what an ASGI app sends for a GET."""
    sent: list[asgi.Message] = []
    requests: list[asgi.Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> asgi.Message:
        return requests.pop() if requests else {"type": "http.disconnect"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": raw, "root_path": ""}
    anyio.run(app, scope, receive, send)
    return sent


def test_an_early_hint_before_the_second_answer_decides_nothing() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        is_first = b"if-none-match" in dict(scope["headers"])
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
        head = {"status": 304} if is_first else {"headers": [(b"content-type", b"text/html")]}
        await send({"type": "http.response.start", "status": 200, **head})
        await send({"type": "http.response.body", "body": b"" if is_first else PAGE})

    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    start, body = asgi_reply(middleware, {**DOCUMENT, **TAG})[-2:]
    assert start["status"] == 200
    assert init_call(body["body"])["id"] == "7"


def test_the_content_of_a_request_comes_once_to_an_app_that_reads_it_in_its_second_call() -> None:
    """Django fails where anything but the disconnect follows it."""
    received: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        is_first = b"if-none-match" in dict(scope["headers"])
        if not is_first:
            received.extend([(await receive())["type"], (await receive())["type"]])
        await send({"type": "http.response.start", "status": 304 if is_first else 200})
        await send({"type": "http.response.body"})

    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    asgi_reply(middleware, {**DOCUMENT, **TAG})
    assert received == ["http.request", "http.disconnect"]


def test_an_exception_group_of_the_app_comes_out_as_it_was() -> None:
    group, cause = ExceptionGroup("of the app", [ValueError()]), KeyError()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise group from cause

    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: ADA)
    with pytest.raises(ExceptionGroup) as raised:
        asgi_reply(middleware, {**DOCUMENT, **TAG})
    assert raised.value is group
    assert raised.value.__cause__ is cause


# ── Real apps ────────────────────────────────────────────────────────────────────────────────────


def test_a_static_file_of_starlette_keeps_its_304_and_its_page_gains_the_chat(
    tmp_path: Any,
) -> None:
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "a.html").write_bytes(PAGE)
    app = asgi.PaviorMiddleware(
        StaticFiles(directory=tmp_path), SETTINGS, identity=lambda scope: ADA
    )

    async def get(path: str, fields: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        sent: list[asgi.Message] = []
        received = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> asgi.Message:
            if received:
                return received.pop()
            await anyio.sleep_forever()  # the browser stays
            return {"type": "http.disconnect"}

        async def send(message: asgi.Message) -> None:
            sent.append(message)

        raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
        scope = {"type": "http", "method": "GET", "path": path, "headers": raw, "root_path": ""}
        await app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])

    async def check() -> None:
        for fields in (DOCUMENT, PLAIN_HTTP, {}):
            _, first, _ = await get("/a.txt", fields)
            for name, value in (
                ("If-None-Match", first["etag"]),
                ("If-Modified-Since", first["last-modified"]),
            ):
                status, headers, body = await get("/a.txt", {**fields, name: value})
                assert (status, body, headers["etag"]) == (304, b"", first["etag"])
        whole = "If-Modified-Since", (await get("/a.txt", {}))[1]["last-modified"]
        status, _, body = await get("/a.html", {**DOCUMENT, **dict([whole])})
        assert status == 200
        assert init_calls(body)

    anyio.run(check)


def test_an_entity_tag_without_quotes_comes_back_to_the_app_as_it_was(tmp_path: Any) -> None:
    """Bottle compares the text of the field with the one that it sent."""
    (tmp_path / "a.html").write_bytes(PAGE)
    site = Bottle()
    site.route("/<name>", callback=lambda name: static_file(name, root=str(tmp_path)))
    app = TestApp(wsgi.PaviorMiddleware(site, SETTINGS, identity=lambda environ: ADA))
    first = app.get("/a.html", headers=DOCUMENT)
    headers = {**DOCUMENT, "If-None-Match": first.headers["ETag"]}
    again = app.get("/a.html", headers=headers)
    assert again.status_int == 304
    assert again.headers["ETag"] == first.headers["ETag"]
