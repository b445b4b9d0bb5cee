"""What an extended Content-Security-Policy lets a page do in a real Chromium that was forbidden."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, Route

from pavior_middleware import Identity, Settings
from pavior_middleware._assets.page_files import BORROWER, PAGE
from pavior_middleware._model.paths import FRAME, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._page.snippet import Snippet, render
from tests.support.policies import extended as extended_policies
from tests.support.policies import read as read_policies
from tests.support.sites import API_KEY, TEAM

# No server has these names: Playwright answers, to every request that a policy lets through.
SITE, LENDER, OTHER = "https://site.test", "https://www.lender.test", "https://other.test"
EMBED = "https://app.pavior.com"
PAGE_FILE, BORROWER_FILE = SITE + PAGE.path, SITE + BORROWER.path

FILES = {SITE + file.path: file.content.decode() for file in (PAGE, BORROWER)}

INLINE = "window.inline = true"
INLINE_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()}'"

SCRIPTS = [
    *(f"{SITE}/own.js", f"{OTHER}/other.js", f"{EMBED}/embed", f"{EMBED}/more.js"),
    *(f"{LENDER}{SHARE_SCRIPT}", f"{LENDER}{SHARE_SCRIPT}/more", f"{LENDER}/jsonp?callback=evil"),
    *(f"{LENDER}{SHARE_AUTH}", f"{LENDER}{FRAME}?origin=x"),
]
FRAMES = [
    *(f"{SITE}/own", f"{OTHER}/other", f"{EMBED}/framed"),
    *(f"{LENDER}{FRAME}?origin=x", f"{LENDER}{FRAME}/more", f"{LENDER}/upload.html"),
    f"{LENDER}{SHARE_SCRIPT}",
]
CALLS = [
    *(f"{SITE}/api", f"{OTHER}/api", f"{EMBED}/api"),
    *(f"{LENDER}{SHARE_AUTH}?origin=x", f"{LENDER}{SHARE_AUTH}/more", f"{LENDER}/api"),
    f"{LENDER}{SHARE_SCRIPT}",
]
MARKUP = "".join(
    [
        f"<script>{INLINE}</script><script nonce=n>window.withNonce = true</script>",
        "<button onclick='window.handled = true'>Press</button>",
        *(f"<script src='{url}'></script>" for url in SCRIPTS),
        *(
            f"<script src='{SITE}{file.path}' integrity='{file.integrity}'></script>"
            for file in (PAGE, BORROWER)
        ),
        *(f"<iframe src='{url}'></iframe>" for url in FRAMES),
    ]
)

# `evaluate` is not under the page's policy, so the page has tried everything before.
TRY = (
    """
if (window === top) window.done = new Promise(resolve => addEventListener('load', async () => {
    document.querySelector('button').click();
    try { window.evaluated = eval('true'); } catch { window.evaluated = false; }
    const started = url => new Promise(done => {
        try {
            const worker = new Worker(url);
            worker.onmessage = () => done(true);
            worker.onerror = () => done(false);
        } catch { done(false); }
    });
    const blob = new Blob(['postMessage(1)'], {type: 'text/javascript'});
    window.blobWorker = await started(URL.createObjectURL(blob));
    window.ownWorker = await started('/worker.js');
    await Promise.allSettled("""
    f"{CALLS}"
    """.map(url => fetch(url)));
    resolve(['inline', 'withNonce', 'handled', 'evaluated', 'blobWorker', 'ownWorker']
        .filter(name => window[name] === true));
}));
"""
)


@dataclass
class Site:
    """One page, and what it could do: a kind of request and its URL, or what ran inline."""

    page: Page
    element: str = ""
    policies: list[str] = field(default_factory=list)
    done: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, route: Route) -> None:
        url, kind = route.request.url, route.request.resource_type
        if url == f"{SITE}/":
            body = f"<!doctype html><title>A</title>{self.element}<body>{MARKUP}"
            fields = {"content-security-policy": ", ".join(self.policies)}
            route.fulfill(body=body, content_type="text/html", headers=fields)
            return
        if "favicon" not in url and url != SITE + SHARE_AUTH:  # which a borrower's page never asks
            self.done.add((kind, url))
        body = "postMessage(1)" if url.endswith("/worker.js") else ""
        body = FILES.get(url, body)
        content = "text/html" if kind == "document" else "text/javascript"
        route.fulfill(body=body, content_type=content, headers={"access-control-allow-origin": "*"})

    def load(self, policies: list[str], element: str = "") -> set[tuple[str, str]]:
        """Open the page and return what it was allowed to do."""
        self.element, self.policies, self.done = element, policies, set()
        self.page.goto(f"{SITE}/")
        ran = self.page.evaluate("done")
        return self.done | {("ran", name) for name in ran}


@pytest.fixture(scope="module")
def site(browser: Browser) -> Iterator[Site]:
    with browser.new_context() as context:
        context.add_init_script(TRY)
        site = Site(context.new_page())
        context.route("**/*", site.answer)
        yield site


SIGNING = Settings(TEAM, API_KEY)
BORROWING = Settings(TEAM, share_auth="www.lender.test")
EMBED_GAINS = {
    *(("script", f"{EMBED}/embed"), ("script", f"{EMBED}/more.js"), ("fetch", f"{EMBED}/api")),
}
OWN_FILES = {
    *(("script", f"{SITE}/own.js"), ("script", PAGE_FILE), ("script", f"{SITE}/worker.js")),
    ("ran", "ownWorker"),
}
"""What `'self'` allows to load as scripts and workers."""

GAINS: dict[str, set[tuple[str, str]]] = {
    "a page that names its user": {
        *EMBED_GAINS,
        ("script", PAGE_FILE),
        ("fetch", f"{SITE}/api"),
    },
    "a page that borrows its login": {
        *EMBED_GAINS,
        ("script", BORROWER_FILE),
        ("script", f"{LENDER}{SHARE_SCRIPT}"),
        ("fetch", f"{LENDER}{SHARE_AUTH}?origin=x"),
        ("document", f"{LENDER}{FRAME}?origin=x"),
    },
}
SNIPPETS: dict[str, tuple[Settings, Snippet]] = {
    "a page that names its user": (SIGNING, render(SIGNING, Identity("7"))),
    "a page that borrows its login": (BORROWING, render(BORROWING)),
}


def gained(site: Site, kind: str, policies: list[str]) -> tuple[set[Any], set[Any]]:
    """Return what only the extended policies let a page do, and what only the original ones do."""
    _, snippet = SNIPPETS[kind]
    headers = [("Content-Security-Policy", policy) for policy in policies]
    verdict = read_policies(headers)
    extended = extended_policies(headers, snippet)
    before = site.load(policies)
    element = snippet.element(verdict.nonce, checks_files=verdict.needs_hashes).decode()
    after = site.load([value for _, value in extended], element)
    assert ("script", f"{EMBED}/embed") in after
    return after - before, before - after


@pytest.mark.parametrize("kind", GAINS)
@pytest.mark.parametrize(
    "policy",
    [
        "default-src 'none'",
        "script-src 'none'; frame-src 'none'; connect-src 'none'",
        "default-src 'none'; child-src 'none'",
        "script-src-elem 'none'; default-src 'none'",
    ],
)
def test_a_policy_that_forbids_everything_gains_what_is_documented(
    site: Site, kind: str, policy: str
) -> None:
    assert gained(site, kind, [policy]) == (GAINS[kind], set())


directives = st.sampled_from(
    [
        *("default-src", "script-src", "script-src-elem", "script-src-attr", "worker-src"),
        *("connect-src", "frame-src", "child-src"),
    ]
)
sources = st.sampled_from(
    [
        *("'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", INLINE_HASH),
        *("'strict-dynamic'", "'nonce-n'", "'report-sample'", "blob:", "https:", "*"),
        *(OTHER, EMBED, f"{EMBED}/embed", LENDER, f"{LENDER}/.well-known/", f"{LENDER}/jsonp"),
    ]
)
directive = st.builds(
    lambda name, values: " ".join([name, *values]), directives, st.lists(sources, max_size=3)
)
policy = st.lists(directive, min_size=1, max_size=4).map("; ".join)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", GAINS)
@given(policies=st.lists(policy, min_size=1, max_size=2))
@example(policies=["default-src 'unsafe-inline' 'unsafe-eval' blob:"])
@example(policies=["child-src 'self' blob:; script-src 'self'"])
@hypothesis_settings(max_examples=hypothesis_settings().max_examples // 10)
def test_any_policy_gains_only_what_is_documented_and_loses_nothing(
    site: Site, kind: str, policies: list[str]
) -> None:
    gains, losses = gained(site, kind, policies)
    expected = set(GAINS[kind])
    if kind != "a page that names its user" and "'unsafe-inline'" in "".join(policies):
        expected |= OWN_FILES  # its script needs a file of the site
    assert gains <= expected
    assert losses == set()
