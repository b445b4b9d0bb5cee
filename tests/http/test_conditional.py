"""Validators and parts: a 304 or a 206 never means a page that names another user."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp
from werkzeug.http import is_resource_modified

from pavior_middleware import Identity, asgi, wsgi
from tests.support.adapters import ADAPTERS, HTML_TYPE, PAGE, App, Fetch, Reply, Seen
from tests.support.pages import init_call, init_calls
from tests.support.sites import ADA, BOB, SETTINGS

VISITORS = {"ada": ADA, "bob": BOB, "nobody": None}
DOCUMENT = {"Sec-Fetch-Dest": "document"}
MODIFIED = "Tue, 24 Nov 2026 06:00:00 GMT"


class Site:
    """An app whose one page is the same for all, and which answers conditions as Werkzeug does."""

    def __init__(self, *headers: tuple[str, str], page: bytes = PAGE) -> None:
        self.reply = Reply([page], headers=[HTML_TYPE, *headers])
        self.asked: list[dict[str, str]] = []

    def __call__(self, fields: dict[str, str]) -> Reply:
        self.asked.append(fields)
        described = dict(self.reply.headers)
        environ = {
            "REQUEST_METHOD": "GET",
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields.items()},
        }
        is_modified = is_resource_modified(
            environ, described.get("ETag"), last_modified=described.get("Last-Modified")
        )
        if is_modified:
            return self.reply
        kept = [field for field in self.reply.headers if field[0] != "Content-Type"]
        return Reply([], [*kept, ("Set-Cookie", "seen=1")], status=304)


def revalidate(fetch: Fetch, site: App, seen: Seen, identity: Identity | None) -> Seen:
    """Ask again with the validator of what was seen."""
    headers = {**DOCUMENT, "If-None-Match": seen.headers["ETag"]}
    return fetch(site, SETTINGS, identity, headers=headers)


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', '"a-b.c/+=,;"', '"\xe9"'])
@pytest.mark.parametrize("name", VISITORS)
def test_the_same_visitor_gets_a_304(fetch: Fetch, name: str, etag: str) -> None:
    site, visitor = Site(("ETag", etag)), VISITORS[name]
    first = fetch(site, SETTINGS, visitor, headers=DOCUMENT)
    again = revalidate(fetch, site, first, visitor)
    assert (again.status, again.body) == (304, b"")
    assert site.asked[-1]["if-none-match"] == etag
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers.get("Cache-Control") == first.headers.get("Cache-Control")
    assert again.headers["Vary"] == first.headers["Vary"]


@pytest.mark.parametrize("before", VISITORS)
@pytest.mark.parametrize("now", VISITORS)
def test_no_visitor_gets_a_304_for_another_visitors_page(
    fetch: Fetch, before: str, now: str
) -> None:
    site = Site(("ETag", '"1"'), ("Last-Modified", MODIFIED))
    first = fetch(site, SETTINGS, VISITORS[before], headers=DOCUMENT)
    again = revalidate(fetch, site, first, VISITORS[now])
    if before == now:
        assert again.status == 304
        return
    assert again.status == 200
    identity = VISITORS[now]
    assert init_call(again.body).get("id") == (identity and identity.id)
    assert "if-none-match" not in site.asked[-1]
    assert len(site.asked) == 3
    # What the first answer set is not lost: the app believes that it was sent.
    assert again.headers.getlist("Set-Cookie") == ["seen=1"]


@pytest.mark.parametrize("changed", [{"api_key": "a-new-key-for-tests"}, {"do_chat": False}])
def test_no_copy_is_valid_after_a_change_of_the_key_or_of_an_option(
    fetch: Fetch, changed: dict[str, Any]
) -> None:
    site = Site(("ETag", '"1"'))
    first = fetch(site, SETTINGS, ADA, headers=DOCUMENT)
    headers = {**DOCUMENT, "If-None-Match": first.headers["ETag"]}
    settings = dataclasses.replace(SETTINGS, **changed)
    again = fetch(site, settings, ADA, headers=headers)
    assert again.status == 200
    assert init_call(again.body) != init_call(first.body)
    assert fetch(site, SETTINGS, ADA, headers=headers).status == 304


def test_a_page_that_has_changed_is_sent_in_full(fetch: Fetch) -> None:
    first = fetch(Site(("ETag", '"1"')), SETTINGS, ADA, headers=DOCUMENT)
    again = revalidate(fetch, Site(("ETag", '"2"')), first, ADA)
    assert again.status == 200
    assert init_call(again.body)["id"] == "7"


def test_an_if_none_match_list_may_hold_copies_of_several_visitors(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'))
    etags = [fetch(site, SETTINGS, each, headers=DOCUMENT).headers["ETag"] for each in (ADA, BOB)]
    headers = {**DOCUMENT, "If-None-Match": f'"0", {etags[0]}, {etags[1]}'}
    seen = fetch(site, SETTINGS, ADA, headers=headers)
    assert (seen.status, seen.headers["ETag"]) == (304, etags[0])
    assert fetch(site, SETTINGS, BOB, headers=headers).status == 304
    assert fetch(site, SETTINGS, None, headers=headers).status == 200


def test_an_entity_tag_that_a_proxy_has_weakened_still_matches(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'))
    strong = fetch(site, SETTINGS, None).headers["ETag"]
    assert strong.startswith('"')
    headers = {**DOCUMENT, "If-None-Match": f"W/{strong}"}
    assert fetch(site, SETTINGS, None, headers=headers).status == 304
    assert fetch(site, SETTINGS, BOB, headers=headers).status == 200


def test_a_304_without_an_entity_tag_is_sent_only_where_every_copy_is_valid(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'))
    etag = {
        each: fetch(site, SETTINGS, each, headers=DOCUMENT).headers["ETag"] for each in (ADA, BOB)
    }

    def terse(fields: dict[str, str]) -> Reply:
        return Reply([], [], status=304) if "if-none-match" in fields else site.reply

    for field, status in (
        (etag[ADA], 304),
        (f"{etag[ADA]}, {etag[BOB]}", 200),
        (f'{etag[ADA]}, "0"', 200),
    ):
        headers = {**DOCUMENT, "If-None-Match": field}
        assert fetch(terse, SETTINGS, ADA, headers=headers).status == status


@pytest.mark.parametrize("field", ["*", '"1", *', "If-Modified-Since"])
def test_a_condition_that_cannot_tell_visitors_apart_gets_the_whole_page(
    fetch: Fetch, field: str
) -> None:
    site = Site(("ETag", '"x"'), ("Last-Modified", MODIFIED))
    condition = {field: MODIFIED} if field.startswith("If") else {"If-None-Match": field}
    for visitor in (ADA, BOB):
        seen = fetch(site, SETTINGS, visitor, headers={**DOCUMENT, **condition})
        assert seen.status == 200
        assert visitor.id is not None
        assert init_call(seen.body)["id"] == visitor.id


@pytest.mark.parametrize("destination", ["image", "script", "style", "font", "video"])
def test_a_request_for_a_subresource_keeps_its_conditions(fetch: Fetch, destination: str) -> None:
    fields = {"If-None-Match": "*", "If-Modified-Since": MODIFIED, "Range": "bytes=0-1, 3-4"}
    site = Site()
    fetch(site, SETTINGS, ADA, headers={**fields, "Sec-Fetch-Dest": destination})
    assert {name.lower(): value for name, value in fields.items()}.items() <= site.asked[0].items()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_conditional_write_reaches_the_app_with_its_own_entity_tags(
    fetch: Fetch, method: str
) -> None:
    etag = fetch(Site(("ETag", '"1"')), SETTINGS, ADA, headers=DOCUMENT).headers["ETag"]
    site = Site()
    fields = {"If-Match": etag, "If-None-Match": f'{etag}, "2"', "If-Modified-Since": MODIFIED}
    fetch(site, SETTINGS, ADA, method=method, headers={**DOCUMENT, **fields})
    assert site.asked[0]["if-match"] == '"1"'
    assert set(site.asked[0]["if-none-match"].split(", ")) == {'"1"', '"2"'}
    assert site.asked[0]["if-modified-since"] == MODIFIED
    fetch(site, SETTINGS, ADA, method=method, headers={"If-None-Match": "*"})
    assert site.asked[1]["if-none-match"] == "*"


@pytest.mark.parametrize("value", ['"', 'a"b"c', ""])
def test_a_malformed_entity_tag_is_removed(fetch: Fetch, value: str) -> None:
    assert "ETag" not in fetch(Site(("ETag", value)), SETTINGS, ADA).headers


def test_an_entity_tag_is_strong_only_where_every_byte_is_known(fetch: Fetch) -> None:
    def etag(*pieces: bytes, method: str = "GET", user: Identity | None = None) -> str:
        length = ("Content-Length", str(len(b"".join(pieces))))
        site = dataclasses.replace(Site(("ETag", '"1"'), length).reply, chunks=pieces)
        return fetch(site, SETTINGS, user, method=method, headers=DOCUMENT).headers["ETag"]

    strong = etag(PAGE)
    assert strong.startswith('"pavior.')
    assert etag(b"<!doctype html><script>a()", b"</script><p>") == f"W/{strong}"
    assert etag(b"<!doctype html>", b"<p>") == f"W/{strong}"
    assert etag(PAGE, method="HEAD") == strong
    assert etag(PAGE, user=ADA).startswith('W/"pavior.')  # the mask of the hmac is another one
    assert etag(PAGE, user=ADA, method="HEAD") == etag(PAGE, user=ADA)


def test_the_entity_tag_of_a_document_whose_head_goes_first_is_weak() -> None:
    site = Site(("ETag", '"1"'))
    strong, weak = (ADAPTERS[name](site, SETTINGS, headers=DOCUMENT) for name in ("wsgi", "asgi"))
    assert weak.headers["ETag"] == f"W/{strong.headers['ETag']}"
    again = revalidate(ADAPTERS["asgi"], site, weak, None)
    assert (again.status, again.headers["ETag"]) == (304, weak.headers["ETag"])


def test_a_page_with_a_nonce_has_no_entity_tag(fetch: Fetch) -> None:
    policy = ("Content-Security-Policy", "script-src 'nonce-abc'")
    seen = fetch(Site(("ETag", '"1"'), policy), SETTINGS, ADA, headers=DOCUMENT)
    assert "ETag" not in seen.headers
    # and where the policy comes with the 304 alone, the copy would have another nonce
    first = fetch(Site(("ETag", '"1"')), SETTINGS, ADA, headers=DOCUMENT)
    again = revalidate(fetch, Site(("ETag", '"1"'), policy), first, ADA)
    assert again.status == 200
    assert b'nonce="abc"' in again.body


def test_a_304_with_a_policy_has_it_extended(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'), ("Content-Security-Policy", "script-src 'self'"))
    first = fetch(site, SETTINGS, ADA, headers=DOCUMENT)
    again = revalidate(fetch, site, first, ADA)
    assert again.status == 304
    assert "'sha256-" in again.headers["Content-Security-Policy"]
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


def test_a_304_for_a_page_with_the_script_loses_the_length_of_the_apps_page(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'), ("Content-Length", str(len(PAGE))))
    first = fetch(site, SETTINGS, ADA, headers=DOCUMENT)
    again = revalidate(fetch, site, first, ADA)
    assert again.status == 304
    assert "Content-Length" not in again.headers


def test_a_copy_with_the_script_is_not_valid_for_a_sandboxed_page(fetch: Fetch) -> None:
    first = fetch(Site(("ETag", '"1"')), SETTINGS, ADA, headers=DOCUMENT)
    site = Site(("ETag", '"1"'), ("Content-Security-Policy", "sandbox"))
    again = revalidate(fetch, site, first, ADA)
    assert (again.status, again.body) == (200, PAGE)


def test_a_page_in_a_frame_has_another_entity_tag_than_the_page_itself(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'))
    seen = {
        destination: fetch(site, SETTINGS, ADA, headers={"Sec-Fetch-Dest": destination})
        for destination in ("document", "iframe")
    }
    assert seen["iframe"].body == PAGE
    for asked in seen:
        for kept in seen:
            headers = {"Sec-Fetch-Dest": asked, "If-None-Match": seen[kept].headers["ETag"]}
            again = fetch(site, SETTINGS, ADA, headers=headers)
            assert again.status == (304 if asked == kept else 200)
            assert again.body == (b"" if asked == kept else seen[asked].body)


@pytest.mark.parametrize("body", [PAGE, b"<tr><td>One more row"])
def test_a_fragment_has_another_entity_tag_than_a_document(fetch: Fetch, body: bytes) -> None:
    site = Site(("ETag", '"1"'), page=body)
    destinations = ("document", "empty")
    seen = {
        destination: fetch(site, SETTINGS, ADA, headers={"Sec-Fetch-Dest": destination})
        for destination in destinations
    }
    is_same = seen["document"].body == seen["empty"].body
    assert is_same == (body is PAGE)
    for asked in destinations:
        for kept in destinations:
            headers = {"Sec-Fetch-Dest": asked, "If-None-Match": seen[kept].headers["ETag"]}
            again = fetch(site, SETTINGS, ADA, headers=headers)
            # A 304 does not show whether it stands for a part: then the document's script runs
            # again, and does nothing.
            holds = is_same or asked == kept or kept == "document"
            assert again.status == (304 if holds else 200)
            assert again.headers["ETag"] == seen[kept if holds else asked].headers["ETag"]
            assert "Sec-Fetch-Dest" in again.headers["Vary"]


# ── Parts ──────────────────────────────────────────────────────────────────────────────────────


def ranged(media_type: str) -> tuple[App, list[dict[str, str]]]:
    """Return an app that sends parts of itself, and the list of what it was asked."""
    asked: list[dict[str, str]] = []

    def app(fields: dict[str, str]) -> Reply:
        asked.append(fields)
        described = [("Content-Type", media_type), ("Accept-Ranges", "bytes"), ("ETag", '"1"')]
        if "range" in fields:
            part = ("Content-Range", f"bytes 0-4/{len(PAGE)}")
            return Reply([PAGE[:5]], [*described, part], status=206)
        return Reply([PAGE], described)

    return app, asked


@pytest.mark.parametrize("destination", ["document", "empty", None])
@pytest.mark.parametrize("if_range", [{}, {"If-Range": '"1"'}, {"If-Range": MODIFIED}])
def test_a_range_request_for_a_page_gets_the_whole_page(
    fetch: Fetch, destination: str | None, if_range: dict[str, str]
) -> None:
    app, asked = ranged("text/html")
    headers = {"Range": "bytes=0-4", **if_range}
    headers |= {} if destination is None else {"Sec-Fetch-Dest": destination}
    seen = fetch(app, SETTINGS, ADA, headers=headers)
    assert seen.status == 200
    assert init_call(seen.body)["id"] == "7"
    assert "Accept-Ranges" not in seen.headers
    assert not {"range", "if-range"} & set(asked[-1])


def test_a_range_request_for_a_file_gets_a_part(fetch: Fetch) -> None:
    app, asked = ranged("application/pdf")
    headers = {"Range": "bytes=0-4", "If-Range": '"1"', **DOCUMENT}
    seen = fetch(app, SETTINGS, ADA, headers=headers)
    assert (seen.status, seen.body, len(asked)) == (206, PAGE[:5], 1)
    assert seen.headers["Accept-Ranges"] == "bytes"


def test_a_range_request_for_an_html_download_gets_a_part(fetch: Fetch) -> None:
    def app(fields: dict[str, str]) -> Reply:
        described = [HTML_TYPE, ("Content-Disposition", "attachment")]
        if "range" in fields:
            part = ("Content-Range", f"bytes 0-4/{len(PAGE)}")
            return Reply([PAGE[:5]], [*described, part], 206)
        return Reply([PAGE], described)

    seen = fetch(app, SETTINGS, ADA, headers={**DOCUMENT, "Range": "bytes=0-4"})
    assert (seen.status, seen.body) == (206, PAGE[:5])


@pytest.mark.parametrize("value", ["bytes=0-4, 9-12", "bytes=-1,0-0", "items=1-2", "bytes: 1"])
def test_a_range_of_any_form_reaches_the_app_and_several_parts_pass_untouched(
    fetch: Fetch, value: str
) -> None:
    app, asked = ranged("multipart/byteranges; boundary=x")
    headers = {"Range": value, "If-Range": '"1"', **DOCUMENT}
    seen = fetch(app, SETTINGS, ADA, headers=headers)
    assert (asked[0]["range"], asked[0]["if-range"], len(asked)) == (value, '"1"', 1)
    assert (seen.status, seen.body, seen.headers["ETag"]) == (206, PAGE[:5], '"1"')


def test_a_range_request_for_a_framed_page_gets_a_part(fetch: Fetch) -> None:
    app, _ = ranged("text/html")
    headers = {"Range": "bytes=0-4", "Sec-Fetch-Dest": "iframe"}
    assert fetch(app, SETTINGS, ADA, headers=headers).status == 206


# ── The adapters, when an app is asked again ─────────────────────────────────────────────────────


def etag_of(identity: Identity | None) -> str:
    etag: str = ADAPTERS["wsgi"](Site(("ETag", '"1"')), SETTINGS, identity).headers["ETag"]
    return etag


class Bodies:
    """The iterables that a WSGI app has returned, and how often each was closed."""

    def __init__(self) -> None:
        self.closed: list[int] = []

    def new(self, pieces: list[bytes], *, starts: Callable[[], object]) -> Iterator[bytes]:
        self.closed.append(0)
        return _Body(self, len(self.closed) - 1, pieces, starts)


class _Body:
    def __init__(self, bodies: Bodies, number: int, pieces: list[bytes], starts: Any) -> None:
        self.bodies, self.number, self.starts = bodies, number, starts
        self.pieces = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.starts()
        return next(self.pieces)

    def close(self) -> None:
        self.bodies.closed[self.number] += 1


@pytest.mark.parametrize("starts_late", [True, False])
@pytest.mark.parametrize("pieces_of_304", [[], [b""]])
def test_each_body_of_a_wsgi_app_that_is_called_twice_is_closed_once(
    starts_late: bool, pieces_of_304: list[bytes]
) -> None:
    bodies = Bodies()
    seen_environs = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        seen_environs.append(environ)
        is_304 = "HTTP_IF_NONE_MATCH" in environ
        environ["put there by"] = len(seen_environs)

        def starts() -> None:
            if not started:
                started.append(True)
                status = "304 Not Modified" if is_304 else "200 OK"
                start_response(status, [("ETag", '"1"'), *([] if is_304 else [HTML_TYPE])])

        started: list[bool] = []
        if not starts_late:
            starts()
        return bodies.new(pieces_of_304 if is_304 else [PAGE, b"<p>more"], starts=starts)

    def identity(environ: dict[str, Any]) -> Identity:
        assert environ["put there by"] == len(seen_environs)
        return BOB

    def around(environ: dict[str, Any], start_response: Any) -> Any:
        body = middleware(environ, start_response)
        # Middleware around ours sees the request as it came, and what the app put beside it.
        assert environ["HTTP_IF_NONE_MATCH"] == etag_of(ADA)
        assert environ["put there by"] == 2
        return body

    middleware = wsgi.PaviorMiddleware(app, SETTINGS, identity=identity)
    response = TestApp(around).get("/", headers={"If-None-Match": etag_of(ADA)})
    assert response.status_int == 200
    assert init_call(response.body)["id"] == "8"
    assert response.body.endswith(b"<p>more")
    assert bodies.closed == [1, 1]
    assert [environ["put there by"] for environ in seen_environs] == [1, 2]


async def ask_asgi(app: asgi.ASGIApp, identity: Identity, scope: asgi.Scope) -> list[asgi.Message]:
    sent: list[asgi.Message] = []
    received: list[asgi.Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> asgi.Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    await asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: identity)(
        scope, receive, send
    )
    return sent


def test_an_asgi_app_that_is_called_twice_gets_a_fresh_scope_and_request() -> None:
    scopes: list[asgi.Scope] = []

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        assert "seen" not in scope
        scopes.append(scope)
        scope["seen"] = len(scopes)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        is_304 = b"if-none-match" in dict(scope["headers"])
        headers = [(b"etag", b'"1"'), (b"content-type", b"text/html")]
        status = 304 if is_304 else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if is_304 else PAGE})
        assert (await receive())["type"] == "http.disconnect"

    scope: asgi.Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"if-none-match", etag_of(ADA).encode()), (b"x-other", b"1")],
    }
    headers = list(scope["headers"])
    start, body = anyio.run(ask_asgi, app, BOB, scope)
    assert start["status"] == 200
    assert init_call(body["body"])["id"] == "8"
    assert len(scopes) == 2
    # Middleware around ours sees the request as it came, and what the app put beside it.
    assert scope["headers"] == headers
    assert scope["seen"] == 2


def test_a_conditional_request_with_content_reaches_the_app_once(fetch: Fetch) -> None:
    site = Site(("ETag", '"1"'))
    headers = {"If-None-Match": etag_of(ADA), "Range": "bytes=0-4", "Transfer-Encoding": "chunked"}
    seen = ADAPTERS["asgi"](site, SETTINGS, BOB, headers={**DOCUMENT, **headers})
    assert init_call(seen.body)["id"] == "8"
    assert len(site.asked) == 1
    assert not {"if-none-match", "range"} & set(site.asked[0])


etag_text = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF), min_size=1, max_size=12
).filter(lambda text: '"' not in text and "\x7f" not in text)


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(tags=st.lists(etag_text, min_size=1, max_size=4), data=st.data())
def test_any_entity_tags_come_back_to_the_app_as_it_made_them(
    adapter: str, tags: list[str], data: st.DataObject
) -> None:
    """Whatever the app calls its versions, and in any browser, the next answer is right."""
    fetch = ADAPTERS[adapter]
    visitors = st.sampled_from(list(VISITORS.values()))
    etags = [data.draw(st.sampled_from(['"{}"', 'W/"{}"'])).format(tag) for tag in tags]
    holders = [data.draw(visitors) for _ in etags]
    kept = [
        fetch(Site(("ETag", etag)), SETTINGS, holder, headers=DOCUMENT).headers["ETag"]
        for etag, holder in zip(etags, holders, strict=True)
    ]
    now, current = data.draw(visitors), data.draw(st.integers(0, len(etags) - 1))
    headers = {**DOCUMENT, "If-None-Match": ", ".join(kept)}
    seen = fetch(Site(("ETag", etags[current])), SETTINGS, now, headers=headers)
    is_held = any(
        each.removeprefix("W/") == etags[current].removeprefix("W/") and holder == now
        for each, holder in zip(etags, holders, strict=True)
    )
    assert seen.status == (304 if is_held else 200)
    if not is_held:
        (call,) = init_calls(seen.body)
        assert call.get("id") == (now and now.id)


class OneTimeSessions:
    """An app whose session tokens count once: each answer to the user has the next one."""

    def __init__(self) -> None:
        self.token = 1
        self.cookies: list[str | None] = []

    def __call__(self, fields: dict[str, str]) -> Reply:
        self.cookies.append(fields.get("cookie"))
        kept = f"; {fields.get('cookie', '')}; "
        headers = [HTML_TYPE, ("ETag", '"1"')]
        if f"; token={self.token}; " not in kept:
            return Reply([b"<!doctype html><title>Log in</title>"], headers)
        self.token += 1
        headers.append(("Set-Cookie", f"token={self.token}; HttpOnly; Path=/"))
        headers.append(("Set-Cookie", "old=; Max-Age=0; Path=/"))
        headers.append(("Set-Cookie", "later=1; Path=/admin"))
        if fields.get("if-none-match") == '"1"':
            return Reply([], headers[1:], status=304)
        if "range" in fields:
            part = ("Content-Range", "bytes 0-9/*")
            return Reply([b"<!doctype "], [*headers, part], status=206)
        return Reply([b"<!doctype html><title>Hello</title>"], headers)


@pytest.mark.parametrize("condition", ["If-None-Match", "Range"])
def test_an_app_that_is_asked_again_sees_the_cookies_that_it_has_set(
    fetch: Fetch, condition: str
) -> None:
    app = OneTimeSessions()
    first = fetch(app, SETTINGS, ADA, headers={**DOCUMENT, "Cookie": "token=1"})
    value = first.headers["ETag"] if condition == "If-None-Match" else "bytes=0-9"
    headers = {**DOCUMENT, "Cookie": "theme=dark; token=2; old=1", condition: value}
    again = fetch(app, SETTINGS, BOB, headers=headers)
    assert b"<title>Hello</title>" in again.body
    assert app.cookies == ["token=1", "theme=dark; token=2; old=1", "theme=dark; token=3"]
    set_cookies = again.headers.getlist("Set-Cookie")
    tokens = [each for each in set_cookies if each.startswith("token=")]
    assert tokens == ["token=3; HttpOnly; Path=/", "token=4; HttpOnly; Path=/"]


def test_an_app_that_is_asked_again_sees_no_cookie_field_once_it_has_deleted_all(
    fetch: Fetch,
) -> None:
    seen: list[str | None] = []

    def app(fields: dict[str, str]) -> Reply:
        seen.append(fields.get("cookie"))
        headers = [("ETag", '"1"'), ("Set-Cookie", "old=; Max-Age=0; Path=/")]
        if fields.get("if-none-match") == '"1"':
            return Reply([], headers, status=304)
        return Reply(headers=[HTML_TYPE, *headers])

    first = fetch(app, SETTINGS, ADA, headers=DOCUMENT)
    headers = {**DOCUMENT, "Cookie": "old=1", "If-None-Match": first.headers["ETag"]}
    assert fetch(app, SETTINGS, BOB, headers=headers).status == 200
    assert seen == [None, "old=1", None]


def test_an_earlier_answer_that_goes_out_after_all_ends_once() -> None:
    """The page that is asked for then is not what its coding says, which its second piece tells."""
    sent: list[asgi.Message] = []

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if b"if-none-match" in dict(scope["headers"]):
            await send({"type": "http.response.start", "status": 304, "headers": []})
            await send({"type": "http.response.body"})
            return
        headers = [(b"content-type", b"text/html"), (b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in (b"\x1f", b"\x8b\x08" + bytes(6) + b"\x02\x03\x03" + bytes(9)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def receive() -> asgi.Message:
        return {"type": "http.request"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    fields = [(b"host", b"a.test"), (b"if-none-match", b"*")]
    scope = {"type": "http", "method": "GET", "scheme": "https", "path": "/", "headers": fields}
    middleware = asgi.PaviorMiddleware(app, SETTINGS, identity=lambda scope: None)
    anyio.run(middleware, scope, receive, send)
    assert [message.get("more_body", False) for message in sent] == [False, False]
