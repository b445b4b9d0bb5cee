"""share.js under the policies of a borrower's page in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import (
    Page,
    expect,
)
from werkzeug.utils import redirect

from tests.support.borrowers import (
    CODE,
    Console,
    Sites,
    calls,
    calls_at_last,
    follow,
    log_in,
    named,
)
from tests.support.repository import ROOT


def test_the_embed_gets_the_nonce_of_share_js(page: Page, sites: Sites, console: Console) -> None:
    log_in(page, sites, "ada")
    path = sites.page(
        sites.element(more="nonce=abc"),
        # Playwright waits for an expression with `eval`.
        Content_Security_Policy=(
            f"default-src 'none'; script-src 'nonce-abc' 'unsafe-eval'; connect-src {sites.shop}"
        ),
    )
    page.goto(sites.at("help.shop") + path)
    assert calls(page) == [named("ada")]
    assert page.evaluate("[nonceOfEmbed, violations]") == ["abc", []]
    assert (console.messages, console.errors) == ([], [])


PAGE = ROOT / "docs" / "sharing.md"


def test_a_page_under_the_documented_policy_borrows_in_every_way(
    page: Page, sites: Sites, console: Console
) -> None:
    found = re.search(r"```\n(script-src .*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    policy = " ".join(found[1].split())
    policy = policy.replace("https://www.example.com", sites.shop)
    policy = f"default-src 'none'; {policy.replace('https://app.pavior.com', sites.at('pavior'))}"
    body = "<button id=bubble>Chat</button>" + sites.element(bubble="#bubble")
    url = sites.at("help") + sites.page(body, Content_Security_Policy=policy)
    log_in(page, sites, "ada")
    page.goto(url)
    expect(page.locator("iframe")).to_be_visible()
    assert page.evaluate("calls") == [named(None)]
    follow(page, sites, url)
    assert calls_at_last(page) == [named("ada")]
    assert page.evaluate("violations") == []
    assert (console.complaints, console.errors) == ([], [])


def test_a_redirect_from_an_allowed_origin_reaches_any_path_of_the_lender(
    page: Page, sites: Sites
) -> None:
    sites.pages["/away"] = redirect(f"{sites.shop}/jsonp?redirected")
    path = sites.page(
        f"<script src='{sites.shop}/jsonp'></script><script src='/away'></script>",
        Content_Security_Policy=f"script-src 'self' {sites.script}",
    )
    page.goto(sites.at("help") + path)
    assert page.evaluate("violations") == [f"script-src-elem {sites.shop}/jsonp"]
    assert sites.loaded.count("shop/jsonp") == 1


def test_share_js_alone_works_under_trusted_types_that_allow_its_policy(
    page: Page, sites: Sites, console: Console
) -> None:
    path = sites.page(
        sites.element(),
        Content_Security_Policy=(
            "require-trusted-types-for 'script'; trusted-types pavior-middleware"
        ),
    )
    page.goto(sites.at("help") + path)
    assert calls_at_last(page) == [named(None)]
    assert (console.complaints, console.errors, page.evaluate("violations")) == ([], [], [])


def test_share_js_works_under_trusted_types_that_are_not_required(page: Page, sites: Sites) -> None:
    path = sites.page(sites.element(), Content_Security_Policy="trusted-types other")
    page.goto(sites.at("help") + path)
    assert calls(page) == [named(None)]


@pytest.mark.parametrize("kind", ["options", "trusted types"])
def test_a_code_leaves_the_address_where_the_chat_cannot_start(
    page: Page, sites: Sites, kind: str
) -> None:
    element, policy = sites.element(), "require-trusted-types-for 'script'; trusted-types 'none'"
    if kind == "options":
        element, policy = element.replace('data-init="{', 'data-init="{,'), ""
    page.goto(
        f"{sites.at('help')}{sites.page(element, Content_Security_Policy=policy)}{CODE}x&section"
    )
    assert page.evaluate("location.hash") == "#section"
