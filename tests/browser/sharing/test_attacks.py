"""What attackers try in a real Chromium, with pages of their own, and what they do not get.

Each test's docstring says what the attacker has, what they try, and what they do not get. Ada is
logged in at the shop; the help center and the docs may borrow that; the rogue help center and the
attacker's site, of Mallory, who has an account at the shop too, may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, sign, wsgi
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._share.tokens import challenge_of
from tests.support import chromium
from tests.support.browsers import FLAGS, evaluate, wait_for
from tests.support.handing_over import CHALLENGE, asking_for
from tests.support.names import Names
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, LOGIN_COOKIE, SECRET_KEY, TEAM

ADA, MALLORY = "ada@example.com", "mallory@evil.test"
ADAS = {"email": ADA, "hmac": sign(API_KEY, ADA)}
SECRETS = (ADA, sign(API_KEY, ADA), API_KEY, SECRET_KEY)
POLICIES = ("third-party cookies blocked", "third-party cookies allowed")
PATHS = (SHARE_AUTH, FRAME, HANDOFF, SHARE_SCRIPT)

# What stands for Pavior's embed: it has a bubble, and keeps what it gets.
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
class Exchanged:
    """A request that a server got, and its answer."""

    host: str
    method: str
    target: str
    request: dict[str, str]
    status: int
    answer: str
    """Its head and its body."""

    @property
    def received(self) -> str:
        """All that the server was told, but for cookies."""
        told = [value for name, value in self.request.items() if name != "Cookie"]
        return "\n".join([self.target, *told])


@dataclass
class Sites(Names):
    """Everything at one port, each site at a name of its own. `seen` is all that went around."""

    seen: list[Exchanged] = field(default_factory=list)
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

    def answers(self, host: str = "shop") -> list[Exchanged]:
        return [each for each in self.seen if each.host == host]


BUSY = "<script>fetch('/after')</script><img src=/image.png><a id=next href=/next>Next</a>"


def shop(request: Request) -> Response:
    """A shop's own pages; the session says who is there, as plainly as tests may."""
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
    """Whatever is wanted of it."""
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
    said = bytes.fromhex(session).decode()
    return Identity(email=said) if "@" in said else Identity(said)


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    (port,) = free_ports([0])
    made = Sites(port)
    made.script_may_go.set()
    settings = Settings(
        TEAM,
        API_KEY,
        embed_url=f"{made.shop}/embed",
        shared_auth_domains=[f"help.localhost:{port}", f"docs.localhost:{port}"],
        secret_key=SECRET_KEY,
    )
    made.shop_app = wsgi.PaviorMiddleware(Request.application(shop), settings, identity=who)

    @Request.application
    def app(request: Request) -> Response:
        name, _, _ = request.host.partition(".localhost")
        if request.path == "/favicon.ico":
            return Response("", 404)
        if request.path == SHARE_SCRIPT:
            assert made.script_may_go.wait(10)
        if request.path == "/embed":
            response = Response(EMBED, mimetype="text/javascript")
        elif name == "shop":
            response = Response.from_app(made.shop_app, request.environ)
            if "nopolicy" in request.args:
                del response.headers["Content-Security-Policy"]
        elif request.path == "/upload":
            sandbox = "sandbox allow-scripts allow-forms"
            response = page(made.upload, ("Content-Security-Policy", sandbox))
        elif name in ("help", "docs", "rogue"):
            response = borrower(request, made.shop)
        else:
            response = attacker(request)
        seen = Exchanged(
            name,
            request.method,
            request.full_path,
            dict(request.headers),
            response.status_code,
            f"{response.headers}\n{response.get_data(as_text=True)}",
        )
        made.seen.append(seen)
        return response

    with serving_wsgi(app, port):
        yield made


@pytest.fixture(scope="module")
def tolerant(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """A browser whose profile allows third-party cookies."""
    profile = tmp_path_factory.mktemp("profile")
    preferences = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    (profile / "Default").mkdir()
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    with playwright.chromium.launch_persistent_context(
        Path(profile), executable_path=chromium.path(playwright), args=FLAGS
    ) as context:
        yield context


@contextmanager
def emptied(context: BrowserContext) -> Iterator[BrowserContext]:
    yield context
    for opened in context.pages[1:]:
        opened.close()
    context.pages[0].goto("about:blank")
    context.clear_cookies()


@pytest.fixture(params=POLICIES)
def context(request: pytest.FixtureRequest, sites: Sites) -> Iterator[BrowserContext]:
    """A browser in which Ada is logged in at the shop, and has been there."""
    if request.param == POLICIES[1]:
        with emptied(request.getfixturevalue("tolerant")) as context:
            yield logged_in(context, sites)
    else:
        with request.getfixturevalue("browser").new_context() as context:
            yield logged_in(context, sites)


blocked = pytest.mark.parametrize("context", POLICIES[:1], indirect=True)
allowed = pytest.mark.parametrize("context", POLICIES[1:], indirect=True)


def logged_in(context: BrowserContext, sites: Sites, user: str = ADA) -> BrowserContext:
    session = {"name": "session", "value": user.encode().hex(), "url": sites.shop}
    context.add_cookies([{**session, "sameSite": "Lax", "httpOnly": True}])  # type: ignore[typeddict-item]
    context.set_default_timeout(10_000)
    context.new_page().goto(f"{sites.shop}/")
    sites.seen.clear()
    return context


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    """The tab in which she has been at the shop."""
    return context.pages[-1]


def calls(page: Page) -> list[dict[str, Any]]:
    """Return what init was told, once it has been called; without what every call has."""
    wait_for(page, "window.Pavior?.calls.length")
    made = evaluate(page, "Pavior.calls")
    assert {each.pop("teamVanityId") for each in made} == {TEAM}
    return [dict(each) for each in made]


def known(context: BrowserContext, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the help center knows of Ada when she comes by other ways than the shop's."""
    return ADAS if request.node.callspec.params["context"] == POLICIES[1] else {}


def evil_page(tab: Page, sites: Sites, body: str = "", at: str | None = None) -> None:
    tab.goto(f"{at or sites.evil}/?body={quote(f'<title>Evil</title>{body}')}")


# ── Being logged in as somebody else ───────────────────────────────────────────────────────────

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


def test_no_page_logs_anybody_in_as_somebody_else(
    context: BrowserContext, sites: Sites, request: pytest.FixtureRequest
) -> None:
    """Has: a page that Ada looks at, and a fresh code of Mallory's own.

    Tries: to lead her to the help center with it, by each way that a page has.
    Gets: a help center that knows Ada or nobody; the code leaves the address bar.
    """
    code = sites.code()
    url = f"{sites.help}/page?a=b#pavior-handoff={code}"
    places = {
        "url": url,
        "quoted": quote(url, safe=""),
        "plain": quote(f"{sites.help}/page", safe=""),
        "shop": sites.shop,
        "handoff": HANDOFF,
        "code": code,
    }
    expected = [known(context, request)]
    ways = (
        LEADING if expected == [{}] else ("a link", "a window", "a redirect", "the shop's handoff")
    )
    for way in ways:
        tab = start = context.new_page()
        evil_page(tab, sites, LEADING[way].format(**places))
        if "window" in way or "tab" in way:
            with context.expect_page() as opened:
                start.click("#a")
            tab = opened.value
        else:
            tab.click("#a", no_wait_after=True)
        tab.wait_for_url(f"{sites.help}/page**", wait_until="commit")
        # Led there by the shop after all, the help center asks who she is herself.
        assert calls(tab) in (expected, [ADAS]), way
        address = tab.evaluate("[location.hash, seenByOthers.includes('pavior')]")
        assert address == ["", False], way
        for opened_tab in {start, tab}:
            opened_tab.close()


@blocked
@pytest.mark.parametrize("way", ["a link", "a redirect", "the shop's handoff"])
def test_no_reload_logs_anybody_in_as_somebody_else(tab: Page, sites: Sites, way: str) -> None:
    """Has: the same. Tries: to have Ada reload. Gets: the same."""
    url = f"{sites.help}/page#pavior-handoff={sites.code()}"
    places = {"url": url, "quoted": quote(url, safe=""), "shop": sites.shop, "handoff": HANDOFF}
    evil_page(tab, sites, LEADING[way].format(**places))
    tab.click("#a", no_wait_after=True)
    tab.wait_for_url(f"{sites.help}/page**")
    for _ in range(2):
        assert calls(tab) in ([{}], [ADAS])
        tab.reload()


def come_from_shop(tab: Page, sites: Sites, path: str = "/page") -> None:
    """Follow the shop's link to the help center."""
    tab.goto(f"{sites.shop}/?link={quote(sites.help + path, safe='')}")
    tab.click("#link")
    tab.wait_for_url(sites.help + path)
    assert calls(tab) == [ADAS]


@blocked
def test_a_link_on_the_shop_brings_no_code_of_somebody_elses(tab: Page, sites: Sites) -> None:
    """Has: a way to put links on the shop, such as a review. Tries: one with their own code.

    Gets: a code of the user who follows it, in the place of the attacker's.
    """
    for fragment in (f"pavior-handoff={sites.code()}", f"pavior-handoff=&x{sites.code()}"):
        url = quote(f"{sites.help}/page#{fragment}", safe="")
        tab.goto(f"{sites.shop}/?link={url}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.help}/page**")
        assert calls(tab) == [ADAS]


OWN_VERIFIER = "a verifier that evil.test has thought of......"


@blocked
@pytest.mark.parametrize("challenge", [None, challenge_of(OWN_VERIFIER)])
@pytest.mark.parametrize("rel", ["", "noreferrer"])
def test_an_open_redirect_of_the_help_center_gives_no_code_away(
    tab: Page, sites: Sites, challenge: str | None, rel: str
) -> None:
    """Has: a redirect at the help center that leads anywhere; a page keeps its fragment there.

    Tries: to lead Ada through the shop's handoff to that, with a challenge of their own.
    Gets: no code.
    """
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    handoff = f"{sites.shop}{asking_for(out, challenge=challenge)}"
    evil_page(tab, sites, f"<a id=a rel='{rel}' href='{handoff}'>a</a>")
    tab.click("#a", no_wait_after=True)
    tab.wait_for_url(f"{sites.evil}/land**")
    assert tab.evaluate("location.hash") in ("", "#pavior-handoff=ask")


FOLLOWED = ("a link", "a link to another tab", "a script", "a script that replaces", "a window")


@blocked
@pytest.mark.parametrize("way", [*FOLLOWED, "a link, clicked with the middle button"])
def test_a_link_and_an_open_redirect_of_the_help_center_give_no_code_away(
    tab: Page, sites: Sites, way: str
) -> None:
    """Has: a link at the help center, such as a comment, and an open redirect there.

    Tries: to lead Ada from the one through the shop's handoff to the other, with a challenge of
    their own. Gets: no code, since she has clicked.
    """
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    handoff = f"{sites.shop}{asking_for(out, challenge=challenge_of(OWN_VERIFIER))}"
    markup = LEADING[way.partition(",")[0]].format(url=handoff)
    tab.goto(f"{sites.help}/page?still=&markup={quote(markup, safe='')}")
    opens = "tab" in way or "window" in way or "middle" in way
    landed = tab
    if opens:
        with tab.context.expect_page() as opened:
            tab.click("#a", button="middle" if "middle" in way else "left")
        landed = opened.value
    else:
        tab.click("#a", no_wait_after=True)
    landed.wait_for_url(f"{sites.evil}/land**")
    assert landed.evaluate("location.hash") == "#pavior-handoff=ask"
    (asked,) = [each for each in sites.answers() if HANDOFF in each.target]
    assert asked.request["Referer"] == f"{sites.help}/"


# Each leads on by itself, so no click shows.
LEADING_ON = {
    "a script": "location.href = '{url}'",
    "a script that replaces": "location.replace('{url}')",
    "a link": "const a = document.createElement('a'); a.href = '{url}'; a.click()",
    "a refresh": "document.head.innerHTML += `<meta http-equiv=refresh content='0;url={url}'>`",
    "a form": """document.body.innerHTML = `<form action='{path}'>
        <input name=to value='{to}'><input name=challenge value='{challenge}'></form>`;
        document.forms[0].submit()""",
}


@blocked
@pytest.mark.parametrize("way", LEADING_ON)
def test_an_upload_in_a_sandbox_at_the_help_center_gets_no_code(
    tab: Page, sites: Sites, way: str
) -> None:
    """Has: a page at the help center, in a sandbox that makes its origin opaque.

    Tries: to lead Ada through the shop's handoff to itself, with a challenge of its own; its server
    would exchange the code. Gets: no code, since such a page sends no `Referer` (Referrer Policy
    section 8.3).
    """
    to, challenge = f"{sites.help}/upload?back=", challenge_of(OWN_VERIFIER)
    lead_on = LEADING_ON[way].format(
        url=f"{sites.shop}{asking_for(to, challenge=challenge)}",
        path=f"{sites.shop}{HANDOFF}",
        to=to,
        challenge=challenge,
    )
    sites.upload = (
        "<meta name=referrer content=unsafe-url><title>Upload</title><body><script>"
        f"if (!location.search) onload = () => {{ {lead_on} }}</script>"
    )
    tab.goto(f"{sites.help}/upload")
    tab.wait_for_url(to)
    assert evaluate(tab, "[origin, location.href]") == ["null", to]
    (asked,) = [each for each in sites.answers() if HANDOFF in each.target]
    assert "Referer" not in asked.request


@blocked
def test_a_link_on_the_shop_gives_no_code_away(tab: Page, sites: Sites) -> None:
    """Has: the same, and links on the shop. Tries: the same. Gets: the same."""
    out = f"{sites.help}/out?url={quote(sites.evil + '/land', safe='')}"
    own = asking_for(out, challenge=challenge_of(OWN_VERIFIER))
    for url in (out, f"{sites.shop}{own}"):
        tab.goto(f"{sites.shop}/?link={quote(url, safe='')}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.evil}/land**")
        assert tab.evaluate("location.hash") in ("", "#pavior-handoff=ask")


@blocked
def test_a_site_that_the_shop_links_to_brings_no_code(tab: Page, sites: Sites) -> None:
    """Has: a site that the shop links to, and a fresh code. A redirect keeps the shop's referrer.

    Tries: to redirect Ada to the help center, with their code. Gets: a help center that knows Ada.
    """
    to = quote(f"{sites.help}/page#pavior-handoff={sites.code()}", safe="")
    tab.goto(f"{sites.shop}/?link={quote(f'{sites.evil}/to?url={to}', safe='')}")
    tab.click("#link")
    tab.wait_for_url(f"{sites.help}/page**")
    assert calls(tab) in ([{}], [ADAS])


@blocked
def test_markup_at_the_help_center_does_not_stand_for_the_script(tab: Page, sites: Sites) -> None:
    """Has: a way to put images before the script, with names.

    Tries: to be taken for the lender. Gets: asked for nothing.
    """
    data = f"data-init='{{}}' data-embed='{sites.evil}/embed'"
    image = f"<img name=currentScript src='{sites.evil}{SHARE_SCRIPT}' {data}>"
    tab.goto(f"{sites.help}/page?markup={quote(image, safe='')}")
    assert calls(tab) == [{}]
    asked = {each.target.partition("?")[0] for each in sites.answers("evil")}
    assert asked <= {SHARE_SCRIPT}  # as an image


@blocked
def test_an_opener_puts_no_code_into_a_page_whose_script_is_on_its_way(
    tab: Page, sites: Sites
) -> None:
    """Has: a window in which the shop leads Ada to the help center, and its address.

    Tries: to put a code of their own there before share.js looks. Gets: it taken out and forgotten.
    """
    evil_page(tab, sites)
    start = f"{sites.shop}/?link={quote(sites.help + '/page', safe='')}"
    with tab.context.expect_page() as opened:
        tab.evaluate("url => { window.opened = open(url); }", start)
    window = opened.value
    window.wait_for_selector("#link")
    sites.script_may_go.clear()
    try:
        window.click("#link", no_wait_after=True)
        wait_for(window, "location.pathname === '/page' && document.readyState")
        code = sites.code()
        tab.evaluate(HASH, ["opened", f"{sites.help}/page#pavior-handoff={code}"])
        wait_for(window, f"location.hash.endsWith('{code}')")
    finally:
        sites.script_may_go.set()
    assert calls(window) in ([{}], [ADAS])
    assert window.evaluate("location.hash") == ""


HASH = """([name, url]) => { window[name].location = url; }"""


@blocked
@pytest.mark.parametrize("kind", ["opener", "opener that led there by the shop"])
def test_an_opener_puts_no_code_into_an_open_page(tab: Page, sites: Sites, kind: str) -> None:
    """Has: a window in which Ada uses the help center, perhaps led there by the shop.

    Tries: to put their code into its fragment, which no server gets, and to have it reloaded.
    Gets: the code taken out of the address bar and forgotten.
    """
    evil_page(tab, sites)
    start = f"{sites.help}/page"
    if kind != "opener":
        start = f"{sites.shop}/?link={quote(start, safe='')}"
    with tab.context.expect_page() as opened:
        tab.evaluate("url => { window.opened = open(url); }", start)
    window = opened.value
    if kind != "opener":
        window.click("#link")
    window.wait_for_url(f"{sites.help}/page", wait_until="commit")
    before = calls(window)
    assert before == ([{}] if kind == "opener" else [ADAS])
    window.evaluate(
        "() => { window.changed = new Promise(done => addEventListener('hashchange', done)); }"
    )
    tab.evaluate(HASH, ["opened", f"{sites.help}/page#pavior-handoff={sites.code()}"])
    window.evaluate("() => window.changed.then(() => true)")
    assert window.evaluate("location.href") == f"{sites.help}/page"
    window.reload()
    assert calls(window) == before
    window.go_back()
    assert window.evaluate("location.hash") == ""
    assert calls(window) == before


@blocked
def test_a_code_in_a_frame_logs_nobody_in(tab: Page, sites: Sites) -> None:
    """Has: a page that frames the help center. Tries: their code in the frame's address.

    Gets: nobody logged in there.
    """
    code = sites.code()
    evil_page(tab, sites, f"<iframe src='{sites.help}/page#pavior-handoff={code}'></iframe>")
    frame = tab.frame(url=f"{sites.help}/**") or tab.frames[1]
    frame.wait_for_function("window.Pavior?.calls.length")
    assert frame.evaluate("Pavior.calls") == [{"teamVanityId": TEAM}]


@pytest.mark.parametrize("user", [None, MALLORY])
def test_the_url_of_a_handoff_logs_nobody_in(browser: Browser, sites: Sites, user: str) -> None:
    """Has: the URL of Ada's handoff, from a log or a Referer. Tries: to open it in their browser,
    logged out or as themselves.

    Gets: nothing of Ada's.
    """
    with browser.new_context() as context:
        if user:
            logged_in(context, sites, user)
        tab = context.new_page()
        sites.seen.clear()
        for challenge in (CHALLENGE, None):
            tab.goto(sites.shop + asking_for(f"{sites.help}/page", challenge=challenge))
            assert calls(tab) in ([{}], [{"email": MALLORY, "hmac": sign(API_KEY, MALLORY)}])
        assert not [each for each in sites.seen if told_of_ada(each)]


def told_of_ada(each: Exchanged) -> list[str]:
    return [secret for secret in SECRETS if secret in each.answer]


# ── Reading ────────────────────────────────────────────────────────────────────────────────────

READ = """async urls => {
    const gained = [];
    async function attempt(what, reading) {
        try {
            const text = await reading();
            if (text) gained.push([what, text]);
        } catch { /* nothing was to be had */ }
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


def narrow_cookies(context: BrowserContext, sites: Sites) -> list[str]:
    kept = context.cookies(sites.shop)
    return [each.get("value", "") for each in kept if each.get("name") == LOGIN_COOKIE]


@pytest.mark.parametrize("at", ["evil", "same_site_evil"])
def test_no_page_reads_or_changes_anything_by_any_request(tab: Page, sites: Sites, at: str) -> None:
    """Has: a page on another site, or on a subdomain that is not whitelisted.

    Tries: to load each path by each way that a page has, with Ada's cookies along.
    Gets: nothing readable, no answer that holds anything of hers, and her cookies as they were.
    """
    evil_page(tab, sites, at=getattr(sites, at))
    cookies = narrow_cookies(tab.context, sites)
    assert len(cookies) == 1
    sites.seen.clear()
    to = quote(f"{sites.help}/still?still=", safe="")
    gained = tab.evaluate(
        READ,
        [
            f"{sites.shop}{SHARE_AUTH}",
            f"{sites.shop}{SHARE_AUTH}?origin={sites.help}",
            f"{sites.shop}{FRAME}?origin={sites.help}",
            f"{sites.shop}{HANDOFF}?to={to}",
        ],
    )
    assert gained == []
    answers = sites.answers()
    assert len(answers) > 50
    assert not [each for each in answers if told_of_ada(each) or "Set-Cookie" in each.answer]
    assert {each.status for each in answers} <= {200, 403, 405}
    assert not [each for each in answers if each.status == 200 and FRAME not in each.target]
    assert narrow_cookies(tab.context, sites) == cookies


def test_no_page_that_another_site_opens_says_or_changes_anything(tab: Page, sites: Sites) -> None:
    """Has: a page whose form opens each path in a whole window. Tries: to change something there,
    or to find something shown.

    Gets: a refusal, a script or a handoff, and Ada's cookies as they were.
    """
    cookies = narrow_cookies(tab.context, sites)
    for path in PATHS:
        name, value = ("to", f"{sites.help}/page") if path == HANDOFF else ("origin", sites.help)
        for method in ("get", "post"):
            opened = tab.context.new_page()
            evil_page(
                opened,
                sites,
                f"<form method={method} action='{sites.shop}{path}'>"
                f"<input name={name} value='{value}'><button id=a>a</button></form>",
            )
            sites.seen.clear()
            with opened.expect_response(lambda response: urlsplit(response.url).path == path):  # noqa: B023
                opened.click("#a", no_wait_after=True)
            opened.close()
            answer = next(each for each in sites.answers() if path in each.target)
            assert answer.method == method.upper()
            assert not told_of_ada(answer)
            assert "Set-Cookie" not in answer.answer
    assert narrow_cookies(tab.context, sites) == cookies


def test_a_page_of_the_shop_that_another_site_posts_to_changes_nothing(
    tab: Page, sites: Sites
) -> None:
    """Has: a page that posts a form to the shop, which then sees no session of Ada's.

    Tries: to have the shop take her for logged out. Gets: her narrow cookie left alone.
    """
    cookies = narrow_cookies(tab.context, sites)
    evil_page(
        tab, sites, f"<form method=post action='{sites.shop}/'><button id=a>a</button></form>"
    )
    tab.click("#a")
    tab.wait_for_url(f"{sites.shop}/")
    (post,) = [each for each in sites.answers() if each.method == "POST"]
    assert "session=" not in post.request.get("Cookie", "")
    assert narrow_cookies(tab.context, sites) == cookies


def test_a_help_center_that_is_not_whitelisted_gets_no_identity(tab: Page, sites: Sites) -> None:
    """Has: a help center that runs share.js too, and to which the shop links.

    Tries: to borrow Ada's login, from a link, a click, the cookie.
    Gets: nobody; no answer to it that holds her id, email or hmac, in its head or its body.
    """
    rogue = sites.at("rogue")
    tab.goto(f"{sites.shop}/?link={quote(f'{rogue}/page', safe='')}")
    sites.seen.clear()
    tab.click("#link")
    tab.wait_for_url(f"{rogue}/page")
    assert calls(tab) == [{}]
    tab.goto(f"{rogue}/page#pavior-handoff={sites.code(ADA)}")
    tab.reload()
    assert calls(tab) == [{}]
    asked = [each for each in sites.answers() if SHARE_AUTH in each.target]
    assert {each.status for each in asked} == {403}
    assert not [each for each in sites.seen if told_of_ada(each)]
    assert not [each for each in asked if "Access-Control" in each.answer]
    tab.evaluate(
        """async url => { try { await fetch(url, {method: 'POST', body: 'x'}); } catch {} }""",
        f"{sites.shop}{SHARE_AUTH}",
    )
    assert not [each for each in sites.seen if told_of_ada(each)]


# ── The frame ──────────────────────────────────────────────────────────────────────────────────


ERROR = "chrome-error:"
"""What Chromium shows in the place of a page that may not be framed."""


def frame_page(tab: Page, sites: Sites, src: str, at: str) -> None:
    """Open a page at an address that frames another, and wait for that to be loaded or kept out."""
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


@blocked
def test_the_frame_is_shown_to_its_borrower_alone(tab: Page, sites: Sites) -> None:
    """Has: a page of any site, or another whitelisted one. Tries: to frame the borrower's frame,
    to have it clicked.

    Gets: an error in its place; only the page that it is for gets it.
    """
    src = f"{sites.shop}{FRAME}?origin={sites.help}"
    for at in (sites.evil, sites.docs, sites.at("rogue"), sites.same_site_evil, sites.shop):
        with tab.expect_event("framenavigated", lambda frame: frame.url.startswith(ERROR)):
            frame_page(tab, sites, src, f"{at}/?still=")
        assert tab.evaluate("heard") == []
    frame_page(tab, sites, src, f"{sites.help}/?still=")
    tab.wait_for_function("heard.length")
    assert tab.evaluate("heard") == [[sites.shop, {"pavior": "click"}]]


@blocked
def test_the_frame_is_not_shown_in_a_borrower_that_is_framed(tab: Page, sites: Sites) -> None:
    """Has: a page that frames the help center, and lays something over it. Tries: to have the
    frame within clicked.

    Gets: a help center without that frame: all pages around it count.
    """
    with tab.expect_event("framenavigated", lambda frame: frame.url.startswith(ERROR)):
        evil_page(tab, sites, f"<iframe src='{sites.help}/page' width=400 height=400></iframe>")
    (help_center,) = [each for each in tab.frames if each.url == f"{sites.help}/page"]
    (inner,) = help_center.child_frames
    assert inner.url.startswith(ERROR)
    assert FRAME in "".join(each.target for each in sites.answers())


@pytest.mark.parametrize("at", ["evil", "docs"])
def test_the_frame_speaks_to_its_borrower_alone(tab: Page, sites: Sites, at: str) -> None:
    """Has: a browser that passes over `frame-ancestors`. Tries: to frame the frame, and to hear
    what it says to its parent.

    Gets: silence, as it speaks to the one origin; not even that it wants a click.
    """
    src = f"{sites.shop}{FRAME}?origin={{}}&nopolicy"
    elsewhere = f"{getattr(sites, at)}/?still="
    frame_page(tab, sites, src.format(sites.help), elsewhere)
    inner = tab.frames[-1]
    assert inner.url.startswith(sites.shop)
    # All that was posted before is there when our message has come.
    inner.evaluate(
        """async () => {
            await document.hasStorageAccess();
            await navigator.permissions.query({name: 'storage-access'});
            for (let turn = 0; turn < 5; turn += 1) await fetch('share.js');
            parent.postMessage('last', '*');
        }"""
    )
    tab.wait_for_function("heard.some(each => each[1] === 'last')")
    assert tab.evaluate("heard") == [[sites.shop, "last"]]
    frame_page(tab, sites, src.format(sites.help), f"{sites.help}/?still=")
    tab.wait_for_function("heard.length")


@allowed
def test_the_frame_and_share_auth_name_the_user_to_their_borrower_alone(
    tab: Page, sites: Sites
) -> None:
    """Has: a borrower's page in which the frame of another borrower stands. Tries: to be told.

    Gets: what the frame of its own says, and nothing of the other.
    """
    src = f"{sites.shop}{FRAME}?origin="
    frame_page(tab, sites, src + sites.docs, f"{sites.docs}/?still=")
    tab.wait_for_function("heard.some(each => each[1].pavior === 'told')")
    told = [each[1]["identity"] for each in tab.evaluate("heard")]
    assert told == [ADAS]
    frame_page(tab, sites, src + sites.help, f"{sites.docs}/?still=")
    assert tab.evaluate("heard") == []


FORGED = {
    "pavior": "told",
    "identity": {"email": MALLORY, "hmac": sign(API_KEY, MALLORY)},
    "seconds": 3600,
    "isClicked": True,
}


def open_with_frame(tab: Page, sites: Sites) -> None:
    """Open the help center, directly: nobody is known, and the frame asks for a click."""
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [{}]
    tab.wait_for_function(
        "document.querySelector('iframe[title=Chat]')?.style.visibility === 'visible'"
    )


HEAR_ONE = """() => {
    window.heard = new Promise(done => addEventListener('message', event => {
        if (event.data === null || event.data.pavior === 'told') done(event.origin);
    }));
}"""


@blocked
@pytest.mark.parametrize("teller", ["evil frame", "shop frame", "opener", "the page itself"])
def test_messages_of_other_windows_are_not_taken_for_the_frames(
    tab: Page, sites: Sites, teller: str
) -> None:
    """Has: an advertisement in the help center, the window that opened it, or a page of the shop
    that passes on any text.

    Tries: a message that looks like the frame's. Gets: it passed over.
    """
    opener = tab
    if teller == "opener":
        evil_page(opener, sites)
        with opener.context.expect_page() as opened:
            opener.evaluate("url => { window.opened = open(url); }", "about:blank")
        tab = opened.value
    open_with_frame(tab, sites)
    tab.evaluate(HEAR_ONE)
    if teller == "opener":
        opener.evaluate("said => opened.postMessage(said, '*')", FORGED)
    elif teller == "the page itself":
        tab.evaluate("said => postMessage(said, '*')", FORGED)
    else:
        said = json.dumps(FORGED)
        src = f"{sites.shop}/forges?say={quote(said)}"
        if teller == "evil frame":
            script = f"<script>parent.postMessage({said}, '*')</script>"
            src = f"{sites.evil}/?body={quote(script)}"
        tab.evaluate(
            """src => {
                const frame = document.createElement('iframe');
                frame.src = src;
                document.body.append(frame);
            }""",
            src,
        )
    senders = {"evil frame": sites.evil, "shop frame": sites.shop, "opener": sites.evil}
    assert tab.evaluate("window.heard") == senders.get(teller, sites.help)
    assert calls(tab) == [{}]
    assert tab.locator("iframe[title=Chat]").count() == 1


@blocked
def test_messages_of_another_site_in_the_frames_place_are_not_taken(
    tab: Page, sites: Sites
) -> None:
    """Has: the frame led elsewhere, by whatever means. Tries: to speak from there.

    Gets: it passed over.
    """
    open_with_frame(tab, sites)
    tab.evaluate(HEAR_ONE)
    script = f"<script>parent.postMessage({json.dumps(FORGED)}, '*')</script>"
    tab.evaluate(
        "url => { document.querySelector('iframe[title=Chat]').contentWindow.location = url; }",
        f"{sites.evil}/?body={quote(script)}",
    )
    assert tab.evaluate("window.heard") == sites.evil
    assert calls(tab) == [{}]


# ── Planted cookies ────────────────────────────────────────────────────────────────────────────


def plants(value: str) -> list[str]:
    domains = ("", "; Domain=shop.localhost", "; Domain=.shop.localhost", "; Domain=localhost")
    names = (
        LOGIN_COOKIE,
        LOGIN_COOKIE.lower(),
        LOGIN_COOKIE.upper(),
        f" {LOGIN_COOKIE}",
        f"={LOGIN_COOKIE}",
        f"{LOGIN_COOKIE} ",
    )
    return [
        f"{name}={value}; Path={path}; SameSite=None; Secure{domain}"
        for name in names
        for domain in domains
        for path in ("/", "/.well-known/pavior/share-auth")
    ]


@pytest.mark.parametrize("way", ["script", "header"])
def test_no_subdomain_plants_a_login_cookie(tab: Page, sites: Sites, way: str) -> None:
    """Has: a subdomain of the shop. Tries: to give Ada their narrow cookie, for all of the domain.

    Gets: a cookie for the subdomain at most; the shop is sent Ada's own and no other.
    """
    at = sites.same_site_evil
    if way == "script":
        tab.goto(f"{at}/")
        tab.evaluate(
            "cookies => { for (const each of cookies) document.cookie = each; }", plants("planted")
        )
    else:
        tab.goto(f"{at}/plant?" + "&".join(f"cookie={quote(each)}" for each in plants("planted")))
    before = narrow_cookies(tab.context, sites)
    assert len(before) == 1
    assert before != ["planted"]
    sites.seen.clear()
    tab.goto(f"{sites.shop}{SHARE_AUTH}")
    (sent,) = [each.request.get("Cookie", "") for each in sites.answers()]
    assert "planted" not in sent
    tab.goto(f"{at}/")  # also where its own host is sent what it has set
    assert "planted" not in "".join(each.request.get("Cookie", "") for each in sites.answers())


def test_plain_http_plants_no_login_cookie(tab: Page) -> None:
    """Has: the network, and so any answer to plain http. Tries: to set the cookie from there.

    Gets: a browser that keeps no such cookie.
    """
    url = "http://www.shop.test/"
    planted = plants("planted")[:2]

    def answer(route: Any) -> None:
        route.fulfill(
            body="<!doctype html><title>a</title>",
            content_type="text/html",
            headers={"Set-Cookie": "\n".join([*planted, "other=kept"])},
        )

    tab.route(url, answer)
    tab.goto(url)
    tab.evaluate("cookies => { for (const each of cookies) document.cookie = each; }", planted)
    kept = [each.get("name") for each in tab.context.cookies([url, "https://www.shop.test/"])]
    assert kept == ["other"]


@allowed
def test_a_planted_login_cookie_does_not_outdo_the_user_who_is_logged_in(
    tab: Page, sites: Sites
) -> None:
    """Has: planted their narrow cookie after all, on the shop's very host. Tries: to be who Ada is
    at the help center.

    Gets: one look, if the session does not get there; her next page of the shop replaces it.
    """
    opened = tab.context.new_page()
    own = narrow_cookies(tab.context, sites)
    opened.goto(f"{sites.shop}/")
    (cookie,) = [
        each for each in tab.context.cookies(sites.shop) if each.get("name") == LOGIN_COOKIE
    ]
    tab.context.add_cookies([{**cookie, "value": "planted"}])  # type: ignore[typeddict-item]
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [{}]
    opened.goto(f"{sites.shop}/")
    assert narrow_cookies(tab.context, sites) not in ([], ["planted"])
    assert len(own) == 1
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [ADAS]


# ── Codes on their way ─────────────────────────────────────────────────────────────────────────


@blocked
def test_no_code_is_sent_to_any_server_but_the_shop(tab: Page, sites: Sites) -> None:
    """Has: the logs of every server, and what the help center's page sends to it and to others.

    Tries: to find a code in a request line, a `Referer` or any other field.
    Gets: none; the one place is the body that the shop is sent.
    """
    sites.seen.clear()
    with tab.expect_request(f"{sites.help}/image.png"), tab.expect_request(f"{sites.help}/after"):
        come_from_shop(tab, sites, "/busy")
    tab.click("#next")
    tab.wait_for_url(f"{sites.help}/next")
    calls(tab)
    handoff = [each for each in sites.answers() if HANDOFF in each.target][-1]
    code = handoff.answer.partition("#pavior-handoff=")[2].split()[0]
    assert len(code) > 40
    targets = [each.target for each in sites.seen]
    for path in ("/before.png?", "/after?", "/image.png?", "/next?"):
        assert path in targets
    told = {each.request.get("Referer") for each in sites.answers("help")} - {None}
    assert told <= {
        f"{at}/{path}" for at in (sites.shop, sites.help) for path in ("", "busy", "next")
    }
    for each in sites.seen:
        assert code not in each.received
        assert "pavior-handoff" not in each.received
    assert tab.evaluate("document.documentElement.outerHTML").count(code) == 0


@blocked
def test_a_script_behind_share_js_does_not_see_the_code_in_the_address(
    tab: Page, sites: Sites
) -> None:
    """Has: another script of the help center's, which sends addresses to a log.

    Tries: `location`, the history, the document, the storage. Gets: addresses without a code.
    """
    come_from_shop(tab, sites)
    seen = tab.evaluate(
        """JSON.stringify([seenByOthers, location.href, document.URL, document.baseURI,
            document.referrer, history.state, navigation.entries().map(each => each.url),
            {...sessionStorage}, {...localStorage}, document.cookie])"""
    )
    assert "pavior-handoff" not in seen
    assert sites.code(ADA)[:20] not in seen


@blocked
def test_a_code_that_was_used_is_not_in_the_history(tab: Page, sites: Sites) -> None:
    """Has: the browser's back button, a minute later or not. Tries: to come back with the code.

    Gets: a page that knows whom the tab knows, and sends no code.
    """
    come_from_shop(tab, sites)
    tab.goto(f"{sites.docs}/?still=")
    sites.seen.clear()
    tab.go_back()
    assert tab.url == f"{sites.help}/page"
    assert not [each for each in sites.answers() if each.method == "POST"]


# ── Ids that are more than ids ─────────────────────────────────────────────────────────────────

ODD_IDS = [
    *("null", "{}", "undefined", "pavior-handoff", "__proto__", "constructor", "told", "click"),
    *("</script><script>alert(1)</script>", "<!--", '"', "'", "\\", "\n", "\u2028", "\0", "🦆"),
    *(
        "https://help.example.com",
        "a=b; c=d",
        "0123456789abcdef" * 4,
        " ",
        "&#pavior",
    ),
]


@blocked
def test_an_id_arrives_as_it_is_by_a_link(tab: Page, sites: Sites) -> None:
    """Has: an account whose id they choose. Tries: ids that look like a part of the package.

    Gets: init called with the very id, and nothing run.
    """
    dialogs: list[object] = []
    tab.on("dialog", lambda dialog: dialogs.append(dialog))
    for user_id in ODD_IDS:
        session = {"name": "session", "value": user_id.encode().hex(), "url": sites.shop}
        tab.context.add_cookies([session])  # type: ignore[list-item]
        tab.goto(f"{sites.shop}/?link={quote(f'{sites.help}/page', safe='')}")
        tab.click("#link")
        tab.wait_for_url(f"{sites.help}/page")
        assert calls(tab) == [{"id": user_id, "hmac": sign(API_KEY, user_id)}]
    assert dialogs == []


@allowed
def test_an_id_arrives_as_it_is_by_the_cookie_and_the_frame(tab: Page, sites: Sites) -> None:
    """Has: an account whose id they choose. Tries: the same, by the narrow cookie and the frame.

    Gets: the very id.
    """
    for user_id in ODD_IDS[1::4]:
        session = {"name": "session", "value": user_id.encode().hex(), "url": sites.shop}
        tab.context.add_cookies([{**session, "sameSite": "Lax"}])  # type: ignore[typeddict-item]
        tab.goto(f"{sites.shop}/")
        told = {"id": user_id, "hmac": sign(API_KEY, user_id)}
        src = f"{sites.shop}{FRAME}?origin={sites.help}"
        frame_page(tab, sites, src, f"{sites.help}/page?still=")
        tab.wait_for_function("heard.length")
        ((sender, said),) = tab.evaluate("heard")
        assert (sender, said["identity"], said["isClicked"]) == (sites.shop, told, False)
        assert calls(tab)[-1] == told


def test_no_key_is_in_anything_that_the_browser_gets(tab: Page, sites: Sites) -> None:
    """Has: all that any server answers, in the course of every way. Tries: to find a key.

    Gets: none.
    """
    come_from_shop(tab, sites)
    tab.goto(f"{sites.docs}/page")
    calls(tab)
    evil_page(tab, sites)
    tab.evaluate(READ, [f"{sites.shop}{path}" for path in PATHS])
    hosts = {each.host for each in sites.seen}
    assert {"shop", "help", "docs", "evil"} <= hosts
    assert urlsplit(tab.url).hostname == "evil.localhost"
    for each in sites.seen:
        assert API_KEY not in each.answer
        assert SECRET_KEY not in each.answer
