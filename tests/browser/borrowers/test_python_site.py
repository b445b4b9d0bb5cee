"""A Python site that borrows its login in a real Chromium: its policies, and scripts that fail."""

from __future__ import annotations

import pytest
from playwright.sync_api import (
    Page,
    Route,
    expect,
)

from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.borrowers import (
    Console,
    Sites,
    calls,
    calls_at_last,
    follow,
    log_in,
    look_again,
    named,
)
from tests.support.browsers import evaluate

POLICIES = [
    "default-src 'self'; frame-src 'none'; connect-src 'none'; script-src 'self'",
    "script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self'; child-src 'self'",
    "default-src 'none', default-src 'self'",
    "require-trusted-types-for 'script'; trusted-types other; default-src 'none'",
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_python_borrower_gains_what_its_policy_needs(
    page: Page, sites: Sites, console: Console, policy: str
) -> None:
    body = "<button id=bubble>Chat</button>"
    url = sites.at("python") + sites.page(body, "/bubble", Content_Security_Policy=policy)
    log_in(page, sites, "ada")
    page.goto(url)
    expect(page.locator("iframe")).to_be_visible()  # which its own script has asked for
    options = {"doChat": True, "doTimeTravel": True}
    assert calls_at_last(page) == [named(None, **options)]
    assert page.locator("iframe").bounding_box() == page.locator("#bubble").bounding_box()
    follow(page, sites, url)
    assert calls_at_last(page) == [named("ada", **options)]
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("violations") == []
    assert page.url == url
    assert (console.complaints, console.errors) == ([], [])


def lent_by_nobody(sites: Sites) -> list[object]:
    """Return the call of init that leaves it to the embed to borrow."""
    lender = sites.shop.partition("://")[2]
    return named(None, doChat=True, doTimeTravel=True, shareAuth=lender)


@pytest.mark.parametrize("failure", ["not found", "not a script", "silent", "blocked"])
@pytest.mark.parametrize("what", ["share.js", "borrower-*.js"])
def test_a_python_borrower_whose_scripts_fail_has_an_anonymous_chat(
    page: Page, sites: Sites, console: Console, what: str, failure: str
) -> None:
    def fail(route: Route) -> None:
        if failure == "blocked":
            route.abort()
        elif failure == "not found":
            route.fulfill(status=404)
        else:
            text = "syntax error" if failure == "not a script" else ""
            route.fulfill(body=text, content_type="text/javascript")

    log_in(page, sites, "ada")
    page.clock.install()
    page.route(f"**/.well-known/pavior/{what}", fail)
    page.goto(sites.at("python.shop") + sites.page(""))
    nobody = lent_by_nobody(sites)
    assert calls(page, 0) == [nobody]  # at once
    page.clock.fast_forward(20_000)
    assert calls(page, 0) == [nobody]
    assert len(console.errors) == (1 if failure == "not a script" else 0)
    assert len(console.ours) == 1
    assert what.partition("*")[0] in console.ours[0]


# What every release of share.js does at once.
RUN = "const script = document.currentScript; script.code;"


def test_a_python_borrower_whose_share_js_runs_and_says_nothing_has_an_anonymous_chat(
    page: Page, sites: Sites, console: Console
) -> None:
    page.clock.install()
    page.route(sites.script, lambda route: route.fulfill(body=RUN, content_type="text/javascript"))
    with page.expect_response(sites.script):
        page.goto(sites.at("python.shop") + sites.page(""))
    page.clock.run_for(9000)
    assert (evaluate(page, "window.calls ?? []"), console.ours) == ([], [])
    page.clock.run_for(1000)
    assert calls(page, 0) == [lent_by_nobody(sites)]
    assert len(console.ours) == 1


def test_a_python_borrower_waits_for_a_share_js_of_another_release(
    page: Page, sites: Sites, console: Console
) -> None:
    report = "script.dispatchEvent(new CustomEvent('pavior-identity', {detail: {id: '7'}}))"
    body = f"{RUN} addEventListener('late', () => {report}); setTimeout(() => {report}, 3000);"
    page.clock.install()
    page.route(sites.script, lambda route: route.fulfill(body=body, content_type="text/javascript"))
    with page.expect_response(sites.script):
        page.goto(sites.at("python.shop") + sites.page(""))
    page.clock.run_for(3000)
    options = {"doChat": True, "doTimeTravel": True}
    expected = [named(None, **options, id="7")]
    assert calls(page, 0) == expected
    page.clock.run_for(10_000)
    evaluate(page, "dispatchEvent(new Event('late'))")
    assert calls(page, 0) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")  # to which it does not listen
    expected.append(named(None, **options))
    assert calls(page, 0) == expected
    assert (console.ours, console.errors) == ([], [])


# The element of a further page, in the document of the first one.
VISIT = """fetch('').then(answer => answer.text()).then(text => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    document.head.append(page.querySelector('[data-pavior]'));
})"""


def test_a_python_borrower_follows_the_login_events_of_its_page(
    page: Page, sites: Sites, console: Console
) -> None:
    url = sites.at("python.shop") + sites.page("")
    asked_itself = f"python.shop{SHARE_AUTH}"
    options = {"doChat": True, "doTimeTravel": True}
    log_in(page, sites, "ada")
    page.goto(url)
    expected = [named("ada", **options)]
    assert calls(page) == expected
    evaluate(page, VISIT)
    assert calls(page) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    assert calls(page, 2) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")
    expected.append(named(None, **options))
    assert evaluate(page, "calls") == expected
    assert calls(page, 3) == expected  # though the lender still names her
    look_again(page)
    assert calls(page, 4) == expected
    evaluate(page, VISIT)
    assert calls(page, 4) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    expected.append(named("ada", **options))
    assert calls(page, 5) == expected
    look_again(page)
    assert calls(page, 6) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")
    expected.append(named(None, **options))
    assert calls(page, 7) == expected
    log_in(page, sites, "bob")
    evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    assert calls(page, 8) == [*expected, named("bob", **options)]
    assert asked_itself not in sites.loaded
    assert (console.messages, console.errors) == ([], [])
