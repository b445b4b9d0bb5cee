"""A shop that lends its login, its borrowers and its attackers, at names under localhost.

Ada is logged in at the shop. The help center and the docs may borrow that login. Mallory has an
account at the shop, too, and owns the rogue help center and the attacker's site. Those may not
borrow the login.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from pavior_middleware import Identity, sign
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from tests.support.browsers import evaluate, wait_for
from tests.support.handing_over import asking_for
from tests.support.names import Names
from tests.support.sites import API_KEY, LOGIN_COOKIE, SECRET_KEY, TEAM

ADA, MALLORY = "ada@example.com", "mallory@evil.test"

ADAS = {"email": ADA, "hmac": sign(API_KEY, ADA)}

SECRETS = (ADA, sign(API_KEY, ADA), API_KEY, SECRET_KEY)

POLICIES = ("third-party cookies blocked", "third-party cookies allowed")

PATHS = (SHARE_AUTH, FRAME, HANDOFF, SHARE_SCRIPT)

# Replaces Pavior's embed: it has a bubble, and keeps what it gets.
EMBED = """
window.Pavior = (command, options) => {
    if (command === 'init') Pavior.calls.push(options);
    if (document.querySelector('#bubble')) return;
    const bubble = document.createElement('button');
    bubble.id = 'bubble';
    bubble.textContent = 'Chat';
    bubble.style = 'position: fixed; right: 0; bottom: 0; width: 60px; height: 60px';
    document.body.append(bubble);
};
Pavior.calls = [];
"""


@dataclass
class Answered:
    """A request that a server got, and its response."""

    host: str
    method: str
    target: str
    request: dict[str, str]
    status: int
    answer: str
    """Its head and its body."""

    @property
    def received(self) -> str:
        """All that the server got, except for cookies."""
        values = [value for name, value in self.request.items() if name != "Cookie"]
        return "\n".join([self.target, *values])


@dataclass
class Sites(Names):
    """All sites at one port, each with its own name. `seen` has all requests and responses."""

    seen: list[Answered] = field(default_factory=list)
    script_may_go: Event = field(default_factory=Event)
    """Until then nobody gets share.js."""

    shop_app: Any = None
    upload: str = ""
    """A page that somebody has given to the help center."""

    @property
    def docs(self) -> str:
        return self.at("docs")

    @property
    def evil(self) -> str:
        return self.at("evil")

    @property
    def same_site_evil(self) -> str:
        return self.at("evil.shop")

    def code(self, email: str = MALLORY, at: str | None = None) -> str:
        """Return the code that the shop hands over to a user of its own."""
        client = Client(self.shop_app)
        client.set_cookie("session", email.encode().hex(), domain="shop.localhost")
        to = f"{at or self.help}/"
        headers = {"Referer": to}
        response = client.get(asking_for(to), base_url=self.shop, headers=headers)
        return response.headers["Location"].partition("#pavior-handoff=")[2]

    def answers(self, host: str = "shop") -> list[Answered]:
        return [each for each in self.seen if each.host == host]


BUSY = "<script>fetch('/after')</script><img src=/image.png><a id=next href=/next>Next</a>"


def shop(request: Request) -> Response:
    """The shop's pages. The session cookie is the user's name, which is enough for tests."""
    if request.path == "/forges":  # a page of the lender's origin that is not the frame
        return page(f"<script>parent.postMessage({request.args['say']}, '*')</script>")
    links = "".join(
        f'<p><a id="{name}" href="{url}" rel="{request.args.get("rel", "")}">{name}</a>'
        for name, url in request.args.items()
    )
    return page(f"<title>Shop</title><h1>Shop</h1>{links}")


def borrower(request: Request, shop: str) -> Response:
    """A help center; the images and the fetch show what it sends to others, and when."""
    init = json.dumps({"teamVanityId": TEAM})
    bubble = "" if "still" in request.args else "data-bubble='#bubble'"
    if request.path == "/out":
        return Response("", 302, {"Location": request.args["url"]})
    before, after = ("<img src=/before.png>", BUSY) if request.path == "/busy" else ("", "")
    before += request.args.get("markup", "")
    return page(
        f"<title>Help</title>{before}"
        f"<script src='{shop}{SHARE_SCRIPT}' data-init='{init}' data-embed=/embed {bubble}>"
        f"</script><script>window.seenByOthers = location.href</script>{after}"
    )


def page(body: str, *fields: tuple[str, str]) -> Response:
    return Response(f"<!doctype html>{body}", headers=list(fields), mimetype="text/html")


def attacker(request: Request) -> Response:
    """Answers with what a test wants."""
    if request.path == "/to":
        return Response("", 302, {"Location": request.args["url"]})
    if request.path == "/plant":
        response = Response("planted")
        for planted in request.args.getlist("cookie"):
            response.headers.add("Set-Cookie", planted)
        return response
    return page(request.args.get("body", "<title>Evil</title><h1>Evil</h1>"))


def who(environ: dict[str, Any]) -> Identity | None:
    session = Request(environ).cookies.get("session")
    if session is None:
        return None
    user = bytes.fromhex(session).decode()
    return Identity(email=user) if "@" in user else Identity(user)


@contextmanager
def emptied(context: BrowserContext) -> Iterator[BrowserContext]:
    yield context
    for opened in context.pages[1:]:
        opened.close()
    context.pages[0].goto("about:blank")
    context.clear_cookies()


blocked = pytest.mark.parametrize("context", POLICIES[:1], indirect=True)

allowed = pytest.mark.parametrize("context", POLICIES[1:], indirect=True)


def logged_in(context: BrowserContext, sites: Sites, user: str = ADA) -> BrowserContext:
    session = {"name": "session", "value": user.encode().hex(), "url": sites.shop}
    context.add_cookies([{**session, "sameSite": "Lax", "httpOnly": True}])  # type: ignore[typeddict-item]
    context.set_default_timeout(10_000)
    tab = context.new_page()
    tab.goto(f"{sites.shop}/")
    calls(tab)  # a page may request the embed after its `load` event
    sites.seen.clear()
    return context


def calls(page: Page) -> list[dict[str, Any]]:
    """Wait for an init; return the options of each, without those that all inits have."""
    wait_for(page, "window.Pavior?.calls.length")
    made = evaluate(page, "Pavior.calls")
    assert {each.pop("teamVanityId") for each in made} == {TEAM}
    return [dict(each) for each in made]


def known(context: BrowserContext, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the help center learns about Ada if she does not come from the shop."""
    return ADAS if request.node.callspec.params["context"] == POLICIES[1] else {}


def evil_page(tab: Page, sites: Sites, body: str = "", at: str | None = None) -> None:
    tab.goto(f"{at or sites.evil}/?body={quote(f'<title>Evil</title>{body}')}")


LEADING = {
    "a link": "<a id=a href='{url}'>a</a>",
    "a link that sends no referrer": "<a id=a rel=noreferrer href='{url}'>a</a>",
    "a link that sends all of it": "<a id=a referrerpolicy=unsafe-url href='{url}'>a</a>",
    "a link to another tab": "<a id=a target=_blank href='{url}'>a</a>",
    "a link to another tab that knows its opener": (
        "<a id=a target=_blank rel=opener href='{url}'>a</a>"
    ),
    "a form": "<form action='{url}'><button id=a>a</button></form>",
    "a form that posts": "<form method=post action='{url}'><button id=a>a</button></form>",
    "a script": "<button id=a onclick='location.href = \"{url}\"'>a</button>",
    "a script that replaces": "<button id=a onclick='location.replace(\"{url}\")'>a</button>",
    "a window": "<button id=a onclick='window.open(\"{url}\")'>a</button>",
    "a window without a referrer": (
        '<button id=a onclick=\'window.open("{url}", "", "noreferrer")\'>a</button>'
    ),
    "a refresh": (
        "<button id=a onclick='document.head.innerHTML ="
        ' `<meta http-equiv=refresh content="0;url={url}">`\'>a</button>'
    ),
    "a redirect": "<a id=a href='/to?url={quoted}'>a</a>",
    "a redirect without a referrer": "<a id=a rel=noreferrer href='/to?url={quoted}'>a</a>",
    "the shop's handoff": "<a id=a href='{shop}{handoff}?to={quoted}'>a</a>",
    "the shop's handoff without a referrer": (
        "<a id=a rel=noreferrer href='{shop}{handoff}?to={quoted}'>a</a>"
    ),
    "the shop's handoff, with a code of its own": (
        "<a id=a href='{shop}{handoff}?to={plain}#pavior-handoff={code}'>a</a>"
    ),
}


def come_from_shop(tab: Page, sites: Sites, path: str = "/page") -> None:
    """Follow the shop's link to the help center."""
    tab.goto(f"{sites.shop}/?link={quote(sites.help + path, safe='')}")
    tab.click("#link")
    tab.wait_for_url(sites.help + path)
    assert calls(tab) == [ADAS]


def mentions_of_ada(each: Answered) -> list[str]:
    return [secret for secret in SECRETS if secret in each.answer]


FORGED = {
    "pavior": "told",
    "identity": {"email": MALLORY, "hmac": sign(API_KEY, MALLORY)},
    "seconds": 3600,
    "isClicked": True,
}


READ = """async urls => {
    const gained = [];
    async function attempt(what, reading) {
        try {
            const text = await reading();
            if (text) gained.push([what, text]);
        } catch { /* there was nothing */ }
    }
    function loaded(tag, attributes, url) {
        return new Promise((done, failed) => {
            const element = document.createElement(tag);
            element.onload = () => done(tag + ' loaded ' + url);
            element.onerror = failed;
            Object.assign(element, attributes);
            document.body.append(element);
        });
    }
    for (const url of urls) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
            for (const mode of ['cors', 'no-cors', 'same-origin']) {
                for (const credentials of ['include', 'omit']) {
                    await attempt([url, method, mode, credentials], async () => {
                        const body = method === 'POST' ? 'code' : undefined;
                        const asked = {method, mode, credentials, body, cache: 'no-store'};
                        const response = await fetch(url, asked);
                        return await response.text() + [...response.headers].join();
                    });
                }
            }
        }
        await attempt([url, 'preflight'], async () =>
            (await fetch(url, {credentials: 'include', headers: {'X-A': 'b'}})).text());
        await attempt([url, 'image'], () => loaded('img', {src: url}, url));
        await attempt([url, 'script'], () => loaded('script', {src: url}, url));
        await attempt([url, 'style'], () => loaded('link', {rel: 'stylesheet', href: url}, url));
        await attempt([url, 'cors script'], () =>
            loaded('script', {src: url, crossOrigin: 'use-credentials'}, url));
        await attempt([url, 'prefetch'], async () => {
            await loaded('link', {rel: 'prefetch', href: url}, url);
            return null;
        });
        await attempt([url, 'frame'], async () => {
            const frame = document.createElement('iframe');
            frame.src = url;
            const loading = new Promise(done => { frame.onload = done; });
            document.body.append(frame);
            await loading;
            return frame.contentDocument?.body.textContent;
        });
        await attempt([url, 'object'], () => loaded('object', {data: url}, url));
    }
    return gained;
}"""


def login_cookies(context: BrowserContext, sites: Sites) -> list[str]:
    kept = context.cookies(sites.shop)
    return [each.get("value", "") for each in kept if each.get("name") == LOGIN_COOKIE]


def frame_page(tab: Page, sites: Sites, src: str, at: str) -> None:
    """Open a page with another page in a frame; wait until that is loaded or blocked."""
    tab.goto(at)
    tab.evaluate(
        """src => new Promise(done => {
            window.heard = [];
            addEventListener('message', event => heard.push([event.origin, event.data]));
            const frame = document.createElement('iframe');
            frame.className = 'ours';
            frame.onload = done;
            frame.src = src;
            document.body.append(frame);
        })""",
        src,
    )
