"""What real browsers do, as far as the sharing of logins relies on it: over TLS, at two sites.

The shop has a cookie that other sites' pages may send; the help center is another site.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.responses import HTMLResponse
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from tests.support.engines.window import Window
from tests.support.tls import serving_asgi_over_tls, serving_wsgi_over_tls

ALL = ["chromium", "firefox", "webkit"]
TOLERANT = [f"tolerant {name}" for name in ALL]
CODE = "#pavior-handoff=abc"

LONG_PAGE = f"""<style>:target {{ color: red }}</style>
<script>history.replaceState(history.state, '', '#section')</script>
{"<p>text</p>" * 200}<h2 id=section>Section</h2>{"<p>text</p>" * 200}"""

FRAMED = """<body style="margin: 0"><iframe src="SHOP/frame"></iframe>
<script>
const heard = [];
addEventListener('message', event => heard.push(event.data));
</script>"""

FRAME = """<body style="margin: 0"><button style="position: fixed; inset: 0">Ask</button>
<script>
const report = async () => parent.postMessage(await (await fetch('/who')).json(), '*');
report();
document.querySelector('button').onclick =
    () => document.requestStorageAccess().then(report, report);
</script>"""


pytestmark = pytest.mark.thorough  # it is about the browsers


@dataclass
class Sites:
    """The two sites, and another help center of the shop's own site."""

    port: int

    def __post_init__(self) -> None:
        self.shop = f"https://shop.example.test:{self.port}"
        self.help = f"https://help.other.test:{self.port}"
        self.near_help = f"https://help.example.test:{self.port}"

    def answer(self, request: Request) -> Response:
        """Answer for all of them."""
        bodies = {
            "/page": "",
            "/long": LONG_PAGE,
            "/framed": FRAMED.replace("SHOP", self.shop),
            "/frame": FRAME,
            "/login": "<input>",
            "/by-user": request.headers.get("Sec-Fetch-User", "absent"),
        }
        if request.path == "/who":
            return self._who(request)
        if request.path not in bodies:
            return Response(status=404)
        body = f"<!doctype html><meta charset=utf-8><title>A page</title>{bodies[request.path]}"
        response = Response(body, mimetype="text/html")
        if request.path == "/login":
            response.set_cookie("__Host-x", "1", secure=True, httponly=True, samesite="None")
            response.set_cookie("lax", "1", secure=True, samesite="Lax")
        return response

    def _who(self, request: Request) -> Response:
        origin = request.headers.get("Origin", "null")
        access = request.headers.get("Sec-Fetch-Storage-Access", "")
        response = Response(
            f'["{"; ".join(sorted(request.cookies))}", "{access}"]',
            mimetype="application/json",
            headers={
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Credentials": "true",
                "Cache-Control": "no-store",
            },
        )
        if access == "inactive" and "retry" in request.args:
            response.headers["Activate-Storage-Access"] = f'retry; allowed-origin="{origin}"'
        return response


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    (port,) = free_ports([0])
    sites = Sites(port)
    with serving_wsgi_over_tls(Request.application(sites.answer), port):
        yield sites


def who(window: Window, sites: Sites, query: str = "") -> Any:
    """Return the shop's cookies that a request of this page bears, and what it says of them."""
    return window.evaluate(
        f"fetch('{sites.shop}/who{query}', {{credentials: 'include'}}).then(each => each.json())"
    )


def test_every_browser_shows_a_site_over_tls(window: Window, sites: Sites) -> None:
    window.open(f"{sites.shop}/login")
    assert window.url() == f"{sites.shop}/login"
    assert window.evaluate("isSecureContext")
    window.type_into("input", "Grüße!")
    assert window.evaluate("document.querySelector('input').value") == "Grüße!"


def test_every_browser_shows_an_asgi_app_over_tls(window: Window) -> None:
    (port,) = free_ports([0])
    with serving_asgi_over_tls(HTMLResponse("<!doctype html><title>Hello</title>"), port):
        window.open(f"https://help.shop.localhost:{port}/")
        assert window.evaluate("document.title") == "Hello"


@pytest.mark.parametrize("turn", [1, 2])
def test_no_test_has_the_cookies_of_another_test(window: Window, sites: Sites, turn: int) -> None:
    window.open(f"{sites.shop}/page")
    assert who(window, sites)[0] == ""
    window.open(f"{sites.shop}/login")
    assert who(window, sites)[0] == "__Host-x; lax"


def test_a_fragment_replaced_early_is_the_one_that_is_shown(window: Window, sites: Sites) -> None:
    window.open(f"{sites.help}/long{CODE}&section")
    assert window.wait_for("scrollY")
    assert window.evaluate("document.querySelector(':target').id") == "section"


def test_browsers_that_block_cookies_send_none_from_other_sites(
    window: Window, sites: Sites
) -> None:
    window.open(f"{sites.shop}/login")
    window.open(f"{sites.help}/page")
    assert who(window, sites)[0] == ""
    window.open(f"{sites.near_help}/page")
    assert who(window, sites)[0] == "__Host-x; lax"


@pytest.mark.parametrize("engine", TOLERANT, indirect=True)
def test_tolerant_browsers_send_the_login_cookie_from_other_sites(
    window: Window, sites: Sites
) -> None:
    window.open(f"{sites.shop}/login")
    window.open(f"{sites.help}/page")
    assert who(window, sites)[0] == "__Host-x"


def test_a_frame_sends_the_login_cookie_once_the_visitor_agrees(
    window: Window, sites: Sites
) -> None:
    window.open(f"{sites.shop}/login")
    window.click("input")  # WebKit asks for a site only that has been used
    window.open(f"{sites.help}/framed")
    window.wait_for("heard.length == 1")
    window.click_and_agree("iframe")
    window.wait_for("heard.length == 2")
    assert [cookies for cookies, _ in window.evaluate("heard")] == ["", "__Host-x"]


# WebKit has no such fields.
@pytest.mark.parametrize("engine", ["chromium", "firefox"], indirect=True)
def test_later_pages_send_the_login_cookie_after_a_retry_field(
    window: Window, sites: Sites
) -> None:
    window.open(f"{sites.shop}/login")
    window.open(f"{sites.help}/framed")
    assert who(window, sites, "?retry") == ["", "none"]
    window.wait_for("heard.length == 1")
    window.click_and_agree("iframe")
    window.wait_for("heard.length == 2")
    window.open(f"{sites.help}/page")
    assert who(window, sites) == ["", "inactive"]
    assert who(window, sites, "?retry") == ["__Host-x", "active"]


# WebKit has no such field.
@pytest.mark.parametrize("engine", ["chromium", "firefox"], indirect=True)
def test_a_navigation_of_a_script_counts_as_the_users_while_a_click_is_recent(
    window: Window, sites: Sites
) -> None:
    """And no longer, which is what share.js waits for before it goes to the lender."""
    for first, heard in [
        ("true", "absent"),
        ("navigator.userActivation.isActive", "?1"),
        ("!navigator.userActivation.isActive", "absent"),
    ]:
        window.open(f"{sites.help}/login")
        if first != "true":
            window.click("input")
        window.wait_for(first)
        window.evaluate(f"void setTimeout(() => location.replace('{sites.shop}/by-user'))")
        window.wait_for("location.pathname === '/by-user'")
        assert window.evaluate("document.body.textContent") == heard
