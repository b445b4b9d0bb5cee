"""The user whom the script of a page names in three browsers, after more than a page view."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware._model.paths import SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support import node
from tests.support.embeds import EMBED_WITH_BUBBLE, QUIET
from tests.support.engines.window import LONGEST_WAIT_SECONDS, Window
from tests.support.sites import API_KEY, TEAM
from tests.support.tls import serving_wsgi_over_tls

TURBO = node.JS / "node_modules/@hotwired/turbo/dist/turbo.es2017-umd.js"

EMBED = f"""{EMBED_WITH_BUBBLE}
window.named = [];
addEventListener('called', () => named.push(calls.at(-1).id ?? null));
"""
BUBBLES = "document.querySelectorAll('#bubble').length"
MARKUP = "document.documentElement.outerHTML"


@dataclass
class Site:
    """A shop whose users log in by a path, its embed, and a lender whose share.js is broken."""

    port: int
    holds: bool = False
    waiting: list[threading.Event] = field(default_factory=list)
    nonces: int = 0

    def at(self, name: str, path: str) -> str:
        return f"https://{name}.example.test:{self.port}{path}"

    def app(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        name = request.host.partition(".")[0]
        settings = Settings(TEAM, API_KEY, embed_url=self.at("chat", "/embed"))
        if name == "help":
            settings = Settings(
                TEAM,
                share_auth=f"auth.example.test:{self.port}",
                embed_url=self.at("chat", "/embed"),
            )
        if name in ("chat", "auth"):
            return Request.application(self.elsewhere)(environ, start_response)
        if request.path == SHARE_AUTH and self.holds:
            may_go = threading.Event()
            self.waiting.append(may_go)
            answer = Response.from_app(self.shop(settings), environ)
            may_go.wait(LONGEST_WAIT_SECONDS)
            return answer(environ, start_response)
        return self.shop(settings)(environ, start_response)

    def shop(self, settings: Settings) -> Any:
        return PaviorMiddleware(Request.application(self.pages), settings, identity=self.user)

    def user(self, environ: Any) -> Identity | None:
        user = Request(environ).cookies.get("user")
        return Identity(user) if user else None

    def pages(self, request: Request) -> Response:
        """Answer for the shop's pages, a login, and Turbo."""
        if request.path == "/login":
            response = Response(status=204)
            response.set_cookie("user", request.args["as"])
            return response
        if request.path == "/turbo.js":
            return Response(TURBO.read_bytes(), mimetype="text/javascript")
        if request.path == "/text":
            return Response("Text", mimetype="text/plain")
        self.nonces += 1
        turbo = f"<script nonce=n{self.nonces} src=/turbo.js></script>"
        page = Response(
            f"<!doctype html><title>Shop</title>{turbo if 'turbo' in request.path else ''}"
            f"<h1>{request.path}</h1><a id=next href=/turbo/next>Next</a>",
            mimetype="text/html",
        )
        if "turbo" in request.path:
            page.headers["Content-Security-Policy"] = f"script-src 'nonce-n{self.nonces}'"
        return page

    def elsewhere(self, request: Request) -> Response:
        broken = request.path == SHARE_SCRIPT
        return Response("this is no script(" if broken else EMBED, mimetype="text/javascript")


@pytest.fixture
def site() -> Iterator[Site]:
    (port,) = free_ports([0])
    site = Site(port)
    with serving_wsgi_over_tls(site.app, port):
        yield site
        for may_go in site.waiting:
            may_go.set()


def log_in(window: Window, user: str) -> None:
    """Log in, or out with '', as a script does, without a page load."""
    window.evaluate(f"fetch('/login?as={user}').then(response => response.status)")


def show(window: Window, site: Site, path: str, user: str) -> None:
    window.open(site.at("shop", "/text"))
    log_in(window, user)
    window.open(site.at("shop", path))
    assert window.wait_for("window.calls?.length") == 1


def dispatch(window: Window, event: str) -> None:
    window.evaluate(f"dispatchEvent(new Event({json.dumps(event)}))")


def calls(window: Window, count: int) -> list[str | None]:
    """Wait for that many calls of init, and some time longer for others."""
    window.wait_for(f"calls.length >= {count}")
    window.evaluate(QUIET)
    found: list[str | None] = window.evaluate("named")
    return found


def test_an_anonymous_page_names_the_user_after_a_refresh_event(window: Window, site: Site) -> None:
    show(window, site, "/page", "")
    log_in(window, "ada")
    dispatch(window, "pavior:refresh")
    assert calls(window, 2) == [None, "ada"]


def test_a_page_names_nobody_at_once_after_a_logout_and_until_the_site_knows_of_it(
    window: Window, site: Site
) -> None:
    show(window, site, "/page", "ada")
    dispatch(window, "pavior:logout")
    assert calls(window, 2) == ["ada", None]
    log_in(window, "")
    log_in(window, "bob")
    dispatch(window, "pavior:refresh")
    assert calls(window, 3) == ["ada", None, "bob"]


def test_each_init_dispatches_an_event_to_the_page_without_an_hmac(
    window: Window, site: Site
) -> None:
    show(window, site, "/page", "")
    window.evaluate(
        "addEventListener('pavior:identity', ({detail}) => { window.identity = detail })"
    )
    log_in(window, "ada")
    dispatch(window, "pavior:refresh")
    window.wait_for("window.identity")
    assert window.evaluate("identity") == {"id": "ada", "email": None, "authenticated": True}
    dispatch(window, "pavior:logout")
    window.wait_for("identity.id === null")
    assert window.evaluate("identity") == {"id": None, "email": None, "authenticated": False}


def test_of_two_requests_the_newer_answer_counts(window: Window, site: Site) -> None:
    show(window, site, "/page", "")
    log_in(window, "ada")
    site.holds = True
    dispatch(window, "pavior:refresh")
    window.wait_for("performance.getEntriesByType('resource').length")
    deadline = threading.Event()
    while not site.waiting:
        assert not deadline.wait(0.01)
    site.holds = False
    log_in(window, "bob")
    dispatch(window, "pavior:refresh")
    assert calls(window, 2) == [None, "bob"]
    site.waiting[0].set()
    assert calls(window, 2) == [None, "bob"]


def test_a_tab_that_is_shown_again_names_the_user_of_another_tabs_login(
    window: Window, site: Site
) -> None:
    show(window, site, "/page", "ada")
    log_in(window, "bob")
    # An ordinary page view of another tab has done this.
    window.evaluate("localStorage.setItem('pavior', 'bob')")
    window.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    assert calls(window, 2) == ["ada", "bob"]


@pytest.mark.parametrize("now", ["bob", ""])
def test_a_page_that_is_brought_back_names_the_user_who_is_logged_in_now(
    window: Window, site: Site, now: str
) -> None:
    show(window, site, "/page", "ada")
    window.open(site.at("shop", "/elsewhere"))
    window.wait_for("window.calls?.length")
    log_in(window, now)
    window.evaluate("setTimeout(() => history.back())")
    window.wait_for("document.querySelector('h1')?.textContent === '/page'")
    last = json.dumps(now or None)
    window.wait_for(f"window.calls?.length && named.at(-1) === {last}")
    window.evaluate(QUIET)
    assert window.evaluate("named.at(-1)") == (now or None)


def test_turbo_under_a_new_nonce_each_time_names_the_user_and_keeps_the_bubble(
    window: Window, site: Site
) -> None:
    show(window, site, "/turbo/first", "ada")
    log_in(window, "bob")
    window.click("#next")
    window.wait_for("document.querySelector('h1').textContent === '/turbo/next'")
    window.wait_for("named.at(-1) === 'bob'")
    window.evaluate(QUIET)
    assert window.evaluate("named")[0] == "ada"
    assert set(window.evaluate("named")[1:]) == {"bob"}
    assert window.evaluate(BUBBLES) == 1
    log_in(window, "")
    window.click("#next")
    window.wait_for("named.at(-1) === null")
    window.evaluate(QUIET)
    assert window.evaluate(BUBBLES) == 1
    assert "data-pavior" not in window.evaluate(MARKUP)


@pytest.mark.parametrize(
    "frame",
    [
        "frame.srcdoc = text",
        "frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'}))",
    ],
    ids=["srcdoc", "blob"],
)
def test_a_page_that_a_script_puts_into_a_frame_has_no_second_chat(
    window: Window, site: Site, frame: str
) -> None:
    show(window, site, "/page", "ada")
    window.evaluate(
        "fetch('/other').then(response => response.text()).then(text => new Promise(done => {"
        " const frame = document.createElement('iframe'); frame.onload = done;"
        f" {frame}; document.body.append(frame); }}))"
    )
    window.evaluate(QUIET)
    assert window.evaluate("[calls.length, frames.length, 'Pavior' in frames[0]]") == [1, 1, False]


def test_a_borrower_whose_share_js_does_not_parse_has_an_anonymous_chat(
    window: Window, site: Site
) -> None:
    window.open(site.at("help", "/page"))
    assert window.wait_for("window.calls?.length") == 1
    assert window.evaluate("named") == [None]
