"""The lender's frame over the bubble: where it lies, and what a click on it does."""

from __future__ import annotations

import pytest
from playwright.sync_api import (
    Page,
)

from pavior_middleware._model.paths import FRAME
from tests.support.borrowers import (
    BUBBLE,
    Console,
    Sites,
    answer,
    calls,
    follow,
    known_to_lie_over,
    lead,
    listening,
    log_in,
    look_again,
    named,
    of_nobody,
    open_directly,
)
from tests.support.browsers import evaluate, wait_for
from tests.support.sites import TEAM


def test_the_frame_is_removed_once_the_user_is_known_in_another_way(
    page: Page, sites: Sites
) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    look_again(page)
    assert len(calls(page, 2)) == 2
    assert page.locator("iframe").count() == 0


HIDDEN = "document.querySelector('iframe').style.visibility === 'hidden'"


def top_at_bubble(page: Page) -> str:
    name: str = page.evaluate("""() => {
        const box = document.querySelector('#bubble').getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).localName;
    }""")
    return name


def test_the_frame_lies_over_the_bubble(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    assert top_at_bubble(page) == "iframe"
    assert page.locator("iframe").get_attribute("title") == "Chat"
    look_again(page)
    assert calls(page, 2) == [named(None)]
    assert page.locator("iframe").count() == 1


def test_the_frame_follows_a_bubble_that_is_resized(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.evaluate(
        "Object.assign(document.querySelector('#bubble').style, {width: '33px', left: '99px'})"
    )
    known_to_lie_over(page)


def test_the_frame_follows_a_bubble_that_the_window_moves(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE.replace("left: 50px; top", "right: 10px; bottom"))
    known_to_lie_over(page)
    page.set_viewport_size({"width": 500, "height": 400})
    known_to_lie_over(page)


MOVES = {
    "scrolling": (
        BUBBLE.replace("fixed", "absolute") + "<p style='height: 300vh'>",
        "scrollTo(0, 20)",
    ),
    "a transition": (
        BUBBLE.replace("left: 50px", "left: 50px; transition: left 20ms"),
        "document.querySelector('#bubble').style.left = '99px'",
    ),
}


@pytest.mark.parametrize("way", MOVES)
def test_the_frame_follows_a_bubble_that_moves(page: Page, sites: Sites, way: str) -> None:
    body, move = MOVES[way]
    open_directly(page, sites, body)
    known_to_lie_over(page)
    before = page.locator("#bubble").bounding_box()
    page.evaluate(move)
    page.wait_for_function(
        "() => { const {x: left, y} = document.querySelector('#bubble').getBoundingClientRect();"
        " return left === 99 || y === 40; }"
    )
    known_to_lie_over(page)
    assert page.locator("#bubble").bounding_box() != before


def test_the_frame_goes_and_comes_with_the_bubble(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.evaluate("document.querySelector('#bubble').style.display = 'none'")
    page.wait_for_function(HIDDEN)
    page.evaluate("document.querySelector('#bubble').style.display = ''")
    known_to_lie_over(page)
    page.evaluate("document.querySelector('#bubble').remove()")
    page.wait_for_function(HIDDEN)


@pytest.mark.parametrize("bubble", ["#bubble", "#host >>> #bubble"])
def test_the_frame_waits_for_the_bubble(page: Page, sites: Sites, bubble: str) -> None:
    open_directly(page, sites, "", bubble=bubble)
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0
    page.evaluate(
        """([selector, markup]) => {
            const host = document.createElement('div');
            host.id = 'host';
            const root = selector.includes('>>>') ? host.attachShadow({mode: 'open'}) : host;
            root.innerHTML = markup;
            document.body.append(host);
        }""",
        [bubble, BUBBLE],
    )
    known_to_lie_over(page, bubble)


def test_an_embed_may_say_which_element_is_its_bubble(page: Page, sites: Sites) -> None:
    open_directly(page, sites, "<script>window.makesBubble = true</script>", bubble="")
    known_to_lie_over(page)


@pytest.mark.parametrize("case", ["no bubble", "no chat", "same site", "logged out", "link"])
def test_no_frame_is_added_where_a_click_changes_nothing(
    page: Page, sites: Sites, console: Console, case: str
) -> None:
    log_in(page, sites, None if case == "logged out" else "ada")
    host = "help.shop" if case in ("same site", "logged out") else "help"
    element = sites.element(
        {"teamVanityId": TEAM, "doChat": case != "no chat"},
        bubble="" if case == "no bubble" else "#bubble",
    )
    url = sites.at(host) + sites.page(("" if case == "no chat" else BUBBLE) + element)
    if case == "link":
        follow(page, sites, url)
    else:
        page.goto(url)
    name = "ada" if case in ("same site", "link") else None
    assert calls(page) == [named(name, doChat=case != "no chat")]
    page.evaluate("document.body.append('something new')")
    look_again(page)
    calls(page, 2)
    assert page.locator("iframe").count() == 0
    assert f"shop{FRAME}" not in sites.loaded
    assert (console.messages, console.errors) == ([], [])


def test_a_site_that_is_not_whitelisted_gets_no_frame_and_one_message(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    body = BUBBLE + sites.element(bubble="#bubble")
    page.goto(sites.at("rogue") + sites.page(body))
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0
    assert len(console.ours) == 1
    (complaint,) = console.complaints
    assert "blocked by CORS policy" in complaint  # which Chromium says, whatever a script does
    assert console.errors == []


def test_a_click_with_granted_access_names_the_user_and_opens_the_chat(
    fresh_page: Page, sites: Sites
) -> None:
    page = fresh_page
    log_in(page, sites, "ada")
    page.goto(f"{sites.shop}/")
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.context.grant_permissions(["storage-access"])
    page.locator("iframe").click()
    wait_for(page, "seen.clicked")
    assert calls(page) == [named(None), named("ada")]
    assert page.locator("iframe").count() == 0
    sites.fault = of_nobody
    look_again(page)
    assert calls(page, 2)[2:] == [named(None)]
    sites.fault = None
    page.reload()
    wait_for(page, "window.calls?.length")
    assert page.evaluate("calls[0]") == named("ada")


def test_a_click_with_denied_access_still_opens_the_chat(fresh_page: Page, sites: Sites) -> None:
    page, console = fresh_page, listening(fresh_page)
    log_in(page, sites, "ada")
    page.goto(f"{sites.shop}/")
    page.context.grant_permissions([])  # and so no other
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.locator("iframe").click()
    wait_for(page, "seen.clicked")
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0
    assert len(console.ours) == 1
    assert console.complaints == ["requestStorageAccess: Permission denied."]  # which Chromium says
    assert console.errors == []
    look_again(page)
    assert calls(page, 2) == [named(None)]
    assert page.locator("iframe").count() == 0  # once a page is enough


def test_a_user_whose_click_was_denied_is_named_once_the_lender_leads_to_the_page(
    fresh_page: Page, sites: Sites
) -> None:
    page = fresh_page
    log_in(page, sites, "ada")
    page.goto(f"{sites.shop}/")
    page.context.grant_permissions([])  # and so no other
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.locator("iframe").click()
    wait_for(page, "seen.clicked")
    lead(page, sites, page.url, "an open page")
    wait_for(page, "window.calls?.at(-1)?.[1].email", 10)  # by when no click is recent
    assert evaluate(page, "calls") == [named("ada")]


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_opens_the_chat_without_the_frame(page: Page, sites: Sites, key: str) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.keyboard.press("Tab")
    page.keyboard.press(key)
    wait_for(page, "seen.clicked")
    assert evaluate(page, "calls") == [named(None)]


def test_a_message_from_anything_but_the_frame_is_ignored(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.evaluate("""() => new Promise(done => {
        addEventListener('message', () => done());
        const identity = {id: 'somebody else'};
        postMessage({pavior: 'told', identity, seconds: 60, isClicked: true});
    })""")
    assert page.evaluate("[calls, seen]") == [[named(None)], {}]
    assert page.locator("iframe").count() == 1
