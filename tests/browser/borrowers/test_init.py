"""How a borrower's page loads share.js in a real Chromium, and what its chat gets."""

from __future__ import annotations

import base64
import hashlib
from html import escape

import pytest
from playwright.sync_api import (
    Page,
)
from werkzeug.wrappers import Request, Response

from pavior_middleware import _assets
from tests.support.borrowers import (
    DYNAMIC,
    FAULTS,
    Console,
    Sites,
    answer,
    calls,
    email,
    follow,
    log_in,
    look_again,
    named,
)
from tests.support.browsers import evaluate, wait_for
from tests.support.sites import TEAM


def test_init_is_called_once_and_again_when_the_user_changes(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    init = {"teamVanityId": TEAM, "doChat": True, "shareAuth": "other.example", "plan": "gold"}
    page.goto(sites.at("help.shop") + sites.page(sites.element(init)))
    expected = [named("ada", doChat=True, plan="gold")]
    assert calls(page) == expected
    look_again(page)
    assert calls(page, 2) == expected
    log_in(page, sites, "bob")
    look_again(page)
    expected.append(named("bob", doChat=True, plan="gold"))
    assert calls(page, 3) == expected
    log_in(page, sites, None)
    look_again(page)
    assert calls(page, 4) == [*expected, named(None, doChat=True, plan="gold")]
    assert sites.loaded.count("pavior/embed") == 1
    assert (console.messages, console.errors) == ([], [])


@pytest.mark.parametrize("host", ["help.shop", "help"])
def test_an_anonymous_visitor_gets_an_init_without_an_identity(
    page: Page, sites: Sites, console: Console, host: str
) -> None:
    page.goto(sites.at(host) + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert (console.messages, console.errors) == ([], [])


def test_a_borrower_takes_nothing_but_the_identity_from_the_lender(
    page: Page, sites: Sites
) -> None:
    def overwriting(request: Request) -> Response:
        return answer(
            request, '{"id": "7", "email": 5, "hmac": null, "teamVanityId": "x", "plan": "y"}', "60"
        )

    sites.fault = overwriting
    page.goto(sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}]]


def test_init_options_may_hold_any_characters(page: Page, sites: Sites) -> None:
    odd = {
        "teamVanityId": "\"'<>&amp;</script><!--\u2028\u00e9\U0001f600\x00\\",
        "a": [1, None, {"b": "\n"}],
    }
    page.goto(sites.at("help") + sites.page(sites.element(odd)))
    assert calls(page) == [["init", odd]]


@pytest.mark.parametrize("text", ["{'teamVanityId': 1}", "null"])
def test_bad_init_options_throw_one_error_and_break_nothing_else(
    page: Page, sites: Sites, console: Console, text: str
) -> None:
    body = (
        f'<script src="{sites.script}" data-init="{escape(text)}" data-embed="{sites.embed}">'
        "</script><script>window.after = true</script>"
    )
    page.goto(sites.at("help") + sites.page(body))
    assert page.evaluate("after")
    assert len(console.errors) == 1
    assert "pavior/embed" not in sites.loaded
    assert console.complaints == []


def test_share_js_without_init_options_reports_the_identity_to_its_loader(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    body = f"""<script>{{
        window.calls = [];
        const script = document.createElement('script');
        script.src = '{sites.script}';
        script.addEventListener('pavior-identity', event => calls.push(event.detail));
        document.head.append(script);
    }}</script>"""
    page.goto(sites.at("help.shop") + sites.page(body))
    expected = [named("ada")[1]]
    expected[0].pop("teamVanityId")  # type: ignore[attr-defined]
    assert calls(page) == expected
    log_in(page, sites, None)
    look_again(page)
    assert calls(page, 2) == [*expected, {}]
    assert "pavior/embed" not in sites.loaded


def test_a_loader_may_pass_the_code_that_it_has_found_to_share_js(page: Page, sites: Sites) -> None:
    body = f"""<script>{{
        window.calls = [];
        const script = document.createElement('script');
        script.src = '{sites.script}';
        script.code = location.hash.split('=')[1];
        script.addEventListener('pavior-identity', event => calls.push(event.detail));
        history.replaceState(null, '', '#pavior-handoff=of-somebody-else');
        document.head.append(script);
    }}</script>"""
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(body))
    assert [each["email"] for each in calls(page)] == [email("ada")]
    assert page.evaluate("location.hash") == ""


@pytest.mark.parametrize("host", ["help.shop", "help"])
def test_a_logout_event_of_the_page_names_nobody_from_then_on(
    page: Page, sites: Sites, console: Console, host: str
) -> None:
    """By the cookie or by a code, and before the lender knows of it."""
    log_in(page, sites, "ada")
    follow(page, sites, sites.at(host) + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")
    expected = [named("ada"), named(None)]
    assert evaluate(page, "calls") == expected
    assert calls(page, 2) == expected
    sites.fault = FAULTS["500"]
    look_again(page)
    assert calls(page, 3) == expected
    sites.fault = None
    look_again(page)
    assert calls(page, 4) == expected
    log_in(page, sites, None)
    look_again(page)
    assert calls(page, 5) == expected
    page.reload()
    assert calls(page) == [named(None)]
    assert console.complaints == []


def test_a_login_after_a_logout_event_is_noticed(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")
    expected = [named("ada"), named(None)]
    assert calls(page, 2) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:refresh'))")
    expected.append(named("ada"))
    assert calls(page, 3) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")
    log_in(page, sites, "bob")
    look_again(page)
    expected += [named(None), named("bob")]
    wait_for(page, f"calls.length === {len(expected)}")
    assert evaluate(page, "calls") == expected
    assert (console.complaints, console.errors) == ([], [])


@pytest.mark.parametrize(
    "way", ["async", "defer", "at once", "after the page has loaded", "in a fragment's head"]
)
def test_share_js_may_be_loaded_in_any_classic_way(
    page: Page, sites: Sites, console: Console, way: str
) -> None:
    late = {
        "at once": "document.head.append(script);",
        "after the page has loaded": "onload = () => document.body.append(script);",
        "in a fragment's head": "onload = () => setTimeout(() => document.head.prepend(script));",
    }.get(way, "")
    body = DYNAMIC.format(team=TEAM, embed=sites.embed, script=sites.script, late=late)
    log_in(page, sites, "ada")
    follow(
        page,
        sites,
        sites.at("help") + sites.page(body if late else sites.element(more=way)) + "#section",
    )
    assert calls(page) == [named("ada")]
    assert page.evaluate("location.hash") == "#section"
    assert (console.messages, console.errors) == ([], [])


def test_share_js_runs_with_the_integrity_of_its_bytes_and_with_no_other(
    page: Page, sites: Sites, console: Console
) -> None:
    log_in(page, sites, "ada")
    own = _assets.read("share.js").encode()
    for text in (own, b"another release"):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        more = f'integrity="sha256-{digest}" crossorigin'
        page.goto(sites.at("help.shop") + sites.page(sites.element(more=more)))
        if text == own:
            assert calls(page) == [named("ada")]
    assert page.evaluate("window.calls ?? null") is None
    assert "integrity" in "".join(console.complaints)


def test_share_js_as_a_module_logs_how_to_load_a_classic_script(
    page: Page, sites: Sites, console: Console
) -> None:
    with page.expect_console_message():
        page.goto(sites.at("help") + sites.page(sites.element(more="type=module")))
    assert [each.type for each in console.messages] == ["warning"]
    assert "plain <script src>" in console.ours[0]
    assert (console.errors, page.evaluate("settled")) == ([], 0)


@pytest.mark.parametrize(
    "answered",
    [Response("", 404), Response("window.other = 1", mimetype="text/javascript")],
    ids=["not found", "another script"],
)
def test_an_embed_that_cannot_be_used_is_logged_once(
    page: Page, sites: Sites, console: Console, answered: Response
) -> None:
    page.route(
        sites.embed,
        lambda route: route.fulfill(
            status=answered.status_code,
            body=answered.get_data(as_text=True),
            content_type="text/javascript",
        ),
    )
    log_in(page, sites, "ada")
    with page.expect_console_message(lambda message: "cannot load" in message.text):
        page.goto(sites.at("help.shop") + sites.page(sites.element()))
    wait_for(page, "settled === 1")
    look_again(page)
    wait_for(page, "settled === 2")
    assert len(console.ours) == 1
    assert console.errors == []
