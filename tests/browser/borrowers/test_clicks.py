"""Clicks and key presses before the lender has answered: the trip of a page waits for their end."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import (
    Page,
)
from werkzeug.wrappers import Request

from tests.support.borrowers import (
    HASTE,
    Sites,
    calls,
    calls_at_last,
    follow,
    log_in,
    look_again,
    named,
)
from tests.support.browsers import evaluate, wait_for


@pytest.fixture
def by_user(sites: Sites) -> list[str | None]:
    """The `Sec-Fetch-User` field of each trip: "?1" if a click or a key press began the trip."""
    fields: list[str | None] = []

    def note(request: Request) -> None:
        fields.append(request.headers.get("Sec-Fetch-User"))

    sites.fault_on_the_way = note
    return fields


def use_before_the_answer(
    page: Page, sites: Sites, answers: threading.Event, key: str | None = None
) -> str:
    """Follow the shop's link, and use the page before the lender answers; return its URL."""
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(f"<input>{sites.element()}")
    answers.clear()
    follow(page, sites, url)
    evaluate(page, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    if key:
        page.keyboard.press(key)
    else:
        page.mouse.click(300, 300)
    wait_for(page, "navigator.userActivation?.isActive ?? true")
    answers.set()
    return url


@pytest.mark.parametrize("key", [None, "a"])
def test_a_user_who_clicks_before_the_lender_answers_is_named_after_the_click_ends(
    page: Page,
    sites: Sites,
    answers: threading.Event,
    by_user: list[str | None],
    key: str | None,
) -> None:
    """A trip at once would look like a link that they follow, for which there is no code."""
    use_before_the_answer(page, sites, answers, key)
    assert calls_at_last(page, 15) == [named("ada")]
    assert by_user == [None]


def test_a_user_who_leaves_a_page_that_waits_for_a_click_to_end_is_named_on_the_next_page(
    page: Page, sites: Sites, answers: threading.Event, by_user: list[str | None]
) -> None:
    url = use_before_the_answer(page, sites, answers)
    wait_for(page, "settled === 1")
    assert by_user == []
    page.goto(f"{url}?next")
    assert calls_at_last(page) == [named("ada")]
    assert by_user == [None]


def test_without_user_activation_a_page_whose_trip_is_refused_tries_again(
    page: Page, sites: Sites, answers: threading.Event, by_user: list[str | None]
) -> None:
    """As in Firefox before 120, which reports the click to the lender and not to the page."""
    page.add_init_script("delete Navigator.prototype.userActivation")
    url = use_before_the_answer(page, sites, answers)
    assert calls_at_last(page) == [named("ada")]
    assert by_user == ["?1", None]
    assert page.url == url


ALWAYS_ACTIVE = """Object.defineProperty(navigator, 'userActivation', {
    value: {isActive: !sessionStorage.isOver, hasBeenActive: true},
})"""

OVER = "sessionStorage.isOver = 'yes', navigator.userActivation.isActive = false"


def test_text_typed_while_a_page_waits_for_a_click_to_end_is_not_lost(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(f"<input>{sites.element()}"))
    wait_for(page, "settled === 1")
    page.type("input", "My order")
    evaluate(page, OVER)
    assert calls(page) == [named(None)]
    assert page.input_value("input") == "My order"
    assert by_user == []


def test_a_user_who_goes_on_clicking_is_named_the_next_time_the_page_asks(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(HASTE)
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert by_user == []
    evaluate(page, OVER)
    look_again(page)
    wait_for(page, "window.calls?.at(-1)?.[1].email === 'ada@example.com'")
    assert by_user == [None]


def test_a_page_that_becomes_visible_again_while_it_waits_makes_one_trip(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    wait_for(page, "settled === 1")
    look_again(page)
    wait_for(page, "settled === 2")
    evaluate(page, OVER)
    assert calls(page) == [named("ada")]
    assert by_user == [None]
