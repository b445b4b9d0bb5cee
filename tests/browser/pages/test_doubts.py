"""Whom a page names if its file or its questions fail, or come late, and events come meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.wrappers import Request, Response

from pavior_middleware._assets import page_files
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.browsers import evaluate
from tests.support.moments import (
    LOOK,
    MODES,
    VISIT,
    MomentShop,
    be,
    change_in_another_tab,
    come_back,
    leave,
    look_again,
)
from tests.support.shops import (
    ADA,
    BOB,
    EMBED,
    PATIENCE,
    go,
    inits,
    log_in,
    serving,
    tab,
)


class SlowShop(MomentShop):
    """A shop whose file can be missing, or be held back, and whose pages hold more."""

    file_status = 200
    head = body = ""
    policy: str | None = None
    embed = EMBED
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
            if environ["PATH_INFO"] == page_files.PAGE.path:
                self.file_requests += 1
                self.may_have_file.wait(6 * PATIENCE)
                if self.file_status != 200:
                    return Response(status=self.file_status)(environ, start_response)
            answers: Iterable[bytes] = gated(environ, start_response)
            return answers

        return app

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/embed":
            return super().pavior(environ, start_response)
        self.may_have_embed.wait(6 * PATIENCE)
        return Response(self.embed, mimetype="text/javascript")(environ, start_response)

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        if request.path.startswith("/pages/"):
            text = response.get_data(as_text=True).replace("<title>", f"{self.head}<title>")
            response.set_data(text + self.body)
            if self.policy is not None:
                response.headers["Content-Security-Policy"] = self.policy
        return response

    def free(self) -> None:
        """Let all that was held back go."""
        self.may_have_file.set()
        self.may_have_embed.set()
        self.is_holding = False
        with suppress(Empty):
            while True:
                self.waiting.get_nowait().set()


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[SlowShop]:
    with serving(SlowShop(), **getattr(request, "param", {})) as shop:
        assert isinstance(shop, SlowShop)
        yield shop
        shop.free()


cacheable = pytest.mark.parametrize("shop", [{"cacheable_pages": True}], indirect=True)


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(freezing: Browser, shop: SlowShop, errors: list[str]) -> Iterator[Page]:
    with tab(freezing) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page


def dispatch(page: Page, event: str) -> None:
    evaluate(page, f"void dispatchEvent(new Event('{event}'))")


# Adds an element to the body, as a page does for a message, and takes it away again.
SHOW_MESSAGE = """async () => {
    const shown = document.body.appendChild(document.createElement('p'));
    await new Promise(done => setTimeout(done, 20));
    shown.remove();
    await new Promise(done => setTimeout(done, 20));
}"""
# What else is in the body, as the bubble of an embed would be.
BUBBLE = "document.body.append(document.createElement('b'))"


def open_asking_page(page: Page, shop: SlowShop) -> Event:
    """Open a page that says nothing of users, and return what its answer waits for."""
    shop.users["1"] = ADA
    page.context.add_cookies([{"name": "session", "value": "1", "url": shop.origin}])
    shop.is_holding = True
    page.goto(f"{shop.origin}/pages/nothing")
    return shop.next_held()


# ── Without the file ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("user", [ADA, None])
def test_a_page_that_is_not_in_doubt_needs_no_file(
    page: Page, shop: SlowShop, user: str | None
) -> None:
    shop.file_status = 404
    be(page, shop, user)
    page.evaluate(BUBBLE)
    look_again(page)
    assert shop.next_calls(0) == []
    asked = shop.file_requests
    for _ in range(5):
        page.evaluate(SHOW_MESSAGE)
    assert shop.next_calls(0) == []
    assert shop.file_requests == asked


def test_a_page_of_nobody_in_doubt_without_the_file_calls_init_once(
    page: Page, shop: SlowShop
) -> None:
    shop.file_status = 404
    be(page, shop, None)
    leave(page, shop, None)
    come_back(page)
    assert shop.next_calls(0) == []


def test_a_page_that_changes_while_its_file_is_loaded_asks_for_it_once(
    page: Page, shop: SlowShop
) -> None:
    log_in(page, shop, ADA)
    page.evaluate(BUBBLE)
    shop.may_have_file.clear()
    for _ in range(5):
        page.evaluate(SHOW_MESSAGE)
    shop.may_have_file.set()
    assert shop.next_calls(0) == []
    assert shop.file_requests == 1


# ── Logout events of a page ────────────────────────────────────────────────────────────────────


def test_nobody_is_named_after_a_logout_before_the_file_is_there(
    page: Page, shop: SlowShop
) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    for _ in range(2):
        dispatch(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    shop.may_have_file.set()  # the site still names Ada
    assert shop.next_calls(0) == []
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [ADA]


def test_nobody_is_named_after_a_logout_before_the_embed_is_there(
    page: Page, shop: SlowShop
) -> None:
    shop.may_have_embed.clear()
    shop.may_have_file.clear()
    page.goto(f"{shop.origin}/login/nothing?as={ADA}")
    dispatch(page, "pavior:logout")
    shop.may_have_embed.set()
    assert shop.next_calls(1) == [None]
    shop.may_have_file.set()
    assert shop.next_calls(0) == []


def test_a_hidden_tab_names_nobody_at_once_after_a_logout(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    page.evaluate(LOOK, "hidden")
    dispatch(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    page.evaluate(LOOK, "visible")
    assert shop.next_calls(0) == []


def test_nobody_is_named_after_a_logout_offline(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    page.context.set_offline(True)
    dispatch(page, "pavior:logout")
    assert inits(page) == [ADA, None]


@pytest.mark.parametrize("user", [ADA, None])
def test_further_logouts_call_no_init(page: Page, shop: SlowShop, user: str | None) -> None:
    be(page, shop, user)
    dispatch(page, "pavior:logout")
    assert shop.next_calls(user is not None) == [None] * (user is not None)
    dispatch(page, "pavior:logout")
    assert shop.next_calls(0) == []


@cacheable
def test_a_page_with_a_logout_event_before_it_knows_its_user_names_nobody(
    page: Page, shop: SlowShop
) -> None:
    first = open_asking_page(page, shop)
    dispatch(page, "pavior:logout")
    second = shop.next_held()
    first.set()
    second.set()  # the site still names Ada
    assert shop.next_calls(1) == [None]
    shop.is_holding = False
    shop.change_user(BOB)
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]


def test_a_page_that_is_brought_back_names_its_user_who_has_logged_in_again(
    page: Page, shop: SlowShop
) -> None:
    log_in(page, shop, ADA)
    dispatch(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    page.evaluate("addEventListener('pageshow', () => { window.isBack = true; })")
    page.goto(f"{shop.origin}/logout")
    assert shop.next_call() is None
    log_in(page, shop, ADA, "etag")
    go(page, -2)
    page.wait_for_function("window.isBack", timeout=PATIENCE * 1000)
    assert shop.next_calls(1) == [ADA]


# ── Several things at once ─────────────────────────────────────────────────────────────────────


@cacheable
def test_a_page_in_doubt_whose_second_request_fails_stays_in_doubt(
    page: Page, shop: SlowShop
) -> None:
    first = open_asking_page(page, shop)
    shop.is_failing = True
    dispatch(page, "pavior:refresh")
    first.set()
    assert shop.next_calls(1) == [None]
    shop.is_failing = shop.is_holding = False
    look_again(page)
    assert shop.next_calls(1) == [ADA]


@pytest.mark.parametrize(
    ("event", "named"), [("look", BOB), ("pavior:refresh", None), ("pavior:logout", None)]
)
def test_a_page_that_is_brought_back_keeps_no_chat_for_an_unrelated_event(
    page: Page, shop: SlowShop, event: str, named: str | None
) -> None:
    page.clock.install()
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.change_user(BOB)
    shop.is_holding = True
    come_back(page)
    waiting = shop.next_held()
    shop.is_failing = True
    page.clock.fast_forward("00:11")
    if event == "look":
        look_again(page)  # asks nothing, since a question is open
    else:
        dispatch(page, event)
    waiting.set()
    assert shop.next_calls(1) == [named]


def test_a_page_whose_requests_keep_failing_names_nobody_once(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    leave(page, shop, ADA)
    shop.is_failing = True
    come_back(page)
    assert shop.next_calls(1) == [None]
    for _ in range(3):
        look_again(page)
        assert shop.next_calls(0) == []


def test_events_before_the_file_has_loaded_count_in_their_order(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    for event in ("pavior:refresh", "pavior:logout", "pavior:refresh"):
        dispatch(page, event)
    assert shop.next_calls(1) == [None]
    shop.may_have_file.set()
    assert shop.next_calls(1) == [ADA]


def test_a_visit_after_a_logout_counts_though_an_earlier_one_was_pending(
    page: Page, shop: SlowShop
) -> None:
    log_in(page, shop, ADA)
    shop.may_have_file.clear()
    page.evaluate(VISIT, "/pages/next")
    dispatch(page, "pavior:logout")
    assert shop.next_calls(1) == [None]
    shop.change_user(BOB)
    page.evaluate(VISIT, "/pages/next")
    shop.may_have_file.set()
    assert shop.next_calls(1) == [BOB]


@cacheable
def test_an_answer_that_comes_while_a_page_is_frozen_is_ignored(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    shop.is_holding = True
    dispatch(page, "pavior:refresh")
    waiting = shop.next_held()
    shop.is_holding = False
    leave(page, shop, ADA)
    shop.change_user(BOB)
    waiting.set()
    come_back(page)
    assert shop.next_calls(1) == [BOB]


# ── Consent ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", MODES)
def test_a_consent_that_was_taken_back_leaves_nobody_named_and_nothing_stored(
    freezing: Browser, mode: str
) -> None:
    answers = [True]
    shop = SlowShop(consent=lambda environ: answers[-1])
    with serving(shop, **MODES[mode]), tab(freezing) as page:
        log_in(page, shop, ADA)
        answers.append(False)
        for calls in ([None], []):
            dispatch(page, "pavior:refresh")
            assert shop.next_calls(len(calls)) == calls
        dispatch(page, "pavior:logout")
        assert shop.next_calls(0) == []
        assert evaluate(page, "localStorage.length") == 0
        answers.append(True)
        dispatch(page, "pavior:refresh")
        assert shop.next_calls(1) == [ADA]


@pytest.mark.parametrize("event", ["pavior:logout", "pavior:refresh"])
def test_nothing_is_loaded_or_stored_before_consent_on_any_event(
    freezing: Browser, event: str
) -> None:
    shop = SlowShop(consent=lambda environ: False)
    with serving(shop, cacheable_pages=True), tab(freezing) as page:
        first = open_asking_page(page, shop)
        dispatch(page, event)
        second = shop.next_held()
        first.set()
        second.set()
        assert shop.next_calls(0) == []
        shop.is_failing = True
        dispatch(page, event)
        assert shop.next_calls(0) == []
        names = "performance.getEntriesByType('resource').map(each => each.name)"
        assert not [url for url in evaluate(page, names) if "pavior.localhost" in url]
        assert evaluate(page, "localStorage.length") == 0


# ── What else is in a page ─────────────────────────────────────────────────────────────────────


def test_an_image_that_is_named_like_a_property_of_the_document_keeps_no_page_from_asking(
    page: Page, shop: SlowShop
) -> None:
    shop.body = "<img name=hidden>"
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]
    change_in_another_tab(page, shop, BOB)
    shop.change_user(ADA)
    evaluate(page, "void (localStorage.pavior = 'another tab')")
    evaluate(page, "void document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    assert shop.next_calls(1) == [ADA]


@cacheable
def test_an_element_that_is_named_like_the_embed_is_not_called(
    page: Page, shop: SlowShop, errors: list[str]
) -> None:
    shop.body = "<a id=Pavior></a>"
    shop.may_have_embed.clear()
    waiting = open_asking_page(page, shop)
    with page.expect_event("requestfinished", lambda request: request.url.endswith(SHARE_AUTH)):
        waiting.set()
    shop.may_have_embed.set()
    assert shop.next_calls(1) == [ADA]
    assert errors == []


@pytest.mark.parametrize(
    "script",
    [
        "var parent = 1, self = {}",
        "let parent = {}, self = {}",
        "var navigation = ['Home', 'Products']",
        "var localStorage = 1",
        "const on = 1, log = 2, load = 3, page = 4, d = 5, e = 6, n = 7, o = 8, t = 9",
    ],
)
def test_no_variable_of_a_page_breaks_its_chat(
    page: Page, shop: SlowShop, script: str, errors: list[str]
) -> None:
    shop.head = f"<script>{script}</script>"
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]
    assert errors == []


@pytest.mark.parametrize(
    "policy",
    [
        "script-src 'nonce-abc', script-src 'unsafe-eval'",
        "script-src 'nonce-abc', script-src 'nonce-xyz'",
        "default-src 'none'",
        "script-src 'strict-dynamic' 'nonce-abc'",
    ],
)
def test_each_of_a_pages_policies_allows_the_file(page: Page, shop: SlowShop, policy: str) -> None:
    shop.policy = policy
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]


@pytest.mark.parametrize("shop", MODES.values(), ids=MODES, indirect=True)
def test_an_embed_that_throws_is_called_once_for_each_user(
    page: Page, shop: SlowShop, errors: list[str]
) -> None:
    shop.embed += """{
        const call = window.Pavior;
        window.Pavior = (...given) => { call(...given); throw new Error('broken'); };
    }"""
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    dispatch(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]
    assert set(errors) == {"broken"}


def test_events_in_a_hidden_page_take_no_memory(page: Page, shop: SlowShop) -> None:
    log_in(page, shop, ADA)
    evaluate(page, BUBBLE)
    dispatch(page, "pavior:refresh")
    page.wait_for_function("navigator.pavior.r")
    page.evaluate(LOOK, "hidden")
    evaluate(
        page,
        """(async () => {
            window.kept = [];
            for (let i = 0; i < 100; i += 1) {
                const shown = document.body.appendChild(document.createElement('p'));
                await null;
                shown.remove();
                kept.push(new WeakRef(shown));
                dispatchEvent(new CustomEvent('htmx:afterRequest', {detail: {elt: shown}}));
                await new Promise(done => setTimeout(done));
            }
        })()""",
    )
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    assert evaluate(page, "kept.filter(each => each.deref()).length") < 10
