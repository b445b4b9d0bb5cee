"""A lender that is slow, fails or answers nonsense leaves a page with an anonymous chat."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import (
    Page,
)

from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.borrowers import (
    FAULTS,
    Console,
    Sites,
    answer,
    calls,
    follow,
    log_in,
    look_again,
    named,
)
from tests.support.browsers import wait_for
from tests.support.sites import TEAM


@pytest.mark.parametrize("fault", [*FAULTS, "down"])
def test_a_lender_that_does_not_answer_leaves_the_visitor_anonymous(
    page: Page, sites: Sites, console: Console, fault: str
) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS.get(fault)
    if fault == "down":
        page.route(f"**{SHARE_AUTH}", lambda route: route.abort())
    page.goto(sites.at("help.shop") + sites.page(sites.element() + "<h1>Help</h1>"))
    assert calls(page) == [named(None)]
    assert len(console.ours) == 1
    assert console.ours[0].startswith(f"Pavior: {sites.shop} does not say who is logged in.")
    assert f"help.shop.localhost:{sites.port}" in console.ours[0]
    assert [each.type for each in console.messages if each.text in console.ours] == ["info"]
    assert console.errors == []
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize("content", ["null", '{"id": 5}'])
def test_an_answer_without_an_identity_gives_an_anonymous_chat(
    page: Page, sites: Sites, console: Console, content: str
) -> None:
    sites.fault = lambda request: answer(request, content, "60")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert (console.messages, console.errors) == ([], [])


def test_a_borrower_waits_five_seconds_for_its_lender(
    page: Page, sites: Sites, console: Console, answers: threading.Event
) -> None:
    page.add_init_script("window.hasty = true")
    answers.clear()
    page.goto(sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert page.evaluate("waits") == [5000]
    assert len(console.ours) == 1
    assert (console.complaints, console.errors) == ([], [])


def test_a_browser_without_abort_signal_timeout_asks_the_lender(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    body = f"<script>delete AbortSignal.timeout</script>{sites.element()}"
    page.goto(sites.at("help.shop") + sites.page(body))
    assert calls(page) == [named("ada")]


def test_a_failure_of_the_lender_keeps_the_login_of_a_link(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    look_again(page)
    assert calls(page, 2) == [named("ada")]
    assert len(console.ours) == 1


def test_a_lender_that_fails_once_is_asked_again(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    sites.fault = None
    look_again(page)
    assert calls(page, 2) == [named(None), named("ada")]


@pytest.mark.parametrize(
    "seconds",
    [
        None,
        "soon",
    ],
)
def test_an_identity_without_seconds_lasts_for_the_page(
    page: Page, sites: Sites, seconds: str | None
) -> None:
    sites.fault = lambda request: answer(request, '{"id": "7"}', seconds)
    page.goto(sites.at("help") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length && settled")
    # A server answers several requests after that.
    page.evaluate("(async () => { for (let i = 0; i < 9; i += 1) await fetch('/page'); })()")
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}]]
