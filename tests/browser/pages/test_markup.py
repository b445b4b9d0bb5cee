"""What markup and scripts of a page can make of the object that its script shares with its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from pavior_middleware._assets.page_files import PAGE as PAGE_FILE
from tests.support.browsers import evaluate, wait_for
from tests.support.embeds import EMBED, EMBED_WITH_BUBBLE, QUIET
from tests.support.shops import serving_page
from tests.support.sites import TEAM

NAMED = "calls.map(({teamVanityId, id = null}) => [teamVanityId, id])"
BUBBLE_SOON_AFTER_A_NODE_HAS_LEFT = """() => {
    document.querySelector('p')?.remove();
    setTimeout(() => {
        document.body.append(Object.assign(document.createElement('b'), {id: 'bubble'}));
    });
}"""
SWAP_IN_TWO_STEPS = """(async () => {
    document.body.replaceChildren();
    await new Promise(done => setTimeout(done, 20));
    document.body.append(document.createElement('main'));
})()"""
PAGE = "<!doctype html><title>Shop</title><h1>Shop</h1><p>Text</p>"


@pytest.fixture
def url() -> Iterator[str]:
    with serving_page(PAGE, EMBED_WITH_BUBBLE) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{url}/")
        wait_for(page, "window.calls?.length")
        yield page


def test_markup_in_the_body_is_not_taken_for_the_data_of_a_visit(page: Page) -> None:
    with page.expect_response(f"**{PAGE_FILE.path}"):
        evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    data = {"v": 1, "site": {"teamVanityId": "evil"}, "user": {"id": "mallory"}, "urls": ["", ""]}
    markup = f"<script data-pavior='{json.dumps(data)}'></script><i></i>"
    evaluate(page, f"document.querySelector('p').innerHTML = {json.dumps(markup)}")
    evaluate(page, "document.body.append(document.createElement('i'))")
    evaluate(page, "document.querySelector('h1').remove()")
    evaluate(page, QUIET)
    assert evaluate(page, NAMED) == [[TEAM, "7"]]


def test_no_script_of_the_page_changes_what_is_loaded(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    evaluate(page, "navigator.pavior.urls.fill('/other.js')")
    with page.expect_request(f"**{PAGE_FILE.path}"):
        evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    evaluate(page, QUIET)
    assert not [url for url in asked if url.endswith("/other.js")]


@pytest.mark.parametrize(
    "swap",
    [
        "document.body.replaceWith(made)",
        "const old = [...document.body.childNodes]; document.body.prepend(...made.childNodes);"
        " old.forEach(node => node.remove())",
        "document.body.innerHTML = made.innerHTML",
    ],
    ids=["another body", "first the new nodes", "other content"],
)
def test_a_bubble_that_is_replaced_with_the_body_comes_back(page: Page, swap: str) -> None:
    make = "const made = document.createElement('body'); made.innerHTML = '<main>Other</main>';"
    evaluate(page, f"(() => {{ {make} {swap} }})()")
    wait_for(page, "calls.length === 2 && document.querySelector('#bubble')")
    evaluate(page, QUIET)
    assert evaluate(page, NAMED) == [[TEAM, "7"]] * 2
    assert evaluate(page, "document.querySelectorAll('#bubble').length") == 1


@pytest.fixture
def late(browser: Browser) -> Iterator[tuple[Page, Callable[[], None]]]:
    """Open a page whose file does not come before the call that belongs to it."""
    with serving_page(PAGE, EMBED) as url, browser.new_context() as context:
        page = context.new_page()
        requests: list[Route] = []
        page.route(f"**{PAGE_FILE.path}", lambda route: requests.append(route))

        def deliver() -> None:
            with page.expect_response(f"**{PAGE_FILE.path}"):
                while not requests:
                    page.wait_for_timeout(10)  # the routes are filled meanwhile
                for request in requests:
                    request.continue_()
            evaluate(page, QUIET)

        page.goto(f"{url}/")
        wait_for(page, "window.calls?.length")
        yield page, deliver


def test_content_that_comes_before_the_file_of_the_page_is_not_taken_for_the_bubble(
    late: tuple[Page, Callable[[], None]],
) -> None:
    page, deliver = late
    evaluate(page, SWAP_IN_TWO_STEPS)
    deliver()
    evaluate(page, SWAP_IN_TWO_STEPS)
    evaluate(page, QUIET)
    assert evaluate(page, "document.querySelectorAll('main').length") == 1


def test_a_bubble_that_comes_after_content_and_before_the_file_of_the_page_comes_back(
    late: tuple[Page, Callable[[], None]],
) -> None:
    page, deliver = late
    evaluate(page, SWAP_IN_TWO_STEPS)
    evaluate(page, "document.body.append(document.createElement('b'))")
    deliver()
    evaluate(page, SWAP_IN_TWO_STEPS)
    wait_for(page, "calls.length === 2")
    assert evaluate(page, "document.querySelectorAll('main').length") == 1


def test_content_that_a_page_replaces_in_two_steps_is_not_taken_for_the_bubble(
    browser: Browser,
) -> None:
    with serving_page(PAGE, EMBED) as url, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{url}/")
        wait_for(page, "window.calls?.length")
        with page.expect_response(f"**{PAGE_FILE.path}"):
            evaluate(page, SWAP_IN_TWO_STEPS)
        evaluate(page, QUIET)
        evaluate(page, SWAP_IN_TWO_STEPS)
        evaluate(page, QUIET)
        assert evaluate(page, "document.querySelectorAll('main').length") == 1


def test_a_bubble_that_comes_soon_after_a_node_has_left_comes_back(browser: Browser) -> None:
    # React takes the hidden rest of a streamed page out of the body, at about the time of init.
    embed = f"{EMBED} addEventListener('called', {BUBBLE_SOON_AFTER_A_NODE_HAS_LEFT})"
    with serving_page(PAGE, embed) as url, browser.new_context() as context:
        page = context.new_page()
        with page.expect_response(f"**{PAGE_FILE.path}"):
            page.goto(f"{url}/")
        evaluate(page, QUIET)
        evaluate(page, "document.body.replaceChildren('Other')")
        wait_for(page, "calls.length === 2 && document.querySelector('#bubble')")


def test_a_page_whose_file_cannot_be_loaded_does_not_load_it_with_each_change(
    page: Page, url: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route(f"**{PAGE_FILE.path}", lambda route: route.fulfill(status=404))
    with page.expect_console_message(lambda message: "cannot load" in message.text):
        evaluate(page, "history.pushState(null, '', '/0')")
    for number in range(1, 5):
        evaluate(page, f"history.pushState(null, '', '/{number}')")
        evaluate(page, "document.body.append(document.createElement('i'))")
        evaluate(page, "document.querySelector('i').remove()")
    evaluate(page, QUIET)
    assert len(asked) == 1
    assert evaluate(page, NAMED) == [[TEAM, "7"]]
