"""A site that borrows its login: its pages, its lender, and what a tab shows of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
)
from playwright.sync_api import Request as Asked
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from pavior_middleware import Identity, sign
from pavior_middleware._model.paths import HANDOFF, SHARE_SCRIPT
from tests.support.browsers import evaluate, wait_for
from tests.support.names import Names
from tests.support.sites import API_KEY, TEAM

SECONDS = 3600

CODE = "#pavior-handoff="

# Replaces Pavior's embed: it keeps its calls. Its bubble is mostly the page's own.
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

# Runs before any script of the page. `settled` counts requests to the lender that have had their
# effect. `waits` are the time limits, which end at once if the test is `hasty`.
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
        const content = json.call(this);
        content.then(settle, settle);
        return content;
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

    `fault` answers share-auth in the lender's place, `fault_on_the_way` the handoff.
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
        """Return the element that goes into a borrower's page."""
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
    """Return a page of the shop with a link to the URL in the query."""
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


@dataclass
class Console:
    """What a page has logged to the console, without what Chromium logs of pages it cannot load."""

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


def listening(page: Page) -> Console:
    console = Console()
    page.on("console", lambda message: console.messages.append(message))
    page.on("pageerror", lambda error: console.errors.append(str(error)))
    return console


def log_in(page: Page, sites: Sites, name: str | None) -> None:
    """Log in at the shop as a user, or log out with None, as another tab would."""
    page.context.clear_cookies()
    if name:
        page.context.add_cookies(
            [{"name": "user", "value": name, "url": sites.shop, "sameSite": "Lax"}]
        )


def follow(page: Page, sites: Sites, url: str) -> None:
    """Follow the shop's link to a borrower's page, and wait until that is loaded."""
    with page.expect_navigation(url=lambda at: at.startswith(url.partition("#")[0])):
        set_out(page, sites, url)


def set_out(page: Page, sites: Sites, url: str) -> None:
    """Click on the shop's link to a borrower's page, and do not wait for that page."""
    page.goto(f"{sites.shop}/?to={quote(url, safe='')}")
    page.click("#link", no_wait_after=True)


def calls(page: Page, asked: int = 1) -> Any:
    """Return the calls of the embed, once this number of the lender's answers took effect."""
    wait_for(page, f"window.calls?.length && settled >= {asked}")
    assert evaluate(page, "settled") == asked
    return evaluate(page, "calls")


def calls_at_last(page: Page, seconds: float = 5) -> Any:
    """Return the calls of the embed, for any number of requests to the lender."""
    wait_for(page, "window.calls?.length", seconds)
    return evaluate(page, "calls")


def look_again(page: Page) -> None:
    """Show the page again, as when its user comes back from another tab."""
    evaluate(page, "document.dispatchEvent(new Event('visibilitychange'))")


DYNAMIC = """<script>{{
    const script = document.createElement('script');
    Object.assign(script.dataset, {{init: '{{"teamVanityId": "{team}"}}', embed: '{embed}'}});
    script.src = '{script}';
    {late}
}}</script>"""

HASTE = """{
    const {setTimeout} = window, {now} = Date, start = now();
    Date.now = () => start + (now() - start) * 100;
    window.setTimeout = (call, wait = 0) => setTimeout(call, wait / 100);
}"""


def answer(
    request: Request,
    body: str,
    seconds: str | None = None,
    *,
    status: int = 200,
    access: str | None = None,
) -> Response:
    """Return a response with the fields of share-auth and this content."""
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


def of_nobody(request: Request) -> Response | None:
    """Answer as share-auth does where cookies are sent and the login cookie is absent."""
    return None if is_code(request) else answer(request, "{}", access="active")


def known_before_bob(page: Page, sites: Sites) -> str:
    """Open a borrower's page that names Ada, then log in as Bob at the shop; return its URL."""
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named("ada")]
    log_in(page, sites, "bob")
    return url


def lead(page: Page, sites: Sites, url: str, way: str) -> None:
    """Go from the shop to a borrower's page, in the tab that showed that page before."""
    if way == "a link":
        follow(page, sites, url)
    elif way == "a script":
        page.goto(f"{sites.shop}/")
        page.evaluate(f"void setTimeout(() => location.assign('{url}'))")
        page.wait_for_url(url)
    else:  # as by a link that names its tab, and leads to where that is already
        evaluate(page, "location.hash = 'pavior-handoff=ask'")


def noting(event: threading.Event) -> Response:
    """Return a response that sets the event when it is sent."""

    def stream() -> Iterator[bytes]:
        event.set()
        yield b""

    return Response(stream())


def once(event: threading.Event, act: str, sites: Sites) -> str:
    """Return a script that runs `act` after the event, once in its tab."""

    def stream() -> Iterator[bytes]:
        assert event.wait(10)
        yield b"now"

    sites.pages["/event"] = Response(stream())
    return f"""<script>
    if (!sessionStorage.hasActed) fetch('/event').then(answer => answer.text()).then(() => {{
        sessionStorage.hasActed = 'yes';
        {act}
    }});
    </script>"""


def trips(sites: Sites) -> int:
    """Return how many trips to the lender pages have made."""
    return sites.loaded.count(f"shop{HANDOFF}")


FAULTS: dict[str, Callable[[Request], Response]] = {
    "500": lambda request: answer(request, "", status=500),
    "404": lambda request: answer(request, "{}", status=404),
    "no JSON": lambda request: answer(request, "<!doctype html>"),
    "no CORS": lambda request: Response("{}"),
    "nothing": lambda request: answer(request, ""),
}

BUBBLE = (
    "<button id=bubble style='position: fixed; left: 50px; top: 60px; width: 70px; height: 80px'"
    " onclick='seen.clicked = true'>Chat</button>"
)


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


def open_directly(page: Page, sites: Sites, body: str, **element: Any) -> None:
    element.setdefault("bubble", "#bubble")
    page.goto(sites.at("help") + sites.page(body + sites.element(**element)))
