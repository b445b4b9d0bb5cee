"""What share.js does in a real Chromium to the page that borrows, and what it leaves alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Route,
    expect,
)
from playwright.sync_api import Request as Asked
from werkzeug.test import Client
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, _assets, sign, wsgi
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from tests.support import chromium
from tests.support.browsers import FLAGS, evaluate, wait_for
from tests.support.names import Names, chosen_by
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, TEAM

SECONDS = 3600
CODE = "#pavior-handoff="

# What stands for Pavior's embed: it keeps its calls. Its bubble is mostly the page's own.
EMBED = """
window.nonceOfEmbed = document.currentScript.nonce;
window.calls = [];
window.Pavior = (...call) => {
    calls.push(call);
    if (!window.makesBubble || Pavior.bubble) return;
    Pavior.bubble = document.createElement('button');
    Pavior.bubble.id = 'bubble';
    document.body.append(Pavior.bubble);
};
"""

# Runs before anything of a page. `settled` counts what was asked of the lender and has had its
# effect; `waits` are the time limits, which are over at once where the test is `hasty`.
WATCH = """{
    Object.assign(window, {settled: 0, waits: [], violations: [], seen: {}});
    const settle = () => setTimeout(() => { settled += 1; });
    const {fetch} = window, {json} = Response.prototype;
    window.fetch = (...request) => {
        const answer = fetch(...request);
        answer.then(response => { if (!response.ok) settle(); }, settle);
        return answer;
    };
    Response.prototype.json = function () {
        const said = json.call(this);
        said.then(settle, settle);
        return said;
    };
    const timeout = AbortSignal.timeout;
    AbortSignal.timeout = wait => {
        waits.push(wait);
        return timeout.call(AbortSignal, window.hasty ? 1 : wait);
    };
    document.addEventListener('securitypolicyviolation', event => violations.push(
        [event.effectiveDirective, event.blockedURI].join(' ')));
}"""


@dataclass
class Sites(Names):
    """Every site at one port. `pages` are those of the borrowers.

    `fault` answers in the lender's place who is logged in, `fault_on_the_way` those who come by.
    """

    pages: dict[str, Response] = field(default_factory=dict)
    fault: Callable[[Request], Response | None] | None = None
    fault_on_the_way: Callable[[Request], Response | None] | None = None
    loaded: list[str] = field(default_factory=list)
    lender: Any = None

    @property
    def script(self) -> str:
        return f"{self.shop}{SHARE_SCRIPT}"

    @property
    def embed(self) -> str:
        return f"{self.at('pavior')}/embed"

    def element(self, init: Any = None, *, bubble: str = "", more: str = "") -> str:
        """Return the element that is to be pasted into a borrower's page."""
        text = json.dumps({"teamVanityId": TEAM} if init is None else init)
        where = f' data-bubble="{escape(bubble)}"' if bubble else ""
        return (
            f'<script src="{self.script}" data-init="{escape(text)}" data-embed="{self.embed}"'
            f"{where} {more}></script>"
        )

    def page(self, body: str, path: str = "/page", **policies: str) -> str:
        """Let borrowers have a page, and return its path."""
        headers = {name.replace("_", "-"): value for name, value in policies.items()}
        self.pages[path] = Response(
            f"<!doctype html><title>Help</title><body>{body}", headers=headers, mimetype="text/html"
        )
        return path

    def code(self, name: str = "ada") -> str:
        """Return the code that the shop hands over to a user of its own."""
        client = Client(self.lender)
        client.set_cookie("user", name, domain="shop.localhost")
        to = quote(f"{self.at('help')}/", safe="")
        referer = {"Referer": f"{self.at('help')}/"}
        url = f"{HANDOFF}?to={to}&challenge={'x' * 43}"
        response = client.get(url, base_url=self.shop, headers=referer)
        code = response.headers["Location"].partition(CODE)[2]
        assert len(code) > 43
        return code


def shop_page(request: Request) -> Response:
    """A page of the shop with a link to what the query says."""
    to = escape(request.args.get("to", ""))
    return Response(
        f"<!doctype html><title>Shop</title><a id=link href='{to}'>Help</a>", mimetype="text/html"
    )


def who(environ: dict[str, Any]) -> Identity | None:
    name = Request(environ).cookies.get("user")
    return Identity(email=email(name)) if name else None


def email(name: str) -> str:
    return f"{name}@example.com"


def named(name: str | None, **options: object) -> list[object]:
    """Return a call of init that names a user, or nobody."""
    known = {"email": email(name), "hmac": sign(API_KEY, email(name))} if name else {}
    return ["init", {"teamVanityId": TEAM, **options, **known}]


@pytest.fixture(scope="module")
def server() -> Iterator[Sites]:
    (port,) = free_ports([0])
    made = Sites(port)
    borrowers = ("help", "python", "help.shop", "python.shop")
    settings = Settings(
        TEAM,
        API_KEY,
        embed_url=made.embed,
        shared_auth_domains=[f"{name}.localhost:{port}" for name in borrowers],
        shared_auth_seconds=SECONDS,
        secret_key="only for tests",
    )
    made.lender = wsgi.PaviorMiddleware(Request.application(shop_page), settings, identity=who)

    @Request.application
    def plain(request: Request) -> Response:
        return made.pages.get(request.path) or Response("", 404)

    bubble = Settings(
        TEAM, embed_url=made.embed, share_auth=f"shop.localhost:{port}", bubble="#bubble"
    )
    with_bubble = wsgi.PaviorMiddleware(plain, bubble)

    def app_for(request: Request) -> Any:
        name, _, _ = request.host.partition(".localhost")
        made.loaded.append(f"{name}{request.path}")
        if request.path == "/favicon.ico":
            return Response("", 204)
        if name == "shop":
            fault = {SHARE_AUTH: made.fault, HANDOFF: made.fault_on_the_way}.get(request.path)
            return (fault and fault(request)) or made.lender
        if name == "pavior":
            return Response(EMBED, mimetype="text/javascript")
        if name in ("python", "python.shop"):
            return with_bubble
        return plain

    with serving_wsgi(chosen_by(app_for), port):
        yield made


@pytest.fixture
def sites(server: Sites) -> Sites:
    server.pages.clear()
    server.loaded.clear()
    server.fault = server.fault_on_the_way = None
    return server


@dataclass
class Told:
    """What a page has told the console; without what Chromium says of pages it cannot load."""

    messages: list[ConsoleMessage] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def ours(self) -> list[str]:
        return [each.text for each in self.messages if each.text.startswith("Pavior:")]

    @property
    def complaints(self) -> list[str]:
        texts = [each.text for each in self.messages if each.type in ("error", "warning")]
        return [text for text in texts if "Failed to load resource" not in text]


def watched(context: BrowserContext) -> BrowserContext:
    context.set_default_timeout(5000)
    context.add_init_script(WATCH)
    return context


@pytest.fixture(scope="module")
def context(browser: Browser, server: Sites) -> Iterator[BrowserContext]:  # closed before that
    with browser.new_context() as context:
        yield watched(context)


@pytest.fixture
def page(context: BrowserContext, sites: Sites) -> Iterator[Page]:
    """A tab of its own, in a browser without cookies."""
    context.clear_cookies()
    yield context.new_page()
    for opened in context.pages:
        opened.close()


@pytest.fixture
def fresh_page(browser: Browser, sites: Sites) -> Iterator[Page]:
    """A tab of a browser that has never been asked for access to a cookie."""
    with browser.new_context() as context:
        yield watched(context).new_page()


@pytest.fixture
def told(page: Page) -> Told:
    return listening(page)


def listening(page: Page) -> Told:
    told = Told()
    page.on("console", lambda message: told.messages.append(message))
    page.on("pageerror", lambda error: told.errors.append(str(error)))
    return told


def log_in(page: Page, sites: Sites, name: str | None) -> None:
    """Be somebody at the shop, or nobody, as it is when that is so in another tab."""
    page.context.clear_cookies()
    if name:
        page.context.add_cookies(
            [{"name": "user", "value": name, "url": sites.shop, "sameSite": "Lax"}]
        )


def follow(page: Page, sites: Sites, url: str) -> None:
    """Go to a borrower's page as somebody does who follows the shop's link."""
    with page.expect_navigation(url=lambda at: at.startswith(url.partition("#")[0])):
        set_out(page, sites, url)


def set_out(page: Page, sites: Sites, url: str) -> None:
    """Click on the shop's link to a page that may not get to be loaded."""
    page.goto(f"{sites.shop}/?to={quote(url, safe='')}")
    page.click("#link", no_wait_after=True)


def calls(page: Page, asked: int = 1) -> Any:
    """Return the calls of the embed, once so many answers of the lender have had their effect."""
    wait_for(page, f"window.calls?.length && settled >= {asked}")
    assert evaluate(page, "settled") == asked
    return evaluate(page, "calls")


def calls_at_last(page: Page, seconds: float = 5) -> Any:
    """Return the calls of the embed, however often the lender was asked on the way to them."""
    wait_for(page, "window.calls?.length", seconds)
    return evaluate(page, "calls")


def look_again(page: Page) -> None:
    """Do as a browser does whose user has looked at another tab."""
    evaluate(page, "document.dispatchEvent(new Event('visibilitychange'))")


# ── What the chat gets ──────────────────────────────────────────────────────────────────────


def test_init_is_called_once_and_again_when_the_user_changes(
    page: Page, sites: Sites, told: Told
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
    assert (told.messages, told.errors) == ([], [])


@pytest.mark.parametrize("host", ["help.shop", "help"])
def test_an_anonymous_visitor_gets_an_init_without_an_identity(
    page: Page, sites: Sites, told: Told, host: str
) -> None:
    page.goto(sites.at(host) + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert (told.messages, told.errors) == ([], [])


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
    page: Page, sites: Sites, told: Told, text: str
) -> None:
    body = (
        f'<script src="{sites.script}" data-init="{escape(text)}" data-embed="{sites.embed}">'
        "</script><script>window.after = true</script>"
    )
    page.goto(sites.at("help") + sites.page(body))
    assert page.evaluate("after")
    assert len(told.errors) == 1
    assert "pavior/embed" not in sites.loaded
    assert told.complaints == []


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
    page: Page, sites: Sites, told: Told, host: str
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
    assert told.complaints == []


def test_a_login_after_a_logout_event_is_noticed(page: Page, sites: Sites, told: Told) -> None:
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
    assert (told.complaints, told.errors) == ([], [])


# ── How it is loaded ───────────────────────────────────────────────────────────────────────────

DYNAMIC = """<script>{{
    const script = document.createElement('script');
    Object.assign(script.dataset, {{init: '{{"teamVanityId": "{team}"}}', embed: '{embed}'}});
    script.src = '{script}';
    {late}
}}</script>"""


@pytest.mark.parametrize(
    "way", ["async", "defer", "at once", "after the page has loaded", "in a fragment's head"]
)
def test_share_js_may_be_loaded_in_any_classic_way(
    page: Page, sites: Sites, told: Told, way: str
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
    assert (told.messages, told.errors) == ([], [])


def test_share_js_runs_with_the_integrity_of_its_bytes_and_with_no_other(
    page: Page, sites: Sites, told: Told
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
    assert "integrity" in "".join(told.complaints)


def test_share_js_as_a_module_logs_how_to_load_a_classic_script(
    page: Page, sites: Sites, told: Told
) -> None:
    with page.expect_console_message():
        page.goto(sites.at("help") + sites.page(sites.element(more="type=module")))
    assert [each.type for each in told.messages] == ["warning"]
    assert "plain <script src>" in told.ours[0]
    assert (told.errors, page.evaluate("settled")) == ([], 0)


@pytest.mark.parametrize(
    "answered",
    [Response("", 404), Response("window.other = 1", mimetype="text/javascript")],
    ids=["not found", "another script"],
)
def test_an_embed_that_cannot_be_used_is_logged_once(
    page: Page, sites: Sites, told: Told, answered: Response
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
    assert len(told.ours) == 1
    assert told.errors == []


# ── The address ────────────────────────────────────────────────────────────────────────────────

LATER = """
<script>seen.inline = location.href</script>
<script src=/later.js></script>
<script defer src=/deferred.js></script>
<script type=module>seen.module = location.href</script>
"""


def test_no_later_script_sees_the_code_in_the_address(page: Page, sites: Sites, told: Told) -> None:
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
    assert (told.messages, told.errors) == ([], [])


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
def test_a_fragment_without_a_code_stays_as_it_is(page: Page, sites: Sites, fragment: str) -> None:
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


def test_back_and_forward_lead_over_a_page_that_had_a_code(page: Page, sites: Sites) -> None:
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
    page: Page, sites: Sites, told: Told
) -> None:
    page.goto(sites.at("help") + sites.page(sites.element()) + CODE + sites.code())
    assert calls(page) == [named(None)]
    assert page.evaluate("location.hash") == ""
    assert told.messages == []


def test_a_code_that_is_refused_leaves_the_visitor_anonymous(
    page: Page, sites: Sites, told: Told
) -> None:
    log_in(page, sites, "ada")
    sites.fault = lambda request: answer(request, "", status=403) if is_code(request) else None
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page, 2) == [named(None)]
    assert [each.type for each in told.messages if each.text in told.ours] == ["info"]
    assert told.ours == [f"Pavior: {sites.shop} does not take the code: HTTP 403"]


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


# ── The loan of the tab ────────────────────────────────────────────────────────────────────────

CLOSED = """Object.defineProperty(window, 'sessionStorage', {
    get() { throw new DOMException('no', 'SecurityError'); }});"""
FULL = """{
    let text = 'x'.repeat(8 * 1024 * 1024);
    sessionStorage.clear();
    for (; text; text = text.slice(text.length / 2 + 1)) {
        try {
            for (let each = 0; ; each += 1) sessionStorage.setItem(text.length + '-' + each, text);
        } catch {}
        if (text.length < 3) break;
    }
}"""
GARBAGE = """for (const each of ['', '{', 'null', 'undefined', '5', '[]', '{}', '"text"'])
    for (const key of ['pavior', 'pavior-share', 'length', 'key' + each, '__proto__'])
        sessionStorage.setItem(key, each);"""
OWN_GARBAGE = """for (const key of Object.keys(sessionStorage))
    if (key.startsWith('pavior-share ')) sessionStorage.setItem(key, %s);"""


@pytest.mark.parametrize(
    "state",
    [
        "CLOSED",
        "FULL",
    ],
)
def test_without_session_storage_a_borrowed_login_lasts_for_the_page(
    page: Page, sites: Sites, told: Told, state: str
) -> None:
    log_in(page, sites, "ada")
    body = f"<script>{globals()[state]}</script>{sites.element()}"
    page.goto(sites.at("help.shop") + sites.page(body))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    look_again(page)
    assert calls(page, 2) == [named("ada")]
    assert (told.complaints, told.errors) == ([], [])


@pytest.mark.parametrize("state", ["CLOSED", "FULL", "GARBAGE"])
def test_a_page_that_a_link_leads_to_works_with_any_session_storage(
    page: Page, sites: Sites, told: Told, state: str
) -> None:
    log_in(page, sites, "ada")
    body = f"<script>{globals()[state]}</script>{sites.element()}"
    url = sites.at("help") + sites.page(body) + "#section"
    follow(page, sites, url)
    expected = [named("ada" if state == "GARBAGE" else None)]
    assert calls(page) == expected
    look_again(page)
    assert calls(page, 2) == expected
    assert page.url == url
    assert (told.complaints, told.errors) == ([], [])


@pytest.mark.parametrize("garbage", ["'{'", "'5'", "'{}'"])
def test_garbage_in_place_of_the_stored_login_counts_as_no_login(
    page: Page, sites: Sites, told: Told, garbage: str
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    page.evaluate(OWN_GARBAGE % garbage)
    page.goto(url)
    assert calls(page) == [named(None)]
    assert (told.complaints, told.errors) == ([], [])


def test_a_sandboxed_borrower_has_an_anonymous_chat(page: Page, sites: Sites, told: Told) -> None:
    framed = sites.page(sites.element() + "<h1>Framed</h1>", "/framed")
    body = f"<iframe sandbox=allow-scripts src='{framed}{CODE}x'></iframe>"
    page.goto(sites.at("help") + sites.page(body))
    frame = page.frames[1]
    frame.wait_for_function("window.calls?.length && settled === 1")
    assert frame.evaluate("[origin, location.hash, calls]") == ["null", "", [named(None)]]
    assert (len(told.ours), told.errors) == (1, [])


def test_two_tabs_have_a_borrowed_login_each(page: Page, sites: Sites) -> None:
    url = sites.at("help") + sites.page(sites.element())
    other = page.context.new_page()
    for tab, name in ((page, "ada"), (other, "bob")):
        log_in(tab, sites, name)
        follow(tab, sites, url)
        assert calls(tab) == [named(name)]
    for tab, name in ((page, "ada"), (other, "bob")):
        tab.reload()
        assert calls(tab) == [named(name)]


HASTE = """{
    const {setTimeout} = window, {now} = Date, start = now();
    Date.now = () => start + (now() - start) * 100;
    window.setTimeout = (call, wait = 0) => setTimeout(call, wait / 100);
}"""


def test_a_borrowed_login_ends_after_its_seconds(page: Page, sites: Sites) -> None:
    page.add_init_script(HASTE)
    log_in(page, sites, "ada")
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60") if is_code(request) else None
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length > 1")
    assert calls(page, 2) == [["init", {"teamVanityId": TEAM, "id": "7"}], named(None)]


SLEEP = """{
    const {setTimeout} = window, {now} = Date;
    window.asleep = 0;
    Date.now = () => now() + asleep;
    window.setTimeout = (call, wait, ...more) => setTimeout(call, wait / 100, ...more);
}"""


def test_a_borrowed_login_ends_after_its_seconds_though_the_machine_slept(
    page: Page, sites: Sites
) -> None:
    """Timers stand still then, and the clock goes on."""
    page.add_init_script(SLEEP)
    log_in(page, sites, "ada")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    log_in(page, sites, None)
    page.evaluate(f"asleep = {SECONDS} * 1000")
    wait_for(page, "calls.length > 1")
    assert calls(page, 2) == [named("ada"), named(None)]


def answer(
    request: Request,
    body: str,
    seconds: str | None = None,
    *,
    status: int = 200,
    access: str | None = None,
) -> Response:
    """Answer as the lender does, but for what is said."""
    fields = {
        "Access-Control-Allow-Origin": request.headers["Origin"],
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Pavior-Expires-In, Pavior-Storage-Access",
    }
    if seconds is not None:
        fields["Pavior-Expires-In"] = seconds
    if access is not None:
        fields["Pavior-Storage-Access"] = access
    return Response(body, status, fields, mimetype="application/json")


def is_code(request: Request | Asked) -> bool:
    return request.method == "POST"


@pytest.fixture
def answers(sites: Sites) -> Iterator[threading.Event]:
    """Let the lender answer only while this is set, which it is at first."""
    answers = threading.Event()
    answers.set()

    def wait(request: Request) -> None:
        answers.wait(10)

    sites.fault = wait
    yield answers
    answers.set()


def test_the_next_page_of_a_tab_names_at_once_the_user_of_a_link(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    answers.clear()
    page.goto(f"{url}?next")
    assert calls(page, 0) == [named("ada")]
    answers.set()
    assert calls(page, 1) == [named("ada")]


def test_the_next_page_of_a_tab_asks_before_it_names_the_user_of_a_cookie(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help.shop") + sites.page(sites.element())
    page.goto(url)
    assert calls(page) == [named("ada")]
    log_in(page, sites, None)
    page.reload()
    assert calls(page) == [named(None)]


def test_a_logout_that_the_lender_reports_ends_the_login_of_a_link(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = lambda request: answer(request, "{}", "0")  # as it is where cookies get through
    look_again(page)
    assert calls(page, 2) == [named("ada"), named(None)]
    page.reload()
    assert calls(page) == [named(None)]


HIDE = "Object.defineProperty(document, 'hidden', {value: true, writable: true})"


def test_a_hidden_page_does_not_ask_the_lender(page: Page, sites: Sites) -> None:
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    page.evaluate(HIDE)
    look_again(page)
    page.evaluate("document.hidden = false")
    look_again(page)
    assert calls(page, 2) == [named(None)]


def test_a_hidden_page_does_not_ask_when_its_borrowed_login_ends(page: Page, sites: Sites) -> None:
    """Or else a tab in the background would keep the lender's session alive for ever."""
    page.add_init_script(HASTE)
    page.add_init_script(HIDE)
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length > 1")
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}], named(None)]
    sites.fault = None
    page.evaluate("document.hidden = false")
    look_again(page)
    assert len(calls(page, 2)) == 2


def of_nobody(request: Request) -> Response | None:
    """Answer as where cookies get through and the narrow one is not there."""
    return None if is_code(request) else answer(request, "{}", access="active")


def test_the_login_of_a_link_survives_an_answer_without_a_login_cookie(
    page: Page, sites: Sites
) -> None:
    """It may be too old, or never have been set, and the app's own is `SameSite=Lax`."""
    log_in(page, sites, "ada")
    sites.fault = of_nobody
    url = sites.at("help") + sites.page(BUBBLE + sites.element(bubble="#bubble"))
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    page.reload()
    assert calls(page) == [named("ada")]
    follow_nobody(page, sites, url)
    page.goto(f"{url}?direct")
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0  # since a click would change nothing


def follow_nobody(page: Page, sites: Sites, url: str) -> None:
    """Log out, and follow the shop's link."""
    log_in(page, sites, None)
    follow(page, sites, url)
    assert calls(page, 0) == [named(None)]


@pytest.mark.parametrize("access", ["active", None])  # which not every browser tells
def test_the_login_of_a_cookie_ends_with_the_cookie(
    page: Page, sites: Sites, access: str | None
) -> None:
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    page.goto(sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}]]
    sites.fault = lambda request: answer(request, "{}", access=access)
    look_again(page)
    assert calls(page, 2)[1:] == [named(None)]


@pytest.mark.parametrize("way", ["a link", "a script", "an open page"])
def test_a_page_that_the_lender_leads_to_asks_for_the_user_anew(
    page: Page, sites: Sites, way: str
) -> None:
    """Somebody else may have logged in there."""
    url = known_before_bob(page, sites)
    lead(page, sites, url, way)
    wait_for(page, "window.calls?.at(-1)?.[1].email === 'bob@example.com'")
    page.reload()
    assert calls(page) == [named("bob")]
    assert page.url == url


@pytest.mark.parametrize("way", ["a link", "a script", "an open page"])
def test_the_earlier_user_of_a_tab_is_not_named_if_the_lender_leads_there_and_fails(
    page: Page, sites: Sites, way: str
) -> None:
    url = known_before_bob(page, sites)
    sites.fault = FAULTS["500"]
    lead(page, sites, url, way)
    wait_for(page, "window.calls?.length && !calls.at(-1)[1].email")
    sites.fault = None
    page.reload()
    assert calls(page) == [named("bob")]


def known_before_bob(page: Page, sites: Sites) -> str:
    """Be known as Ada at a borrower's page, whose URL is returned, and then as Bob at the shop."""
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    log_in(page, sites, "bob")
    return url


def lead(page: Page, sites: Sites, url: str, way: str) -> None:
    """Go from the shop to a borrower's page, in the tab that was there."""
    if way == "a link":
        follow(page, sites, url)
    elif way == "a script":
        page.goto(f"{sites.shop}/")
        page.evaluate(f"void setTimeout(() => location.assign('{url}'))")
        page.wait_for_url(url)
    else:  # as by a link that names its tab, and leads to where that is already
        evaluate(page, "location.hash = 'pavior-handoff=ask'")


def test_a_page_that_becomes_visible_while_it_asks_names_its_user(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    """As in a tab that was opened in the background."""
    log_in(page, sites, "ada")
    answers.clear()
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    look_again(page)
    answers.set()
    assert calls(page) == [named("ada")]


def noting(event: threading.Event) -> Response:
    """Return what tells of it when it is asked for."""

    def tell() -> Iterator[bytes]:
        event.set()
        yield b""

    return Response(tell())


def once(event: threading.Event, act: str, sites: Sites) -> str:
    """Return the script of a page that acts after an event, once in its tab."""

    def tell() -> Iterator[bytes]:
        assert event.wait(10)
        yield b"now"

    sites.pages["/event"] = Response(tell())
    return f"""<script>
    if (!sessionStorage.hasActed) fetch('/event').then(answer => answer.text()).then(() => {{
        sessionStorage.hasActed = 'yes';
        {act}
    }});
    </script>"""


@pytest.mark.parametrize("where", ["fault", "fault_on_the_way"])
@pytest.mark.parametrize("leave", ["location.assign('?next')", "location.reload()"])
def test_a_user_who_leaves_a_page_while_it_asks_is_named_on_the_next(
    page: Page, sites: Sites, where: str, leave: str
) -> None:
    """Whether the page still asks, or is on its way by the lender already."""
    log_in(page, sites, "ada")
    is_asked, has_left = threading.Event(), threading.Event()
    asked = 0

    def once_it_has_left(request: Request) -> None:
        nonlocal asked
        asked += 1
        is_asked.set()
        if asked == 1:
            has_left.wait(10)

    setattr(sites, where, once_it_has_left)
    body = once(is_asked, leave, sites) + sites.element()
    set_out(page, sites, sites.at("help") + sites.page(body))
    wait_for(page, "window.calls?.length && sessionStorage.hasActed")
    has_left.set()
    assert evaluate(page, "calls") == [named("ada")]
    assert asked > 1


def test_a_tab_whose_lender_failed_names_the_user_once_the_lender_answers(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named(None)]
    sites.fault = None
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


def test_a_tab_whose_code_was_not_redeemed_names_the_user_once_the_lender_answers(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    sites.fault = lambda request: Response(status=503) if trips(sites) else None
    url = sites.at("help") + sites.page(sites.element())
    set_out(page, sites, url)
    assert calls(page, 2) == [named(None)]
    sites.fault = None
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize(("failures", "name"), [(1, "ada"), (9, None)])
def test_a_page_whose_code_was_not_redeemed_asks_for_one_more(
    page: Page, sites: Sites, failures: int, name: str | None
) -> None:
    log_in(page, sites, "ada")

    def fail(request: Request) -> Response | None:
        return Response(status=503) if is_code(request) and trips(sites) <= failures else None

    sites.fault = fail
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls_at_last(page) == [named(name)]
    assert trips(sites) == 2


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("end", ["fails", "is left"])
def test_a_link_names_the_user_on_a_page_whose_earlier_trips_failed(
    page: Page, sites: Sites, end: str, times: int
) -> None:
    log_in(page, sites, "ada")
    is_on_the_way, has_left = threading.Event(), threading.Event()

    def fail(request: Request) -> Response:
        is_on_the_way.set()
        if end == "is left":
            has_left.wait(10)
        return Response("Sorry", 500)

    sites.fault_on_the_way = fail
    url = sites.at("help") + sites.page(sites.element())
    for _ in range(times):
        is_on_the_way.clear()
        set_out(page, sites, url)
        assert is_on_the_way.wait(10)
        if end == "fails":
            page.wait_for_url(f"{sites.shop}{HANDOFF}**")
    sites.fault_on_the_way = None
    follow(page, sites, url)
    has_left.set()
    assert calls_at_last(page) == [named("ada")]


@pytest.mark.parametrize("status", [None, 403, 503])
def test_a_code_from_before_the_lender_led_here_again_names_nobody(
    page: Page, sites: Sites, status: int | None
) -> None:
    """The lender leads here anew while it is exchanged: somebody else may have logged in there."""
    log_in(page, sites, "ada")
    is_led_anew = threading.Event()

    def wait(request: Request) -> Response | None:
        if not is_code(request) or is_led_anew.is_set():
            return None
        is_led_anew.wait(10)
        return answer(request, "{}", status=status) if status else None

    sites.fault = wait
    url = sites.at("help") + sites.page(sites.element())
    with page.expect_request(is_code):
        follow(page, sites, url)
    log_in(page, sites, "bob")
    lead(page, sites, url, "an open page")
    is_led_anew.set()
    assert calls_at_last(page) == [named("bob")]
    page.goto(f"{url}?next")
    assert calls(page) == [named("bob")]


EDITOR = "<iframe srcdoc='<body contenteditable>'></iframe><button>Preview</button>"
WITHIN = """<div id=host></div><script>
host.attachShadow({mode: 'open'}).innerHTML = `EDITOR`;
</script>""".replace("EDITOR", EDITOR)


def test_text_typed_into_a_frame_before_share_js_has_loaded_is_not_lost(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(EDITOR))
    text = page.frame_locator("iframe").locator("body")
    text.click()
    page.keyboard.type("Where is my")
    page.evaluate(
        "element => { document.body.append(document.createRange()"
        ".createContextualFragment(element)); }",
        sites.element(),
    )
    assert calls(page) == [named(None)]
    assert text.inner_text() == "Where is my"


def test_a_frame_that_takes_the_focus_by_itself_does_not_prevent_a_trip(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    """Nothing is evaluated before that, since it would count as a click."""
    log_in(page, sites, "ada")
    answers.clear()
    has_focus, is_on_the_way = threading.Event(), threading.Event()
    sites.fault_on_the_way = lambda request: is_on_the_way.set()
    sites.pages["/has-focus"] = noting(has_focus)
    frame = """<!doctype html><input autofocus onfocus="fetch('/has-focus')">"""
    body = f'<iframe srcdoc="{escape(frame)}"></iframe>{sites.element()}'
    set_out(page, sites, sites.at("help") + sites.page(body))
    assert has_focus.wait(10)
    answers.set()
    assert is_on_the_way.wait(10)
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize("editor", [EDITOR, WITHIN])
@pytest.mark.parametrize("then", ["", "and clicked elsewhere"])
def test_text_typed_into_a_frame_is_not_lost(
    page: Page, sites: Sites, then: str, editor: str
) -> None:
    """An editor, or the chat, of which the page itself sees nothing."""
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    url = sites.at("help") + sites.page(editor + sites.element())
    follow(page, sites, url)
    assert calls(page) == [named(None)]
    sites.fault = None
    text = page.frame_locator("iframe").locator("body")
    text.click()
    page.keyboard.type("Where is my")
    if then:
        page.click("button")
    look_again(page)
    assert calls(page, 2) == [named(None)]
    assert text.inner_text() == "Where is my"
    assert trips(sites) == 0
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


# How the lender may lead back from a trip, and how many trips there are if it always does.
NO_USE = {
    "nothing": ("{to}", 1),
    "a code that it does not take": (f"{{to}}{CODE}old", 1),
    "the hint, where the challenge is taken out of the query": (f"{{to}}{CODE}ask", 2),
    "another page": ("{page}?{trips}", 2),
}


@pytest.mark.parametrize("way", NO_USE)
def test_a_page_whose_trips_bring_no_code_makes_two_at_most(
    page: Page, sites: Sites, way: str
) -> None:
    log_in(page, sites, "ada")
    back, most = NO_USE[way]

    def lead_back(request: Request) -> Response:
        to = request.args["to"]
        place = back.format(to=to, page=to.partition("?")[0], trips=trips(sites))
        return redirect(place, 303)

    sites.fault_on_the_way = lead_back
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls_at_last(page) == [named(None)]
    page.reload()
    assert calls(page) == [named(None)]
    assert trips(sites) == most


def test_a_page_of_the_lender_itself_makes_no_trip(page: Page, sites: Sites) -> None:
    """As where a template that both sites have holds the element."""
    sites.fault = lambda request: Response("{}", mimetype="application/json")
    page.goto(f"{sites.shop}/")
    page.evaluate(
        """source => {
            sessionStorage.setItem(`pavior-share ${new URL('.', source)} trips`, '0');
            const script = document.createElement('script');
            script.addEventListener('pavior-identity', ({detail}) => { seen.told = detail; });
            script.src = source;
            document.head.append(script);
        }""",
        sites.script,
    )
    wait_for(page, "seen.told")
    assert trips(sites) == 0


def test_a_page_whose_trip_does_not_navigate_has_a_chat(page: Page, sites: Sites) -> None:
    page.add_init_script(HASTE)
    sites.fault_on_the_way = lambda request: Response(status=204)
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]


def test_a_trip_from_before_the_lender_led_here_again_names_nobody(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    is_on_the_way, is_bob, is_on_the_way_again = (threading.Event() for _ in range(3))

    def wait(request: Request) -> None:
        if is_on_the_way.is_set():
            is_on_the_way_again.set()
            return
        is_on_the_way.set()
        is_on_the_way_again.wait(10)

    sites.fault_on_the_way = wait
    body = once(is_bob, "location.hash = 'pavior-handoff=ask'", sites) + sites.element()
    url = sites.at("help") + sites.page(body)
    set_out(page, sites, url)
    assert is_on_the_way.wait(10)
    log_in(page, sites, "bob")
    is_bob.set()
    assert calls_at_last(page) == [named("bob")]
    assert trips(sites) == 2


def test_a_failed_trip_is_forgotten_once_the_tab_knows_its_user(page: Page, sites: Sites) -> None:
    """Or whom the lender leads there next would be taken for who is back from it."""
    log_in(page, sites, "ada")
    sites.fault_on_the_way = lambda request: Response(status=204)
    url = sites.at("help") + sites.page(sites.element())
    with page.expect_response(lambda response: response.status == 204):
        set_out(page, sites, url)
    sites.fault = lambda request: answer(request, '{"id": "7"}', str(SECONDS))
    look_again(page)
    assert calls(page, 2) == [["init", {"teamVanityId": TEAM, "id": "7"}]]
    sites.fault = FAULTS["500"]
    lead(page, sites, url, "a script")
    assert calls(page) == [named(None)]


@pytest.mark.parametrize("seconds", [None, "0"])  # for nobody, which may be said for certain
def test_a_frame_of_the_same_site_does_not_end_the_trip_of_the_page(
    page: Page, sites: Sites, seconds: str | None
) -> None:
    """They have the same storage, and the page is on its way by the lender."""
    log_in(page, sites, "ada")
    is_on_the_way, frame_is_told = threading.Event(), threading.Event()

    def answer_the_frame(request: Request) -> Response | None:
        is_its = is_on_the_way.is_set() and not is_code(request)
        return answer(request, "{}", seconds) if is_its else None

    def once_the_frame_is_told(request: Request) -> None:
        is_on_the_way.set()
        assert frame_is_told.wait(10)

    sites.fault, sites.fault_on_the_way = answer_the_frame, once_the_frame_is_told
    sites.pages["/told"] = noting(frame_is_told)
    tell = """<script>
    document.querySelector('[data-init]').addEventListener('pavior-identity', () => fetch('/told'));
    </script>"""
    framed = f"{sites.page(sites.element() + tell, '/framed')}#pavior-handoff=ask"
    add = f"""const frame = document.createElement('iframe');
    frame.src = '{framed}';
    document.body.append(frame);"""
    body = once(is_on_the_way, add, sites) + sites.element()
    set_out(page, sites, sites.at("help") + sites.page(body))
    wait_for(page, "window.calls?.length && !document.querySelector('iframe')")
    assert evaluate(page, "calls") == [named("ada")]
    assert trips(sites) == 1


def test_a_frame_with_the_hint_to_ask_ends_no_borrowed_login_of_the_page(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    framed = f"{sites.page(sites.element(), '/framed')}#pavior-handoff=ask"
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    page.evaluate(
        "url => { const frame = document.createElement('iframe'); frame.src = url;"
        " document.body.append(frame); }",
        framed,
    )
    wait_for(page, "frames[0]?.settled")
    page.reload()
    assert calls(page) == [named("ada")]
    assert trips(sites) == 1


def trips(sites: Sites) -> int:
    """Return how often a page has come by at the lender."""
    return sites.loaded.count(f"shop{HANDOFF}")


def test_a_reload_does_not_count_as_a_link_of_the_lender(page: Page, sites: Sites) -> None:
    """Its referrer is that of the page, which the lender may have led here."""
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    page.reload()
    assert calls(page) == [named("ada")]


def test_the_frame_is_removed_once_the_user_is_known_in_another_way(
    page: Page, sites: Sites
) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    sites.fault = lambda request: answer(request, '{"id": "7"}', "60")
    look_again(page)
    assert len(calls(page, 2)) == 2
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_code_that_is_being_redeemed_counts_before_a_later_answer(
    page: Page, sites: Sites, name: str
) -> None:
    """Or else a tab that is looked at then is anonymous first, or an older answer counts last."""
    log_in(page, sites, "ada")
    may_go = threading.Event()

    def slow(request: Request) -> Response | None:
        if is_code(request):
            may_go.wait(10)
            return None
        if name == "bob" and may_go.is_set():
            return answer(request, f'{{"email": "{email("bob")}"}}', "60")
        return None

    sites.fault = slow
    with page.expect_request(lambda request: request.method == "POST"):
        follow(page, sites, sites.at("help") + sites.page(BUBBLE + sites.element(bubble="#bubble")))
    look_again(page)
    may_go.set()
    wait_for(page, "settled === 2")
    expected = [email("ada"), email("bob")] if name == "bob" else [email("ada")]
    assert [each["email"] for _, each in evaluate(page, "calls")] == expected
    assert page.locator("iframe").count() == 0
    assert trips(sites) == 1


def test_text_typed_before_share_js_ran_is_not_lost(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    late = DYNAMIC.format(
        team=TEAM,
        embed=sites.embed,
        script=sites.script,
        late="window.go = () => document.body.append(script);",
    )
    follow(page, sites, sites.at("help") + sites.page(f"<textarea></textarea>{late}"))
    page.type("textarea", "My order")
    page.evaluate("go()")
    assert calls(page) == [named(None)]
    assert page.input_value("textarea") == "My order"


@pytest.mark.parametrize(
    "field",
    [
        "<input value=search autofocus>",
        "<select autofocus><option>a",
        "<button autofocus>Go</button>",
    ],
)
def test_an_untouched_field_with_autofocus_does_not_prevent_a_trip(
    page: Page, sites: Sites, field: str
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(field + "</select>" + sites.element()))
    assert calls(page) == [named("ada")]


def test_text_typed_while_the_page_asks_is_not_lost(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page("<input autofocus>" + sites.element())
    answers.clear()
    follow(page, sites, url)
    page.type("input", "My order")
    answers.set()
    assert calls(page) == [named(None)]
    assert page.input_value("input") == "My order"
    assert trips(sites) == 0


# ── A click before the lender has answered ─────────────────────────────────────────────────────


@pytest.fixture
def by_user(sites: Sites) -> list[str | None]:
    """What the lender hears of each trip: whether a click or a key press has begun it."""
    told: list[str | None] = []

    def note(request: Request) -> None:
        told.append(request.headers.get("Sec-Fetch-User"))

    sites.fault_on_the_way = note
    return told


def use_before_the_answer(
    page: Page, sites: Sites, answers: threading.Event, key: str | None = None
) -> str:
    """Follow the shop's link, and use the page before the lender answers; return its URL."""
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(f"<input>{sites.element()}")
    answers.clear()
    follow(page, sites, url)
    evaluate(page, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    if key:
        page.keyboard.press(key)
    else:
        page.mouse.click(300, 300)
    wait_for(page, "navigator.userActivation?.isActive ?? true")
    answers.set()
    return url


@pytest.mark.parametrize("key", [None, "a"])
def test_a_user_who_clicks_before_the_lender_answers_is_named_after_the_click_is_over(
    page: Page,
    sites: Sites,
    answers: threading.Event,
    by_user: list[str | None],
    key: str | None,
) -> None:
    """A trip at once would look like a link that they follow, for which there is no code."""
    use_before_the_answer(page, sites, answers, key)
    assert calls_at_last(page, 15) == [named("ada")]
    assert by_user == [None]


def test_a_user_who_leaves_a_page_that_waits_for_a_click_to_be_over_is_named_on_the_next(
    page: Page, sites: Sites, answers: threading.Event, by_user: list[str | None]
) -> None:
    url = use_before_the_answer(page, sites, answers)
    wait_for(page, "settled === 1")
    assert by_user == []
    page.goto(f"{url}?next")
    assert calls_at_last(page) == [named("ada")]
    assert by_user == [None]


def test_without_user_activation_a_page_whose_trip_is_refused_tries_again(
    page: Page, sites: Sites, answers: threading.Event, by_user: list[str | None]
) -> None:
    """As in Firefox before 120, which tells the lender and not the page."""
    page.add_init_script("delete Navigator.prototype.userActivation")
    url = use_before_the_answer(page, sites, answers)
    assert calls_at_last(page) == [named("ada")]
    assert by_user == ["?1", None]
    assert page.url == url


ALWAYS_ACTIVE = """Object.defineProperty(navigator, 'userActivation', {
    value: {isActive: !sessionStorage.isOver, hasBeenActive: true},
})"""
OVER = "sessionStorage.isOver = 'yes', navigator.userActivation.isActive = false"


def test_text_typed_while_a_page_waits_for_a_click_to_be_over_is_not_lost(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(f"<input>{sites.element()}"))
    wait_for(page, "settled === 1")
    page.type("input", "My order")
    evaluate(page, OVER)
    assert calls(page) == [named(None)]
    assert page.input_value("input") == "My order"
    assert by_user == []


def test_a_user_who_goes_on_clicking_is_named_the_next_time_the_page_asks(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(HASTE)
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert by_user == []
    evaluate(page, OVER)
    look_again(page)
    wait_for(page, "window.calls?.at(-1)?.[1].email === 'ada@example.com'")
    assert by_user == [None]


def test_a_page_that_becomes_visible_again_while_it_waits_makes_one_trip(
    page: Page, sites: Sites, by_user: list[str | None]
) -> None:
    log_in(page, sites, "ada")
    page.add_init_script(ALWAYS_ACTIVE)
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    wait_for(page, "settled === 1")
    look_again(page)
    wait_for(page, "settled === 2")
    evaluate(page, OVER)
    assert calls(page) == [named("ada")]
    assert by_user == [None]


def test_a_page_with_an_address_too_long_for_the_lender_makes_no_trip(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    path = sites.page(sites.element())
    for length, name in ((3000, "ada"), (4000, None)):
        follow(page, sites, f"{sites.at('help')}{path}?{'a' * length}")
        assert calls(page, 1) == [named(name)]
        assert trips(sites) == 1


def test_an_answer_that_comes_after_a_newer_one_is_ignored(page: Page, sites: Sites) -> None:
    late = threading.Event()
    turns = iter(["ada", "bob"])

    def in_turn(request: Request) -> Response:
        name = next(turns)
        if name == "ada":
            late.wait(10)
        return answer(request, f'{{"email": "{email(name)}"}}', "60")

    sites.fault = in_turn
    page.goto(sites.at("help") + sites.page(sites.element()))
    look_again(page)
    wait_for(page, "window.calls?.length")
    late.set()
    wait_for(page, "settled === 2")
    assert [each["email"] for _, each in evaluate(page, "calls")] == [email("bob")]


@pytest.fixture(scope="module")
def freezing(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright),
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    ) as browser:
        yield browser


def test_a_borrower_from_the_back_forward_cache_names_nobody_after_a_logout(
    freezing: Browser, sites: Sites
) -> None:
    with freezing.new_context() as context:
        page = watched(context).new_page()
        log_in(page, sites, "ada")
        page.goto(sites.at("help.shop") + sites.page(sites.element()))
        assert calls(page) == [named("ada")]
        page.evaluate("""() => {
            addEventListener('pageshow', event => { seen.frozen = event.persisted; });
            addEventListener('visibilitychange', event => event.stopImmediatePropagation(), true);
        }""")
        page.goto(f"{sites.shop}/")
        log_in(page, sites, None)
        page.evaluate("() => { setTimeout(() => history.back()); }")
        wait_for(page, "seen.frozen && calls.length > 1")
        assert evaluate(page, "calls") == [named("ada"), named(None)]


# ── A lender that does not answer ──────────────────────────────────────────────────────────────

FAULTS: dict[str, Callable[[Request], Response]] = {
    "500": lambda request: answer(request, "", status=500),
    "404": lambda request: answer(request, "{}", status=404),
    "no JSON": lambda request: answer(request, "<!doctype html>"),
    "no CORS": lambda request: Response("{}"),
    "nothing": lambda request: answer(request, ""),
}


@pytest.mark.parametrize("fault", [*FAULTS, "down"])
def test_a_lender_that_does_not_answer_leaves_the_visitor_anonymous(
    page: Page, sites: Sites, told: Told, fault: str
) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS.get(fault)
    if fault == "down":
        page.route(f"**{SHARE_AUTH}", lambda route: route.abort())
    page.goto(sites.at("help.shop") + sites.page(sites.element() + "<h1>Help</h1>"))
    assert calls(page) == [named(None)]
    assert len(told.ours) == 1
    assert told.ours[0].startswith(f"Pavior: {sites.shop} does not say who is logged in.")
    assert f"help.shop.localhost:{sites.port}" in told.ours[0]
    assert [each.type for each in told.messages if each.text in told.ours] == ["info"]
    assert told.errors == []
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize("said", ["null", '{"id": 5}'])
def test_an_answer_without_an_identity_gives_an_anonymous_chat(
    page: Page, sites: Sites, told: Told, said: str
) -> None:
    sites.fault = lambda request: answer(request, said, "60")
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert (told.messages, told.errors) == ([], [])


def test_a_borrower_waits_five_seconds_for_its_lender(
    page: Page, sites: Sites, told: Told, answers: threading.Event
) -> None:
    page.add_init_script("window.hasty = true")
    answers.clear()
    page.goto(sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    assert page.evaluate("waits") == [5000]
    assert len(told.ours) == 1
    assert (told.complaints, told.errors) == ([], [])


def test_a_browser_without_abort_signal_timeout_asks_the_lender(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    body = f"<script>delete AbortSignal.timeout</script>{sites.element()}"
    page.goto(sites.at("help.shop") + sites.page(body))
    assert calls(page) == [named("ada")]


def test_a_failure_of_the_lender_keeps_the_login_of_a_link(
    page: Page, sites: Sites, told: Told
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    look_again(page)
    assert calls(page, 2) == [named("ada")]
    assert len(told.ours) == 1


def test_a_lender_that_fails_once_is_asked_again(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    page.goto(sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named(None)]
    sites.fault = None
    look_again(page)
    assert calls(page, 2) == [named(None), named("ada")]


@pytest.mark.parametrize(
    "seconds",
    [
        None,
        "soon",
    ],
)
def test_an_identity_without_seconds_lasts_for_the_page(
    page: Page, sites: Sites, seconds: str | None
) -> None:
    sites.fault = lambda request: answer(request, '{"id": "7"}', seconds)
    page.goto(sites.at("help") + sites.page(sites.element()))
    wait_for(page, "window.calls?.length && settled")
    # A server answers several requests after that.
    page.evaluate("(async () => { for (let i = 0; i < 9; i += 1) await fetch('/page'); })()")
    assert calls(page) == [["init", {"teamVanityId": TEAM, "id": "7"}]]


# ── Policies of the page ───────────────────────────────────────────────────────────────────────


def test_the_embed_gets_the_nonce_of_share_js(page: Page, sites: Sites, told: Told) -> None:
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
    assert (told.messages, told.errors) == ([], [])


BUBBLE = (
    "<button id=bubble style='position: fixed; left: 50px; top: 60px; width: 70px; height: 80px'"
    " onclick='seen.clicked = true'>Chat</button>"
)
POLICIES = [
    "default-src 'self'; frame-src 'none'; connect-src 'none'; script-src 'self'",
    "script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self'; child-src 'self'",
    "default-src 'none', default-src 'self'",
    "require-trusted-types-for 'script'; trusted-types other; default-src 'none'",
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_python_borrower_gains_what_its_policy_needs(
    page: Page, sites: Sites, told: Told, policy: str
) -> None:
    body = "<button id=bubble>Chat</button>"
    url = sites.at("python") + sites.page(body, "/bubble", Content_Security_Policy=policy)
    log_in(page, sites, "ada")
    page.goto(url)
    expect(page.locator("iframe")).to_be_visible()  # which its own script has asked for
    options = {"doChat": True, "doTimeTravel": True}
    assert evaluate(page, "calls") == [named(None, **options)]
    assert page.locator("iframe").bounding_box() == page.locator("#bubble").bounding_box()
    follow(page, sites, url)
    assert calls_at_last(page) == [named("ada", **options)]
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("violations") == []
    assert page.url == url
    assert (told.complaints, told.errors) == ([], [])


def lent_by_nobody(sites: Sites) -> list[object]:
    """Return the call of init that leaves it to the embed to borrow."""
    lender = sites.shop.partition("://")[2]
    return named(None, doChat=True, doTimeTravel=True, shareAuth=lender)


@pytest.mark.parametrize("failure", ["not found", "not a script", "silent", "blocked"])
@pytest.mark.parametrize("what", ["share.js", "borrower-*.js"])
def test_a_python_borrower_whose_scripts_fail_has_an_anonymous_chat(
    page: Page, sites: Sites, told: Told, what: str, failure: str
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
    assert len(told.errors) == (1 if failure == "not a script" else 0)
    assert len(told.ours) == 1
    assert what.partition("*")[0] in told.ours[0]


# What every release of share.js does at once.
RUN = "const script = document.currentScript; script.code;"


def test_a_python_borrower_whose_share_js_runs_and_says_nothing_has_an_anonymous_chat(
    page: Page, sites: Sites, told: Told
) -> None:
    page.clock.install()
    page.route(sites.script, lambda route: route.fulfill(body=RUN, content_type="text/javascript"))
    with page.expect_response(sites.script):
        page.goto(sites.at("python.shop") + sites.page(""))
    page.clock.run_for(9000)
    assert (evaluate(page, "window.calls ?? []"), told.ours) == ([], [])
    page.clock.run_for(1000)
    assert calls(page, 0) == [lent_by_nobody(sites)]
    assert len(told.ours) == 1


def test_a_python_borrower_waits_for_a_share_js_of_another_release(
    page: Page, sites: Sites, told: Told
) -> None:
    tell = "script.dispatchEvent(new CustomEvent('pavior-identity', {detail: {id: '7'}}))"
    body = f"{RUN} addEventListener('told', () => {tell}); setTimeout(() => {tell}, 3000);"
    page.clock.install()
    page.route(sites.script, lambda route: route.fulfill(body=body, content_type="text/javascript"))
    with page.expect_response(sites.script):
        page.goto(sites.at("python.shop") + sites.page(""))
    page.clock.run_for(3000)
    options = {"doChat": True, "doTimeTravel": True}
    expected = [named(None, **options, id="7")]
    assert calls(page, 0) == expected
    page.clock.run_for(10_000)
    evaluate(page, "dispatchEvent(new Event('told'))")
    assert calls(page, 0) == expected
    evaluate(page, "dispatchEvent(new Event('pavior:logout'))")  # to which it does not listen
    expected.append(named(None, **options))
    assert calls(page, 0) == expected
    assert (told.ours, told.errors) == ([], [])


# The element of a further page, in the document of the first one.
VISIT = """fetch('').then(answer => answer.text()).then(text => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    document.head.append(page.querySelector('[data-pavior]'));
})"""


def test_a_python_borrower_follows_the_login_events_of_its_page(
    page: Page, sites: Sites, told: Told
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
    assert (told.messages, told.errors) == ([], [])


README = Path(__file__).parents[3] / "README.md"


def test_a_page_under_the_policy_of_the_readme_borrows_in_every_way(
    page: Page, sites: Sites, told: Told
) -> None:
    found = re.search(r"```\n +(script-src .*?)\n +```", README.read_text("utf-8"), re.DOTALL)
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
    page.locator("body").wait_for()
    assert calls_at_last(page) == [named("ada")]
    assert page.evaluate("violations") == []
    assert (told.complaints, told.errors) == ([], [])


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
    page: Page, sites: Sites, told: Told
) -> None:
    path = sites.page(
        sites.element(),
        Content_Security_Policy=(
            "require-trusted-types-for 'script'; trusted-types pavior-middleware"
        ),
    )
    page.goto(sites.at("help") + path)
    assert calls_at_last(page) == [named(None)]
    assert (told.complaints, told.errors, page.evaluate("violations")) == ([], [], [])


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


# ── The frame over the bubble ──────────────────────────────────────────────────────────────────


def known_to_lie_over(page: Page, selector: str = "#bubble") -> None:
    """Wait until the frame is where the bubble is."""
    page.wait_for_function(
        """selector => {
            const frame = document.querySelector('iframe');
            const bubble = selector.split(' >>> ').reduce(
                (root, part) => (root.shadowRoot ?? root).querySelector(part), document);
            if (!frame || !bubble || frame.style.visibility !== 'visible') return false;
            const [one, other] = [frame, bubble].map(each => each.getBoundingClientRect());
            return ['x', 'y', 'width', 'height'].every(side => one[side] === other[side]);
        }""",
        arg=selector,
    )


HIDDEN = "document.querySelector('iframe').style.visibility === 'hidden'"


def top_at_bubble(page: Page) -> str:
    name: str = page.evaluate("""() => {
        const box = document.querySelector('#bubble').getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).localName;
    }""")
    return name


def open_directly(page: Page, sites: Sites, body: str, **element: Any) -> None:
    element.setdefault("bubble", "#bubble")
    page.goto(sites.at("help") + sites.page(body + sites.element(**element)))


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


def test_an_embed_may_tell_where_its_bubble_is(page: Page, sites: Sites) -> None:
    open_directly(page, sites, "<script>window.makesBubble = true</script>", bubble="")
    known_to_lie_over(page)


@pytest.mark.parametrize("case", ["no bubble", "no chat", "same site", "logged out", "link"])
def test_no_frame_is_added_where_a_click_changes_nothing(
    page: Page, sites: Sites, told: Told, case: str
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
    assert (told.messages, told.errors) == ([], [])


def test_a_site_that_is_not_whitelisted_gets_no_frame_and_one_message(
    page: Page, sites: Sites, told: Told
) -> None:
    log_in(page, sites, "ada")
    body = BUBBLE + sites.element(bubble="#bubble")
    page.goto(sites.at("rogue") + sites.page(body))
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0
    assert len(told.ours) == 1
    (complaint,) = told.complaints
    assert "blocked by CORS policy" in complaint  # which Chromium says, whatever a script does
    assert told.errors == []


def test_a_click_that_is_allowed_names_the_user_and_opens_the_chat(
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


def test_a_click_that_is_denied_opens_the_chat_all_the_same(fresh_page: Page, sites: Sites) -> None:
    page, told = fresh_page, listening(fresh_page)
    log_in(page, sites, "ada")
    page.goto(f"{sites.shop}/")
    page.context.grant_permissions([])  # and so no other
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.locator("iframe").click()
    wait_for(page, "seen.clicked")
    assert calls(page) == [named(None)]
    assert page.locator("iframe").count() == 0
    assert len(told.ours) == 1
    assert told.complaints == ["requestStorageAccess: Permission denied."]  # which Chromium says
    assert told.errors == []
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


def test_a_message_that_is_not_the_frames_is_ignored(page: Page, sites: Sites) -> None:
    open_directly(page, sites, BUBBLE)
    known_to_lie_over(page)
    page.evaluate("""() => new Promise(done => {
        addEventListener('message', () => done());
        const identity = {id: 'somebody else'};
        postMessage({pavior: 'told', identity, seconds: 60, isClicked: true});
    })""")
    assert page.evaluate("[calls, seen]") == [[named(None)], {}]
    assert page.locator("iframe").count() == 1
