"""Attacks in a real Chromium on the lender's frame and its messages.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from pavior_middleware._model.paths import FRAME
from tests.support.attacked_sites import (
    ADAS,
    FORGED,
    Sites,
    allowed,
    blocked,
    calls,
    evil_page,
    frame_page,
)

ERROR = "chrome-error:"

"""What Chromium shows in the place of a page that may not be framed."""


@blocked
def test_only_pages_of_its_borrower_can_show_the_frame(tab: Page, sites: Sites) -> None:
    """Has: a page of any site, or another whitelisted one. Tries: to frame the borrower's frame,
    to have it clicked.

    Gets: an error in its place; only the page that it is for gets it.
    """
    src = f"{sites.shop}{FRAME}?origin={sites.help}"
    for at in (sites.evil, sites.docs, sites.at("rogue"), sites.same_site_evil, sites.shop):
        with tab.expect_event("framenavigated", lambda frame: frame.url.startswith(ERROR)):
            frame_page(tab, sites, src, f"{at}/?still=")
        assert tab.evaluate("heard") == []
    frame_page(tab, sites, src, f"{sites.help}/?still=")
    tab.wait_for_function("heard.length")
    assert tab.evaluate("heard") == [[sites.shop, {"pavior": "click"}]]


@blocked
def test_the_frame_is_not_shown_in_a_borrower_that_is_framed(tab: Page, sites: Sites) -> None:
    """Has: a page that frames the help center, and lays something over it. Tries: to have the
    frame within clicked.

    Gets: a help center without that frame: all pages around it count.
    """
    with tab.expect_event("framenavigated", lambda frame: frame.url.startswith(ERROR)):
        evil_page(tab, sites, f"<iframe src='{sites.help}/page' width=400 height=400></iframe>")
    (help_center,) = [each for each in tab.frames if each.url == f"{sites.help}/page"]
    (inner,) = help_center.child_frames
    assert inner.url.startswith(ERROR)
    assert FRAME in "".join(each.target for each in sites.answers())


@pytest.mark.parametrize("at", ["evil", "docs"])
def test_the_frame_sends_messages_only_to_its_borrower(tab: Page, sites: Sites, at: str) -> None:
    """Has: a browser that passes over `frame-ancestors`. Tries: to frame the frame, and to hear
    what it says to its parent.

    Gets: silence, as it speaks to the one origin; not even that it wants a click.
    """
    src = f"{sites.shop}{FRAME}?origin={{}}&nopolicy"
    elsewhere = f"{getattr(sites, at)}/?still="
    frame_page(tab, sites, src.format(sites.help), elsewhere)
    inner = tab.frames[-1]
    assert inner.url.startswith(sites.shop)
    # All that was posted before is there when our message has come.
    inner.evaluate(
        """async () => {
            await document.hasStorageAccess();
            await navigator.permissions.query({name: 'storage-access'});
            for (let turn = 0; turn < 5; turn += 1) await fetch('share.js');
            parent.postMessage('last', '*');
        }"""
    )
    tab.wait_for_function("heard.some(each => each[1] === 'last')")
    assert tab.evaluate("heard") == [[sites.shop, "last"]]
    frame_page(tab, sites, src.format(sites.help), f"{sites.help}/?still=")
    tab.wait_for_function("heard.length")


@allowed
def test_the_frame_and_share_auth_name_the_user_only_to_their_borrower(
    tab: Page, sites: Sites
) -> None:
    """Has: a borrower's page that contains the frame of another borrower.

    Tries: to get her identity.
    Gets: what the frame of its own says, and nothing of the other.
    """
    src = f"{sites.shop}{FRAME}?origin="
    frame_page(tab, sites, src + sites.docs, f"{sites.docs}/?still=")
    tab.wait_for_function("heard.some(each => each[1].pavior === 'told')")
    identities = [each[1]["identity"] for each in tab.evaluate("heard")]
    assert identities == [ADAS]
    frame_page(tab, sites, src + sites.help, f"{sites.docs}/?still=")
    assert tab.evaluate("heard") == []


def open_with_frame(tab: Page, sites: Sites) -> None:
    """Open the help center, directly: nobody is known, and the frame asks for a click."""
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [{}]
    tab.wait_for_function(
        "document.querySelector('iframe[title=Chat]')?.style.visibility === 'visible'"
    )


HEAR_ONE = """() => {
    window.heard = new Promise(done => addEventListener('message', event => {
        if (event.data === null || event.data.pavior === 'told') done(event.origin);
    }));
}"""


@blocked
@pytest.mark.parametrize("teller", ["evil frame", "shop frame", "opener", "the page itself"])
def test_messages_of_other_windows_do_not_pass_for_those_of_the_frame(
    tab: Page, sites: Sites, teller: str
) -> None:
    """Has: an advertisement in the help center, the window that opened it, or a page of the shop
    that passes on any text.

    Tries: a message that looks like the frame's. Gets: it passed over.
    """
    opener = tab
    if teller == "opener":
        evil_page(opener, sites)
        with opener.context.expect_page() as opened:
            opener.evaluate("url => { window.opened = open(url); }", "about:blank")
        tab = opened.value
    open_with_frame(tab, sites)
    tab.evaluate(HEAR_ONE)
    if teller == "opener":
        opener.evaluate("message => opened.postMessage(message, '*')", FORGED)
    elif teller == "the page itself":
        tab.evaluate("message => postMessage(message, '*')", FORGED)
    else:
        forged = json.dumps(FORGED)
        src = f"{sites.shop}/forges?say={quote(forged)}"
        if teller == "evil frame":
            script = f"<script>parent.postMessage({forged}, '*')</script>"
            src = f"{sites.evil}/?body={quote(script)}"
        tab.evaluate(
            """src => {
                const frame = document.createElement('iframe');
                frame.src = src;
                document.body.append(frame);
            }""",
            src,
        )
    senders = {"evil frame": sites.evil, "shop frame": sites.shop, "opener": sites.evil}
    assert tab.evaluate("window.heard") == senders.get(teller, sites.help)
    assert calls(tab) == [{}]
    assert tab.locator("iframe[title=Chat]").count() == 1


@blocked
def test_messages_of_another_site_loaded_into_the_frame_are_ignored(
    tab: Page, sites: Sites
) -> None:
    """Has: the frame led elsewhere, by any means. Tries: to send messages from there.

    Gets: it passed over.
    """
    open_with_frame(tab, sites)
    tab.evaluate(HEAR_ONE)
    script = f"<script>parent.postMessage({json.dumps(FORGED)}, '*')</script>"
    tab.evaluate(
        "url => { document.querySelector('iframe[title=Chat]').contentWindow.location = url; }",
        f"{sites.evil}/?body={quote(script)}",
    )
    assert tab.evaluate("window.heard") == sites.evil
    assert calls(tab) == [{}]
