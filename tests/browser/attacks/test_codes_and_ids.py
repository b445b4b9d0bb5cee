"""Attacks in a real Chromium on codes on their way, and by ids that look like something else.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page

from pavior_middleware import sign
from pavior_middleware._model.paths import FRAME, HANDOFF
from tests.support.attacked_sites import (
    ADA,
    PATHS,
    READ,
    Sites,
    allowed,
    blocked,
    calls,
    come_from_shop,
    evil_page,
    frame_page,
)
from tests.support.covering import first_of
from tests.support.sites import API_KEY, SECRET_KEY


@blocked
def test_no_code_is_sent_to_any_server_but_the_shop(tab: Page, sites: Sites) -> None:
    """Has: the logs of every server, and what the help center's page sends to it and to others.

    Tries: to find a code in a request line, a `Referer` or any other field.
    Gets: none; the one place is the body that the shop is sent.
    """
    sites.seen.clear()
    with tab.expect_request(f"{sites.help}/image.png"), tab.expect_request(f"{sites.help}/after"):
        come_from_shop(tab, sites, "/busy")
    tab.click("#next")
    tab.wait_for_url(f"{sites.help}/next")
    calls(tab)
    handoff = [each for each in sites.answers() if HANDOFF in each.target][-1]
    code = handoff.answer.partition("#pavior-handoff=")[2].split()[0]
    assert len(code) > 40
    targets = [each.target for each in sites.seen]
    for path in ("/before.png?", "/after?", "/image.png?", "/next?"):
        assert path in targets
    referrers = {each.request.get("Referer") for each in sites.answers("help")} - {None}
    assert referrers <= {
        f"{at}/{path}" for at in (sites.shop, sites.help) for path in ("", "busy", "next")
    }
    for each in sites.seen:
        assert code not in each.received
        assert "pavior-handoff" not in each.received
    assert tab.evaluate("document.documentElement.outerHTML").count(code) == 0


@blocked
def test_a_script_behind_share_js_does_not_see_the_code_in_the_address(
    tab: Page, sites: Sites
) -> None:
    """Has: another script of the help center's, which sends addresses to a log.

    Tries: `location`, the history, the document, the storage. Gets: addresses without a code.
    """
    come_from_shop(tab, sites)
    seen = tab.evaluate(
        """JSON.stringify([seenByOthers, location.href, document.URL, document.baseURI,
            document.referrer, history.state, navigation.entries().map(each => each.url),
            {...sessionStorage}, {...localStorage}, document.cookie])"""
    )
    assert "pavior-handoff" not in seen
    assert sites.code(ADA)[:20] not in seen


@blocked
def test_a_code_that_was_used_is_not_in_the_history(tab: Page, sites: Sites) -> None:
    """Has: the browser's back button, a minute later or not. Tries: to come back with the code.

    Gets: a page that knows whom the tab knows, and sends no code.
    """
    come_from_shop(tab, sites)
    tab.goto(f"{sites.docs}/?still=")
    sites.seen.clear()
    tab.go_back()
    assert tab.url == f"{sites.help}/page"
    assert not [each for each in sites.answers() if each.method == "POST"]


ODD_IDS = [
    *("null", "{}", "undefined", "pavior-handoff", "__proto__", "constructor", "told", "click"),
    *("</script><script>alert(1)</script>", "<!--", '"', "'", "\\", "\n", "\u2028", "\0", "🦆"),
    *(
        "https://help.example.com",
        "a=b; c=d",
        "0123456789abcdef" * 4,
        " ",
        "&#pavior",
    ),
]


@blocked
@pytest.mark.parametrize("ids", first_of([ODD_IDS[::4], ODD_IDS]), ids=["some", "all"])
def test_an_id_arrives_unchanged_by_a_link(tab: Page, sites: Sites, ids: list[str]) -> None:
    """Has: an account whose id they choose. Tries: ids that look like a part of the package.

    Gets: init called with the very id, and nothing run.
    """
    dialogs: list[object] = []
    tab.on("dialog", lambda dialog: dialogs.append(dialog))
    for user_id in ids:
        session = {"name": "session", "value": user_id.encode().hex(), "url": sites.shop}
        tab.context.add_cookies([session])  # type: ignore[list-item]
        tab.goto(f"{sites.shop}/?link={quote(f'{sites.help}/page', safe='')}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.help}/page")
        assert calls(tab) == [{"id": user_id, "hmac": sign(API_KEY, user_id)}]
    assert dialogs == []


@pytest.mark.thorough
@allowed
def test_an_id_arrives_unchanged_by_the_cookie_and_the_frame(tab: Page, sites: Sites) -> None:
    """Has: an account whose id they choose. Tries: the same, by the login cookie and the frame.

    Gets: the very id.
    """
    for user_id in ODD_IDS[1::4]:
        session = {"name": "session", "value": user_id.encode().hex(), "url": sites.shop}
        tab.context.add_cookies([{**session, "sameSite": "Lax"}])  # type: ignore[typeddict-item]
        tab.goto(f"{sites.shop}/")
        expected = {"id": user_id, "hmac": sign(API_KEY, user_id)}
        src = f"{sites.shop}{FRAME}?origin={sites.help}"
        frame_page(tab, sites, src, f"{sites.help}/page?still=")
        tab.wait_for_function("heard.length")
        ((sender, message),) = tab.evaluate("heard")
        assert (sender, message["identity"], message["isClicked"]) == (sites.shop, expected, False)
        assert calls(tab)[-1] == expected


def test_no_key_is_in_anything_that_the_browser_gets(tab: Page, sites: Sites) -> None:
    """Has: all that any server answers, in the course of every way. Tries: to find a key.

    Gets: none.
    """
    come_from_shop(tab, sites)
    tab.goto(f"{sites.docs}/page")
    calls(tab)
    evil_page(tab, sites)
    tab.evaluate(READ, [f"{sites.shop}{path}" for path in PATHS])
    hosts = {each.host for each in sites.seen}
    assert {"shop", "help", "docs", "evil"} <= hosts
    assert urlsplit(tab.url).hostname == "evil.localhost"
    for each in sites.seen:
        assert API_KEY not in each.answer
        assert SECRET_KEY not in each.answer
