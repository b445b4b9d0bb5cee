"""Turbo: policies, frames, streams, morphs and prefetched pages, and what many visits leave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pavior_middleware import sign
from tests.support.browsers import evaluate, wait_for
from tests.support.covering import first_of
from tests.support.libraries import (
    ADA,
    BOB,
    EMBEDS,
    LIBRARIES,
    TURBO,
    Library,
    LibrarySite,
    serving,
)
from tests.support.sites import API_KEY

VISIT = """new Promise(done => {
    addEventListener('turbo:load', () => setTimeout(done, 60), {once: true});
    Turbo.visit('/%s');
})"""

NONCED = TURBO.replace("<script", '<script nonce="NONCE"')
POLICIES = {
    "hash": (TURBO, "default-src 'self'; style-src 'unsafe-inline'"),
    "nonce": (NONCED, "default-src 'self'; script-src 'nonce-NONCE'; style-src 'unsafe-inline'"),
    "nonce in a meta element": (
        NONCED + '<meta name="csp-nonce" content="NONCE">',
        "default-src 'self'; script-src 'nonce-NONCE'; style-src 'unsafe-inline'",
    ),
    "strict-dynamic": (
        NONCED + '<meta name="csp-nonce" content="NONCE">',
        "default-src 'self'; script-src 'nonce-NONCE' 'strict-dynamic'; style-src 'unsafe-inline'",
    ),
}


@contextmanager
def visiting(
    browser: Browser, site: LibrarySite, embed: str = "body", **settings: Any
) -> Iterator[Page]:
    with serving(site, embed, **settings), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.origin}/")
        wait_for(page, "document.querySelector('.bubble')")
        page.evaluate("window.isFirst = true")
        yield page
        assert site.stays_quiet()


def log_in(page: Page, name: str, email: str) -> None:
    page.get_by_role("button", name=name).click()
    expect(page.locator("#user")).to_have_text(email)


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#user")).to_have_text("nobody")


def holds_nothing_of(page: Page, email: str) -> bool:
    """Whether the document's markup holds neither an hmac nor the data in which it is masked."""
    markup: str = evaluate(page, "document.documentElement.outerHTML")
    hmac = sign(API_KEY, email)
    return not [text for text in (hmac, hmac[:16], "data-pavior", '"hmac"') if text in markup]


@pytest.mark.parametrize("embed", EMBEDS)
@pytest.mark.parametrize("name", POLICIES)
def test_under_a_policy_a_login_and_a_logout_by_turbo_are_noticed_and_leave_no_hmac(
    browser: Browser, name: str, embed: str
) -> None:
    head, policy = POLICIES[name]
    site = LibrarySite(Library(head), policy=policy)
    with visiting(browser, site, embed) as page:
        log_in(page, "Ada", ADA)
        site.settle()
        assert site.named == [None, ADA]
        log_out(page)
        site.settle()
        assert site.named == [None, ADA, None]
        assert holds_nothing_of(page, ADA)
        log_in(page, "Bob", BOB)
        site.settle()
        assert site.named == [None, ADA, None, BOB]
        assert page.locator(".bubble").count() == 1
        assert evaluate(page, "isFirst")
    assert site.questions == 0
    assert site.files == 1


@pytest.mark.parametrize("name", ["leave", "leave, nonce"])
def test_turbo_visits_name_the_user_where_policies_are_left_alone(
    browser: Browser, name: str
) -> None:
    nonce = name.endswith("nonce")
    site = LibrarySite(Library(NONCED if nonce else TURBO))
    # What a site writes that allows the chat itself.
    script = "'nonce-NONCE'" if nonce else "'self' 'unsafe-inline' http://pavior.localhost:*"
    site.policy = (
        f"script-src {script}; connect-src 'self' http://pavior.localhost:*; "
        "default-src 'self'; style-src 'unsafe-inline'"
    )
    with visiting(browser, site, csp="leave") as page:
        log_in(page, "Ada", ADA)
        site.settle()
        log_out(page)
        site.settle()
        assert holds_nothing_of(page, ADA)
        log_in(page, "Bob", BOB)
        site.settle()
        assert site.named == [None, ADA, None, BOB]
        assert evaluate(page, "isFirst")


def test_a_page_that_turbo_fetched_on_hover_names_its_user_until_the_next_visit(
    browser: Browser,
) -> None:
    site = LibrarySite(Library(TURBO))
    with visiting(browser, site) as page:
        log_in(page, "Ada", ADA)
        site.settle()
        page.get_by_role("link", name="One").hover()
        assert site.wait_until(lambda: site.count("/one") == 1)
        evaluate(page, "fetch('/logout', {method: 'POST'}).then(answer => answer.text())")
        page.get_by_role("link", name="One").click()
        expect(page.get_by_role("heading")).to_have_text("One")
        site.settle()
        assert site.count("/one") == 1
        assert site.named == [None, ADA, ADA]  # as the page does
        page.get_by_role("link", name="Two").click()
        expect(page.locator("#user")).to_have_text("nobody")
        site.settle()
        assert site.named == [None, ADA, ADA, None]


@pytest.mark.parametrize("embed", EMBEDS)
def test_the_chat_is_there_after_a_first_visit_that_changes_no_login(
    browser: Browser, embed: str
) -> None:
    site = LibrarySite(Library(TURBO))
    with visiting(browser, site, embed) as page:
        page.get_by_role("link", name="One").click()
        expect(page.get_by_role("heading")).to_have_text("One")
        site.settle()
        assert page.locator(".bubble").count() == 1
    assert site.named == [None, None][: 2 if embed == "body" else 1]


REFRESH = "Turbo.session.refresh(location.href)"
STREAM = """Turbo.renderStreamMessage(
    `<turbo-stream action="append" target="main">
    <template><p id=note>New</p></template></turbo-stream>`)"""


@pytest.mark.parametrize("embed", EMBEDS)
def test_a_morph_of_the_page_keeps_the_chat_and_notices_a_login(
    browser: Browser, embed: str
) -> None:
    site = LibrarySite(LIBRARIES["Turbo, morph"])
    with visiting(browser, site, embed) as page:
        evaluate(page, REFRESH)
        assert site.wait_until(lambda: site.count("/") == 2)
        site.settle()
        wait_for(page, "document.querySelectorAll('.bubble').length === 1")
        inits = 2 if embed == "body" else 1
        assert site.wait_until(lambda: site.named == [None] * inits)
        page.context.add_cookies([{"name": "session", "value": "ada", "url": site.origin}])
        site.users["ada"] = ADA
        evaluate(page, REFRESH)
        expect(page.locator("#user")).to_have_text(ADA)
        site.settle()
        assert page.locator(".bubble").count() == 1
        assert site.named[-1] == ADA
        assert site.named.count(ADA) == 1
        assert evaluate(page, "isFirst")
    assert site.questions == 0


def test_a_stream_leaves_the_chat_alone(browser: Browser) -> None:
    site = LibrarySite(Library(TURBO))
    with visiting(browser, site) as page:
        evaluate(page, STREAM)
        expect(page.locator("#note")).to_have_text("New")
        site.settle()  # Turbo removes the stream's element, so the page loads its file
    assert site.named == [None]
    assert site.questions == 0


def figures(page: Page) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    counters = session.send("Memory.getDOMCounters")
    session.detach()
    return {**counters, "heap": metrics["JSHeapUsedSize"]}


@pytest.mark.thorough
@pytest.mark.parametrize("visits", first_of([20, 200]))
def test_many_visits_leave_the_same_nodes_as_without_the_script(
    browser: Browser, visits: int
) -> None:
    grown, requests = [], []
    for bare in (False, True):
        site = LibrarySite(Library(TURBO), is_bare=bare)
        with serving(site, "root"), browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{site.origin}/")
            for visit in range(visits + 10):
                if visit == 10:
                    before = figures(page)
                    start = len(site.requests)
                title = ("One", "Two")[visit % 2]
                evaluate(page, VISIT % title.lower())
            after = figures(page)
            grown.append({name: after[name] - before[name] for name in after})
            requests.append(site.requests[start:])
    assert requests[0] == requests[1]
    assert len(requests[0]) == visits
    assert grown[0]["jsEventListeners"] <= grown[1]["jsEventListeners"]
    assert grown[0]["nodes"] <= grown[1]["nodes"] + 10
