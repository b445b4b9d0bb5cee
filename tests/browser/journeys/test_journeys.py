"""The login travels: from a shop to its help center, in every browser, as people go there."""

from __future__ import annotations

import pytest

from pavior_middleware import sign
from tests.support.engines.window import Window
from tests.support.journeys import (
    BLOCKING,
    EMAIL,
    TLS,
    TOLERANT,
    Sites,
    journey,
    log_in,
    log_out,
    say,
    status,
)
from tests.support.sites import API_KEY

LOAN_SECONDS = 3600

everywhere = journey(*BLOCKING, *TOLERANT)


@pytest.mark.each_engine
@everywhere
def test_a_user_who_follows_a_link_to_the_help_center_is_named_there(
    window: Window, sites: Sites
) -> None:
    log_in(window, sites)
    window.click("#help")
    assert status(window, sites.help) == "signup"
    assert say(window, sites, "Hello from the help center") == ("signup", True)
    assert window.url() == f"{sites.help}/page#section"
    assert window.wait_for("window.scrollY > 0")
    assert "pavior-handoff" not in window.evaluate("window.seenByOthers")
    window.click("#next")
    assert status(window, f"{sites.help}/second") == "signup"
    assert say(window, sites, "And from its second page") == ("signup", True)


@everywhere
def test_a_user_with_a_strict_session_cookie_is_named_after_a_link(
    window: Window, sites: Sites
) -> None:
    """Its cookie is `SameSite=Strict`, so a navigation that the help center began is without it."""
    log_in(window, sites, "#strict")
    window.wait_for("window.Pavior?.state?.status === 'signup'")
    before = window.evaluate("history.length")
    window.click("#help")
    assert status(window, sites.help) == "signup"
    assert window.url() == f"{sites.help}/page#section"
    assert window.evaluate("history.length") == before + 1


@everywhere
def test_a_link_opened_in_another_tab_takes_the_login_along(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    link = "document.querySelector('#help').getAttribute('href')"
    before = window.evaluate(link)
    window.middle_click("#help")
    if window.opens_tabs:
        assert window.wait_for(f"{link} === '{before}'")
        window.switch_to_new_tab()
    assert status(window, sites.help) == "signup"


@everywhere
def test_a_link_followed_by_the_keyboard_takes_the_login_along(
    window: Window, sites: Sites
) -> None:
    log_in(window, sites)
    window.press_enter_on("#help")
    assert status(window, sites.help) == "signup"


@everywhere
def test_a_python_site_that_borrows_needs_one_setting(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    window.click("#python")
    assert status(window, sites.python_help) == "signup"
    assert window.url() == f"{sites.python_help}/"


@everywhere
def test_a_user_who_comes_directly_to_a_help_center_of_the_same_site_is_named_until_logout(
    window: Window, sites: Sites
) -> None:
    come_directly(window, sites, sites.same_site_help)


@journey(*TOLERANT)
def test_a_user_who_comes_directly_is_named_where_third_party_cookies_are_sent(
    window: Window, sites: Sites
) -> None:
    come_directly(window, sites, sites.help)


def come_directly(window: Window, sites: Sites, at: str) -> None:
    log_in(window, sites)
    window.open(f"{at}/page")
    assert status(window, at) == "signup"
    log_out(window, sites)
    window.open(f"{at}/page")
    assert status(window, at) == "anonymous"


@everywhere
def test_a_help_center_that_is_not_whitelisted_learns_nothing(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    window.wait_for("window.Pavior?.state?.status === 'signup'")
    answered_before = len(sites.seen)
    window.click("#rogue")
    assert status(window, sites.rogue) == "anonymous"
    assert say(window, sites, "Who am I") == ("anonymous", False)
    answers = sites.seen[answered_before:]
    assert any("share-auth" in answer for answer in answers)
    for text in (EMAIL, sign(API_KEY, EMAIL), "Access-Control-Allow-Credentials", "Set-Cookie"):
        assert not [answer for answer in answers if text in answer]


@journey(*BLOCKING)
def test_a_click_on_the_bubble_names_the_user_at_a_help_center(
    window: Window, sites: Sites
) -> None:
    click_on_the_bubble(window, sites, sites.help)


@journey(("chromium", TLS))
def test_a_click_on_the_bubble_names_the_user_at_a_python_site_that_borrows(
    window: Window, sites: Sites
) -> None:
    click_on_the_bubble(window, sites, sites.python_help)


def click_on_the_bubble(window: Window, sites: Sites, at: str) -> None:
    log_in(window, sites)
    window.open(f"{at}/page")
    assert status(window, at) == "anonymous"
    window.wait_for("document.querySelector('iframe')?.style.visibility === 'visible'")
    window.click_and_agree("iframe")
    window.wait_for("window.Pavior.state.status === 'signup'")
    panel = "document.querySelector('pavior-widget').shadowRoot.querySelector('.panel')"
    assert window.wait_for(f"!{panel}.hidden")
    assert say(window, sites, "It is me who clicked") == ("signup", True)
