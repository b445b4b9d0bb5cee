from __future__ import annotations
from collections.abc import Iterable, Iterator
from typing import Any
import pytest
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.wrappers import Request, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from pavior_middleware import Identity, Settings, page_files
from pavior_middleware.wsgi import PaviorMiddleware
from pavior_middleware.well_known import SHARE_AUTH
from . import chromium
from .browsers import FLAGS, evaluate
from .browsers import playwright as playwright
from .test_browser_cache import ADA, BOB, PATIENCE, EMBED, chromium_that, go, inits, log_in, serving, tab
from .test_browser_doubts import SlowShop, tell
from .test_browser_moments import LOOK, VISIT, REGISTER, MODES, be, look_again, leave, come_back, change_in_another_tab

class XShop(SlowShop):
    head = ""
    body = ""
    csp: str | None = None
    embed = ""

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        if response.mimetype == "text/html" and response.status_code == 200 and request.path != SHARE_AUTH:
            text = response.get_data(as_text=True).replace("<title>", self.head + "<title>") + self.body
            response.set_data(text)
            if self.csp: response.headers["Content-Security-Policy"] = self.csp
        return response

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/embed" and self.embed:
            r = Response(self.embed, mimetype="text/javascript")
            return r(environ, start_response)
        return super().pavior(environ, start_response)

@pytest.fixture(scope="module")
def chrome(playwright: Playwright) -> Iterator[Browser]:
    rules = "--host-resolver-rules=MAP *.test 127.0.0.1"
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright), args=[*FLAGS, rules], ignore_default_args=["--disable-back-forward-cache"]
    ) as browser:
        yield browser

@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[XShop]:
    with serving(XShop(), **getattr(request, "param", {})) as shop:
        yield shop
cacheable = pytest.mark.parametrize("shop", [{"cacheable_pages": True}], indirect=True)
both = pytest.mark.parametrize("shop", [{}, {"cacheable_pages": True}], indirect=True, ids=["named", "cacheable"])
frames = pytest.mark.parametrize("shop", [{"inject_in_frames": True}, {"inject_in_frames": True, "cacheable_pages": True}], indirect=True, ids=["named", "cacheable"])

@pytest.fixture
def page(chrome: Browser, shop: XShop) -> Iterator[Page]:
    with tab(chrome) as page:
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda m: print("console:", m.text))
        yield page
        print("errors", page.errors)

# prefetch on plain http
def test_link_prefetch(chrome: Browser) -> None:
    shop = XShop()
    shop.head = "<link rel=prefetch href=/pages/etag>"
    with serving(shop) as _, tab(chrome) as page:
        shop.origin = shop.origin.replace("shop.localhost", "shop.test")
        with page.expect_event("requestfinished", lambda r: r.url.endswith("/pages/etag")):
            log_in(page, shop, ADA)
        shop.change_user(BOB)
        page.goto(f"{shop.origin}/pages/etag")
        calls = shop.next_calls(1)
        print(shop.responses, page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])"))
        assert calls == [BOB]

MARKUP = ["<img name=hidden>", "<form name=querySelector></form>", "<img name=createElement>", "<form name=head></form>", "<form name=body></form>", "<form name=documentElement></form>", "<a id=Pavior></a>", "<a id=navigator></a><a id=parent></a><a id=self></a><a id=origin></a><a id=performance>"]
@both
@pytest.mark.parametrize("markup", MARKUP)
def test_clobber_markup(page: Page, shop: XShop, markup: str) -> None:
    shop.body = markup
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, BOB)
    look_again(page)
    assert shop.next_calls(1) == [BOB]
    page.evaluate(VISIT, "/pages/next")
    assert shop.next_calls(0) == []
    shop.change_user(ADA)
    page.evaluate(VISIT, "/pages/next")
    assert shop.next_calls(1) == [ADA]
    assert page.errors == []

SCRIPTS = ["var parent = 1", "var origin = 'null'", "var self = {}", "let parent = {}", "let self = {}", "var performance = {}", "let origin = 'null'", "const load = 1, on = 2, page = 3, d = 4, t = 5, e= 6, a = 7, n = 8, o=9", "let top_ = 1; var name = 5; var status; var navigation = 7", "var localStorage = 1", "history.replaceState(null, '', '?x')"]
@both
@pytest.mark.parametrize("script", SCRIPTS)
def test_clobber_scripts(page: Page, shop: XShop, script: str) -> None:
    shop.head = f"<script>{script}</script>"
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, BOB)
    look_again(page)
    assert shop.next_calls(1) == [BOB]
    assert page.errors == []

@pytest.mark.parametrize("csp", ["script-src 'unsafe-inline' https://cdn.example", "default-src 'none'", "script-src 'strict-dynamic' 'nonce-abc'", "require-trusted-types-for 'script'; trusted-types 'none'", "script-src 'self'; trusted-types 'none'; require-trusted-types-for 'script'", "default-src 'unsafe-inline' https://cdn.example"])
@both
def test_csp(page: Page, shop: XShop, csp: str) -> None:
    shop.csp = csp
    log_in(page, shop, ADA)
    change_in_another_tab(page, shop, BOB)
    look_again(page)
    assert shop.next_calls(1) == [BOB]
    assert page.errors == []

@frames
@pytest.mark.parametrize("way", ["frame.srcdoc = text", "frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'}))", "setTimeout(() => { frame.contentDocument.write(text); frame.contentDocument.close(); })", "setTimeout(() => { const w = open('about:blank'); w.document.write(text); w.document.close(); })", "open(URL.createObjectURL(new Blob([text], {type: 'text/html'})))"])
def test_documents(page: Page, shop: XShop, way: str) -> None:
    page.context.on("weberror", lambda e: page.errors.append(str(e.error)))
    log_in(page, shop, ADA)
    page.evaluate("""async () => {
    const text = await (await fetch('/pages/inner')).text();
    const frame = document.createElement('iframe');
    document.body.append(frame);
    %s;
}""" % way)
    try: print(shop.next_calls(1))
    except Exception as e: print(repr(e))
    assert page.errors == []

def test_ordinary_requests(page: Page, shop: XShop) -> None:
    urls = []
    page.on("request", lambda r: urls.append(r.url))
    log_in(page, shop, ADA)
    shop.next_calls(0)
    assert len([u for u in urls if 'call' not in u]) == 3, urls  # login redirect, page, embed

@both
def test_nested(chrome: Browser, shop: XShop) -> None:
    pass

def test_document_open(page: Page, shop: XShop) -> None:
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    page.evaluate("""async () => {
    const text = await (await fetch('/pages/inner')).text();
    document.open(); document.write(text); document.close();
    }""")
    assert shop.next_calls(1) == [BOB]
    assert page.errors == []
    shop.change_user(ADA)
    change_in_another_tab(page, shop, ADA)
    look_again(page)
    assert shop.next_calls(1) == [ADA]

LOADER = EMBED + """{
 const real = window.Pavior;
 window.Pavior = (...a) => { real(...a);
   document.querySelector('#pb')?.remove();
   const l = document.createElement('u'); l.id = 'loader'; document.body.append(l);
   setTimeout(() => l.replaceWith(Object.assign(document.createElement('b'), {id: 'pb'})), 100);
 };
}"""
def test_embed_that_replaces_a_loader(page: Page, shop: XShop) -> None:
    shop.embed = LOADER
    log_in(page, shop, ADA)
    assert shop.next_calls(0) == []

def test_toasts(page: Page, shop: XShop) -> None:
    log_in(page, shop, ADA)
    for _ in range(3):
        page.evaluate("""() => {
            const b = document.body.appendChild(document.createElement('b'));
            return new Promise(done => setTimeout(() => { b.remove(); setTimeout(done, 50); }, 50));
        }""")
    assert shop.next_calls(0) == []

@both
def test_throwing_embed(page: Page, shop: XShop) -> None:
    shop.embed = EMBED + "{const real = window.Pavior; window.Pavior = (...a) => { real(...a); throw new Error('boo'); }}"
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    tell(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]

def test_log_growth_hidden(page: Page, shop: XShop) -> None:
    log_in(page, shop, ADA)
    look_again(page)
    tell(page, "pavior:refresh")
    page.evaluate(LOOK, "hidden")
    page.evaluate("""async () => { for (let i = 0; i < 200; i++) { const b = document.body.appendChild(document.createElement('b')); await 0; b.remove(); await new Promise(d => setTimeout(d)); dispatchEvent(new CustomEvent('htmx:afterRequest')) } }""")
    n = page.evaluate("navigator.pavior.log.length")
    print(n)
    assert n is None or n < 20

@frames
def test_srcdoc_error(page: Page, shop: XShop) -> None:
    log_in(page, shop, ADA)
    r = page.evaluate("""async () => {
    const text = await (await fetch('/pages/inner')).text();
    const frame = document.createElement('iframe');
    document.body.append(frame);
    frame.srcdoc = text.replace('<title>', '<script>window.errs=[];onerror = (m) => errs.push(m)</script><title>');
    await new Promise(d => frame.onload = d);
    return [frame.contentWindow.errs, frame.contentWindow.origin, frame.contentWindow.location.href, !!frame.contentWindow.navigator.pavior, frame.contentDocument.head.innerHTML.slice(0, 300)];
}""")
    print(r)

def test_hidden_clobbered(page: Page, shop: XShop) -> None:
    shop.body = "<img name=hidden>"
    log_in(page, shop, ADA)
    shop.change_user(BOB)
    tell(page, "pavior:refresh")
    assert shop.next_calls(1) == [BOB]

def test_loop(page: Page, shop: XShop) -> None:
    shop.embed = LOADER
    log_in(page, shop, ADA)
    page.wait_for_timeout(5000)
    print(inits(page))
