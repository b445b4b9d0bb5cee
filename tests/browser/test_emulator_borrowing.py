"""The emulator's widget borrows a login: from a real lender, in a real Chromium."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, wsgi
from pavior_middleware.emulator import create_app
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import API_KEY, TEAM


class Borrowing:
    """A shop that lends its login, a help center and a Pavior, and a page of the help center.

    The shop knows people by a cookie, which other sites' requests do not have. `inits` are the
    answers that the page has got; `loaded` are the URLs of all that it has loaded.
    """

    def __init__(self, page: Page, shop: int, help_center: int, pavior: int) -> None:
        self.page = page
        self.lender = f"shop.localhost:{shop}"
        self.shop = f"http://{self.lender}"
        self.help = f"http://help.localhost:{help_center}"
        self.same_site_help = f"http://help.shop.localhost:{help_center}"
        self.embed = f"http://pavior.localhost:{pavior}/embed"
        self.loaded: list[str] = []
        self.errors: list[object] = []
        page.on("request", lambda request: self.loaded.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(error))
        page.add_init_script(
            "window.seen = []; addEventListener('pavior:ready', event => seen.push(event.detail))"
        )

    def log_in(self, name: str) -> None:
        self.page.context.add_cookies(
            [{"name": "user", "value": name, "url": self.shop, "sameSite": "Lax"}]
        )

    def open(self, url: str) -> None:
        self.page.goto(url)

    def init(self, **options: str) -> None:
        self.page.evaluate("options => Pavior('init', options)", {"teamVanityId": TEAM, **options})

    def ready(self, count: int) -> dict[str, Any]:
        """Wait for this number of answers in all, and return the last."""
        self.page.wait_for_function(f"seen.length >= {count}")
        seen: list[dict[str, Any]] = self.page.evaluate("seen")
        assert len(seen) == count
        assert self.page.evaluate("Pavior.state") == seen[-1]
        return seen[-1]

    def come_back(self) -> None:
        """Do as a browser does whose user has looked at another tab."""
        with self.page.expect_response("**/share-auth"):
            self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def count_loaded(self, path: str) -> int:
        return len([url for url in self.loaded if url.endswith(path)])


@Request.application
def plain_page(request: Request) -> Response:
    """A page with the element and scripts that are in the query."""
    markup = request.args.get("markup", "")
    policy = {"Content-Security-Policy": request.args["policy"]} if "policy" in request.args else {}
    return Response(
        f"<!doctype html><title>Help</title>{markup}<h1>Help</h1>",
        mimetype="text/html",
        headers=policy,
    )


def identity_in_cookie(environ: dict[str, Any]) -> Identity | None:
    name = Request(environ).cookies.get("user")
    return Identity(email=f"{name}@example.com") if name else None


@pytest.fixture
def borrowing(browser: Browser) -> Iterator[Borrowing]:
    shop, help_center, pavior = free_ports([0, 0, 0])
    settings = Settings(
        TEAM,
        API_KEY,
        embed_url=f"http://pavior.localhost:{pavior}/embed",
        shared_auth_domains=f"help.localhost:{help_center}\nhelp.shop.localhost:{help_center}",
        secret_key="only for tests",
    )
    lender = wsgi.PaviorMiddleware(plain_page, settings, identity=identity_in_cookie)
    emulator = create_app(team_vanity_id=TEAM, api_key=API_KEY)
    with (
        serving_wsgi(lender, shop),
        serving_wsgi(plain_page, help_center),
        serving_asgi(emulator, pavior),
        browser.new_context() as context,
    ):
        borrowing = Borrowing(context.new_page(), shop, help_center, pavior)
        yield borrowing
        assert borrowing.errors == []


def borrowing_page(borrowing: Borrowing, *, lender: str = "", nonce: str = "") -> str:
    """Return the path and query of a page that calls init as Pavior's documentation says."""
    options = json.dumps({"teamVanityId": TEAM, "shareAuth": lender or borrowing.lender})
    markup = (
        f"<script src='{borrowing.embed}' nonce='{nonce}'></script>"
        f"<script nonce='{nonce}'>window.seenByOthers = location.href;"
        f" Pavior('init', {options})</script>"
    )
    return f"/?{urlencode({'markup': markup})}"


def test_a_borrowed_login_is_a_signup(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    borrowing.open(borrowing.same_site_help + borrowing_page(borrowing))
    seen = borrowing.ready(1)
    assert (seen["status"], seen["authenticated"], seen["reason"]) == ("signup", True, None)
    assert seen["options"] == {"teamVanityId": TEAM, "shareAuth": borrowing.lender}


def test_a_link_takes_the_login_along_and_no_script_sees_how(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    url = f"{borrowing.help}{borrowing_page(borrowing)}"
    link = f'<a href="{html.escape(url)}#section">Help</a>'
    borrowing.open(f"{borrowing.shop}/?{urlencode({'markup': link})}")
    borrowing.page.get_by_role("link", name="Help").click()
    borrowing.page.wait_for_url(f"{borrowing.help}/**")
    assert borrowing.ready(1)["status"] == "signup"
    assert borrowing.page.url == f"{url}#section"
    assert borrowing.page.evaluate("seenByOthers") == f"{url}#section"


def test_a_policy_with_a_nonce_lets_the_lenders_script_in(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    page = borrowing_page(borrowing, nonce="abc")
    # Playwright waits for an expression with `eval`.
    policy = urlencode({"policy": "script-src 'nonce-abc' 'unsafe-eval'"})
    borrowing.open(f"{borrowing.same_site_help}{page}&{policy}")
    assert borrowing.ready(1)["status"] == "signup"


def test_somebody_else_at_the_lender_is_somebody_else_in_the_chat(borrowing: Borrowing) -> None:
    page = borrowing.page
    borrowing.log_in("ada")
    borrowing.open(borrowing.same_site_help + borrowing_page(borrowing))
    borrowing.ready(1)
    page.get_by_role("button", name="Open chat").click()
    page.get_by_role("textbox", name="Message").fill("I am Ada")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("I am Ada")
    page.get_by_role("textbox", name="Message").fill("half a sent")

    borrowing.come_back()  # with nothing new
    borrowing.log_in("bob")
    borrowing.come_back()
    assert borrowing.ready(2)["status"] == "signup"
    expect(page.get_by_role("heading", name="Hello bob@example.com")).to_be_visible()
    expect(page.get_by_role("log")).not_to_contain_text("I am Ada")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")

    page.context.clear_cookies()
    borrowing.come_back()
    assert borrowing.ready(3)["status"] == "anonymous"


def test_inits_with_the_same_lender_load_its_script_once(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    borrowing.open(borrowing.same_site_help + borrowing_page(borrowing))
    borrowing.ready(1)
    borrowing.init(shareAuth=borrowing.lender, plan="gold")
    seen = borrowing.ready(2)
    assert (seen["status"], seen["options"]["plan"]) == ("signup", "gold")
    borrowing.init(email="eve@example.com")
    assert borrowing.ready(3)["status"] == "lead"
    borrowing.init(shareAuth=borrowing.lender)
    assert borrowing.ready(4)["status"] == "signup"
    assert borrowing.page.locator("script[src$='/share.js']").count() == 1


def test_an_init_without_share_auth_ends_the_borrowing(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    borrowing.open(borrowing.same_site_help + borrowing_page(borrowing))
    borrowing.ready(1)
    borrowing.init(email="eve@example.com")
    borrowing.ready(2)
    borrowing.log_in("bob")
    borrowing.come_back()
    borrowing.init(shareAuth=borrowing.lender)
    borrowing.ready(3)
    name = borrowing.page.locator("pavior-widget").get_by_role("heading", include_hidden=True)
    expect(name).to_have_text("Hello bob@example.com")


def test_a_lender_without_the_script_leaves_the_visitor_anonymous(borrowing: Borrowing) -> None:
    (nobody,) = free_ports([0])
    lender = f"shop.localhost:{nobody}"
    borrowing.open(borrowing.help + borrowing_page(borrowing, lender=lender))
    seen = borrowing.ready(1)
    assert seen["status"] == "anonymous"
    assert seen["reason"] == f"{lender} lent no identity (share.js could not be loaded)"
    borrowing.log_in("ada")
    borrowing.init(shareAuth=borrowing.lender)
    borrowing.ready(2)
    borrowing.init(shareAuth=lender)
    borrowing.ready(3)
    assert borrowing.count_loaded(f":{nobody}/.well-known/pavior/share.js") == 2


def test_a_lenders_script_that_reports_nothing_leaves_the_visitor_anonymous(
    borrowing: Borrowing,
) -> None:
    borrowing.page.clock.install()
    borrowing.page.route(
        "**/share.js", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    with borrowing.page.expect_response("**/share.js"):
        borrowing.open(borrowing.help + borrowing_page(borrowing))
    borrowing.page.clock.fast_forward("00:10")
    seen = borrowing.ready(1)
    assert seen["reason"] == f"{borrowing.lender} lent no identity (share.js tells nothing)"

    def report(identity: dict[str, str]) -> None:
        borrowing.page.locator("script[src$='/share.js']").evaluate(
            "(script, detail) =>"
            " script.dispatchEvent(new CustomEvent('pavior-identity', {detail}))",
            identity,
        )

    borrowing.page.get_by_role("button", name="Open chat").click()
    box = borrowing.page.get_by_role("textbox", name="Message")
    box.fill("half a sentence")
    report({})  # which is what we go by already
    expect(box).to_have_value("half a sentence")
    report({"email": "ada@example.com"})
    assert borrowing.ready(2)["status"] == "lead"
    expect(box).to_have_value("")


@pytest.mark.parametrize("lender", ["a.example/b", "a@b.example", "a.example?b", "[", "a:b"])
def test_a_share_auth_that_is_no_domain_leaves_the_visitor_anonymous(
    borrowing: Borrowing, lender: str
) -> None:
    borrowing.open(borrowing.help + borrowing_page(borrowing, lender=lender))
    seen = borrowing.ready(1)
    assert seen["status"] == "anonymous"
    assert seen["reason"].startswith(f"{lender} lent no identity (")
    assert borrowing.count_loaded("/share.js") == 0


def test_a_click_on_the_bubble_may_ask_for_the_lenders_cookie(borrowing: Borrowing) -> None:
    borrowing.log_in("ada")
    borrowing.open(borrowing.help + borrowing_page(borrowing))
    assert borrowing.ready(1)["status"] == "anonymous"
    frame = borrowing.page.locator("iframe[title=Chat]")
    expect(frame).to_be_visible()
    bubble = borrowing.page.get_by_role("button", name="Open chat").first
    assert frame.bounding_box() == bubble.bounding_box()
