"""Attacks in a real Chromium that try to log somebody in as somebody else.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from pavior_middleware import sign
from pavior_middleware._model.paths import HANDOFF, SHARE_SCRIPT
from pavior_middleware._share.tokens import challenge_of
from tests.support.attacked_sites import (
    ADAS,
    LEADING,
    MALLORY,
    Sites,
    blocked,
    calls,
    evil_page,
    known,
    logged_in,
    mentions_of_ada,
)
from tests.support.browsers import evaluate, wait_for
from tests.support.handing_over import CHALLENGE, asking_for
from tests.support.sites import API_KEY, TEAM


@pytest.mark.thorough
def test_no_page_logs_anybody_in_as_somebody_else(
    context: BrowserContext, sites: Sites, request: pytest.FixtureRequest
) -> None:
    """Has: a page that Ada looks at, and a fresh code of Mallory's own.

    Tries: to lead her to the help center with it, by each way that a page has.
    Gets: a help center that knows Ada or nobody; the code leaves the address bar.
    """
    code = sites.code()
    url = f"{sites.help}/page?a=b#pavior-handoff={code}"
    places = {
        "url": url,
        "quoted": quote(url, safe=""),
        "plain": quote(f"{sites.help}/page", safe=""),
        "shop": sites.shop,
        "handoff": HANDOFF,
        "code": code,
    }
    expected = [known(context, request)]
    ways = (
        LEADING if expected == [{}] else ("a link", "a window", "a redirect", "the shop's handoff")
    )
    for way in ways:
        tab = start = context.new_page()
        evil_page(tab, sites, LEADING[way].format(**places))
        if "window" in way or "tab" in way:
            with context.expect_page() as opened:
                start.click("#a")
            tab = opened.value
        else:
            tab.click("#a", no_wait_after=True)
        tab.wait_for_url(f"{sites.help}/page**", wait_until="commit")
        # Led there by the shop after all, the help center asks who she is herself.
        assert calls(tab) in (expected, [ADAS]), way
        address = tab.evaluate("[location.hash, seenByOthers.includes('pavior')]")
        assert address == ["", False], way
        for opened_tab in {start, tab}:
            opened_tab.close()


@blocked
@pytest.mark.parametrize("way", ["a link", "a redirect", "the shop's handoff"])
def test_no_reload_logs_anybody_in_as_somebody_else(tab: Page, sites: Sites, way: str) -> None:
    """Has: the same. Tries: to have Ada reload. Gets: the same."""
    url = f"{sites.help}/page#pavior-handoff={sites.code()}"
    places = {"url": url, "quoted": quote(url, safe=""), "shop": sites.shop, "handoff": HANDOFF}
    evil_page(tab, sites, LEADING[way].format(**places))
    tab.click("#a", no_wait_after=True)
    tab.wait_for_url(f"{sites.help}/page**")
    for _ in range(2):
        assert calls(tab) in ([{}], [ADAS])
        tab.reload()


@blocked
def test_a_link_on_the_shop_brings_no_code_of_somebody_elses(tab: Page, sites: Sites) -> None:
    """Has: a way to put links on the shop, such as a review. Tries: one with their own code.

    Gets: a code of the user who follows it, in the place of the attacker's.
    """
    for fragment in (f"pavior-handoff={sites.code()}", f"pavior-handoff=&x{sites.code()}"):
        url = quote(f"{sites.help}/page#{fragment}", safe="")
        tab.goto(f"{sites.shop}/?link={url}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.help}/page**")
        assert calls(tab) == [ADAS]


OWN_VERIFIER = "a verifier that evil.test has thought of......"


@blocked
@pytest.mark.parametrize("challenge", [None, challenge_of(OWN_VERIFIER)])
@pytest.mark.parametrize("rel", ["", "noreferrer"])
def test_an_open_redirect_of_the_help_center_gives_no_code_away(
    tab: Page, sites: Sites, challenge: str | None, rel: str
) -> None:
    """Has: a redirect at the help center that leads anywhere; a page keeps its fragment there.

    Tries: to lead Ada through the shop's handoff to that, with a challenge of their own.
    Gets: no code.
    """
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    handoff = f"{sites.shop}{asking_for(out, challenge=challenge)}"
    evil_page(tab, sites, f"<a id=a rel='{rel}' href='{handoff}'>a</a>")
    tab.click("#a", no_wait_after=True)
    tab.wait_for_url(f"{sites.evil}/land**")
    assert tab.evaluate("location.hash") in ("", "#pavior-handoff=ask")


FOLLOWED = ("a link", "a link to another tab", "a script", "a script that replaces", "a window")


@blocked
@pytest.mark.parametrize("way", [*FOLLOWED, "a link, clicked with the middle button"])
def test_a_link_and_an_open_redirect_of_the_help_center_give_no_code_away(
    tab: Page, sites: Sites, way: str
) -> None:
    """Has: a link at the help center, such as a comment, and an open redirect there.

    Tries: to lead Ada from the one through the shop's handoff to the other, with a challenge of
    their own. Gets: no code, since she has clicked.
    """
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    handoff = f"{sites.shop}{asking_for(out, challenge=challenge_of(OWN_VERIFIER))}"
    markup = LEADING[way.partition(",")[0]].format(url=handoff)
    tab.goto(f"{sites.help}/page?still=&markup={quote(markup, safe='')}")
    opens = "tab" in way or "window" in way or "middle" in way
    landed = tab
    if opens:
        with tab.context.expect_page() as opened:
            tab.click("#a", button="middle" if "middle" in way else "left")
        landed = opened.value
    else:
        tab.click("#a", no_wait_after=True)
    landed.wait_for_url(f"{sites.evil}/land**")
    assert landed.evaluate("location.hash") == "#pavior-handoff=ask"
    (asked,) = [each for each in sites.answers() if HANDOFF in each.target]
    assert asked.request["Referer"] == f"{sites.help}/"


# Each leads on by itself, so no click shows.
LEADING_ON = {
    "a script": "location.href = '{url}'",
    "a script that replaces": "location.replace('{url}')",
    "a link": "const a = document.createElement('a'); a.href = '{url}'; a.click()",
    "a refresh": "document.head.innerHTML += `<meta http-equiv=refresh content='0;url={url}'>`",
    "a form": """document.body.innerHTML = `<form action='{path}'>
        <input name=to value='{to}'><input name=challenge value='{challenge}'></form>`;
        document.forms[0].submit()""",
}


@blocked
@pytest.mark.parametrize("way", LEADING_ON)
def test_an_upload_in_a_sandbox_at_the_help_center_gets_no_code(
    tab: Page, sites: Sites, way: str
) -> None:
    """Has: a page at the help center, in a sandbox that makes its origin opaque.

    Tries: to lead Ada through the shop's handoff to itself, with a challenge of its own; its server
    would redeem the code. Gets: no code, since such a page sends no `Referer` (Referrer Policy
    section 8.3).
    """
    to, challenge = f"{sites.help}/upload?back=", challenge_of(OWN_VERIFIER)
    lead_on = LEADING_ON[way].format(
        url=f"{sites.shop}{asking_for(to, challenge=challenge)}",
        path=f"{sites.shop}{HANDOFF}",
        to=to,
        challenge=challenge,
    )
    sites.upload = (
        "<meta name=referrer content=unsafe-url><title>Upload</title><body><script>"
        f"if (!location.search) onload = () => {{ {lead_on} }}</script>"
    )
    tab.goto(f"{sites.help}/upload")
    tab.wait_for_url(to)
    assert evaluate(tab, "[origin, location.href]") == ["null", to]
    (asked,) = [each for each in sites.answers() if HANDOFF in each.target]
    assert "Referer" not in asked.request


@blocked
def test_a_link_on_the_shop_gives_no_code_away(tab: Page, sites: Sites) -> None:
    """Has: the same, and links on the shop. Tries: the same. Gets: the same."""
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    own = asking_for(out, challenge=challenge_of(OWN_VERIFIER))
    for url in (out, f"{sites.shop}{own}"):
        tab.goto(f"{sites.shop}/?link={quote(url, safe='')}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.evil}/land**")
        assert tab.evaluate("location.hash") in ("", "#pavior-handoff=ask")


@blocked
def test_a_site_that_the_shop_links_to_brings_no_code(tab: Page, sites: Sites) -> None:
    """Has: a site that the shop links to, and a fresh code. A redirect keeps the shop's referrer.

    Tries: to redirect Ada to the help center, with their code. Gets: a help center that knows Ada.
    """
    to = quote(f"{sites.help}/page#pavior-handoff={sites.code()}", safe="")
    tab.goto(f"{sites.shop}/?link={quote(f'{sites.evil}/to?url={to}', safe='')}")
    tab.click("#link")
    tab.wait_for_url(f"{sites.help}/page**")
    assert calls(tab) in ([{}], [ADAS])


@blocked
def test_markup_at_the_help_center_does_not_replace_the_script(tab: Page, sites: Sites) -> None:
    """Has: a way to put images before the script, with names.

    Tries: to be taken for the lender. Gets: asked for nothing.
    """
    data = f"data-init='{{}}' data-embed='{sites.evil}/embed'"
    image = f"<img name=currentScript src='{sites.evil}{SHARE_SCRIPT}' {data}>"
    tab.goto(f"{sites.help}/page?markup={quote(image, safe='')}")
    assert calls(tab) == [{}]
    asked = {each.target.partition("?")[0] for each in sites.answers("evil")}
    assert asked <= {SHARE_SCRIPT}  # as an image


@blocked
def test_an_opener_puts_no_code_into_a_page_whose_script_is_on_its_way(
    tab: Page, sites: Sites
) -> None:
    """Has: a window in which the shop leads Ada to the help center, and its address.

    Tries: to put a code of their own there before share.js looks. Gets: it taken out and forgotten.
    """
    evil_page(tab, sites)
    start = f"{sites.shop}/?link={quote(sites.help + '/page', safe='')}"
    with tab.context.expect_page() as opened:
        tab.evaluate("url => { window.opened = open(url); }", start)
    window = opened.value
    window.wait_for_selector("#link")
    sites.script_may_go.clear()
    try:
        window.click("#link", no_wait_after=True)
        wait_for(window, "location.pathname === '/page' && document.readyState")
        code = sites.code()
        tab.evaluate(HASH, ["opened", f"{sites.help}/page#pavior-handoff={code}"])
        wait_for(window, f"location.hash.endsWith('{code}')")
    finally:
        sites.script_may_go.set()
    assert calls(window) in ([{}], [ADAS])
    assert window.evaluate("location.hash") == ""


HASH = """([name, url]) => { window[name].location = url; }"""


@blocked
@pytest.mark.parametrize("kind", ["opener", "opener that led there by the shop"])
def test_an_opener_puts_no_code_into_an_open_page(tab: Page, sites: Sites, kind: str) -> None:
    """Has: a window in which Ada uses the help center, perhaps led there by the shop.

    Tries: to put their code into its fragment, which no server gets, and to have it reloaded.
    Gets: the code taken out of the address bar and forgotten.
    """
    evil_page(tab, sites)
    start = f"{sites.help}/page"
    if kind != "opener":
        start = f"{sites.shop}/?link={quote(start, safe='')}"
    with tab.context.expect_page() as opened:
        tab.evaluate("url => { window.opened = open(url); }", start)
    window = opened.value
    if kind != "opener":
        window.click("#link")
    window.wait_for_url(f"{sites.help}/page", wait_until="commit")
    before = calls(window)
    assert before == ([{}] if kind == "opener" else [ADAS])
    window.evaluate(
        "() => { window.changed = new Promise(done => addEventListener('hashchange', done)); }"
    )
    tab.evaluate(HASH, ["opened", f"{sites.help}/page#pavior-handoff={sites.code()}"])
    window.evaluate("() => window.changed.then(() => true)")
    assert window.evaluate("location.href") == f"{sites.help}/page"
    window.reload()
    assert calls(window) == before
    window.go_back()
    assert window.evaluate("location.hash") == ""
    assert calls(window) == before


@blocked
def test_a_code_in_a_frame_logs_nobody_in(tab: Page, sites: Sites) -> None:
    """Has: a page that frames the help center. Tries: their code in the frame's address.

    Gets: nobody logged in there.
    """
    code = sites.code()
    evil_page(tab, sites, f"<iframe src='{sites.help}/page#pavior-handoff={code}'></iframe>")
    frame = tab.frame(url=f"{sites.help}/**") or tab.frames[1]
    frame.wait_for_function("window.Pavior?.calls.length")
    assert frame.evaluate("Pavior.calls") == [{"teamVanityId": TEAM}]


@pytest.mark.parametrize("user", [None, MALLORY])
def test_the_url_of_a_handoff_logs_nobody_in(browser: Browser, sites: Sites, user: str) -> None:
    """Has: the URL of Ada's handoff, from a log or a Referer. Tries: to open it in their browser,
    logged out or as themselves.

    Gets: nothing of Ada's.
    """
    with browser.new_context() as context:
        if user:
            logged_in(context, sites, user)
        tab = context.new_page()
        sites.seen.clear()
        for challenge in (CHALLENGE, None):
            tab.goto(sites.shop + asking_for(f"{sites.help}/page", challenge=challenge))
            assert calls(tab) in ([{}], [{"email": MALLORY, "hmac": sign(API_KEY, MALLORY)}])
        assert not [each for each in sites.seen if mentions_of_ada(each)]
