"""aiohttp: neither WSGI nor ASGI, but the same core."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp_session import SimpleCookieStorage, get_session
from aiohttp_session import setup as setup_session
from httpx2 import Client, Response
from jinja2 import Environment

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, sign, skip
from pavior_middleware.aiohttp import setup
from pavior_middleware.jinja import pavior_snippet
from tests.frameworks.recipes import blocks
from tests.frameworks.serving import AppModule
from tests.frameworks.serving import serving as serving_module
from tests.support.pages import init_call, init_calls
from tests.support.sites import API_KEY, HELP, TEAM

SETTINGS = Settings(TEAM, API_KEY)
PAGE = "<!doctype html><title>Home</title><h1>Home</h1>"
SHARE_AUTH = "/.well-known/pavior/share-auth"
NAVIGATION = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def html(text: str = PAGE, **arguments: Any) -> web.Response:
    return web.Response(text=text, content_type="text/html", **arguments)


async def identity(request: web.Request) -> Identity | None:
    """Return the user that a cookie names."""
    user = request.cookies.get("user")
    return None if user is None else Identity(user)


def site(*routes: web.AbstractRouteDef, settings: Settings = SETTINGS) -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    setup(app, settings, identity=identity)
    return app


@contextmanager
def serving(app: web.Application) -> Iterator[Client]:
    (port,) = free_ports([0])
    client = Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False, headers=NAVIGATION)
    module = SimpleNamespace(INTERFACE="aiohttp", make_app=lambda settings: app)
    with serving_module(cast("AppModule", module), SETTINGS, port), client:
        yield client


def ask(app: web.Application, path: str = "/", user: str | None = "7", **fields: str) -> Response:
    """Return what an app answers to a user."""
    with serving(app) as client:
        return client.get(path, headers={**_cookie(user), **_fields(fields)})


def _cookie(user: str | None) -> dict[str, str]:
    return {} if user is None else {"Cookie": f"user={user}"}


def _fields(fields: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in fields.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "page.html"
    file.write_text(PAGE)
    return file


def test_a_response_with_a_text_names_the_user_and_tells_its_length() -> None:
    async def page(request: web.Request) -> web.Response:
        return html()

    response = ask(site(web.get("/", page)))
    assert init_call(response.content)["hmac"] == sign(API_KEY, "7")
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_the_identity_under_a_key_of_the_request_names_the_user() -> None:
    async def page(request: web.Request) -> web.Response:
        request["pavior.identity"] = Identity("8")
        return html()

    app = web.Application()
    app.router.add_get("/", page)
    setup(app, SETTINGS)
    assert init_call(ask(app).content)["id"] == "8"


def test_a_second_setup_of_one_app_is_refused() -> None:
    app = site()
    with pytest.raises(RuntimeError, match="once"):
        setup(app, SETTINGS)


def test_a_disabled_app_is_left_unchanged() -> None:
    app = site(settings=Settings("", enabled=False))
    assert not app.middlewares
    assert not app.on_response_prepare


def test_an_exception_that_is_a_response_is_a_page() -> None:
    async def page(request: web.Request) -> web.Response:
        raise web.HTTPForbidden(text=PAGE, content_type="text/html")

    response = ask(site(web.get("/", page)))
    assert response.status_code == 403
    assert init_call(response.content)["id"] == "7"


def test_aiohttps_own_page_of_an_error_names_the_user(caplog: pytest.LogCaptureFixture) -> None:
    async def page(request: web.Request) -> web.Response:
        raise RuntimeError

    response = ask(site(web.get("/", page)), Accept="text/html")
    assert response.status_code == 500
    assert init_call(response.content)["id"] == "7"


@pytest.mark.parametrize("fields", [{}, {"Content-Length": "9"}])
def test_the_page_of_an_error_replaces_a_page_that_has_not_begun_to_go_out(
    fields: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html", **fields})
        await response.prepare(request)
        raise RuntimeError

    # Such a page may be a fragment, so its head waits for its body.
    response = ask(site(web.get("/", page)), Accept="text/html", Sec_Fetch_Dest="empty")
    assert response.status_code == 500
    assert "500" in response.text
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_a_user_whom_a_middleware_has_found_is_named_on_the_page_of_an_error() -> None:
    @web.middleware
    async def log_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        request["user"] = "9"
        return await handler(request)

    async def identity(request: web.Request) -> Identity:
        return Identity(request["user"])

    async def page(request: web.Request) -> web.Response:
        raise RuntimeError

    app = web.Application(middlewares=[log_in])
    app.router.add_get("/", page)
    setup(app, SETTINGS, identity=identity)
    with serving(app) as client:
        for fields in ({}, {"If-None-Match": '"a"', "If-Modified-Since": "yesterday"}):
            response = client.get("/", headers={"Accept": "text/html", **fields})
            assert init_call(response.content)["id"] == "9"


def streamed(*pieces: bytes, **arguments: Any) -> Handler:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(**arguments)
        response.content_type = "text/html"
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return page


def test_a_stream_of_pieces_of_known_length_has_its_new_length() -> None:
    length = {"Content-Length": str(len(PAGE))}
    handler = streamed(PAGE[:20].encode(), PAGE[20:].encode(), headers=length)
    with serving(site(web.get("/", handler))) as client:
        for _ in range(2):  # on one connection
            response = client.get("/", headers=_cookie("7"))
            assert response.text.endswith("</h1>")
            assert init_call(response.content)["id"] == "7"


def test_an_app_that_writes_more_than_it_has_declared_is_cut_there() -> None:
    handler = streamed(PAGE.encode(), b"more", headers={"Content-Length": str(len(PAGE))})
    response = ask(site(web.get("/", handler)))
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert b"more" not in response.content


def test_a_body_that_is_an_iterator_names_the_user() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield PAGE[:20].encode()
        yield PAGE[20:].encode()

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=pieces(), content_type="text/html")

    assert init_call(ask(site(web.get("/", page))).content)["id"] == "7"


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("coding", [web.ContentCoding.gzip, web.ContentCoding.deflate])
def test_a_page_that_aiohttp_compresses_names_the_user(
    coding: web.ContentCoding, is_streamed: bool
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        response = html() if not is_streamed else web.StreamResponse()
        response.content_type = "text/html"
        response.enable_compression()
        if is_streamed:
            await response.prepare(request)
            await response.write(PAGE.encode())
        return response

    response = ask(site(web.get("/", page)), Accept_Encoding=coding.value)
    assert response.headers["Content-Encoding"] == coding.value
    assert init_call(response.content)["id"] == "7"


def test_a_file_that_is_a_page_names_the_user(file: Path) -> None:
    async def page(request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    response = ask(site(web.get("/", page)))
    assert init_call(response.content)["id"] == "7"
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_a_file_that_is_no_page_is_sent_by_the_operating_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.FileResponse, "_sendfile_fallback", None)
    file = tmp_path / "style.css"
    file.write_text("h1 {}")

    async def style(request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    response = ask(site(web.get("/", style)))
    assert response.text == "h1 {}"


def test_a_file_sent_in_gzip_names_the_user(file: Path) -> None:
    file.with_suffix(".html.gz").write_bytes(gzip.compress(PAGE.encode()))
    response = ask(site(web.static("/", file.parent)), "/page.html", Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert init_call(response.content)["id"] == "7"


def test_a_copy_of_a_file_is_valid_only_for_the_same_user(file: Path) -> None:
    with serving(site(web.static("/", file.parent))) as client:
        tag = client.get("/page.html", headers=_cookie("7")).headers["ETag"]
        again = client.get("/page.html", headers={**_cookie("7"), "If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        other = client.get("/page.html", headers={**_cookie("8"), "If-None-Match": tag})
        assert init_call(other.content)["id"] == "8"
        next_page = client.get("/page.html", headers=_cookie("9"))  # on the same connection
        assert init_call(next_page.content)["id"] == "9"


@pytest.mark.parametrize("handler", ["file", "text", "stream"])
def test_a_part_of_a_page_is_answered_by_the_whole_page(file: Path, handler: str) -> None:
    async def from_file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    async def from_text(request: web.Request) -> web.StreamResponse:
        if "Range" not in request.headers:
            return html()
        fields = {"Content-Range": f"bytes 0-3/{len(PAGE)}"}
        if handler == "text":
            return html(PAGE[:4], status=206, headers=fields)
        return await streamed(PAGE[:4].encode(), status=206, headers=fields)(request)

    page = from_file if handler == "file" else from_text
    with serving(site(web.get("/", page))) as client:
        for _ in range(2):  # on one connection
            response = client.get("/", headers={**_cookie("7"), "Range": "bytes=0-3"})
            assert response.status_code == 200
            assert init_call(response.content)["id"] == "7"
            assert "Content-Range" not in response.headers


@pytest.mark.parametrize("is_streamed", [True, False])
def test_the_app_is_asked_again_as_if_the_request_were_new(is_streamed: bool) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def page(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers.get("If-Modified-Since"), request.cookies.get("session")))
        assert "seen" not in request
        request["seen"] = True
        if "If-Modified-Since" not in request.headers:
            return html()
        fields = {"Set-Cookie": "session=1"}
        if is_streamed:
            return await streamed(status=304, headers=fields)(request)
        return html("", status=304, headers=fields)

    response = ask(site(web.get("/", page)), If_Modified_Since="Mon, 01 Jan 2024 00:00:00 GMT")
    assert response.status_code == 200
    assert init_call(response.content)["id"] == "7"
    assert seen == [("Mon, 01 Jan 2024 00:00:00 GMT", None), (None, "1")]
    assert response.headers["Set-Cookie"] == "session=1"


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_second_answer_that_is_no_page_lets_the_first_one_go_out(is_streamed: bool) -> None:
    async def data(request: web.Request) -> web.StreamResponse:
        if "If-Modified-Since" in request.headers:
            return web.Response(status=304, headers={"X-First": "1"})
        if is_streamed:
            response = web.StreamResponse()
            response.content_type = "text/plain"
            await response.prepare(request)
            await response.write(b"a")
            return response
        return web.json_response({"a": 1})

    with serving(site(web.get("/", data))) as client:
        for _ in range(2):  # on one connection
            response = client.get("/", headers={"If-Modified-Since": "yesterday"})
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["X-First"] == "1"


@pytest.mark.parametrize("failure", [RuntimeError(), web.HTTPNotFound()])
def test_a_second_answer_that_fails_is_a_page(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if "Range" in request.headers:
            return html("a", status=206, headers={"Content-Range": "bytes 0-0/9"})
        raise failure

    with serving(site(web.get("/", page))) as client:
        response = client.get("/", headers={"Range": "bytes=0-0"})
    assert response.status_code == getattr(failure, "status", 500)


def test_an_endless_part_of_a_page_is_stopped() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if "Range" not in request.headers:
            return html()
        response = web.StreamResponse(status=206, headers={"Content-Range": "bytes 0-9/*"})
        response.content_type = "text/html"
        await response.prepare(request)
        while True:
            await response.write(b"a")

    assert init_call(ask(site(web.get("/", page)), Range="bytes=0-9").content)["id"] == "7"


def test_a_request_in_other_bytes_than_utf_8_is_copied() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return html() if "Range" not in request.headers else html("", status=206)

    with serving(site(web.get("/", page))) as client:
        headers = [(b"X-Name", b"caf\xe9"), (b"Range", b"bytes=0-9"), (b"Cookie", b"user=7")]
        response = client.get("/", headers=headers)
    assert init_call(response.content)["id"] == "7"


def test_a_client_of_http_1_0_reads_a_compressed_page_to_the_end() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        body = gzip.compress(PAGE.encode())
        fields = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
        return await streamed(body[:30], body[30:], headers=fields)(request)

    with serving(site(web.get("/", page))) as client:
        address = client.base_url.host, client.base_url.port or 0
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert init_calls(gzip.decompress(body))
    assert b"chunked" not in head
    assert b"keep-alive" not in head


def test_a_head_request_gets_no_body_of_an_app_that_writes_one() -> None:
    with serving(site(web.route("*", "/", streamed(PAGE.encode())))) as client:
        for _ in range(2):  # on one connection
            head = client.head("/", headers=_cookie("7"))
            assert (head.status_code, head.content) == (200, b"")
        assert init_call(client.get("/", headers=_cookie("7")).content)["id"] == "7"


def test_a_hook_of_the_app_may_add_fields_to_a_page() -> None:
    async def add_policy(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = "script-src 'nonce-bm9uY2U'"

    async def page(request: web.Request) -> web.Response:
        return html()

    app = site(web.get("/", page))
    app.on_response_prepare.append(add_policy)
    assert b'nonce="bm9uY2U"' in ask(app).content


def test_data_is_served_without_asking_who_the_user_is() -> None:
    async def data(request: web.Request) -> web.Response:
        return web.json_response({"a": 1})

    async def fail(request: web.Request) -> Identity:
        pytest.fail("the user is asked for")

    app = web.Application()
    app.router.add_get("/", data)
    setup(app, SETTINGS, identity=fail)
    assert ask(app).json() == {"a": 1}


def test_a_plain_callable_may_wait() -> None:
    async def page(request: web.Request) -> web.Response:
        return html()

    app = web.Application()
    app.router.add_get("/", page)
    setup(app, SETTINGS, identity=lambda request: Identity(request.query["user"]))
    assert init_call(ask(app, "/?user=9").content)["id"] == "9"


def test_a_page_of_an_app_below_another_asks_below_its_prefix() -> None:
    async def page(request: web.Request) -> web.Response:
        return html()

    inner = site(web.get("/", page))
    middle = web.Application()
    middle.add_subapp("/b", inner)
    app = web.Application()
    app.add_subapp("/a", middle)
    with serving(app) as client:
        response = client.get("/a/b/", headers=_cookie("7"))
        assert init_call(response.content)["id"] == "7"
        assert b"/a/b" in response.content
        answer = client.get(f"/a/b{SHARE_AUTH}", headers={**_cookie("7"), **SAME_ORIGIN})
        assert answer.json()["id"] == "7"


def test_an_outer_app_names_the_user_on_pages_of_the_app_inside_it() -> None:
    async def page(request: web.Request) -> web.Response:
        return html()

    inner = web.Application()
    inner.router.add_get("/", page)
    app = site()
    app.add_subapp("/inner", inner)
    assert init_call(ask(app, "/inner/").content)["id"] == "7"


@pytest.mark.parametrize("fields", [{}, {"Range": "bytes=0-3"}, {"If_None_Match": '"a"'}])
def test_of_two_apps_with_pavior_the_inner_one_names_its_user(fields: dict[str, str]) -> None:
    async def page(request: web.Request) -> web.Response:
        if "Range" in request.headers:
            return html(PAGE[:4], status=206, headers={"Content-Range": "bytes 0-3/9"})
        return html()

    inner = site(web.get("/", page), settings=Settings("inner", API_KEY))
    app = site()
    app.add_subapp("/inner", inner)
    options = init_calls(ask(app, "/inner/", **fields).content)
    assert [(each["teamVanityId"], each["id"]) for each in options] == [("inner", "7")]


def test_of_two_apps_with_pavior_the_inner_one_finds_its_copies() -> None:
    async def page(request: web.Request) -> web.Response:
        response = html()
        response.etag = "a"
        return response if not request.if_none_match else web.Response(status=304)

    inner = site(web.get("/", page), settings=Settings("inner", API_KEY))
    app = site()
    app.add_subapp("/inner", inner)
    with serving(app) as client:
        tag = client.get("/inner/", headers=_cookie("7")).headers["ETag"]
        same = client.get("/inner/", headers={**_cookie("7"), "If-None-Match": tag})
        assert (same.status_code, same.content) == (304, b"")
        other = client.get("/inner/", headers={**_cookie("8"), "If-None-Match": tag})
        (options,) = init_calls(other.content)
    assert (options["teamVanityId"], options["id"]) == ("inner", "8")


def test_an_app_that_answers_every_path_shares_its_login() -> None:
    writes = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal writes
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            writes += 1
            await response.write(b"a")

    settings = Settings(TEAM, API_KEY, shared_auth_domains=["help.example.com"])
    response = ask(site(web.get("/{path:.*}", endless), settings=settings), SHARE_AUTH, Origin=HELP)
    assert response.json()["id"] == "7"
    assert writes < 100


def test_the_cookies_that_the_app_sets_go_along_if_the_settings_say_so() -> None:
    async def refresh(request: web.Request) -> web.Response:
        response = web.Response()
        response.set_cookie("session", "2")
        return response

    settings = Settings(TEAM, API_KEY, share_auth_sets_cookies=True)
    response = ask(
        site(web.get(SHARE_AUTH, refresh), settings=settings),
        SHARE_AUTH,
        Sec_Fetch_Site="same-origin",
    )
    assert response.headers["Set-Cookie"].startswith("session=2")


def test_a_page_that_opts_out_has_no_chat() -> None:
    async def page(request: web.Request) -> web.Response:
        return skip(html())

    response = ask(site(web.get("/", page)))
    assert response.text == PAGE
    assert "Pavior-Skip" not in response.headers


def test_concurrent_pages_name_their_own_users() -> None:
    async def page(request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return html()

    with serving(site(web.get("/", page))) as client:
        for user in ("7", "8", None):
            options = init_call(client.get("/", headers=_cookie(user)).content)
            assert options.get("id") == user


def test_a_template_of_jinja_places_the_script() -> None:
    template = Environment(autoescape=True).from_string("<!doctype html><p>A{{ pavior() }}</p>")

    async def page(request: web.Request) -> web.Response:
        return html(template.render(request=request, pavior=pavior_snippet))

    assert ask(site(web.get("/", page))).text.startswith("<!doctype html><p>A<script")
    without = web.Application()
    without.router.add_get("/", page)
    assert ask(without).text == "<!doctype html><p>A</p>"


def test_the_documented_lines_name_the_user_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", TEAM)
    monkeypatch.setenv("PAVIOR_API_KEY", API_KEY)
    names: dict[str, Any] = {}
    exec(compile(blocks("aiohttp")[0], "aiohttp.md", "exec", dont_inherit=True), names)
    app: web.Application = names["app"]
    setup_session(app, SimpleCookieStorage())

    async def log_in(request: web.Request) -> web.Response:
        (await get_session(request))["user_id"] = 7
        return html()

    app.router.add_get("/", log_in)
    with serving(app) as client:
        assert init_call(client.get("/").content)["id"] == "7"
        answer = client.get(SHARE_AUTH, headers=SAME_ORIGIN)
        assert answer.json()["id"] == "7"


@pytest.mark.parametrize("fields", [{}, {"Range": "bytes=0-3"}, {"If-None-Match": '"a"'}])
def test_a_request_is_freed_without_the_garbage_collector(fields: dict[str, str]) -> None:
    requests: list[weakref.ref[web.Request]] = []

    async def page(request: web.Request) -> web.Response:
        requests.append(weakref.ref(request))
        status = 206 if "Range" in request.headers else 200
        return html(status=status, headers={"Content-Range": "bytes 0-3/9"} if fields else {})

    gc.disable()
    try:
        with serving(site(web.get("/", page))) as client:
            client.get("/", headers={**_cookie("7"), **fields})
            client.get("/", headers=_cookie("7"))
            assert [each() for each in requests[:-1]] == [None] * (len(requests) - 1)
    finally:
        gc.enable()


def test_a_stream_names_the_user_whom_a_copy_of_the_request_holds() -> None:
    @web.middleware
    async def log_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        copy = request.clone()
        copy["pavior.identity"] = Identity("9")
        return await handler(copy)

    app = web.Application(middlewares=[log_in])
    app.router.add_get("/", streamed(PAGE.encode()))
    setup(app, SETTINGS)
    assert init_call(ask(app).content)["id"] == "9"


def test_of_two_apps_of_one_domain_the_inner_one_shares_its_login() -> None:
    async def nobody(request: web.Request) -> None:
        return None

    inner, app = site(), web.Application()
    app.add_domain("*", inner)
    setup(app, SETTINGS, identity=nobody)
    assert ask(app, SHARE_AUTH, Sec_Fetch_Site="same-origin").json()["id"] == "7"
