"""A shop with changing logins, whose pages are prefetched, in a frame or from a service worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event
from typing import Any

from playwright.sync_api import Page
from werkzeug.wrappers import Request, Response

from pavior_middleware import Identity
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.embeds import QUIET_SECONDS
from tests.support.shops import (
    PATIENCE,
    Shop,
    go,
    log_in,
    take_a_note,
)

MODES: dict[str, dict[str, Any]] = {"named": {}, "cacheable": {"cacheable_pages": True}}

PREFETCHING = """<script type="speculationrules">
{"prefetch": [{"urls": ["/pages/next"], "eagerness": "immediate"}]}</script>
<a href="/pages/next">Next page</a>"""

# Opens the page that it has prerendered once the server says so.
PRERENDERING = """<script type="speculationrules">
{"prerender": [{"urls": ["/pages/ahead"], "eagerness": "immediate"}]}</script>
<script>fetch('/go-ahead').then(() => { location = '/pages/ahead'; });</script>"""

AHEAD = """<script>
const report = () =>
    fetch('/report?' + (document.prerendering ? 'ahead' : 'late'), {method: 'POST'});
addEventListener('load', () => setTimeout(report, 1000));
document.addEventListener('prerenderingchange', () => fetch('/report?activated'));
</script>"""

WORKER = """
addEventListener('install', () => skipWaiting());
addEventListener('activate', event => event.waitUntil(clients.claim()));
async function answer(request) {
    const pages = await caches.open('pages');
    const kept = new URL(request.url).pathname === '/pages/kept';
    const page = kept ? await pages.match(request.url, {ignoreVary: true}) : undefined;
    if (page) return page;
    const response = await fetch(request);
    if (kept) await pages.put(request.url, response.clone());
    return response;
}
addEventListener('fetch', event => {
    if (event.request.mode === 'navigate') event.respondWith(answer(event.request));
});
"""

# Adds the scripts in another page's head, as Turbo does.
VISIT = """async path => {
    const text = await (await fetch(path, {headers: {Accept: 'text/html'}})).text();
    const next = new DOMParser().parseFromString(text, 'text/html');
    for (const script of next.head.querySelectorAll('script')) {
        const added = document.createElement('script');
        for (const {name, value} of script.attributes) added.setAttribute(name, value);
        added.text = script.text;
        document.head.append(added);
    }
}"""

LOOK = """state => {
    const set = (name, get) =>
        Object.defineProperty(document, name, {configurable: true, get});
    set('visibilityState', () => state);
    set('hidden', () => state === 'hidden');
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""


@dataclass
class MomentShop(Shop):
    """A shop whose pages are prefetched, in a frame, or from a service worker."""

    reported: dict[str, Event] = field(
        default_factory=lambda: {name: Event() for name in ("ahead", "late", "activated")}
    )
    may_go_ahead: Event = field(default_factory=Event)
    is_changed: bool = False
    user: str | None = None
    is_failing: bool = False
    is_holding: bool = False
    waiting: Queue[Event] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        self.mounts = self.gate

    def gate(self, site: Any) -> Any:
        """Make questions fail, or hold back their answers, which are made at once."""

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            if environ["PATH_INFO"] != SHARE_AUTH:
                answers: Iterable[bytes] = site(environ, start_response)
                return answers
            if self.is_failing:
                return Response(status=500)(environ, start_response)
            answer = Response.from_app(site, environ, buffered=True)
            if self.is_holding:
                is_free = Event()
                self.waiting.put(is_free)
                is_free.wait(6 * PATIENCE)
            return answer(environ, start_response)

        return app

    def next_held(self) -> Event:
        """Wait for a question; its answer leaves when the event is set."""
        return self.waiting.get(timeout=PATIENCE)

    def answer(self, request: Request) -> Response:
        if request.path == "/worker.js":
            return Response(WORKER, mimetype="text/javascript")
        if request.path == "/report":
            self.reported[request.query_string.decode()].set()
            return Response()
        if request.path == "/go-ahead":
            self.may_go_ahead.wait(10 * PATIENCE)
            return Response()
        response = super().answer(request)
        more = {
            "/pages/prefetching": PREFETCHING,
            "/pages/prerendering": PRERENDERING,
            "/pages/ahead": AHEAD,
        }.get(request.path)
        if more is not None:
            response.set_data(response.get_data(as_text=True) + more)
        return response

    def next_calls(self, count: int) -> list[str | None]:
        """Wait for this number of calls of init; return whom they and those that follow name."""
        emails = [self.next_call() for _ in range(count)]
        try:
            emails.append(self.calls.get(timeout=QUIET_SECONDS)[0])
        except Empty:
            return emails
        return emails

    def identity(self, environ: dict[str, Any]) -> Identity | None:
        if not self.is_changed:
            return super().identity(environ)
        return None if self.user is None else Identity(email=self.user)

    def change_user(self, email: str | None) -> None:
        """Give each session another user from now on; the cookies stay unchanged."""
        self.is_changed, self.user = True, email

    def questions(self) -> int:
        return self.asked.qsize()


def be(page: Page, shop: Shop, email: str | None, name: str = "nothing") -> None:
    """Open a page as a user, or as nobody."""
    if email is not None:
        log_in(page, shop, email, name)
        return
    page.goto(f"{shop.origin}/pages/{name}")
    assert shop.next_call() is None


def change_by_fetch(page: Page, email: str | None) -> None:
    path = "/logout" if email is None else f"/login/nothing?as={email}"
    page.evaluate("path => fetch(path, {method: 'POST'}).then(answer => answer.text())", path)


def change_in_another_tab(page: Page, shop: Shop, email: str | None) -> None:
    other = page.context.new_page()
    path = "/logout" if email is None else f"/login/elsewhere?as={email}"
    other.goto(shop.origin + path)
    assert shop.next_call() == email
    other.close()


def look_again(page: Page) -> None:
    page.evaluate(LOOK, "hidden")
    page.evaluate(LOOK, "visible")


def leave(page: Page, shop: MomentShop, user: str | None) -> None:
    """Take a note and go elsewhere, where the browser keeps the page alive."""
    take_a_note(page)
    page.evaluate("addEventListener('pageshow', () => { window.isBack = true; })")
    page.goto(f"{shop.origin}/pages/elsewhere")
    assert shop.next_call() == user


def come_back(page: Page) -> None:
    go(page, -1)
    page.wait_for_function("window.isBack", timeout=PATIENCE * 1000)
