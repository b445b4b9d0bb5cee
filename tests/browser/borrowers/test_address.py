"""What share.js does in a real Chromium to the address and the history of a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import (
    Page,
)
from werkzeug.wrappers import Response

from tests.support.borrowers import (
    CODE,
    Console,
    Sites,
    answer,
    calls,
    follow,
    is_code,
    log_in,
    look_again,
    named,
)
from tests.support.browsers import wait_for

LATER = """
<script>seen.inline = location.href</script>
<script src=/later.js></script>
<script defer src=/deferred.js></script>
<script type=module>seen.module = location.href</script>
"""


def test_no_later_script_sees_the_code_in_the_address(
    page: Page, sites: Sites, console: Console
) -> None:
    sites.pages["/later.js"] = Response("seen.file = location.href", mimetype="text/javascript")
    sites.pages["/deferred.js"] = Response(
        "seen.deferred = location.href", mimetype="text/javascript"
    )
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element() + LATER)
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    assert page.evaluate("seen") == dict.fromkeys(("inline", "file", "deferred", "module"), url)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].name.split('#')[0]") == url
    assert page.evaluate("history.length") == 3  # with the tab's first and the shop's
    assert (console.messages, console.errors) == ([], [])


@pytest.mark.parametrize(
    "fragment",
    [
        "",
        "#section",
        "#/route?x=1&y",
        "#a=b&pavior-handoff=x",
        "#%C3%A9%20?",
        "#!",
        "#&a&&b=",
        "#?",
    ],
)
def test_the_fragment_of_a_link_stays(page: Page, sites: Sites, fragment: str) -> None:
    body = sites.element() + "<p style='height: 300vh'><h1 id=section>Section</h1>"
    url = sites.at("help") + sites.page(body) + "?a=b%20c&d" + fragment
    log_in(page, sites, "ada")
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    assert page.url == url
    if fragment == "#section":
        wait_for(page, "scrollY > 0")


@pytest.mark.parametrize(
    "fragment", ["#/route?x=1&y", "#a&pavior-handoff=x", "#pavior-handoffs=x", "#"]
)
def test_a_fragment_without_a_code_stays_unchanged(page: Page, sites: Sites, fragment: str) -> None:
    body = (
        "<script>for (const name of ['replaceState', 'pushState'])"
        " history[name] = () => { seen[name] = true; };</script>" + sites.element()
    )
    url = sites.at("help") + sites.page(body) + fragment
    page.goto(url)
    assert calls(page) == [named(None)]
    assert page.evaluate("[location.href, seen]") == [url, {}]


def test_removing_a_code_keeps_the_history_state(page: Page, sites: Sites) -> None:
    page.goto(sites.at("help") + sites.page(sites.element()))
    page.evaluate("history.replaceState({a: [1]}, '', '#pavior-handoff=x&b')")
    page.reload()
    assert calls(page) == [named(None)]
    assert page.evaluate("[location.hash, history.state, history.length]") == ["#b", {"a": [1]}, 2]


def test_back_and_forward_work_across_a_page_that_had_a_code(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    page.go_back()
    assert page.url.startswith(sites.shop)
    page.go_forward()
    assert page.url == url
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize("name", ["", "bob"])
def test_a_code_that_arrives_after_loading_is_removed_and_never_used(
    page: Page, sites: Sites, name: str
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    code = sites.code(name) if name else ""
    page.evaluate(f"location.hash = '{CODE}{code}&section'")
    wait_for(page, "location.hash === '#section'")
    look_again(page)
    assert calls(page, 2) == [named("ada")]
    page.reload()
    assert calls(page) == [named("ada")]


def test_a_code_that_this_tab_did_not_ask_for_is_ignored(
    page: Page, sites: Sites, console: Console
) -> None:
    page.goto(sites.at("help") + sites.page(sites.element()) + CODE + sites.code())
    assert calls(page) == [named(None)]
    assert page.evaluate("location.hash") == ""
    assert console.messages == []


def test_a_code_that_is_refused_twice_leaves_the_visitor_anonymous(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    sites.fault = lambda request: answer(request, "", status=403) if is_code(request) else None
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page, 3) == [named(None)]
    assert [each.type for each in console.messages if each.text in console.ours] == ["info"]
    assert console.ours == [f"Pavior: {sites.shop} does not take the code: HTTP 403"]


def test_a_link_followed_after_a_logout_makes_the_tab_forget_the_user(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    log_in(page, sites, None)
    follow(page, sites, url)
    assert calls(page, 0) == [named(None)]
    page.reload()
    assert calls(page) == [named(None)]
