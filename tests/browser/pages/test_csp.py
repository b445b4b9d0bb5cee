"""Content-Security-Policy in a real Chromium: the chat runs, and nothing else that did not."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from starlette.responses import HTMLResponse
from werkzeug.wrappers import Request, Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, asgi, sign, wsgi
from pavior_middleware.emulator import create_app
from tests.support.covering import some_of
from tests.support.embeds import EMBED as PLAIN_EMBED
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import API_KEY, TEAM

USER = Identity(email="user@example.com")
OPTIONS = {
    "teamVanityId": TEAM,
    "doChat": True,
    "doTimeTravel": True,
    "email": USER.email,
    "hmac": sign(API_KEY, "user@example.com"),
}

OWN = "window.own = true"
OWN_FILE = "window.ownFile = true"
OWN_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(OWN.encode()).digest()).decode()}'"
PAGE = f"""<!doctype html>
<head><title>Protected</title>
META
<script nonce="abc">{OWN}</script>
<script nonce="xyz">window.other = true</script></head>
<body>
<script>window.foreign = true</script>
<script src="FOREIGN/foreign.js"></script>
<script src="/own.js"></script>
<style>h1 {{ color: rgb(1, 2, 3) }}</style>
<h1 style="width: 123px">Protected</h1>
<button onclick="window.handled = true">Press</button>
"""

# What a site of Pavior's sends, at its shortest: it takes calls, and makes one of its own.
EMBED = f"""{PLAIN_EMBED}
fetch(new URL('answer', document.currentScript.src)).then(
    response => dispatchEvent(new CustomEvent('answered', {{detail: response.status}})),
    error => dispatchEvent(new CustomEvent('answered', {{detail: error.message}})));
"""

ENFORCED, REPORT_ONLY = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
Fields = list[tuple[str, str]]


def enforced(*policies: str) -> Fields:
    return [(ENFORCED, policy) for policy in policies]


def reported(*policies: str) -> Fields:
    return [(REPORT_ONLY, policy) for policy in policies]


TRUSTED = "require-trusted-types-for 'script'"
SHAPES: dict[str, Fields] = {
    "no-policy": [],
    "other-directives": enforced("img-src 'none'; base-uri 'none'"),
    "nonce": enforced("script-src 'nonce-abc'"),
    "nonce-in-upper-case": enforced("script-src 'NONCE-abc'"),
    "nonce-in-default-src": enforced("default-src 'nonce-abc'"),
    "nonce-and-unsafe-inline": enforced("script-src 'nonce-abc' 'unsafe-inline'"),
    "nonce-and-strict-dynamic": enforced("script-src 'nonce-abc' 'strict-dynamic'"),
    "nonce-and-fallbacks": enforced(
        "script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https: http:; object-src 'none'"
    ),
    "self": enforced("script-src 'self'"),
    "any-host": enforced("script-src *"),
    "scheme": enforced("script-src http:"),
    "unsafe-inline-and-self": enforced("script-src 'unsafe-inline' 'self'"),
    "unsafe-inline-and-embed": enforced("script-src 'unsafe-inline' EMBED"),
    "unsafe-inline-and-embed-in-full": enforced("script-src 'unsafe-inline' EMBED/embed"),
    "embed-at-another-path": enforced("script-src 'unsafe-inline' EMBED/other"),
    "unsafe-eval": enforced("script-src 'self' 'unsafe-eval'"),
    "unsafe-hashes": enforced("script-src 'self' 'unsafe-hashes'"),
    "default-self": enforced("default-src 'self'"),
    "default-none": enforced("default-src 'none'"),
    "default-unsafe-inline": enforced("default-src 'self' 'unsafe-inline' 'unsafe-eval'"),
    "script-none": enforced("script-src 'none'"),
    "script-empty": enforced("script-src"),
    "elements-beside-scripts": enforced("script-src-elem 'self'; script-src 'unsafe-inline'"),
    "elements-with-a-nonce": enforced("script-src 'self'; script-src-elem 'nonce-abc'"),
    "scripts-with-a-nonce": enforced("script-src 'nonce-abc'; script-src-elem 'self'"),
    "attributes-beside-scripts": enforced("script-src 'self'; script-src-attr 'unsafe-inline'"),
    "hash": enforced(f"script-src {OWN_HASH}"),
    "hash-and-unsafe-inline": enforced(f"script-src {OWN_HASH} 'unsafe-inline'"),
    "hash-and-strict-dynamic": enforced(f"script-src {OWN_HASH} 'strict-dynamic'"),
    "strict-dynamic-alone": enforced("script-src 'strict-dynamic'"),
    "two-in-one-field": enforced("script-src 'nonce-abc', script-src 'self' 'unsafe-inline'"),
    "two-in-two-fields": enforced("script-src 'self'", "script-src 'nonce-abc' 'self'"),
    "strict-dynamic-and-self": enforced(
        "script-src 'nonce-abc' 'strict-dynamic'", "default-src 'self'"
    ),
    "two-nonces": enforced("script-src 'nonce-abc'", "script-src 'nonce-xyz'"),
    "two-nonces-strict": enforced(
        "script-src 'nonce-abc' 'strict-dynamic', script-src 'nonce-xyz' 'strict-dynamic'"
    ),
    "report-only": reported("script-src 'self'; connect-src 'none'"),
    "report-only-nonce": reported("script-src 'nonce-abc' 'strict-dynamic'"),
    "report-only-beside-enforced": [
        *reported("default-src 'none'"),
        *enforced("script-src 'self' 'unsafe-inline'"),
    ],
    "nonce-reported-self-enforced": [
        *reported("script-src 'nonce-abc'"),
        *enforced("script-src 'self'"),
    ],
    "another-nonce-reported": [
        *reported("script-src 'nonce-xyz'"),
        *enforced("script-src 'nonce-abc'"),
    ],
    "trusted-types": enforced(TRUSTED),
    "trusted-types-none": enforced(f"{TRUSTED}; trusted-types 'none'"),
    "trusted-types-empty": enforced(f"{TRUSTED}; trusted-types"),
    "trusted-types-default": enforced(f"{TRUSTED}; trusted-types default"),
    "trusted-types-others": enforced(f"{TRUSTED}; trusted-types one two 'allow-duplicates'"),
    "trusted-types-any": enforced(f"{TRUSTED}; trusted-types *"),
    "trusted-types-in-two": enforced(TRUSTED, "trusted-types one", "script-src 'self'"),
    "trusted-types-reported": reported(f"{TRUSTED}; trusted-types 'none'"),
    "connect-self": enforced("connect-src 'self'"),
    "connect-none": enforced("connect-src 'none'"),
    "connect-elsewhere": enforced("default-src *; connect-src FOREIGN"),
    "upper-case": enforced("SCRIPT-SRC 'SELF'; Connect-Src 'NONE'"),
    "semicolons": enforced(";; script-src 'self' ;; default-src 'none' ; ;"),
    "duplicates": enforced("script-src 'self'; script-src 'none'; script-src * 'unsafe-inline'"),
    "tabs": enforced("\tscript-src\t'self'\t;\tconnect-src\t'none'\t"),
    "empty": enforced("", ",", ";"),
    "not-ascii": enforced("script-src 'none' \xe9; script-src 'self'"),
    "sandbox": enforced("sandbox allow-scripts allow-same-origin"),
    "sandbox-reported": reported("sandbox"),
}
# A shape of each kind: `tests/unit/test_csp.py` shows what becomes of each policy.
TYPICAL = {
    *("no-policy", "nonce", "nonce-in-default-src", "nonce-and-strict-dynamic", "self", "any-host"),
    *("unsafe-inline-and-embed", "embed-at-another-path", "default-none", "script-empty"),
    *("elements-with-a-nonce", "attributes-beside-scripts", "hash", "strict-dynamic-alone"),
    *("two-in-two-fields", "two-nonces", "report-only", "nonce-reported-self-enforced"),
    *("trusted-types", "trusted-types-none", "connect-none", "upper-case", "duplicates"),
    *("not-ascii", "sandbox"),
}
SHAPES_BY_ASGI = ["nonce", "default-none", "two-in-two-fields", "report-only-beside-enforced"]
METAS = {
    "/meta": "<meta http-equiv='Content-Security-Policy' content=\"script-src 'self'\">",
    "/meta-for-chat": (
        "<meta http-equiv='Content-Security-Policy' content=\"script-src 'unsafe-inline' EMBED\">"
    ),
}
ISOLATED = {
    "mute": enforced("sandbox", "sandbox allow-same-origin, script-src 'self'"),
    "of-another-origin": enforced("sandbox allow-scripts"),
}


@dataclass
class Sites:
    """The same pages as an app makes them, and as they come through the middleware."""

    plain: str
    wsgi: str
    asgi: str
    leave: str
    emulated: str


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    plain, extended, by_asgi, left, emulated, pavior, emulator, elsewhere = free_ports([0] * 8)
    origins = {
        "EMBED": f"http://pavior.localhost:{pavior}",
        "FOREIGN": f"http://foreign.localhost:{elsewhere}",
    }

    def filled(text: str) -> str:
        return re.sub("|".join(origins), lambda found: origins[found[0]], text)

    def page(path: str) -> tuple[str, Fields]:
        fields = {**SHAPES, **ISOLATED}.get(path.removeprefix("/"), [])
        text = filled(PAGE.replace("META", METAS.get(path, "")))
        return text, [(name, filled(value)) for name, value in fields]

    @Request.application
    def app(request: Request) -> Response:
        if request.path == "/own.js":
            return Response(OWN_FILE, mimetype="text/javascript")
        text, fields = page(request.path)
        return Response(text, headers=fields, mimetype="text/html")

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        text, fields = page(path)
        response = HTMLResponse(text)
        if path == "/own.js":
            response = HTMLResponse(OWN_FILE, media_type="text/javascript")
        for name, value in fields:
            response.headers.append(name, value)
        await response(scope, receive, send)

    embed = Response(
        EMBED, mimetype="text/javascript", headers={"Access-Control-Allow-Origin": "*"}
    )
    foreign = Response("window.foreignFile = true", mimetype="text/javascript")
    settings = partial(Settings, TEAM, API_KEY, embed_url=origins["EMBED"] + "/embed")
    with ExitStack() as servers:
        servers.enter_context(serving_wsgi(embed, pavior))
        servers.enter_context(serving_wsgi(foreign, elsewhere))
        servers.enter_context(serving_wsgi(app, plain))
        servers.enter_context(
            serving_asgi(create_app(team_vanity_id=TEAM, api_key=API_KEY), emulator)
        )
        for port, changed in (
            (extended, settings()),
            (left, settings(csp="leave")),
            (emulated, settings(embed_url=f"http://pavior.localhost:{emulator}/embed")),
        ):
            wrapped = wsgi.PaviorMiddleware(app, changed, identity=lambda environ: USER)
            servers.enter_context(serving_wsgi(wrapped, port))
        by = asgi.PaviorMiddleware(asgi_app, settings(), identity=lambda scope: USER)
        servers.enter_context(serving_asgi(by, by_asgi))
        ports = (plain, extended, by_asgi, left, emulated)
        yield Sites(*(f"http://shop.localhost:{port}" for port in ports))


# Runs before anything of the page, whatever its policy.
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', event => violations.push(
    [event.disposition, event.effectiveDirective, event.blockedURI].join(' ')));
const event = name => new Promise((done, fail) => {
    addEventListener(name, event => done(event.detail), {once: true});
    setTimeout(() => fail(new Error('no event ' + name)), 5000);
});
Object.assign(window, {answered: event('answered'), ready: event('pavior:ready')});
for (const promise of [answered, ready]) promise.catch(() => {});
window.whole = new Promise(done => addEventListener('load', () => {
    document.querySelector('button').click();
    try { window.evaluated = eval('true'); } catch (error) { window.evaluated = error.name; }
    setTimeout(done);
}));
"""
LOOK = """async answers => {
    await whole;
    const answer = answers ? await answered : null;
    const names = ['own', 'other', 'foreign', 'foreignFile', 'ownFile', 'handled', 'evaluated'];
    const heading = document.querySelector('h1');
    const looks = {
        ran: Object.fromEntries(names.map(name => [name, window[name] ?? null])),
        color: getComputedStyle(heading).color,
        width: heading.style.width,
        nodes: document.documentElement.outerHTML.replace(/<script [^>]*embed"><.script>/, ''),
    };
    return {looks, answer, violations, calls: window.calls ?? []};
}"""
ICON = "/favicon.ico"  # which Chromium asks for when it likes
QUOTED_POLICY = re.compile(r"(?<=Content Security Policy) directive.*", re.DOTALL)


@pytest.fixture(scope="module")
def page(browser: Browser, sites: Sites) -> Iterator[Page]:  # closed before the sites
    with browser.new_context() as context:
        context.add_init_script(WATCH)
        yield context.new_page()


@dataclass
class Outcome:
    """What a page did in the browser, without what differs between two policies or hosts."""

    looks: dict[str, Any]
    violations: list[str]
    complaints: list[str]
    calls: list[dict[str, Any]]


def fetch(url: str) -> tuple[Fields, bytes]:
    """Return a page as the server sends it: its fields, except for the date, and its bytes."""
    # Not every system knows the names under localhost, as browsers do.
    address = url.replace("shop.localhost", LOOPBACK)
    response = httpx2.get(address, verify=False)  # reading certificates takes 50 ms
    fields = [(name, value) for name, value in response.headers.multi_items() if name != "date"]
    return fields, response.content


def load(page: Page, url: str, *, answers: bool = False) -> Outcome:
    """Open a page; with `answers`, wait until its embed has an answer from its own origin."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Chromium adds a note where a directive replaces one that we may have written out.
        is_note = message.text.startswith(" Note that ") or ICON in message.text
        if message.type in ("error", "warning") and not is_note:
            complaints.append(QUOTED_POLICY.sub("", message.text))

    page.on("console", listen)
    page.goto(url)
    seen = page.evaluate(LOOK, answers)
    assert seen["answer"] == (200 if answers else None)
    host = url.rpartition("/")[0]
    violations = sorted(
        text.replace(host, "PAGE") for text in seen["violations"] if ICON not in text
    )
    complaints = sorted(text.replace(host, "PAGE") for text in complaints)
    page.remove_listener("console", listen)
    return Outcome(seen["looks"], violations, complaints, seen["calls"])


@pytest.mark.parametrize("shape", some_of(SHAPES, TYPICAL))
def test_with_any_policy_the_chat_runs_and_nothing_else_changes(
    page: Page, sites: Sites, shape: str
) -> None:
    before = load(page, f"{sites.plain}/{shape}")
    after = load(page, f"{sites.wsgi}/{shape}", answers=True)
    assert after == replace(before, calls=[OPTIONS])


@pytest.mark.parametrize("shape", SHAPES_BY_ASGI)
def test_the_chat_runs_in_a_page_of_an_asgi_app(page: Page, sites: Sites, shape: str) -> None:
    before = load(page, f"{sites.plain}/{shape}")
    after = load(page, f"{sites.asgi}/{shape}", answers=True)
    assert after == replace(before, calls=[OPTIONS])


def test_a_meta_policy_applies_to_what_follows_it_and_not_to_the_chat(
    page: Page, sites: Sites
) -> None:
    before = load(page, f"{sites.plain}/meta")
    after = load(page, f"{sites.wsgi}/meta", answers=True)
    assert before.looks["ran"]["foreign"] is None
    assert after == replace(before, calls=[OPTIONS])


@pytest.mark.parametrize("shape", ISOLATED)
def test_a_page_that_a_sandbox_keeps_apart_from_the_site_stays_unchanged(
    sites: Sites, shape: str
) -> None:
    assert fetch(f"{sites.wsgi}/{shape}") == fetch(f"{sites.plain}/{shape}")


def test_a_meta_policy_that_is_left_unchanged_applies_to_the_chat_too(
    page: Page, sites: Sites
) -> None:
    before, after = load(page, f"{sites.plain}/meta"), load(page, f"{sites.leave}/meta")
    assert after.calls == []
    assert len(after.violations) == len(before.violations) + 1
    before = load(page, f"{sites.plain}/meta-for-chat")
    after = load(page, f"{sites.leave}/meta-for-chat", answers=True)
    assert after == replace(before, calls=[OPTIONS])


def test_policies_stay_unchanged_where_the_setting_says_so(sites: Sites) -> None:
    for shape in SHAPES:
        before, _ = fetch(f"{sites.plain}/{shape}")
        after, body = fetch(f"{sites.leave}/{shape}")
        policies = [field for field in before if "policy" in field[0]]
        assert [field for field in after if "policy" in field[0]] == policies
        assert b"/embed" in body


@pytest.mark.parametrize("shape", ["nonce", "nonce-and-strict-dynamic", "unsafe-inline-and-embed"])
def test_the_chat_runs_under_an_unchanged_policy_that_allows_the_chat(
    page: Page, sites: Sites, shape: str
) -> None:
    before = load(page, f"{sites.plain}/{shape}")
    after = load(page, f"{sites.leave}/{shape}", answers=True)
    assert after == replace(before, calls=[OPTIONS])


def test_an_unchanged_policy_may_block_the_chat(page: Page, sites: Sites) -> None:
    before, after = load(page, f"{sites.plain}/self"), load(page, f"{sites.leave}/self")
    assert after.calls == []
    assert len(after.violations) == len(before.violations) + 1


@pytest.mark.parametrize("shape", ["no-policy", "default-none", "nonce-and-strict-dynamic"])
def test_the_emulators_widget_runs_and_calls_its_server(
    page: Page, sites: Sites, shape: str
) -> None:
    page.goto(f"{sites.emulated}/{shape}")
    assert page.evaluate("ready")["status"] == "signup"
    assert page.evaluate("Pavior.calls") == [{"command": "init", "options": OPTIONS}]
