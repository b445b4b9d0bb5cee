"""Pages that were made earlier: Chromium names the current user, whatever has changed since.

What counts is the calls that reach a stub of the embed, and each list of them is whole: no further
call comes within `QUIET_SECONDS`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Browser, Page, Playwright

from pavior_middleware import sign
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support import chromium
from tests.support.browsers import FLAGS
from tests.support.moments import (
    MODES,
    VISIT,
    MomentShop,
    be,
    change_by_fetch,
    change_in_another_tab,
    come_back,
    leave,
    look_again,
)
from tests.support.shops import (
    ADA,
    BOB,
    PATIENCE,
    is_as_left,
    log_in,
    serving,
    tab,
)
from tests.support.sites import API_KEY

REGISTER = """async () => {
    const claimed = new Promise(done =>
        navigator.serviceWorker.addEventListener('controllerchange', done));
    await navigator.serviceWorker.register('/worker.js');
    await claimed;
}"""

WAYS_TO_FRAME = {
    "srcdoc": "frame.srcdoc = text",
    "blob": "frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'}))",
}

FRAME = """async () => {
    const text = await (await fetch('/pages/inner')).text();
    const frame = document.createElement('iframe');
    const loaded = new Promise(done => frame.addEventListener('load', done));
    %s;
    document.body.append(frame);
    await loaded;
}"""


@pytest.fixture(params=MODES)
def shop(request: pytest.FixtureRequest) -> Iterator[MomentShop]:
    with serving(MomentShop(keeps_cookie=True), **MODES[request.param]) as shop:
        assert isinstance(shop, MomentShop)
        yield shop


@pytest.fixture
def page(freezing: Browser, shop: MomentShop) -> Iterator[Page]:  # closed before the shop
    with tab(freezing) as page:
        yield page


# ── Prefetched and prerendered pages ───────────────────────────────────────────────────────────
CHANGES = [(ADA, BOB), (ADA, None), (None, BOB), (ADA, ADA), (None, None)]


@pytest.mark.parametrize(("then", "now"), CHANGES)
@pytest.mark.parametrize("where", ["by fetch", "in another tab"])
def test_a_prefetched_page_names_the_user_who_is_logged_in_when_it_is_opened(
    page: Page, shop: MomentShop, then: str | None, now: str | None, where: str
) -> None:
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/pages/next")):
        be(page, shop, then, "prefetching")
    if where == "by fetch":
        change_by_fetch(page, now)
    else:
        change_in_another_tab(page, shop, now)
    page.get_by_role("link", name="Next page").click()
    assert shop.next_calls(1) == [now]
    if where == "by fetch" and then is not None:
        delivery = "performance.getEntriesByType('navigation')[0].deliveryType"
        assert page.evaluate(delivery) == "navigational-prefetch"
        assert shop.responses.count(("/pages/next", 200)) == 1


@contextmanager
def chromium_on_its_own(playwright: Playwright, profile: Path, url: str) -> Iterator[None]:
    """Run a Chromium that nobody drives: with developer tools attached it prerenders nothing."""
    program = chromium.path(playwright)
    own = ["--headless", "--no-first-run", f"--user-data-dir={profile}"]
    process = subprocess.Popen([program, *FLAGS, *own, url], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(("then", "now"), [(ADA, BOB), (ADA, None), (None, BOB), (ADA, ADA)])
def test_a_prerendered_page_names_nobody_until_it_is_opened(
    playwright: Playwright, tmp_path: Path, shop: MomentShop, then: str | None, now: str | None
) -> None:
    path = "/pages/prerendering" if then is None else f"/login/prerendering?as={then}"
    with chromium_on_its_own(playwright, tmp_path, shop.origin + path):
        assert shop.calls.get(timeout=6 * PATIENCE) == (then, "/pages/prerendering")
        assert shop.reported["ahead"].wait(6 * PATIENCE)  # a second after it was loaded
        assert shop.calls.empty()
        shop.change_user(now)
        shop.may_go_ahead.set()
        assert shop.reported["activated"].wait(2 * PATIENCE)
        assert shop.next_calls(1) == [now]
        assert shop.responses.count(("/pages/ahead", 200)) == 1


# ── A service worker ───────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("now", [BOB, None, ADA])
def test_a_page_from_a_service_workers_cache_names_the_user_who_is_logged_in_now(
    page: Page, shop: MomentShop, now: str | None
) -> None:
    log_in(page, shop, ADA)
    page.evaluate(REGISTER)
    page.goto(f"{shop.origin}/pages/kept")
    assert shop.next_calls(1) == [ADA]
    shop.change_user(now)
    page.goto(f"{shop.origin}/pages/kept")
    assert shop.next_calls(1) == [now]
    assert shop.responses.count(("/pages/kept", 200)) == 1


def test_a_page_that_a_service_worker_passes_on_names_its_user_once(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    page.evaluate(REGISTER)
    for _ in range(2):
        page.goto(f"{shop.origin}/pages/passed-on")
        assert shop.next_calls(1) == [ADA]


@pytest.mark.parametrize("now", [BOB, None])
def test_a_page_brought_back_offline_names_the_user_once_it_is_online(
    page: Page, shop: MomentShop, now: str | None
) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.change_user(now)
    page.context.set_offline(True)
    come_back(page)
    assert shop.next_calls(0) == []
    page.context.set_offline(False)
    assert shop.next_calls(1) == [now]


def test_a_page_brought_back_offline_keeps_its_chat_if_its_user_is_the_same(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    page.context.set_offline(True)
    come_back(page)
    page.context.set_offline(False)
    assert shop.next_calls(0) == []
    assert is_as_left(page)


@pytest.mark.parametrize("now", [ADA, BOB])
@pytest.mark.parametrize("event", ["online", "look"])
def test_a_request_that_fails_decides_nothing_and_the_next_one_decides(
    page: Page, shop: MomentShop, now: str, event: str
) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.change_user(now)
    shop.is_failing = True
    come_back(page)
    assert shop.next_calls(1) == [None]  # in doubt
    shop.is_failing = False
    if event == "online":
        page.evaluate("dispatchEvent(new Event('online'))")
    else:
        look_again(page)
    assert shop.next_calls(1) == [now]


def test_an_anonymous_page_that_is_brought_back_names_the_user_who_logged_in_since(
    page: Page, shop: MomentShop
) -> None:
    be(page, shop, None)
    leave(page, shop, None)
    shop.change_user(BOB)
    come_back(page)
    assert shop.next_calls(1) == [BOB]
    assert is_as_left(page)


# ── Answers out of order ───────────────────────────────────────────────────────────────────────
def test_of_two_requests_of_a_tab_shown_twice_the_newer_answer_counts(
    page: Page, shop: MomentShop
) -> None:
    def held_answer_after(user: str | None) -> Event:
        change_in_another_tab(page, shop, user)
        shop.is_holding = True
        look_again(page)
        waiting = shop.next_held()
        shop.is_holding = False
        return waiting

    log_in(page, shop, ADA)
    older = held_answer_after(None)
    newer = held_answer_after(BOB)
    newer.set()
    assert shop.next_calls(1) == [BOB]
    older.set()
    assert shop.next_calls(0) == []


def test_a_login_in_another_tab_while_a_request_is_open_is_not_lost(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, None)
    shop.is_holding = True
    look_again(page)
    waiting = shop.next_held()
    shop.is_holding = False
    change_in_another_tab(page, shop, BOB)
    with page.expect_event("requestfinished", lambda request: request.url.endswith(SHARE_AUTH)):
        waiting.set()
    look_again(page)
    assert shop.next_calls(1)[-1] == BOB


@pytest.mark.parametrize("shop", ["cacheable"], indirect=True)
def test_of_two_visits_in_one_document_the_newer_answer_counts(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    shop.is_holding = True
    page.evaluate(VISIT, "/pages/first")
    older = shop.next_held()
    shop.change_user(None)
    page.evaluate(VISIT, "/pages/second")
    newer = shop.next_held()
    newer.set()
    assert shop.next_calls(1) == [None]
    older.set()
    assert shop.next_calls(0) == []


@pytest.mark.parametrize("shop", ["named"], indirect=True)
def test_a_visit_that_names_a_user_outdates_an_earlier_request(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.is_holding = True
    shop.change_user(None)
    come_back(page)
    older = shop.next_held()
    shop.change_user(BOB)
    page.evaluate(VISIT, "/pages/next")
    assert shop.next_calls(1) == [BOB]
    older.set()
    assert shop.next_calls(0) == []


# ── Another tab ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("then", "now"), [(ADA, BOB), (ADA, None), (None, BOB)])
@pytest.mark.parametrize("name", ["nothing", "policy"])
def test_a_tab_that_is_shown_again_names_the_user_who_logged_in_in_another_tab(
    page: Page, shop: MomentShop, then: str | None, now: str | None, name: str
) -> None:
    be(page, shop, then, name)
    if then is not None and now is not None:
        change_in_another_tab(page, shop, None)
    change_in_another_tab(page, shop, now)
    assert shop.next_calls(0) == []
    look_again(page)
    assert shop.next_calls(1) == [now]
    asked = shop.questions()
    look_again(page)
    assert shop.next_calls(0) == []
    assert shop.questions() == asked


def test_a_tab_whose_user_came_back_in_another_tab_keeps_its_chat(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, None)
    change_in_another_tab(page, shop, ADA)
    look_again(page)
    assert shop.next_calls(0) == []


@pytest.mark.parametrize("user", [ADA, None])
def test_a_tab_that_is_shown_again_soon_asks_nothing(
    page: Page, shop: MomentShop, user: str | None
) -> None:
    be(page, shop, user)
    asked = shop.questions()
    for _ in range(3):
        look_again(page)
    assert shop.next_calls(0) == []
    assert shop.questions() == asked


def test_a_tab_that_is_shown_later_asks_once_and_notices_a_logout(
    page: Page, shop: MomentShop
) -> None:
    page.clock.install()
    log_in(page, shop, ADA)
    asked = shop.questions()
    page.clock.fast_forward("00:11")
    look_again(page)
    look_again(page)
    assert shop.next_calls(0) == []
    assert shop.questions() == asked + 1
    shop.change_user(None)
    page.clock.fast_forward("00:11")
    look_again(page)
    assert shop.next_calls(1) == [None]


def test_an_anonymous_tab_asks_nothing_however_late_it_is_shown(
    page: Page, shop: MomentShop
) -> None:
    page.clock.install()
    be(page, shop, None)
    asked = shop.questions()
    page.clock.fast_forward("10:00")
    look_again(page)
    assert shop.next_calls(0) == []
    assert shop.questions() == asked


def test_a_tab_that_is_shown_later_and_whose_request_fails_keeps_its_user(
    page: Page, shop: MomentShop
) -> None:
    page.clock.install()
    log_in(page, shop, ADA)
    shop.is_failing = True
    for _ in range(2):
        page.clock.fast_forward("00:11")
        look_again(page)
        assert shop.next_calls(0) == []


def test_a_tab_that_hears_of_a_login_but_gets_no_answer_names_nobody(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, BOB)
    shop.is_failing = True
    look_again(page)
    assert shop.next_calls(1) == [None]


STORED_TEXT = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"


def test_the_values_that_a_page_stores_for_other_tabs_reveal_no_user(
    page: Page, shop: MomentShop
) -> None:
    log_in(page, shop, ADA)
    stored = page.evaluate(STORED_TEXT)
    hmac = sign(API_KEY, ADA)
    assert not [text for text in (ADA, hmac, hmac[:8], hmac[-8:], "ada") if text in stored]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_stored_without_consent(freezing: Browser, mode: str) -> None:
    shop = MomentShop(keeps_cookie=True, consent=lambda environ: False)
    with serving(shop, **MODES[mode]), tab(freezing) as page:
        page.goto(f"{shop.origin}/pages/nothing")
        look_again(page)
        assert shop.next_calls(0) == []
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_a_consent_that_was_taken_back_in_another_tab_leaves_nobody_named(
    freezing: Browser,
) -> None:
    answers = [True]
    shop = MomentShop(keeps_cookie=True, consent=lambda environ: answers[-1])
    with serving(shop, cacheable_pages=True), tab(freezing) as page:
        page.clock.install()
        log_in(page, shop, ADA)
        answers.append(False)
        page.clock.fast_forward("00:11")
        look_again(page)
        assert shop.next_calls(1) == [None]
        assert page.evaluate("localStorage.length") == 0


# ── Frames ─────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def mapping(playwright: Playwright) -> Iterator[Browser]:
    rules = "--host-resolver-rules=MAP *.test 127.0.0.1"
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright), args=[*FLAGS, rules]
    ) as browser:
        yield browser


@contextmanager
def framing(browser: Browser, mode: str, *, in_frames: bool) -> Iterator[tuple[MomentShop, Page]]:
    shop = MomentShop(keeps_cookie=True)
    settings = {**MODES[mode], "inject_in_frames": in_frames}
    with serving(shop, **settings), tab(browser) as page:
        yield shop, page


@pytest.mark.parametrize("in_frames", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_frame_on_plain_http_has_a_chat_only_with_inject_in_frames(
    mapping: Browser, mode: str, in_frames: bool
) -> None:
    with framing(mapping, mode, in_frames=in_frames) as (shop, page):
        page.goto(f"{shop.origin.replace('shop.localhost', 'shop.test')}/framed/nothing")
        assert page.evaluate("isSecureContext") is False
        assert shop.next_calls(1 + in_frames) == [None] * (1 + in_frames)


@pytest.mark.parametrize("in_frames", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_a_frame_whose_page_a_worker_passes_on_has_a_chat_only_with_inject_in_frames(
    freezing: Browser, mode: str, in_frames: bool
) -> None:
    with framing(freezing, mode, in_frames=in_frames) as (shop, page):
        log_in(page, shop, ADA)
        page.evaluate(REGISTER)
        page.goto(f"{shop.origin}/framed/nothing")
        assert shop.next_calls(1 + in_frames) == [ADA] * (1 + in_frames)


@pytest.mark.parametrize("way", WAYS_TO_FRAME)
def test_a_frame_that_shows_a_page_that_a_script_has_fetched_has_no_chat(
    page: Page, shop: MomentShop, way: str
) -> None:
    log_in(page, shop, ADA)
    page.evaluate(FRAME % WAYS_TO_FRAME[way])
    assert page.frames[1].evaluate("!!document.querySelector('input')")
    assert shop.next_calls(0) == []
