"""The login travels: from a shop to its help center, in every browser, as people go there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pavior_middleware import sign

from .conftest import API_KEY
from .engines.fixtures import LOSES_INPUT
from .engines.fixtures import engine as engine
from .engines.fixtures import window as window
from .engines.window import Window
from .journeys import COOKIES_PASS, EMAIL, JOURNEYS, Sites, log_in, log_out, say, status
from .journeys import sites as sites

LOAN_SECONDS = 3600

pytestmark = [
    LOSES_INPUT,
    pytest.mark.parametrize(("engine", "sites"), JOURNEYS, indirect=True, scope="module"),
]


def test_whoever_follows_a_link_to_the_help_center_is_known_there(
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


def test_a_session_that_other_sites_cannot_begin_to_use_is_known_by_a_link_too(
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


@pytest.mark.parametrize("follow", [Window.middle_click, Window.ctrl_click])
def test_a_link_opened_in_another_tab_takes_the_login_along(
    window: Window, sites: Sites, follow: Callable[[Window, str], None]
) -> None:
    log_in(window, sites)
    link = "document.querySelector('#help').getAttribute('href')"
    before = window.evaluate(link)
    follow(window, "#help")
    if window.opens_tabs:
        assert window.wait_for(f"{link} === '{before}'")
        window.switch_to_new_tab()
    assert status(window, sites.help) == "signup"


def test_a_link_followed_by_the_keyboard_takes_the_login_along(
    window: Window, sites: Sites
) -> None:
    log_in(window, sites)
    window.press_enter_on("#help")
    assert status(window, sites.help) == "signup"


def test_a_python_site_that_borrows_needs_one_setting(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    window.click("#python")
    assert status(window, sites.python_help) == "signup"
    assert window.url() == f"{sites.python_help}/"


def test_a_help_center_of_the_same_site_knows_who_comes_directly(
    window: Window, sites: Sites
) -> None:
    log_in(window, sites)
    window.open(f"{sites.same_site_help}/page")
    assert status(window, sites.same_site_help) == "signup"


def test_who_comes_directly_is_known_where_the_browser_lets_cookies_through(
    window: Window, sites: Sites, request: pytest.FixtureRequest
) -> None:
    engine = request.node.callspec.params["engine"]
    log_in(window, sites)
    window.open(f"{sites.help}/page")
    known = "signup" if engine in COOKIES_PASS else "anonymous"
    assert status(window, sites.help) == known


def test_who_logs_out_is_anonymous_on_the_next_page_where_cookies_get_through(
    window: Window, sites: Sites, request: pytest.FixtureRequest
) -> None:
    at = sites.same_site_help
    if request.node.callspec.params["engine"] in COOKIES_PASS:
        at = sites.help
    log_in(window, sites)
    window.open(f"{at}/page")
    assert status(window, at) == "signup"
    log_out(window, sites)
    window.open(f"{at}/page")
    assert status(window, at) == "anonymous"


def test_a_help_center_that_is_not_whitelisted_learns_nothing(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    window.wait_for("window.Pavior?.state?.status === 'signup'")
    answered_before = len(sites.seen)
    window.click("#rogue")
    assert status(window, sites.rogue) == "anonymous"
    assert say(window, sites, "Who am I") == ("anonymous", False)
    answers = sites.seen[answered_before:]
    assert any("share-auth" in answer for answer in answers)
    for told in (EMAIL, sign(API_KEY, EMAIL), "Access-Control-Allow-Credentials", "Set-Cookie"):
        assert not [answer for answer in answers if told in answer]


@pytest.mark.parametrize("at", ["help", "python_help"])
def test_a_click_on_the_bubble_lets_a_help_center_know_who_came_directly(
    window: Window, sites: Sites, at: str, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["engine"] in COOKIES_PASS:
        return  # and nobody need click
    log_in(window, sites)
    window.open(f"{getattr(sites, at)}/page")
    window.wait_for("document.querySelector('iframe')?.style.visibility === 'visible'")
    window.click_and_agree("iframe")
    window.wait_for("window.Pavior.state.status === 'signup'")
    panel = "document.querySelector('pavior-widget').shadowRoot.querySelector('.panel')"
    assert window.wait_for(f"!{panel}.hidden")
    assert say(window, sites, "It is me who clicked") == ("signup", True)
