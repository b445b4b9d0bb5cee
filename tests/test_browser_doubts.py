"""Whom a page names if its file or its questions fail, or come late, and events come meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.wrappers import Response

from pavior_middleware import page_files
from pavior_middleware.well_known import SHARE_AUTH

from .browsers import evaluate
from .browsers import playwright as playwright
from .test_browser_cache import ADA, BOB, PATIENCE, chromium_that, go, inits, log_in, serving, tab
from .test_browser_moments import (
    LOOK,
    VISIT,
    MomentShop,
    be,
    change_in_another_tab,
    come_back,
    leave,
    look_again,
)

FILE = page_files.PAGE.path


class SlowShop(MomentShop):
    """A shop whose file can be missing, or be held back."""

    file_status = 200
    may_have_file: Event
    may_have_embed: Event

    def __init__(self, **fields: Any) -> None:
        super().__init__(keeps_cookie=True, **fields)
        self.may_have_file, self.may_have_embed = Event(), Event()
        self.may_have_file.set()
        self.may_have_embed.set()
        self.file_requests = 0

    def gate(self, site: Any) -> Any:
        gated = super().gate(site)

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            if environ["PATH_INFO"] == FILE:
                self.file_requests += 1
                self.may_have_file.wait(6 * PATIENCE)
                if self.file_status != 200:
                    return Response(status=self.file_status)(environ, start_response)
            answers: Iterable[bytes] = gated(environ, start_response)
            return answers

        return app

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/embed":
            self.may_have_embed.wait(6 * PATIENCE)
        return super().pavior(environ, start_response)


@pytest.fixture(scope="module")
def chrome(playwright: Playwright) -> Iterator[Browser]:
    with chromium_that(playwright, freezes=True) as browser:
        yield browser


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[SlowShop]:
    with serving(SlowShop(), **getattr(request, "param", {})) as shop:
        assert isinstance(shop, SlowShop)
        yield shop
        shop.may_have_file.set()
        shop.may_have_embed.set()
        shop.is_holding = False
        while True:
            try:
                shop.held.get_nowait().set()
            except Empty:
                break


cacheable = pytest.mark.parametrize("shop", [{"cacheable_pages": True}], indirect=True)


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(chrome: Browser, shop: SlowShop, errors: list[str]) -> Iterator[Page]:
    with tab(chrome) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page


def tell(page: Page, event: str) -> None:
    evaluate(page, f"void dispatchEvent(new Event('{event}'))")


# ── No file ────


@pytest.mark.parametrize("user", [ADA, None])
def test_unrouted(page: Page, shop: SlowShop, user: str | None) -> None:
    shop.file_status = 404
    be(page, shop, user)
    look_again(page)
    assert shop.next_calls(0) == []
    for _ in range(5):
        page.evaluate("""() => {
            const b = document.body.appendChild(document.createElement('b'));
            return new Promise(done => setTimeout(() => { b.remove(); setTimeout(done, 50); }, 50));
        }""")
    assert shop.next_calls(0) == []
    print("requests", shop.file_requests)
    assert shop.file_requests < 4


@pytest.mark.parametrize("user", [None])
def test_unrouted_restored_nobody(page: Page, shop: SlowShop, user: str | None) -> None:
    shop.file_status = 404
    be(page, shop, user)
    leave(page, shop, user)
    come_back(page)
    assert shop.next_calls(0) == []


@pytest.mark.parametrize("user", [ADA, None])
def test_slow_file_asked_once(page: Page, shop: SlowShop, user: str | None) -> None:
    be(page, shop, user)
    page.evaluate("document.body.append(document.createElement('i'))")
    shop.may_have_file.clear()
    for _ in range(5):
        page.evaluate("""() => {
            const b = document.body.appendChild(document.createElement('b'));
            return new Promise(done => setTimeout(() => { b.remove(); setTimeout(done, 50); }, 50));
        }""")
    shop.may_have_file.set()
    assert shop.next_calls(0) == []
    assert shop.file_requests == 1


# ── Logout ─────


def test_logout_slow_file(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    tell(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    shop.change_user(None)
    shop.may_have_file.set()
    assert shop.next_calls(0) == []
    shop.change_user(ADA)
    tell(page, "pavior:refresh")
    assert shop.next_calls(1) == [ADA]


def test_logout_slow_file_and_server(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    tell(page, "pavior:logout")
    tell(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    shop.may_have_file.set()
    assert shop.next_calls(0) == []


def test_logout_before_embed(page: Page, shop: SlowShop) -> None:
    shop.may_have_embed.clear()
    page.goto(f"{shop.origin}/login/nothing?as={ADA}")
    shop.may_have_file.clear()
    tell(page, "pavior:logout")
    shop.may_have_embed.set()
    assert shop.next_calls(1) == [None]
    shop.may_have_file.set()
    assert shop.next_calls(0) == []


def test_logout_hidden(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    page.evaluate(LOOK, "hidden")
    tell(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    page.evaluate(LOOK, "visible")
    assert shop.next_calls(0) == []


def test_logout_offline(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    page.context.set_offline(True)
    tell(page, "pavior:logout")
    assert inits(page) == [ADA, None]


@cacheable
def test_logout_while_first_question_is_open(page: Page, shop: SlowShop) -> None:
    shop.users["1"] = ADA
    page.context.add_cookies([{"name": "session", "value": "1", "url": shop.origin}])
    shop.is_holding = True
    page.goto(f"{shop.origin}/pages/nothing")
    first = shop.next_held()
    tell(page, "pavior:logout")
    second = shop.next_held()
    first.set()
    second.set()
    assert shop.next_calls(1) == [None]
    shop.is_holding = False
    shop.change_user(None)
    tell(page, "pavior:refresh")
    assert shop.next_calls(0) == []
    shop.change_user(ADA)
    tell(page, "pavior:refresh")
    assert shop.next_calls(1) == [ADA]


@cacheable
def test_refresh_while_first_question_is_open_and_fails(page: Page, shop: SlowShop) -> None:
    shop.users["1"] = ADA
    page.context.add_cookies([{"name": "session", "value": "1", "url": shop.origin}])
    shop.is_holding = True
    page.goto(f"{shop.origin}/pages/nothing")
    first = shop.next_held()
    shop.is_failing = True
    tell(page, "pavior:refresh")
    first.set()
    assert shop.next_calls(1) == [None]
    shop.is_failing = shop.is_holding = False
    look_again(page)
    assert shop.next_calls(1) == [ADA]


def test_logout_twice(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    tell(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    tell(page, "pavior:logout")
    assert shop.next_calls(0) == []


def test_logout_of_nobody(page: Page, shop: SlowShop) -> None:
    be(page, shop, None)
    tell(page, "pavior:logout")
    assert shop.next_calls(0) == []


def test_logout_then_back_as_the_same(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    tell(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    page.evaluate("addEventListener('pageshow', () => { window.isBack = true; })")
    page.goto(f"{shop.origin}/logout")
    assert shop.next_call() is None
    log_in(page, shop, ADA, "etag")
    go(page, -2)
    page.wait_for_function("window.isBack", timeout=PATIENCE * 1000)
    assert shop.next_calls(1) == [ADA]


# ── doubts ─────


@pytest.mark.parametrize("event", ["look", "pavior:refresh", "pavior:logout"])
def test_a_second_question_in_doubt_that_fails(page: Page, shop: SlowShop, event: str) -> None:
    page.clock.install()
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.change_user(BOB)
    shop.is_holding = True
    come_back(page)
    held = shop.next_held()
    shop.is_failing = True
    page.clock.fast_forward("00:11")
    if event == "look":
        look_again(page)
    else:
        tell(page, event)
    held.set()
    assert shop.next_calls(1) == ([BOB] if event == "look" else [None])


def test_failing_looks(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.is_failing = True
    come_back(page)
    assert shop.next_calls(1) == [None]
    for _ in range(3):
        look_again(page)
        assert shop.next_calls(0) == []


def test_order_of_log(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    tell(page, "pavior:refresh")
    tell(page, "pavior:logout")
    tell(page, "pavior:refresh")
    shop.may_have_file.set()
    calls = shop.next_calls(1)
    assert calls[-1] == ADA, calls


def test_order_of_log_visits(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    page.evaluate(VISIT, "/pages/next")
    tell(page, "pavior:logout")
    shop.change_user(BOB)
    page.evaluate(VISIT, "/pages/next")
    shop.may_have_file.set()
    calls = shop.next_calls(1)
    assert calls[-1] == BOB, calls


@cacheable
def test_bfcache_with_open_question(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.is_holding = True
    tell(page, "pavior:refresh")
    held = shop.next_held()
    shop.is_holding = False
    leave(page, shop, ADA)
    shop.change_user(BOB)
    held.set()
    come_back(page)
    assert shop.next_calls(1) == [BOB]


@pytest.mark.parametrize("mode", [{}, {"cacheable_pages": True}])
def test_consent_twice(chrome: Browser, mode: dict[str, Any]) -> None:
    answers = [True]
    shop = SlowShop(consent=lambda environ: answers[-1])
    with serving(shop, **mode), tab(chrome) as page:
        log_in(page, shop, ADA)
        answers.append(False)
        for calls in ([None], [], []):
            tell(page, "pavior:refresh")
            assert shop.next_calls(len(calls)) == calls
        tell(page, "pavior:logout")
        assert shop.next_calls(0) == []
        assert page.evaluate("localStorage.length") == 0
        answers.append(True)
        tell(page, "pavior:refresh")
        assert shop.next_calls(1) == [ADA]


@pytest.mark.parametrize("event", ["pavior:logout", "pavior:refresh"])
def test_no_consent(chrome: Browser, event: str) -> None:
    shop = SlowShop(consent=lambda environ: False)
    with serving(shop, cacheable_pages=True), tab(chrome) as page:
        shop.is_holding = True
        page.goto(f"{shop.origin}/pages/nothing")
        one = shop.next_held()
        tell(page, event)
        two = shop.next_held()
        one.set()
        two.set()
        assert shop.next_calls(0) == []
        shop.is_failing = True
        tell(page, event)
        assert shop.next_calls(0) == []
        loaded = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        assert not [url for url in loaded if "pavior.localhost" in url]
        assert page.evaluate("localStorage.length") == 0
