"""Attacks in a real Chromium that try to read who is logged in, or to change that.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page

from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH
from tests.support.attacked_sites import (
    ADA,
    PATHS,
    READ,
    Sites,
    calls,
    evil_page,
    login_cookies,
    mentions_of_ada,
)


@pytest.mark.parametrize("at", ["evil", "same_site_evil"])
def test_no_page_reads_or_changes_anything_by_any_request(tab: Page, sites: Sites, at: str) -> None:
    """Has: a page on another site, or on a subdomain that is not whitelisted.

    Tries: to load each path by each way that a page has, with Ada's cookies along.
    Gets: nothing readable, no answer that holds anything of hers, and her cookies as they were.
    """
    evil_page(tab, sites, at=getattr(sites, at))
    cookies = login_cookies(tab.context, sites)
    assert len(cookies) == 1
    sites.seen.clear()
    to = quote(f"{sites.help}/still?still=", safe="")
    gained = tab.evaluate(
        READ,
        [
            f"{sites.shop}{SHARE_AUTH}",
            f"{sites.shop}{SHARE_AUTH}?origin={sites.help}",
            f"{sites.shop}{FRAME}?origin={sites.help}",
            f"{sites.shop}{HANDOFF}?to={to}",
        ],
    )
    assert gained == []
    answers = sites.answers()
    assert len(answers) > 50
    assert not [each for each in answers if mentions_of_ada(each) or "Set-Cookie" in each.answer]
    assert {each.status for each in answers} <= {200, 403, 405}
    assert not [each for each in answers if each.status == 200 and FRAME not in each.target]
    assert login_cookies(tab.context, sites) == cookies


def test_no_page_that_another_site_opens_says_or_changes_anything(tab: Page, sites: Sites) -> None:
    """Has: a page whose form opens each path in a whole window. Tries: to change something there,
    or to find something shown.

    Gets: a refusal, a script or a handoff, and Ada's cookies as they were.
    """
    cookies = login_cookies(tab.context, sites)
    for path in PATHS:
        name, value = ("to", f"{sites.help}/page") if path == HANDOFF else ("origin", sites.help)
        for method in ("get", "post"):
            opened = tab.context.new_page()
            evil_page(
                opened,
                sites,
                f"<form method={method} action='{sites.shop}{path}'>"
                f"<input name={name} value='{value}'><button id=a>a</button></form>",
            )
            sites.seen.clear()
            with opened.expect_response(lambda response: urlsplit(response.url).path == path):  # noqa: B023
                opened.click("#a", no_wait_after=True)
            opened.close()
            answer = next(each for each in sites.answers() if path in each.target)
            assert answer.method == method.upper()
            assert not mentions_of_ada(answer)
            assert "Set-Cookie" not in answer.answer
    assert login_cookies(tab.context, sites) == cookies


def test_a_page_of_the_shop_that_another_site_posts_to_changes_nothing(
    tab: Page, sites: Sites
) -> None:
    """Has: a page that posts a form to the shop, which then sees no session of Ada's.

    Tries: to have the shop take her for logged out. Gets: her login cookie left alone.
    """
    cookies = login_cookies(tab.context, sites)
    evil_page(
        tab, sites, f"<form method=post action='{sites.shop}/'><button id=a>a</button></form>"
    )
    tab.click("#a")
    tab.wait_for_url(f"{sites.shop}/")
    (post,) = [each for each in sites.answers() if each.method == "POST"]
    assert "session=" not in post.request.get("Cookie", "")
    assert login_cookies(tab.context, sites) == cookies


def test_a_help_center_that_is_not_whitelisted_gets_no_identity(tab: Page, sites: Sites) -> None:
    """Has: a help center that runs share.js too, and to which the shop links.

    Tries: to borrow Ada's login, from a link, a click, the cookie.
    Gets: nobody; no answer to it that holds her id, email or hmac, in its head or its body.
    """
    rogue = sites.at("rogue")
    tab.goto(f"{sites.shop}/?link={quote(f'{rogue}/page', safe='')}")
    sites.seen.clear()
    tab.click("#link")
    tab.wait_for_url(f"{rogue}/page")
    assert calls(tab) == [{}]
    tab.goto(f"{rogue}/page#pavior-handoff={sites.code(ADA)}")
    tab.reload()
    assert calls(tab) == [{}]
    asked = [each for each in sites.answers() if SHARE_AUTH in each.target]
    assert {each.status for each in asked} == {403}
    assert not [each for each in sites.seen if mentions_of_ada(each)]
    assert not [each for each in asked if "Access-Control" in each.answer]
    tab.evaluate(
        """async url => { try { await fetch(url, {method: 'POST', body: 'x'}); } catch {} }""",
        f"{sites.shop}{SHARE_AUTH}",
    )
    assert not [each for each in sites.seen if mentions_of_ada(each)]
