"""What the links script does to the lender's pages in a real Chromium, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, wsgi
from tests.support.names import Names, chosen_by
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, TEAM

HINT = "pavior-handoff=ask"


@dataclass
class Sites(Names):
    """Every site at one port. `body` and `headers` are of the shop's page; `led` is where links
    have led, `referrers` the referrers that came along. The file of the script of a page is held
    until `file_may_go`, which the path /ready sets."""

    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    led: list[str] = field(default_factory=list)
    referrers: list[str | None] = field(default_factory=list)
    file_may_go: Event = field(default_factory=Event)


def who(environ: dict[str, Any]) -> Identity | None:
    name = Request(environ).cookies.get("user")
    return Identity(email=f"{name}@example.com") if name else None


@pytest.fixture(scope="module")
def server() -> Iterator[Sites]:
    (port,) = free_ports([0])
    made = Sites(port)

    @Request.application
    def shop(request: Request) -> Response:
        text = made.body.replace("HELP", made.help)
        return Response(
            f"<!doctype html><title>Shop</title><body>{text}",
            headers=made.headers,
            mimetype="text/html",
        )

    def lender(**settings: Any) -> Any:
        domains = [f"{name}.localhost:{port}" for name in ("help", "*.cards", "shop")]
        configured = Settings(
            TEAM,
            API_KEY,
            embed_url=f"{made.at('pavior')}/embed",
            shared_auth_domains=domains,
            secret_key="only for tests",
            **settings,
        )
        return wsgi.PaviorMiddleware(shop, configured, identity=who)

    lenders = {"shop": lender(), "plain": lender(handoff=False)}

    def app_for(request: Request) -> Any:
        name, _, _ = request.host.partition(".localhost")
        if request.path == "/favicon.ico":
            return Response("", 204)
        if request.path == "/ready":
            made.file_may_go.set()
            return Response("", 204)
        if request.path.startswith("/.well-known/pavior/links-"):
            assert made.file_may_go.wait(10)
        if name in lenders and request.path != "/elsewhere":
            return lenders[name]
        if name == "pavior":
            return Response("window.Pavior = () => {}", mimetype="text/javascript")
        made.led.append(f"{name}{request.full_path.rstrip('?')}")
        made.referrers.append(request.headers.get("Referer"))
        return Response("<!doctype html><title>There</title>", mimetype="text/html")

    with serving_wsgi(chosen_by(app_for), port):
        yield made


@pytest.fixture
def sites(server: Sites) -> Sites:
    server.body, server.headers = "", {}
    server.led.clear()
    server.referrers.clear()
    server.file_may_go.set()
    return server


@pytest.fixture
def page(browser: Browser, sites: Sites) -> Iterator[Page]:
    """A tab of somebody who is logged in at the shop."""
    with browser.new_context() as context:  # which closes whatever tabs are opened
        context.set_default_timeout(5000)
        session = {"name": "user", "value": "ada", "sameSite": "Lax"}
        for name in ("shop", "plain"):
            context.add_cookies([{**session, "url": sites.at(name)}])  # type: ignore[typeddict-item]
        yield context.new_page()


# The events of a click, and the link's address as a handler of the page sees it.
WATCH = """<script>
window.seen = [];
window.changes = [];
window.watch = link => new MutationObserver(records => changes.push(...records))
    .observe(link, {attributes: true});
const see = event => {
    const link = event.composedPath().find(each => each.href);
    seen.push([event.type, link?.getAttribute('href'), event.defaultPrevented]);
};
</script>"""


def show(page: Page, sites: Sites, body: str, *, at: str = "shop", **headers: str) -> None:
    sites.body = WATCH + body
    sites.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    page.goto(f"{sites.at(at)}/here/")


def takes_along(page: Page, url: str) -> bool:
    """Return whether the hint came along to a URL, once the tab is there; there is no share.js."""
    start, _, fragment = url.partition("#")
    page.wait_for_url(lambda at: at.partition("#")[0] == start, wait_until="commit")
    there = page.url.partition("#")[2]
    if there == fragment:
        return False
    assert there == "&".join(filter(None, [HINT, fragment]))
    return True


LINK = "<a id=link href='HELP/returns?a=b&c#section'>Help</a>"
RETURNS = "/returns?a=b&c#section"


def href(page: Page, selector: str = "#link") -> str | None:
    value: str | None = page.locator(selector).get_attribute("href")
    return value


# ── Ways to follow a link ──────────────────────────────────────────────────────────────────────


def test_a_click_takes_the_login_along(page: Page, sites: Sites) -> None:
    show(page, sites, LINK)
    page.click("#link")
    assert takes_along(page, sites.help + RETURNS)
    assert sites.led == ["help/returns?a=b&c"]
    assert sites.referrers == [f"{sites.at('shop')}/"]
    page.go_back()
    assert page.url == f"{sites.at('shop')}/here/"


def test_enter_takes_the_login_along(page: Page, sites: Sites) -> None:
    show(page, sites, LINK)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert takes_along(page, sites.help + RETURNS)


@pytest.mark.parametrize("way", ["click", "Enter"])
def test_a_click_right_after_load_takes_the_login_along(page: Page, sites: Sites, way: str) -> None:
    sites.file_may_go.clear()
    body = f"""{LINK}<script>
        const link = document.querySelector('#link');
        document.addEventListener('DOMContentLoaded', () => fetch('/ready'));
        window.addEventListener('load', () => link.{"click" if way == "click" else "focus"}());
    </script>"""
    show(page, sites, body)
    if way == "Enter":
        page.keyboard.press("Enter")
    assert takes_along(page, sites.help + RETURNS)


@pytest.mark.parametrize("way", ["Control", "Shift", "middle"])
def test_a_link_in_a_new_tab_or_window_takes_the_login_along(
    page: Page, sites: Sites, way: str
) -> None:
    show(page, sites, LINK)
    own = href(page)
    with page.context.expect_page() as opened:
        if way == "middle":
            page.click("#link", button="middle")
        else:
            page.click("#link", modifiers=[way])  # type: ignore[list-item]
    assert takes_along(opened.value, sites.help + RETURNS)
    assert page.url == f"{sites.at('shop')}/here/"
    page.wait_for_function(
        "own => document.querySelector('a').getAttribute('href') === own", arg=own
    )


@pytest.mark.parametrize("body", ["target=_blank", "target=named", "base"])
def test_a_link_with_a_target_takes_the_login_along(page: Page, sites: Sites, body: str) -> None:
    link = LINK.replace("id=link", f"id=link {body}" if body != "base" else "id=link")
    show(page, sites, ("<base target=_blank>" if body == "base" else "") + link)
    with page.context.expect_page() as opened:
        page.click("#link")
    assert takes_along(opened.value, sites.help + RETURNS)
    assert page.url == f"{sites.at('shop')}/here/"
    if body == "target=named":
        assert opened.value.evaluate("name") == "named"
        page.click("#link")
        assert takes_along(opened.value, sites.help + RETURNS)
        assert len(page.context.pages) == 2


SHADOW = """<div id=host></div><script>
const root = document.querySelector('#host').attachShadow({mode: 'open'});
root.innerHTML = "<a href='HELP/returns?a=b&c#section'><b id=inner>Help</b></a>";
</script>"""
SHAPES = {
    "an image": LINK.replace("Help<", "<img id=inner width=9 height=9>&nbsp;<"),
    "nested markup": LINK.replace("Help<", "<b><i id=inner>Help</i></b><"),
    "an open shadow root": SHADOW,
    "an area": (
        "<img usemap='#m' width=50 height=50 src='data:image/svg+xml,"
        '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"/>\'>'
        "<map name=m><area id=link shape=default href='HELP/returns?a=b&c#section'></map>"
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_link_of_any_shape_takes_the_login_along(page: Page, sites: Sites, shape: str) -> None:
    show(page, sites, SHAPES[shape])
    page.click("img" if "area" in shape else "#inner")
    assert takes_along(page, sites.help + RETURNS)


@pytest.mark.parametrize(
    "call", ["click()", "dispatchEvent(new MouseEvent('click', {bubbles: true}))"]
)
def test_a_link_that_a_script_follows_takes_the_login_along(
    page: Page, sites: Sites, call: str
) -> None:
    show(page, sites, LINK)
    page.evaluate(f"document.querySelector('#link').{call}")
    assert takes_along(page, sites.help + RETURNS)


def test_a_link_that_is_clicked_twice_takes_the_login_along(page: Page, sites: Sites) -> None:
    show(page, sites, LINK)
    page.evaluate("() => { for (const each of [1, 2]) document.querySelector('#link').click(); }")
    page.wait_for_function("location.hostname === 'help.localhost'")
    assert page.url.startswith(f"{sites.help}/returns?a=b&c#{HINT}&")


@pytest.mark.parametrize("count", [2, 3])
def test_quick_clicks_leave_a_link_its_own_address(page: Page, sites: Sites, count: int) -> None:
    show(page, sites, LINK)
    own = href(page)
    seen = page.evaluate(
        """count => {
            const link = document.querySelector('#link'), seen = [];
            function last(event) {
                event.preventDefault();
                seen.push(link.getAttribute('href'));
            }
            link.addEventListener('click', () => {
                for (const each of ['remove', 'add']) window[each + 'EventListener']('click', last);
            });
            for (let each = 0; each < count; each += 1) link.click();
            return new Promise(done => {
                setTimeout(() => done([...seen, link.getAttribute('href')]));
            });
        }""",
        count,
    )
    assert len(seen) == count + 1
    assert all(HINT in each for each in seen[:-1])
    assert seen[-1] == own


def test_a_card_that_clicks_its_link_leaves_it_its_own_address(page: Page, sites: Sites) -> None:
    card = f"<div id=card>{LINK.replace('id=link', 'id=link target=_blank')}</div>"
    show(page, sites, card)
    own = href(page)
    after = page.evaluate("""() => {
        const link = document.querySelector('#link');
        // The last to hear of a click, and then the browser does not follow.
        document.addEventListener('click', () => {
            window.addEventListener('click', event => event.preventDefault(), {once: true});
        });
        card.addEventListener('click', event => {
            if (event.detail === 7) link.click();
        });
        link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, detail: 7}));
        return new Promise(done => setTimeout(() => done(link.getAttribute('href'))));
    }""")
    assert after == own


def test_the_wildcard_of_a_whitelist_is_for_labels(page: Page, sites: Sites) -> None:
    for name in ("a.cards", "a.b-2.cards"):
        show(page, sites, f"<a id=link href='{sites.at(name)}/x'>Cards</a>")
        page.click("#link")
        assert takes_along(page, f"{sites.at(name)}/x")
    for name in ("cards", "xcards", "a_b.cards"):
        show(page, sites, f"<a id=link href='{sites.at(name)}/x'>Cards</a>")
        page.click("#link")
        assert not takes_along(page, f"{sites.at(name)}/x")


@pytest.mark.parametrize("to", ["#section", "/here/#section", "/other"])
def test_links_of_the_site_to_itself_are_its_own_whatever_is_whitelisted(
    page: Page, sites: Sites, to: str
) -> None:
    body = f"<a id=link href='{to}'>Below</a><p style='height: 300vh'><h1 id=section>Section</h1>"
    show(page, sites, body)
    page.click("#link")
    assert not takes_along(page, sites.at("shop") + (to if "/" in to else f"/here/{to}"))
    if "#" in to:
        page.wait_for_function("scrollY > 0")


def test_a_link_of_an_anonymous_visitor_has_the_same_hint(page: Page, sites: Sites) -> None:
    page.context.clear_cookies()
    show(page, sites, LINK)
    page.click("#link")
    assert takes_along(page, sites.help + RETURNS)


@pytest.mark.parametrize("meta", ["", "<meta name=referrer content=no-referrer>"])
@pytest.mark.parametrize("rel", ["noreferrer", "NoReferrer noopener nofollow", ""])
def test_the_referrer_policy_of_a_link_stays(page: Page, sites: Sites, meta: str, rel: str) -> None:
    show(page, sites, meta + LINK.replace("id=link", f"id=link rel='{rel}'"))
    page.click("#link")
    assert takes_along(page, sites.help + RETURNS)
    assert sites.referrers == [None if meta or rel else f"{sites.at('shop')}/"]
    assert len(sites.led) == 1


def test_a_link_with_noreferrer_opens_the_tab_that_it_names(page: Page, sites: Sites) -> None:
    show(page, sites, LINK.replace("id=link", "id=link rel=noreferrer target=_blank"))
    own = page.locator("#link").evaluate("link => link.outerHTML")
    with page.context.expect_page() as opened:
        page.click("#link")
    assert takes_along(opened.value, sites.help + RETURNS)
    assert opened.value.evaluate("opener") is None
    assert page.url == f"{sites.at('shop')}/here/"
    page.wait_for_function("own => document.links[0].outerHTML === own", arg=own)


def test_a_link_takes_the_login_along_under_a_strict_policy(page: Page, sites: Sites) -> None:
    policy = "default-src 'none'; script-src 'self'; base-uri 'none'"
    show(page, sites, LINK, Content_Security_Policy=policy)
    page.click("#link")
    assert takes_along(page, sites.help + RETURNS)


# ── Links that are left alone ──────────────────────────────────────────────────────────────────

OTHERS = {
    "same origin": "<a id=link href='/elsewhere'>There</a>",
    "other site": "<a id=link href='{other}/elsewhere'>There</a>",
    "other port": "<a id=link href='http://help.localhost:1/'>There</a>",
    "script": "<a id=link href='javascript:void(window.ran = true)'>There</a>",
    "mail": "<a id=link href='mailto:help@help.localhost'>There</a>",
    "fragment": "<a id=link href='#section'>There</a>",
    "download": "<a id=link download href='HELP/file'>There</a>",
    "user": "<a id=link href='http://user@help.localhost:{port}/'>There</a>",
    "blob": "<a id=link href='blob:HELP/0'>There</a>",
    "broken": "<a id=link href='http://['>There</a>",
    "no href": "<a id=link>There</a>",
    "svg": "<svg><a id=link href='HELP/file'><text y=20>There</text></a></svg>",
}


def test_a_link_to_another_site_is_not_touched(page: Page, sites: Sites) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    show(page, sites, "<div id=place></div>")
    left_alone = """markup => new Promise(done => {
        document.querySelector('#place').innerHTML = markup;
        const link = document.querySelector('#link'), own = link.outerHTML;
        // The last to hear of a click, and then the browser does not follow.
        document.addEventListener('click', () => {
            window.addEventListener('click', event => {
                event.preventDefault();
                done(link.outerHTML === own);
            }, {once: true});
        }, {once: true});
        link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
    })"""
    for markup in OTHERS.values():
        markup = markup.format(other=sites.at("other"), port=sites.port)
        assert page.evaluate(left_alone, markup.replace("HELP", sites.help)), markup
    assert not page.evaluate(left_alone, LINK.replace("HELP", sites.help))
    assert errors == []
    assert sites.led == []


def test_a_javascript_link_runs(page: Page, sites: Sites) -> None:
    show(page, sites, OTHERS["script"])
    page.click("#link")
    assert page.wait_for_function("window.ran")


def test_links_to_other_sites_and_to_the_shop_lead_where_they_say(page: Page, sites: Sites) -> None:
    for kind in ("same origin", "other site"):
        show(page, sites, OTHERS[kind].format(other=sites.at("other"), port=1))
        page.click("#link")
        page.wait_for_url("**/elsewhere")
    assert sites.led == ["shop/elsewhere", "other/elsewhere"]


def test_a_link_with_download_downloads(page: Page, sites: Sites) -> None:
    show(page, sites, OTHERS["download"])
    page.evaluate("addEventListener('click', event => event.preventDefault(), {capture: true})")
    page.click("#link")
    assert page.evaluate("document.querySelector('#link').href") == f"{sites.help}/file"


def test_without_handoffs_no_link_is_changed(page: Page, sites: Sites) -> None:
    show(page, sites, LINK, at="plain")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert not [url for url in loaded if "/links-" in url]
    page.click("#link")
    assert not takes_along(page, sites.help + RETURNS)
    assert sites.led == ["help/returns?a=b&c"]


# ── The page's own scripts ─────────────────────────────────────────────────────────────────────

HANDLERS = {
    "of the link": "document.querySelector('#link').addEventListener('click', stop);",
    "attribute": "document.querySelector('#link').onclick = stop;",
    "delegated at a root": "document.querySelector('#root').addEventListener('click', stop);",
    "delegated at a root, early": (
        "document.querySelector('#root').addEventListener('click', stop, true);"
    ),
    "of the document": "document.addEventListener('click', stop);",
    "of the document, early": "document.addEventListener('click', stop, true);",
    "of the window": "window.addEventListener('click', stop);",
    "of the window, early": "window.addEventListener('click', stop, true);",
    "of the window, added while it is early": (
        "window.addEventListener('click', () => {"
        " window.removeEventListener('click', stop); window.addEventListener('click', stop);"
        "}, true);"
    ),
}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_click_handler_of_the_page_wins_and_sees_the_links_own_address(
    page: Page, sites: Sites, handler: str
) -> None:
    """Whatever is heard before ours, and is added before or after it."""
    stop = "function stop(event) { see(event); event.preventDefault(); }"
    show(page, sites, f"<div id=root>{LINK}</div><script>{stop} {HANDLERS[handler]}</script>")
    own = href(page)
    page.evaluate("watch(document.querySelector('#link'))")
    page.click("#link")
    assert page.evaluate("[seen, changes.length]") == [[["click", own, False]], 0]
    assert (href(page), page.url, sites.led) == (own, f"{sites.at('shop')}/here/", [])


def test_a_click_handler_that_is_added_later_wins_too(page: Page, sites: Sites) -> None:
    show(page, sites, f"{LINK}<h1>Shop</h1>")
    own = href(page)
    page.click("h1")
    page.evaluate("addEventListener('click', event => { see(event); event.preventDefault(); })")
    page.click("#link")
    assert page.evaluate("seen") == [["click", own, False]]
    assert (href(page), sites.led) == (own, [])


@pytest.mark.parametrize("stop", ["stopPropagation", "stopImmediatePropagation"])
def test_a_click_handler_that_stops_the_event_lets_the_link_lead_where_it_says(
    page: Page, sites: Sites, stop: str
) -> None:
    show(
        page,
        sites,
        f"{LINK}<script>document.querySelector('#link').onclick = event => event.{stop}()</script>",
    )
    page.click("#link")
    assert not takes_along(page, sites.help + RETURNS)
    assert sites.led == ["help/returns?a=b&c"]


# As Turbo does: it listens while the event is on its way, to be the last to hear of it.
ROUTER = """<script>
window.fetched = [];
function visit(event) {
    const link = event.target.closest('a[href]');
    if (event.defaultPrevented || new URL(link.href).origin !== location.origin) return;
    event.preventDefault();
    fetched.push(link.href);
}
window.addEventListener('click', () => {
    window.removeEventListener('click', visit, false);
    window.addEventListener('click', visit, false);
}, true);
</script>"""


@pytest.mark.parametrize("where", ["before", "after", "later"])
def test_a_router_does_not_take_the_handoff_for_a_page_of_its_own(
    page: Page, sites: Sites, where: str
) -> None:
    body = LINK + "<a id=own href='/elsewhere'>There</a>"
    show(page, sites, f"<head>{ROUTER}</head>{body}" if where == "before" else body)
    if where == "after":
        show(page, sites, body + ROUTER)
    if where == "later":
        page.evaluate(
            ROUTER.removeprefix("<script>")
            .removesuffix("</script>")
            .replace("function visit(event)", "window.visit = function (event)")
        )
    page.click("#own")
    assert page.evaluate("fetched") == [f"{sites.at('shop')}/elsewhere"]
    page.click("#link")
    assert takes_along(page, sites.help + RETURNS)
    assert sites.led == ["help/returns?a=b&c"]


@pytest.mark.parametrize(
    ("change", "leads_to"),
    [
        ("link.remove()", "help/returns?a=b&c"),
        ("link.href = 'HELP/other'", "help/other"),
        ("link.href = '/elsewhere'", "shop/elsewhere"),
        ("link.removeAttribute('href')", None),
    ],
)
def test_a_click_handler_may_change_the_link_while_it_is_clicked(
    page: Page, sites: Sites, change: str, leads_to: str | None
) -> None:
    body = (
        f"<script>const link = document.querySelector('#link'); link.onclick = () => {{ {change} }}"
    )
    show(page, sites, f"{LINK}{body}</script>")
    if leads_to is None:
        page.click("#link")
        page.wait_for_function("!document.querySelector('a').hasAttribute('href')")
        assert sites.led == []
        return
    page.click("#link")
    page.wait_for_url(lambda url: leads_to.partition("/")[2] in url)
    assert (HINT in page.url) is leads_to.startswith("help")
    assert sites.led[-1] == leads_to


ADDRESSES = [
    "HELP/returns?a=b&c#section",
    "//help.localhost:PORT/x",
    "HTTP://HELP.localhost:PORT/A b/\u00e9?\u00e9=\u00e9|&quot;",
    " HELP/x/../y ",
    "HELP",
    "HELP/%2e%2e/%zz?<>&amp;amp;",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_address_of_a_link_is_restored_after_a_click(
    page: Page, sites: Sites, address: str
) -> None:
    text = address.replace("PORT", str(sites.port)).replace("HELP.", "HeLp.")
    show(
        page,
        sites,
        f"<a id=link target=_blank href='{escape(text, quote=True)}'>Help</a>".replace(
            "&amp;amp;", "&amp;"
        ).replace("&amp;quot;", "&quot;"),
    )
    before, leads_to = page.evaluate("(a => [a.getAttribute('href'), a.href])(document.links[0])")
    with page.context.expect_page() as opened:
        page.click("#link")
    assert takes_along(opened.value, leads_to)
    page.wait_for_function(
        "before => document.links[0].getAttribute('href') === before", arg=before
    )


def test_the_address_of_a_relative_link_with_a_base_is_restored_after_a_click(
    page: Page, sites: Sites
) -> None:
    show(page, sites, "<base href='HELP/base/'><a id=link target=_blank href='../x y'>Help</a>")
    with page.context.expect_page() as opened:
        page.click("#link")
    assert takes_along(opened.value, f"{sites.help}/x%20y")
    page.wait_for_function("document.links[0].getAttribute('href') === '../x y'")


def test_a_copied_link_has_its_own_address(page: Page, sites: Sites) -> None:
    show(
        page,
        sites,
        f"{LINK}<script>for (const type of ['copy', 'contextmenu', 'dragstart', 'mousedown',"
        " 'mouseover', 'auxclick']) window.addEventListener(type, see);</script>",
    )
    own = href(page)
    page.evaluate("watch(document.querySelector('#link'))")
    page.hover("#link")
    page.click("#link", button="right")
    page.evaluate("""() => {
        const link = document.querySelector('#link');
        for (const type of ['copy', 'dragstart'])
            link.dispatchEvent(new Event(type, {bubbles: true}));
    }""")
    seen = page.evaluate("seen")
    assert {each[0] for each in seen} >= {"copy", "contextmenu", "dragstart", "mousedown"}
    assert {each[1] for each in seen} == {own}
    assert href(page) == own
    assert page.evaluate("changes.length") == 0
