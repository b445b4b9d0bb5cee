"""How long a tab of a real Chromium keeps a borrowed login, and what ends it."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import (
    Browser,
    Page,
)
from werkzeug.wrappers import Request, Response

from tests.support.borrowers import (
    BUBBLE,
    CODE,
    FAULTS,
    HASTE,
    SECONDS,
    Console,
    Sites,
    answer,
    calls,
    email,
    follow,
    is_code,
    log_in,
    look_again,
    named,
    of_nobody,
    watched,
)
from tests.support.browsers import evaluate, wait_for
from tests.support.sites import TEAM

STORAGES = {
    "closed": """Object.defineProperty(window, 'sessionStorage', {
    get() { throw new DOMException('no', 'SecurityError'); }});""",
    "full": """{
    let text = 'x'.repeat(8 * 1024 * 1024);
    sessionStorage.clear();
    for (; text; text = text.slice(text.length / 2 + 1)) {
        try {
            for (let each = 0; ; each += 1) sessionStorage.setItem(text.length + '-' + each, text);
        } catch {}
        if (text.length < 3) break;
    }
}""",
    "of garbage": """for (const each of ['', '{', 'null', 'undefined', '5', '[]', '{}', '"text"'])
    for (const key of ['pavior', 'pavior-share', 'length', 'key' + each, '__proto__'])
        sessionStorage.setItem(key, each);""",
}
"""Scripts that run before share.js, by what the session storage is after them."""

OWN_GARBAGE = """for (const key of Object.keys(sessionStorage))
    if (key.startsWith('pavior-share ')) sessionStorage.setItem(key, %s);"""


@pytest.mark.parametrize("storage", ["closed", "full"])
def test_without_session_storage_a_borrowed_login_lasts_for_the_page(
    page: Page, sites: Sites, console: Console, storage: str
) -> None:
    log_in(page, sites, "ada")
    body = f"<script>{STORAGES[storage]}</script>{sites.element()}"
    page.goto(sites.at("help.shop") + sites.page(body))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    look_again(page)
    assert calls(page, 2) == [named("ada")]
    assert (console.complaints, console.errors) == ([], [])


@pytest.mark.parametrize("storage", STORAGES)
def test_a_page_that_a_link_leads_to_works_with_any_session_storage(
    page: Page, sites: Sites, console: Console, storage: str
) -> None:
    log_in(page, sites, "ada")
    body = f"<script>{STORAGES[storage]}</script>{sites.element()}"
    url = sites.at("help") + sites.page(body) + "#section"
    follow(page, sites, url)
    expected = [named("ada" if storage == "of garbage" else None)]
    assert calls(page) == expected
    look_again(page)
    assert calls(page, 2) == expected
    assert page.url == url
    assert (console.complaints, console.errors) == ([], [])


@pytest.mark.parametrize("garbage", ["'{'", "'5'", "'{}'"])
def test_garbage_in_place_of_the_stored_login_counts_as_no_login(
    page: Page, sites: Sites, console: Console, garbage: str
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    page.evaluate(OWN_GARBAGE % garbage)
    page.goto(url)
    assert calls(page) == [named(None)]
    assert (console.complaints, console.errors) == ([], [])


def test_a_sandboxed_borrower_has_an_anonymous_chat(
    page: Page, sites: Sites, console: Console
) -> None:
    framed = sites.page(sites.element() + "<h1>Framed</h1>", "/framed")
    body = f"<iframe sandbox=allow-scripts src='{framed}{CODE}x'></iframe>"
    page.goto(sites.at("help") + sites.page(body))
    frame = page.frames[1]
    frame.wait_for_function("window.calls?.length && settled === 1")
    assert frame.evaluate("[origin, location.hash, calls]") == ["null", "", [named(None)]]
    assert (len(console.ours), console.errors) == (1, [])


def test_two_tabs_have_a_borrowed_login_each(page: Page, sites: Sites) -> None:
    url = sites.at("help") + sites.page(sites.element())
    other = page.context.new_page()
    for tab, name in ((page, "ada"), (other, "bob")):
        log_in(tab, sites, name)
        follow(tab, sites, url)
        assert calls(tab) == [named(name)]
    for tab, name in ((page, "ada"), (other, "bob")):
        tab.reload()
        assert calls(tab) == [named(name)]


def test_a_borrowed_login_ends_after_its_seconds(page: Page, sites: Sites) -> None:
    page.add_init_script(HASTE)
    log_in(page, sites, "ada")
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60") if is_code(request) else None
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length > 1")
    assert calls(page, 2) == [["init", {"teamVanityId": TEAM, "id": "7"}], named(None)]


SLEEP = """{
    const {setTimeout} = window, {now} = Date;
    window.asleep = 0;
    Date.now = () => now() + asleep;
    window.setTimeout = (call, wait, ...more) => setTimeout(call, wait / 100, ...more);
}"""


def test_a_borrowed_login_ends_after_its_seconds_though_the_machine_slept(
    page: Page, sites: Sites
) -> None:
    """Timers stand still then, and the clock goes on."""
    page.add_init_script(SLEEP)
    log_in(page, sites, "ada")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    log_in(page, sites, None)
    page.evaluate(f"asleep = {SECONDS} * 1000")
    wait_for(page, "calls.length > 1")
    assert calls(page, 2) == [named("ada"), named(None)]


def test_the_next_page_of_a_tab_names_at_once_the_user_of_a_link(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    answers.clear()
    page.goto(f"{url}?next")
    assert calls(page, 0) == [named("ada")]
    answers.set()
    assert calls(page, 1) == [named("ada")]


def test_the_next_page_of_a_tab_asks_before_it_names_the_user_of_a_cookie(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help.shop") + sites.page(sites.element())
    page.goto(url)
    assert calls(page) == [named("ada")]
    log_in(page, sites, None)
    page.reload()
    assert calls(page) == [named(None)]


def test_a_logout_that_the_lender_reports_ends_the_login_of_a_link(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = lambda request: answer(request, "{}", "0")  # as it is where cookies get through
    look_again(page)
    assert calls(page, 2) == [named("ada"), named(None)]
    page.reload()
    assert calls(page) == [named(None)]


HIDE = "Object.defineProperty(document, 'hidden', {value: true, writable: true})"


def test_a_hidden_page_does_not_ask_the_lender(page: Page, sites: Sites) -> None:
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    page.evaluate(HIDE)
    look_again(page)
    page.evaluate("document.hidden = false")
    look_again(page)
    assert calls(page, 2) == [named(None)]


def test_a_hidden_page_does_not_ask_when_its_borrowed_login_ends(page: Page, sites: Sites) -> None:
    """Or else a tab in the background would keep the lender's session alive for ever."""
    page.add_init_script(HASTE)
    page.add_init_script(HIDE)
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length > 1")
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}], named(None)]
    sites.fault = None
    page.evaluate("document.hidden = false")
    look_again(page)
    assert len(calls(page, 2)) == 2


def test_the_login_of_a_link_survives_an_answer_without_a_login_cookie(
    page: Page, sites: Sites
) -> None:
    """It may be too old, or never have been set, and the app's own is `SameSite=Lax`."""
    log_in(page, sites, "ada")
    sites.fault = of_nobody
    url = sites.at("help") + sites.page(BUBBLE + sites.element(bubble="#bubble"))
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    page.reload()
    assert calls(page) == [named("ada")]
    follow_nobody(page, sites, url)
    page.goto(f"{url}?direct")
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0  # since a click would change nothing


def follow_nobody(page: Page, sites: Sites, url: str) -> None:
    """Log out, and follow the shop's link."""
    log_in(page, sites, None)
    follow(page, sites, url)
    assert calls(page, 0) == [named(None)]


@pytest.mark.parametrize("access", ["active", None])  # a field that not every browser sends
def test_the_login_of_a_cookie_ends_with_the_cookie(
    page: Page, sites: Sites, access: str | None
) -> None:
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    page.goto(sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}]]
    sites.fault = lambda request: answer(request, "{}", access=access)
    look_again(page)
    assert calls(page, 2)[1:] == [named(None)]


def test_an_answer_that_comes_after_a_newer_one_is_ignored(page: Page, sites: Sites) -> None:
    late = threading.Event()
    turns = iter(["ada", "bob"])

    def in_turn(request: Request) -> Response:
        name = next(turns)
        if name == "ada":
            late.wait(10)
        return answer(request, f'{{"email": "{email(name)}"}}', "60")

    sites.fault = in_turn
    page.goto(sites.at("help") + sites.page(sites.element()))
    look_again(page)
    wait_for(page, "window.calls?.length")
    late.set()
    wait_for(page, "settled === 2")
    assert [each["email"] for _, each in evaluate(page, "calls")] == [email("bob")]


def test_a_borrower_from_the_back_forward_cache_names_nobody_after_a_logout(
    freezing: Browser, sites: Sites
) -> None:
    with freezing.new_context() as context:
        page = watched(context).new_page()
        log_in(page, sites, "ada")
        page.goto(sites.at("help.shop") + sites.page(sites.element()))
        assert calls(page) == [named("ada")]
        page.evaluate("""() => {
            addEventListener('pageshow', event => { seen.frozen = event.persisted; });
            addEventListener('visibilitychange', event => event.stopImmediatePropagation(), true);
        }""")
        page.goto(f"{sites.shop}/")
        log_in(page, sites, None)
        page.evaluate("() => { setTimeout(() => history.back()); }")
        wait_for(page, "seen.frozen && calls.length > 1")
        assert evaluate(page, "calls") == [named("ada"), named(None)]
