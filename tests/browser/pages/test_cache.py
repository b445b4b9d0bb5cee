"""Pages that a real Chromium keeps: none names somebody who has logged out since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware._assets import page_files
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support import chromium
from tests.support.browsers import FLAGS, loads_of
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, TEAM

ADA, BOB = "ada@example.com", "bob@example.com"
PATIENCE = 5  # seconds

LAST_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
STORED: dict[str, dict[str, str]] = {
    "etag": {"ETag": '"1"', "Cache-Control": "no-cache"},
    "max-age": {"Cache-Control": "max-age=600"},
    "last-modified": {"Last-Modified": LAST_MODIFIED},
    "nothing": {},
    "policy": {"Cache-Control": "max-age=600", "Content-Security-Policy": "default-src 'none'"},
}

# The same for everyone, as far as the app knows, so that every validator fits every user.
PAGE = """<!doctype html>
<title>Shop</title>
<form method="post" action="/logout"><button>Log out</button></form>
<label>Note <input></label>
<a href="">This page again</a>
"""

HEADS = {
    "based": "<base href='//elsewhere.localhost:1/'>",
    "with-a-global": "<script>var origin = 'London'</script>",
    "ruled": "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'\">",
}

# Puts a whole page of the site into this one as it loads, with its scripts.
FETCHING = """<div></div><script>
fetch('/pages/max-age').then(response => response.text()).then(text => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    for (const { textContent } of page.querySelectorAll('script')) {
        const script = document.createElement('script');
        document.querySelector('div').append(Object.assign(script, { textContent }));
    }
    window.isFilled = true;
});
</script>"""

# Tells its server of every call, with the page that made it.
EMBED = """{
    const server = document.currentScript.src;
    window.calls = [];
    window.Pavior = (command, options) => {
        calls.push(options.email ?? null);
        fetch(new URL('call', server), {
            method: 'POST', body: [options.email ?? '', location.pathname].join(' ')});
    };
}"""


@dataclass
class Shop:
    """A site with a login by cookie, the Pavior of its pages, and what both have seen."""

    keeps_cookie: bool
    origin: str = ""
    users: dict[str, str] = field(default_factory=dict)
    calls: Queue[tuple[str | None, str]] = field(default_factory=Queue)
    asked: Queue[None] = field(default_factory=Queue)
    responses: list[tuple[str, int]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    mounts: Callable[[Any], Any] | None = None
    consent: Callable[[Any], bool] | None = None

    def identity(self, environ: dict[str, Any]) -> Identity | None:
        email = self.users.get(Request(environ).cookies.get("session", ""))
        return None if email is None else Identity(email=email)

    def app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        session = request.cookies.get("session") or str(len(self.users))
        directory, _, name = request.path.strip("/").partition("/")
        if directory == "login":
            self.users[session] = request.args["as"]
            response = redirect(f"/pages/{name}", 303)
            response.set_cookie("session", session)
            return response
        if directory == "logout":
            self.users.pop(session, None)
            response = redirect("/bye", 303)
            if not self.keeps_cookie:
                response.delete_cookie("session")
            return response
        if directory == "order":
            self.orders.append(request.method)
        if request.path == SHARE_AUTH:
            self.asked.put(None)
        text = f"<iframe src='/pages/{name}'></iframe>" if directory == "framed" else ""
        text += FETCHING if directory == "fetching" else ""
        text = PAGE.replace("<title>", HEADS.get(name, "") + "<title>") + text
        response = Response(text, mimetype="text/html", headers=STORED.get(name))
        return response.make_conditional(request)

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/call":
            email, _, path = request.get_data(as_text=True).partition(" ")
            self.calls.put((email or None, path))
        response = Response(EMBED, mimetype="text/javascript")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response(environ, start_response)

    def next_call(self) -> str | None:
        """Wait for a call of init and return the user that it names."""
        email, _ = self.calls.get(timeout=PATIENCE)
        return email


def recording(app: Any, responses: list[tuple[str, int]]) -> Any:
    def recorded(environ: Any, start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: Any, *rest: Any) -> Any:
            responses.append((environ["PATH_INFO"], int(status[:3])))
            return start_response(status, headers, *rest)

        return app(environ, start)

    return recorded


@contextmanager
def serving(shop: Shop, **settings: Any) -> Iterator[Shop]:
    port, pavior = free_ports([0, 0])
    shop.origin = f"http://shop.localhost:{port}"
    embed_url = f"http://pavior.localhost:{pavior}/embed"
    configured = Settings(TEAM, API_KEY, embed_url=embed_url, **settings)
    site: Any = PaviorMiddleware(shop.app, configured, identity=shop.identity, consent=shop.consent)
    if shop.mounts is not None:
        site = shop.mounts(site)
    recorded = recording(site, shop.responses)
    with serving_wsgi(shop.pavior, pavior), serving_http_1_1(recorded, port):
        yield shop


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def serving_http_1_1(app: Any, port: int) -> Iterator[None]:
    """Run a WSGI app; Chromium remembers no `ETag` of a server that speaks HTTP/1.0."""
    server = make_server(LOOPBACK, port, app, threaded=True, request_handler=_Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium_that(playwright: Playwright, *, freezes: bool) -> Iterator[Browser]:
    """Run a Chromium with its HTTP cache; one that `freezes` keeps pages whole to go back to."""
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright),
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"] if freezes else [],
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def freezing(playwright: Playwright) -> Iterator[Browser]:
    with chromium_that(playwright, freezes=True) as browser:
        yield browser


@pytest.fixture(scope="module")
def storing(playwright: Playwright) -> Iterator[Browser]:
    with chromium_that(playwright, freezes=False) as browser:
        yield browser


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture(params=["freezing", "storing"])
def page(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Page]:  # closed before the shop
    with tab(request.getfixturevalue(request.param)) as page:
        yield page


@pytest.fixture
def frozen_page(freezing: Browser, shop: Shop) -> Iterator[Page]:
    with tab(freezing) as page:
        yield page


@pytest.fixture
def stored_page(storing: Browser, shop: Shop) -> Iterator[Page]:
    with tab(storing) as page:
        yield page


@pytest.fixture(params=["cookie-goes", "cookie-stays"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with serving(Shop(keeps_cookie=request.param == "cookie-stays")) as shop:
        yield shop


def log_in(page: Page, shop: Shop, email: str, name: str = "nothing") -> None:
    page.goto(f"{shop.origin}/login/{name}?as={email}")
    assert shop.next_call() == email


def log_out(page: Page, shop: Shop) -> None:
    page.get_by_role("button", name="Log out").click()
    assert shop.next_call() is None


def go(page: Page, steps: int) -> None:
    """Press back or forward; a page that was frozen has no load that could be waited for."""
    page.evaluate("steps => { setTimeout(() => history.go(steps)); }", steps)


def is_as_left(page: Page) -> bool:
    """Whether the page is the very one that was left, and stays once its script has its answer."""
    page.wait_for_function("window.departures === 1", timeout=PATIENCE * 1000)
    left: bool = page.evaluate("""async () => {
        for (let round = 0; round < 5; round += 1) await fetch('/answered').catch(() => null);
        return departures === 1 && document.querySelector('input').value === 'half a note';
    }""")
    return left


def inits(page: Page) -> list[str | None]:
    """Return the user that each call of init in this document has named."""
    users: list[str | None] = page.evaluate("calls")
    return users


def take_a_note(page: Page) -> None:
    page.get_by_label("Note").fill("half a note")
    page.evaluate("window.departures = 0; addEventListener('beforeunload', () => departures += 1)")


@pytest.mark.parametrize("name", ["etag", "max-age", "last-modified", "nothing"])
def test_no_cached_page_names_a_user_who_has_logged_out(page: Page, shop: Shop, name: str) -> None:
    log_in(page, shop, ADA, name)
    log_out(page, shop)
    go(page, -1)
    assert shop.next_call() is None
    page.reload()
    assert shop.next_call() is None
    page.get_by_role("link").click()
    assert shop.next_call() is None
    page.goto(f"{shop.origin}/pages/{name}")
    assert shop.next_call() is None
    assert shop.calls.empty()


def test_a_form_of_one_user_is_not_sent_again_by_the_next(page: Page, shop: Shop) -> None:
    log_in(page, shop, ADA)
    page.evaluate("document.forms[0].action = '/order'")
    page.get_by_role("button", name="Log out").click()
    assert shop.next_call() == ADA
    log_in(page, shop, BOB)
    go(page, -1)
    assert shop.next_call() == BOB
    assert shop.orders.count("POST") == 1


@pytest.mark.parametrize("name", ["etag", "max-age"])
def test_two_users_in_turn_each_get_their_own_page(page: Page, shop: Shop, name: str) -> None:
    log_in(page, shop, ADA, name)
    log_out(page, shop)
    log_in(page, shop, BOB, name)
    go(page, -2)  # to the page that named Ada
    assert shop.next_call() == BOB
    log_out(page, shop)
    log_in(page, shop, ADA, name)
    go(page, -2)
    assert shop.next_call() == ADA
    assert shop.calls.empty()


def test_going_forward_names_nobody_who_has_logged_out(stored_page: Page, shop: Shop) -> None:
    stored_page.goto(f"{shop.origin}/start")
    assert shop.next_call() is None
    log_in(stored_page, shop, ADA)
    stored_page.go_back()
    assert shop.next_call() == ADA
    shop.users.clear()  # as it is when the session ends elsewhere
    go(stored_page, 1)
    assert shop.next_call() is None
    assert shop.calls.empty()


def test_a_frozen_page_is_as_its_user_left_it(frozen_page: Page, shop: Shop) -> None:
    log_in(frozen_page, shop, ADA)
    take_a_note(frozen_page)
    frozen_page.goto(f"{shop.origin}/elsewhere")
    assert shop.next_call() == ADA
    go(frozen_page, -1)
    shop.asked.get(timeout=PATIENCE)
    assert is_as_left(frozen_page)
    assert shop.calls.empty()


@pytest.mark.parametrize("needs_file", [True, False])
def test_a_frozen_page_stays_while_there_is_no_network_and_asks_when_there_is(
    frozen_page: Page, shop: Shop, needs_file: bool
) -> None:
    log_in(frozen_page, shop, ADA)
    if not needs_file:
        with frozen_page.expect_response(lambda response: response.url.endswith(SHARE_AUTH)):
            frozen_page.evaluate("dispatchEvent(new Event('pavior:refresh'))")
    take_a_note(frozen_page)
    frozen_page.goto(f"{shop.origin}/elsewhere")
    assert shop.next_call() == ADA
    shop.users.clear()
    frozen_page.context.set_offline(True)
    asked = page_files.PAGE.path if needs_file else SHARE_AUTH
    with frozen_page.expect_event("requestfailed", lambda request: request.url.endswith(asked)):
        go(frozen_page, -1)
    assert is_as_left(frozen_page)
    assert inits(frozen_page) == [ADA]
    frozen_page.context.set_offline(False)
    assert shop.next_call() is None
    frozen_page.wait_for_function("window.departures === undefined")
    assert inits(frozen_page) == [None]
    assert shop.calls.empty()


def at_pages(site: Any) -> Any:
    return DispatcherMiddleware(NotFound(), {"/pages": site})


def without_answers(site: Any) -> Any:
    return DispatcherMiddleware(site, {SHARE_AUTH: NotFound()})


def without_file(site: Any) -> Any:
    return DispatcherMiddleware(site, {"/.well-known": NotFound()})


def with_a_page_for_every_path(site: Any) -> Any:
    return DispatcherMiddleware(site, {"/.well-known": Response(PAGE, mimetype="text/html")})


@pytest.mark.parametrize(
    ("mounts", "asked", "names"),
    [
        (at_pages, SHARE_AUTH, []),
        (without_answers, SHARE_AUTH, [None]),
        (without_file, page_files.PAGE.path, [None]),
        (with_a_page_for_every_path, page_files.PAGE.path, [None]),
    ],
)
def test_a_frozen_page_asks_below_its_own_path_and_without_an_answer_names_nobody(
    freezing: Browser, mounts: Callable[[Any], Any], asked: str, names: list[None]
) -> None:
    shop = Shop(keeps_cookie=True, mounts=mounts)
    with serving(shop), tab(freezing) as page:
        shop.users["1"] = ADA
        page.context.add_cookies([{"name": "session", "value": "1", "url": shop.origin}])
        page.goto(f"{shop.origin}/pages/nothing")
        assert shop.next_call() == ADA
        take_a_note(page)
        page.goto(f"{shop.origin}/pages/etag")
        assert shop.next_call() == ADA
        with page.expect_response(lambda response: response.url.endswith(asked)):
            go(page, -1)
        assert [shop.next_call() for _ in names] == names
        assert is_as_left(page)
        assert shop.calls.empty()


def test_a_stored_page_names_its_user_again(stored_page: Page, shop: Shop) -> None:
    log_in(stored_page, shop, ADA, "max-age")
    stored_page.goto(f"{shop.origin}/elsewhere")
    assert shop.next_call() == ADA
    go(stored_page, -1)
    assert shop.next_call() == ADA
    assert shop.responses.count(("/pages/max-age", 200)) == 1  # it came from the cache
    shop.asked.get(timeout=PATIENCE)


def test_a_frame_in_a_stored_page_names_nobody_who_has_logged_out(storing: Browser) -> None:
    with serving(Shop(keeps_cookie=True)) as shop, tab(storing) as page:
        log_in(page, shop, ADA)
        page.goto(f"{shop.origin}/fetching/max-age")
        page.wait_for_function("window.isFilled")
        assert shop.next_call() == ADA
        log_in(page, shop, BOB)  # whose cookie is the same, and so no other request
        go(page, -1)
        page.wait_for_function("window.isFilled")
        assert shop.responses.count(("/pages/max-age", 200)) == 1  # it came from the cache
        assert shop.next_call() == BOB
        assert page.evaluate(f"fetch('{SHARE_AUTH}').then(answer => answer.ok)")
        assert shop.calls.empty()


def test_a_reload_is_answered_by_304_to_the_same_user_alone(stored_page: Page, shop: Shop) -> None:
    statuses = []
    for email in (ADA, ADA, BOB, BOB):
        log_in(stored_page, shop, email, "etag")
        statuses += [status for path, status in shop.responses if path == "/pages/etag"]
        shop.responses.clear()
    assert statuses == [200, 304, 200, 304]
    stored_page.reload()
    assert shop.next_call() == BOB
    assert ("/pages/etag", 304) in shop.responses


def test_a_cacheable_page_names_the_user_who_is_logged_in(storing: Browser) -> None:
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(storing) as page:
        log_in(page, shop, ADA, "max-age")
        log_out(page, shop)
        go(page, -1)
        assert shop.next_call() is None
        log_in(page, shop, BOB, "max-age")
        assert shop.responses.count(("/pages/max-age", 200)) == 1  # for all of them
        log_in(page, shop, BOB, "policy")
        assert shop.calls.empty()


@pytest.mark.parametrize("name", HEADS)
def test_no_element_of_the_head_prevents_a_cacheable_page_from_asking(
    storing: Browser, name: str
) -> None:
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(storing) as page:
        log_in(page, shop, ADA, name)


def test_a_prefetched_cacheable_page_names_the_user_who_is_logged_in(storing: Browser) -> None:
    rules = {"prefetch": [{"urls": ["/pages/nothing"], "eagerness": "immediate"}]}
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(storing) as page:
        log_in(page, shop, ADA, "start")
        with page.expect_event("requestfinished", lambda request: request.url.endswith("/nothing")):
            page.evaluate(
                """rules => {
                    const script = document.createElement('script');
                    script.type = 'speculationrules';
                    script.text = JSON.stringify(rules);
                    document.head.append(script);
                }""",
                rules,
            )
        shop.users.update(dict.fromkeys(shop.users, BOB))
        page.evaluate("document.links[0].href = '/pages/nothing'")
        page.get_by_role("link").click()
        assert shop.next_call() == BOB
        entry = "performance.getEntriesByType('navigation')[0].deliveryType"
        assert page.evaluate(entry) == "navigational-prefetch"
        assert shop.responses.count(("/pages/nothing", 200)) == 1


def test_a_frozen_cacheable_page_names_the_user_who_is_logged_in(freezing: Browser) -> None:
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(freezing) as page:
        log_in(page, shop, ADA)
        take_a_note(page)
        log_out(page, shop)
        go(page, -1)
        assert shop.next_call() is None
        assert is_as_left(page)


def test_a_frozen_cacheable_page_names_nobody_without_an_answer(freezing: Browser) -> None:
    shop = Shop(keeps_cookie=True, mounts=failing_on_demand)
    with serving(shop, cacheable_pages=True), tab(freezing) as page:
        log_in(page, shop, ADA)
        take_a_note(page)
        page.goto(f"{shop.origin}/elsewhere")
        assert shop.next_call() == ADA
        page.context.add_cookies([{"name": "fails", "value": "1", "url": shop.origin}])
        go(page, -1)
        assert shop.next_call() is None
        assert is_as_left(page)
        assert shop.calls.empty()


def test_a_frozen_cacheable_page_without_consent_loads_nothing_without_an_answer(
    freezing: Browser,
) -> None:
    shop = Shop(keeps_cookie=True, mounts=failing_on_demand, consent=lambda environ: False)
    with serving(shop, cacheable_pages=True), tab(freezing) as page:
        page.goto(f"{shop.origin}/pages/nothing")
        take_a_note(page)
        page.goto(f"{shop.origin}/elsewhere")
        page.context.add_cookies([{"name": "fails", "value": "1", "url": shop.origin}])
        with page.expect_response(lambda response: response.status == 500):
            go(page, -1)
        assert is_as_left(page)
        loaded = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        assert not [url for url in loaded if "pavior.localhost" in url]


def failing_on_demand(site: Any, failing: str = SHARE_AUTH) -> Any:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        is_failing = request.path == failing and "fails" in request.cookies
        answers: Iterable[bytes] = (Response(status=500) if is_failing else site)(
            environ, start_response
        )
        return answers

    return app


@pytest.mark.parametrize("in_frames", [False, True])
def test_a_cacheable_page_in_a_frame_has_a_chat_only_if_frames_are_to(
    storing: Browser, in_frames: bool
) -> None:
    settings = {"cacheable_pages": True, "inject_in_frames": in_frames}
    with serving(Shop(keeps_cookie=True), **settings) as shop, tab(storing) as page:
        page.goto(f"{shop.origin}/framed/max-age")
        pages = {shop.calls.get(timeout=PATIENCE)[1] for _ in range(1 + in_frames)}
        assert pages == {"/framed/max-age", *(["/pages/max-age"] if in_frames else [])}
        assert loads_of(page.frames[1], "/embed") == in_frames


def without_file_on_demand(site: Any) -> Any:
    return failing_on_demand(site, page_files.PAGE.path)


def test_a_cacheable_page_without_its_file_loads_nothing_before_consent(
    storing: Browser,
) -> None:
    shop = Shop(keeps_cookie=True, mounts=without_file_on_demand, consent=lambda environ: False)
    with serving(shop, cacheable_pages=True), tab(storing) as page:
        page.context.add_cookies([{"name": "fails", "value": "1", "url": shop.origin}])
        with page.expect_console_message(lambda message: "cannot load" in message.text):
            page.goto(f"{shop.origin}/pages/nothing")
        page.evaluate("dispatchEvent(new Event('pavior:logout'))")
        page.wait_for_load_state("networkidle")
        loaded = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        assert [url for url in loaded if url.endswith(page_files.PAGE.path)]
        assert not [url for url in loaded if "pavior.localhost" in url]
