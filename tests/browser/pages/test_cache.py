"""Pages that a real Chromium keeps: none names somebody who has logged out since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Request, Response

from pavior_middleware._assets import page_files
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.browsers import loads_of
from tests.support.shops import (
    ADA,
    BOB,
    HEADS,
    PAGE,
    PATIENCE,
    Shop,
    go,
    inits,
    is_as_left,
    log_in,
    log_out,
    serving,
    tab,
    take_a_note,
)


@pytest.fixture(params=["freezing", "browser"], ids=["freezing", "storing"])
def page(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Page]:  # closed before the shop
    with tab(request.getfixturevalue(request.param)) as page:
        yield page


@pytest.fixture
def frozen_page(freezing: Browser, shop: Shop) -> Iterator[Page]:
    with tab(freezing) as page:
        yield page


@pytest.fixture
def stored_page(browser: Browser, shop: Shop) -> Iterator[Page]:
    with tab(browser) as page:
        yield page


@pytest.fixture(params=["cookie-goes", "cookie-stays"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with serving(Shop(keeps_cookie=request.param == "cookie-stays")) as shop:
        yield shop


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


def test_a_form_of_one_user_is_not_sent_again_by_the_next_user(page: Page, shop: Shop) -> None:
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


def test_a_frozen_page_of_the_same_user_comes_back_unchanged(frozen_page: Page, shop: Shop) -> None:
    log_in(frozen_page, shop, ADA)
    take_a_note(frozen_page)
    frozen_page.goto(f"{shop.origin}/elsewhere")
    assert shop.next_call() == ADA
    go(frozen_page, -1)
    shop.asked.get(timeout=PATIENCE)
    assert is_as_left(frozen_page)
    assert shop.calls.empty()


@pytest.mark.parametrize("needs_file", [True, False])
def test_a_frozen_page_stays_while_offline_and_asks_once_it_is_online(
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


def test_a_frame_in_a_stored_page_names_nobody_who_has_logged_out(browser: Browser) -> None:
    with serving(Shop(keeps_cookie=True)) as shop, tab(browser) as page:
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


def test_a_cacheable_page_names_the_user_who_is_logged_in(browser: Browser) -> None:
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(browser) as page:
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
    browser: Browser, name: str
) -> None:
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(browser) as page:
        log_in(page, shop, ADA, name)


def test_a_prefetched_cacheable_page_names_the_user_who_is_logged_in(browser: Browser) -> None:
    rules = {"prefetch": [{"urls": ["/pages/nothing"], "eagerness": "immediate"}]}
    with serving(Shop(keeps_cookie=True), cacheable_pages=True) as shop, tab(browser) as page:
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
def test_a_cacheable_page_in_a_frame_has_a_chat_only_with_inject_in_frames(
    browser: Browser, in_frames: bool
) -> None:
    settings = {"cacheable_pages": True, "inject_in_frames": in_frames}
    with serving(Shop(keeps_cookie=True), **settings) as shop, tab(browser) as page:
        page.goto(f"{shop.origin}/framed/max-age")
        pages = {shop.calls.get(timeout=PATIENCE)[1] for _ in range(1 + in_frames)}
        assert pages == {"/framed/max-age", *(["/pages/max-age"] if in_frames else [])}
        assert loads_of(page.frames[1], "/embed") == in_frames


def without_file_on_demand(site: Any) -> Any:
    return failing_on_demand(site, page_files.PAGE.path)


def test_a_cacheable_page_without_its_file_loads_nothing_before_consent(
    browser: Browser,
) -> None:
    shop = Shop(keeps_cookie=True, mounts=without_file_on_demand, consent=lambda environ: False)
    with serving(shop, cacheable_pages=True), tab(browser) as page:
        page.context.add_cookies([{"name": "fails", "value": "1", "url": shop.origin}])
        with page.expect_console_message(lambda message: "cannot load" in message.text):
            page.goto(f"{shop.origin}/pages/nothing")
        page.evaluate("dispatchEvent(new Event('pavior:logout'))")
        page.wait_for_load_state("networkidle")
        loaded = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        assert [url for url in loaded if url.endswith(page_files.PAGE.path)]
        assert not [url for url in loaded if "pavior.localhost" in url]
