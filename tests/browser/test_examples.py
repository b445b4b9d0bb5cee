"""The whole path in a real Chromium: log in, chat, and see in the inbox what it was worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Route,
    expect,
)
from werkzeug.wrappers import Response

import example_flask.app
import example_starlette.app
from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Settings
from pavior_middleware._page.snippet import render
from pavior_middleware.emulator import create_app
from tests.support import chromium
from tests.support.adapters import ADAPTERS, Reply
from tests.support.browsers import FLAGS, loads_of
from tests.support.covering import first_of
from tests.support.documents import PLACES
from tests.support.pages import masked
from tests.support.servers import serving_asgi, serving_help_center, serving_wsgi

API_KEY = "ladygaga"
TEAM = "YOUR_TEAM_ID"
EMAIL = "user@example.com"
HMAC = "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832"
ANONYMOUS = {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}


SHOPS = ["flask", "starlette"]
in_each_shop = pytest.mark.parametrize("site", first_of(SHOPS), indirect=True)


@dataclass
class Site:
    """A shop, a Pavior and a help center, each at a name of its own under localhost."""

    shop: str
    pavior: str
    same_site_help: str
    cross_site_help: str
    stranger: str
    same_site_stranger: str


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:  # closed before the site, which waits
    with browser.new_context() as context:
        page = context.new_page()
        yield page
        page.unroute_all(behavior="ignoreErrors")


@pytest.fixture
def tolerant_context(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose profile allows third-party cookies."""
    preferences = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(preferences))
    with playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=chromium.path(playwright), args=FLAGS
    ) as context:
        yield context


@pytest.fixture(params=first_of(SHOPS))
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    pavior, shop, help_center = free_ports([0, 0, 0])
    embed_url = f"http://pavior.localhost:{pavior}/embed"
    whitelist = f"help.shop.localhost:{help_center}\nhelp.localhost:{help_center}"
    settings = {
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_EMBED_URL": embed_url,
        "PAVIOR_SHARED_AUTH_DOMAINS": whitelist,
        "SECRET_KEY": "only for tests",
        "SECONDS_PER_ORDER": "0",
    }
    with ExitStack() as servers:
        emulator = create_app(team_vanity_id=TEAM, api_key=API_KEY)
        servers.enter_context(serving_asgi(emulator, pavior))
        servers.enter_context(serving_help_center(help_center, embed_url, f"shop.localhost:{shop}"))
        if request.param == "flask":
            # A session that other sites' pages may send along, if the browser lets them.
            cookies = {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True}
            app = example_flask.app.create_app({**settings, **cookies, "SECONDS_PER_ORDER": 0})
            servers.enter_context(serving_wsgi(app, shop))
        else:
            servers.enter_context(serving_asgi(example_starlette.app.create_app(settings), shop))
        yield Site(
            f"http://shop.localhost:{shop}",
            f"http://pavior.localhost:{pavior}",
            f"http://help.shop.localhost:{help_center}",
            f"http://help.localhost:{help_center}",
            f"http://elsewhere.localhost:{help_center}",
            f"http://rogue.shop.localhost:{help_center}",
        )


def visit(page: Page, url: str) -> dict[str, Any]:
    """Open a page and return what Pavior made of its init, once it has answered."""
    page.add_init_script(
        "window.ready = new Promise(done =>"
        " addEventListener('pavior:ready', event => done(event.detail), {once: true}))"
    )
    page.goto(url)
    detail: dict[str, Any] = page.evaluate("window.ready")
    return detail


def log_in(page: Page, site: Site, path: str = "/account") -> None:
    page.goto(f"{site.shop}/login")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{path}")


def log_in_unseen(page: Page, site: Site) -> None:
    """Log in without the chat, so that Pavior has not seen the user authenticated."""
    page.route("**/embed", lambda route: route.abort())
    log_in(page, site)
    page.goto("about:blank")  # the embed comes when the page has loaded
    page.unroute("**/embed")


def say(page: Page, text: str) -> None:
    """Type a message into the chat bubble and send it."""
    page.get_by_role("button", name="Open chat").click()
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text(text)


def inits(page: Page) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = page.evaluate("Pavior.calls.map(call => call.options)")
    return calls


def expect_in_inbox(
    page: Page, site: Site, text: str, *, status: str, warning: str | None = None
) -> None:
    """Look at the inbox as its owner does: the message, its contact's status, its warning sign."""
    page.goto(site.pavior)
    page.locator(f'[data-contact][data-status="{status}"]').get_by_role("link").click()
    message = page.locator("[data-message]", has_text=text)
    expect(message).to_have_count(1)
    expect(message).to_have_attribute("data-authenticated", str(status == "signup").lower())
    if warning is None:
        expect(message.locator("[data-warning]")).to_have_count(0)
    else:
        expect(message.locator("[data-warning]")).to_contain_text("⚠️")
        expect(message.locator("[data-warning]")).to_contain_text(warning)


@in_each_shop
def test_a_logged_in_user_is_a_signup_without_a_warning(page: Page, site: Site) -> None:
    log_in(page, site)
    assert visit(page, f"{site.shop}/account")["status"] == "signup"
    assert inits(page) == [{**ANONYMOUS, "email": EMAIL, "hmac": HMAC}]
    say(page, "It is me")
    expect_in_inbox(page, site, "It is me", status="signup")


@in_each_shop
@pytest.mark.parametrize("path", ["/", "/stream", "/nowhere"])
def test_every_page_of_a_logged_in_user_makes_the_documented_call_once(
    page: Page, site: Site, path: str
) -> None:
    log_in(page, site)
    visit(page, site.shop + path)
    assert inits(page) == [{**ANONYMOUS, "email": EMAIL, "hmac": HMAC}]


@in_each_shop
def test_after_logging_out_a_visitor_is_anonymous(page: Page, site: Site) -> None:
    log_in(page, site)
    visit(page, f"{site.shop}/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/")
    assert visit(page, f"{site.shop}/")["status"] == "anonymous"
    assert inits(page) == [ANONYMOUS]
    say(page, "Who am I")
    expect_in_inbox(page, site, "Who am I", status="anonymous")


def pass_on(page: Page, change: Callable[[str, str], str]) -> None:
    """Let `change(url, text)` see and replace the text of all that the browser is sent."""

    def fetch(route: Route) -> None:
        if route.request.resource_type == "eventsource":  # which does not end
            route.continue_()
            return
        url = urlsplit(route.request.url)
        response = route.fetch(
            # Not every system knows the names under localhost, as browsers do.
            url=url._replace(netloc=f"{LOOPBACK}:{url.port}").geturl(),
            headers={**route.request.all_headers(), "host": url.netloc},
            max_redirects=0,
        )
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        change(route.request.url, head)
        route.fulfill(response=response, body=change(route.request.url, response.text()))

    page.route("**/*", fetch)


def forge(page: Page, old: str, new: str) -> None:
    """Change the pages on their way to the browser, as its user can."""
    pass_on(page, lambda url, text: text if url.endswith("/embed") else text.replace(old, new))


def test_an_email_forged_in_the_page_is_a_lead_with_a_warning(page: Page, site: Site) -> None:
    team = f'"teamVanityId":"{TEAM}"'
    forge(page, team, team + ',"email":"boss@bank.example"')
    assert visit(page, f"{site.shop}/")["status"] == "lead"
    say(page, "Pay the bearer")
    expect_in_inbox(page, site, "Pay the bearer", status="lead", warning="boss@bank.example")


def test_a_wrong_hmac_is_a_lead_with_a_warning_that_says_why(page: Page, site: Site) -> None:
    log_in_unseen(page, site)
    forge(page, masked(HMAC), masked(HMAC[::-1]))
    seen = visit(page, f"{site.shop}/account")
    assert (seen["status"], seen["authenticated"]) == ("lead", False)
    say(page, "Trust me")
    expect_in_inbox(page, site, "Trust me", status="lead", warning=seen["reason"])
    assert "hmac" in seen["reason"]


def test_somebody_elses_email_with_ones_own_hmac_is_a_lead(page: Page, site: Site) -> None:
    log_in_unseen(page, site)
    forge(page, EMAIL, "boss@bank.example")
    assert visit(page, f"{site.shop}/account")["status"] == "lead"
    assert loads_of(page, "/embed") == 1


@pytest.mark.parametrize("site", ["flask"], indirect=True)
def test_the_embed_has_the_scripts_own_nonce(page: Page, site: Site) -> None:
    settings = Settings(TEAM, API_KEY, embed_url=f"{site.pavior}/embed")
    snippet = render(settings).element("abc")
    foreign = b"<script>window.foreign = true</script>"
    protected = Response(
        b"<!doctype html><title>Protected</title>" + snippet + foreign,
        headers={"Content-Security-Policy": "script-src 'nonce-abc'"},
        mimetype="text/html",
    )
    (port,) = free_ports([0])
    with serving_wsgi(protected, port):
        page.goto(f"http://protected.localhost:{port}/")
        expect(page.get_by_role("button", name="Open chat")).to_be_visible()
        assert page.evaluate("window.foreign") is None


# Loads each page in a frame of its own and counts the calls that its embed gets.
COUNT_CALLS = """pages => Promise.all(pages.map(text => new Promise(done => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const calls = [];
    // The embed comes when the page has loaded, and another call would come with the first one.
    calls.push = options => { calls[calls.length] = options; setTimeout(() => done(calls)); };
    setTimeout(() => done(calls), 20000);
    frame.contentWindow.calls = calls;
    frame.contentDocument.open();
    frame.contentDocument.write(text);
    frame.contentDocument.close();
})))"""


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_any_page_in_any_pieces_makes_one_init_call(
    browser: Browser, adapter: str, size: int
) -> None:
    def rewritten(document: bytes) -> str:
        pieces = [document[start : start + size] for start in range(0, len(document), size)]
        reply = Reply(pieces, headers=[("Content-Type", "text/html; charset=utf-8")])
        settings = Settings(TEAM, API_KEY, inject_in_frames=True)
        seen = ADAPTERS[adapter](reply, settings, headers={"Sec-Fetch-Dest": "document"})
        return seen.body.decode()

    documents = [marked.replace(b"|", b"") for marked in PLACES.values()]
    pages = [rewritten(document) for document in documents]
    with browser.new_context() as context:
        page = context.new_page()
        page.route(
            "https://app.pavior.com/embed",
            lambda route: route.fulfill(
                body="function Pavior(command, options) { calls.push(options); }",
                content_type="text/javascript",
            ),
        )
        page.route("https://shop.test/", lambda route: route.fulfill(body="<!doctype html>"))
        page.goto("https://shop.test/")  # a blank page has an opaque origin, where no chat starts
        assert page.evaluate(COUNT_CALLS, pages) == [[ANONYMOUS]] * len(pages)


def test_an_embed_that_cannot_be_loaded_costs_one_warning(page: Page, site: Site) -> None:
    logged: list[tuple[str, str]] = []
    page.on("console", lambda message: logged.append((message.type, message.text)))
    page.on("pageerror", lambda error: logged.append(("pageerror", str(error))))
    page.route("**/embed", lambda route: route.abort())
    with page.expect_console_message(lambda message: message.type == "warning"):
        page.goto(f"{site.shop}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    ours = [each for each in logged if "net::ERR_FAILED" not in each[1]]
    assert ours == [("warning", f"Pavior: cannot load {site.pavior}/embed")]


def test_an_embed_that_defines_nothing_costs_one_warning(page: Page, site: Site) -> None:
    page.route("**/embed", lambda route: route.fulfill(body="", content_type="text/javascript"))
    with page.expect_console_message(lambda message: message.type == "warning") as logged:
        page.goto(f"{site.shop}/")
    assert "cannot load" in logged.value.text


@in_each_shop
def test_the_help_center_of_the_same_site_borrows_the_login(page: Page, site: Site) -> None:
    log_in(page, site)
    seen = visit(page, site.same_site_help)
    assert (seen["status"], seen["authenticated"]) == ("signup", True)
    (call,) = inits(page)
    assert call == {**ANONYMOUS, "shareAuth": site.shop.removeprefix("http://")}
    say(page, "Where is my order")
    expect_in_inbox(page, site, "Where is my order", status="signup")


def test_a_logged_out_user_is_anonymous_at_the_help_center(page: Page, site: Site) -> None:
    assert visit(page, site.same_site_help)["status"] == "anonymous"


def test_a_page_that_is_not_whitelisted_learns_nothing(page: Page, site: Site) -> None:
    log_in(page, site)
    for stranger in (site.stranger, site.same_site_stranger):
        assert visit(page, stranger)["status"] == "anonymous"


@pytest.mark.parametrize("site", ["flask"], indirect=True)
def test_with_third_party_cookies_a_help_center_of_another_site_borrows_the_login(
    tolerant_context: BrowserContext, site: Site
) -> None:
    page = tolerant_context.new_page()
    log_in(page, site)
    seen = visit(page, site.cross_site_help)
    assert (seen["status"], seen["authenticated"]) == ("signup", True)
    assert visit(page, site.stranger)["status"] == "anonymous"
    assert visit(page, site.same_site_stranger)["status"] == "anonymous"


@in_each_shop
def test_no_api_key_is_in_anything_that_the_browser_gets(page: Page, site: Site) -> None:
    seen: dict[str, str] = {}

    def keep(url: str, text: str) -> str:
        seen[url] = seen.get(url, "") + text
        return text

    pass_on(page, keep)
    log_in(page, site)
    for path in ("/", "/account", "/stream", "/nowhere", "/error"):
        page.goto(site.shop + path)
    visit(page, site.same_site_help)
    say(page, "Anything to see")
    expect_in_inbox(page, site, "Anything to see", status="signup")
    page.goto(f"{site.pavior}/api/inbox")
    for path in ("/account", "/error", "/.well-known/pavior/share-auth"):
        assert site.shop + path in seen
    for path in ("/embed", "/", "/widget/init", "/api/inbox"):
        assert site.pavior + path in seen
    # This key is the example of Pavior's documentation, which the inbox shows as such.
    assert [url for url, text in seen.items() if API_KEY in text] == [f"{site.pavior}/"]
