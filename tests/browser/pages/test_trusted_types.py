"""Trusted Types in a real Chromium: our policy makes the URLs of the chat, and no others."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from pavior_middleware import Identity, Settings, _assets
from pavior_middleware._assets.page_files import BORROWER, PAGE
from pavior_middleware._model.paths import SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._page.snippet import ATTRIBUTE, SCRIPT, render
from tests.support.browsers import loads_of
from tests.support.embeds import EMBED
from tests.support.pages import data_of
from tests.support.sites import API_KEY, TEAM

SITE, LENDER = "https://site.test", "https://www.lender.test"
EMBED_URL, SHARE_URL = "https://app.pavior.com/embed", LENDER + SHARE_SCRIPT
FILES = {SITE + file.path: file.content.decode() for file in (PAGE, BORROWER)}
POLICY = "require-trusted-types-for 'script'; trusted-types app pavior-middleware"

# Keeps what our policies are, which no script of a page can have without running before ours.
WATCH = """
window.made = [];
if (window.trustedTypes) {
    const create = trustedTypes.createPolicy;
    trustedTypes.createPolicy = (name, rules) => {
        const policy = create.call(trustedTypes, name, rules);
        if (name === 'pavior-middleware') made.push(policy);
        return policy;
    };
}
window.call = () => new Promise((done, fail) => {
    addEventListener('called', () => done(calls.at(-1).id), {once: true});
    setTimeout(() => fail(new Error('no call of the chat')), 5000);
});
window.firstCall = call();
firstCall.catch(() => {});
"""
TRY = """url => {
    if (made.length !== 1) return `${made.length} policies`;
    try { return made[0].createScriptURL(url).toString(); } catch (error) { return error.name; }
}"""


@dataclass
class Site:
    """A page, its errors, and what `share-auth` answers in turn."""

    page: Page
    body: str = ""
    policy: str = POLICY
    answers: Iterator[Any] = field(default_factory=lambda: iter([]))
    errors: list[str] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        url = route.request.url
        fields = {"access-control-allow-origin": SITE, "access-control-allow-credentials": "true"}
        if url == f"{SITE}/":
            fields = {"content-security-policy": self.policy}
            route.fulfill(body=self.body, content_type="text/html", headers=fields)
        elif url == SHARE_URL:
            text = _assets.read("share.js")
            route.fulfill(body=text, content_type="text/javascript", headers=fields)
        elif url in FILES:
            route.fulfill(body=FILES[url], content_type="text/javascript")
        elif SHARE_AUTH in url:
            route.fulfill(json=next(self.answers, {}), headers=fields)
        else:
            route.fulfill(body=EMBED, content_type="text/javascript")

    def load(self, body: str) -> None:
        """Open the page and wait until its chat is called."""
        self.body = f"<!doctype html><title>A</title>{body}"
        self.page.goto(f"{SITE}/")
        self.page.evaluate("firstCall")


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    with browser.new_context() as context:
        context.add_init_script(WATCH)
        site = Site(context.new_page())
        site.page.on("pageerror", lambda error: site.errors.append(str(error)))
        context.route("**/*", site.answer)
        yield site


def signed() -> str:
    return render(Settings(TEAM, API_KEY), Identity("7")).element().decode()


def borrowed() -> str:
    return render(Settings(TEAM, share_auth="www.lender.test")).element().decode()


def standing_alone() -> str:
    init = html.escape(json.dumps({"teamVanityId": TEAM}))
    return f'<script src="{SHARE_URL}" data-init="{init}"></script>'


OWN: list[tuple[Callable[[], str], dict[str, str]]] = [
    (signed, {"0": EMBED_URL, "1": SITE + PAGE.path}),
    (borrowed, {"0": EMBED_URL, "1": SITE + BORROWER.path, "2": f"{SITE}/", "3": SHARE_URL}),
    (standing_alone, {EMBED_URL: EMBED_URL}),
]
OTHERS = [
    *("/evil.js", "https://evil.test/embed", f"{EMBED_URL}?", f"{EMBED_URL}/more", ""),
    *("data:text/javascript,evil()", f"//{EMBED_URL.partition('//')[2]}", f" {EMBED_URL}"),
    *(f"{LENDER}/jsonp", f"{SHARE_URL}#", SHARE_SCRIPT, "4", "-1", "length", "constructor", "0 "),
]


@pytest.mark.parametrize(("element", "own"), OWN)
def test_the_policy_makes_the_urls_of_the_chat_and_throws_for_others(
    site: Site, element: Callable[[], str], own: dict[str, str]
) -> None:
    site.load(element())
    seen = {given: site.page.evaluate(TRY, given) for given in {*own, *OTHERS}}
    assert seen == {given: own.get(given, "TypeError") for given in seen}
    assert site.errors == []


# What can be reached from what the page's scripts share, under any name.
REACHED = """() => {
    const seen = new Set();
    const look = value => {
        if (Object(value) !== value || seen.has(value) || value === window) return;
        seen.add(value);
        Reflect.ownKeys(value).map(name => value[name]).forEach(look);
    };
    look(navigator.pavior);
    return [seen.size > 0, [...seen].some(
        value => value instanceof TrustedTypePolicy || 'createScriptURL' in value)];
}"""


@pytest.mark.parametrize("element", [signed, borrowed])
@pytest.mark.parametrize("has_trusted_types", [True, False])
def test_no_script_of_the_page_gets_hold_of_the_policy_that_makes_urls(
    site: Site, element: Callable[[], str], has_trusted_types: bool
) -> None:
    if not has_trusted_types:
        site.policy = "img-src 'none'"
        site.page.add_init_script(
            "Object.defineProperty(window, 'trustedTypes', {value: undefined});"
        )
    site.load(element())
    assert site.page.evaluate("window.trustedTypes !== undefined") is has_trusted_types
    assert site.page.evaluate(REACHED) == [True, False]


RUN_AND_WAIT = """([attribute, data, text]) => {
    window.app ??= trustedTypes.createPolicy('app', {createScript: String});
    const script = document.createElement('script');
    script.setAttribute(attribute, data);
    script.text = app.createScript(text);
    const id = call();
    document.head.append(script);
    return id;
}"""


def test_where_a_second_policy_is_forbidden_a_later_run_of_the_script_needs_none(
    site: Site,
) -> None:
    settings = Settings(TEAM, API_KEY, cacheable_pages=True)
    snippet = render(settings, asks_consent=True)
    # Consent comes between the first run and the second; the third finds the embed there.
    site.answers = iter([None, {"id": "7"}, {"id": "8"}])
    site.body = f"<!doctype html><title>A</title>{snippet.element().decode()}"
    with site.page.expect_response(lambda response: SHARE_AUTH in response.url):
        site.page.goto(f"{SITE}/")
    element = [ATTRIBUTE, json.dumps(data_of(snippet)), SCRIPT]
    assert site.page.evaluate(RUN_AND_WAIT, element) == "7"
    assert site.page.evaluate(RUN_AND_WAIT, element) == "8"
    assert site.page.evaluate("made.length") == 1
    assert loads_of(site.page, EMBED_URL) == 1
    assert site.errors == []


def test_no_later_script_takes_the_policys_name_while_consent_is_asked_for(site: Site) -> None:
    settings = Settings(TEAM, API_KEY, cacheable_pages=True)
    site.answers = iter([{"id": "7"}])
    later = (
        "try { trustedTypes.createPolicy('pavior-middleware', {}) } catch (e) { error = e.name }"
    )
    element = render(settings, asks_consent=True).element().decode()
    site.load(f"{element}<script>{later}</script>")
    assert site.page.evaluate("[window.error, made.length]") == ["TypeError", 1]
