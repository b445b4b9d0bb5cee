"""Who logs out at the shop is soon anonymous at the help center."""

from __future__ import annotations

import time

from tests.support.engines.window import Window
from tests.support.journeys import PLAIN, TLS, Sites, journey, log_in, log_out, status

LOAN_SECONDS = 4
MARGIN_SECONDS = 4

in_each_engine = journey(("chromium", PLAIN), ("firefox", TLS), ("webkit", TLS))


def log_in_and_go_to_help(window: Window, sites: Sites) -> None:
    log_in(window, sites)
    window.click("#help")
    assert status(window, sites.help) == "signup"


@in_each_engine
def test_after_a_logout_the_next_link_makes_the_help_center_anonymous(
    window: Window, sites: Sites
) -> None:
    log_in_and_go_to_help(window, sites)
    log_out(window, sites)
    window.click("#help")
    assert status(window, sites.help) == "anonymous"
    assert window.url() == f"{sites.help}/page#section"


@in_each_engine
def test_a_tab_is_anonymous_when_its_borrowed_login_ends(window: Window, sites: Sites) -> None:
    log_in_and_go_to_help(window, sites)
    began = time.monotonic()
    log_out(window, sites)
    window.open(f"{sites.help}/second")
    window.wait_for("window.Pavior?.state?.status === 'anonymous'")
    assert time.monotonic() - began < LOAN_SECONDS + MARGIN_SECONDS


@journey(("chromium", PLAIN))
def test_an_open_page_is_anonymous_when_its_borrowed_login_ends(
    window: Window, sites: Sites
) -> None:
    log_in_and_go_to_help(window, sites)
    began = time.monotonic()
    window.wait_for("window.Pavior?.state?.status === 'anonymous'")
    assert time.monotonic() - began < LOAN_SECONDS + MARGIN_SECONDS
