"""A shop whose pages Chromium keeps, stores and freezes, and what people do in its tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

from playwright.sync_api import Browser, Page
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.servers import serving_http_1_1, serving_wsgi
from tests.support.sites import API_KEY, TEAM

ADA, BOB = "ada@example.com", "bob@example.com"

PATIENCE = 5  # seconds

LAST_MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"

STORED: dict[str, dict[str, str]] = {
    "etag": {"ETag": '"1"', "Cache-Control": "no-cache"},
    "max-age": {"Cache-Control": "max-age=600"},
    "last-modified": {"Last-Modified": LAST_MODIFIED},
    "nothing": {},
    "policy": {"Cache-Control": "max-age=600", "Content-Security-Policy": "default-src 'none'"},
}

# The same for everyone, as far as the app knows, so that every validator fits every user.
PAGE = """<!doctype html>
<title>Shop</title>
<form method="post" action="/logout"><button>Log out</button></form>
<label>Note <input></label>
<a href="">This page again</a>
"""

HEADS = {
    "based": "<base href='//elsewhere.localhost:1/'>",
    "with-a-global": "<script>var origin = 'London'</script>",
    "ruled": "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'\">",
}

# Puts a whole page of the site into this one as it loads, with its scripts.
FETCHING = """<div></div><script>
fetch('/pages/max-age').then(response => response.text()).then(text => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    for (const { textContent } of page.querySelectorAll('script')) {
        const script = document.createElement('script');
        document.querySelector('div').append(Object.assign(script, { textContent }));
    }
    window.isFilled = true;
});
</script>"""

# Reports every call to its server, with the page that made it.
EMBED = """{
    const server = document.currentScript.src;
    window.calls = [];
    window.Pavior = (command, options) => {
        calls.push(options.email ?? null);
        fetch(new URL('call', server), {
            method: 'POST', body: [options.email ?? '', location.pathname].join(' ')});
    };
}"""


@dataclass
class Shop:
    """A site with a login by cookie, the Pavior of its pages, and what both have seen."""

    keeps_cookie: bool
    origin: str = ""
    users: dict[str, str] = field(default_factory=dict)
    calls: Queue[tuple[str | None, str]] = field(default_factory=Queue)
    asked: Queue[None] = field(default_factory=Queue)
    responses: list[tuple[str, int]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    mounts: Callable[[Any], Any] | None = None
    consent: Callable[[Any], bool] | None = None

    def identity(self, environ: dict[str, Any]) -> Identity | None:
        email = self.users.get(Request(environ).cookies.get("session", ""))
        return None if email is None else Identity(email=email)

    def app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        session = request.cookies.get("session") or str(len(self.users))
        directory, _, name = request.path.strip("/").partition("/")
        if directory == "login":
            self.users[session] = request.args["as"]
            response = redirect(f"/pages/{name}", 303)
            response.set_cookie("session", session)
            return response
        if directory == "logout":
            self.users.pop(session, None)
            response = redirect("/bye", 303)
            if not self.keeps_cookie:
                response.delete_cookie("session")
            return response
        if directory == "order":
            self.orders.append(request.method)
        if request.path == SHARE_AUTH:
            self.asked.put(None)
        text = f"<iframe src='/pages/{name}'></iframe>" if directory == "framed" else ""
        text += FETCHING if directory == "fetching" else ""
        text = PAGE.replace("<title>", HEADS.get(name, "") + "<title>") + text
        response = Response(text, mimetype="text/html", headers=STORED.get(name))
        return response.make_conditional(request)

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/call":
            email, _, path = request.get_data(as_text=True).partition(" ")
            self.calls.put((email or None, path))
        response = Response(EMBED, mimetype="text/javascript")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response(environ, start_response)

    def next_call(self) -> str | None:
        """Wait for a call of init and return the user that it names."""
        email, _ = self.calls.get(timeout=PATIENCE)
        return email


def recording(app: Any, responses: list[tuple[str, int]]) -> Any:
    def recorded(environ: Any, start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: Any, *rest: Any) -> Any:
            responses.append((environ["PATH_INFO"], int(status[:3])))
            return start_response(status, headers, *rest)

        return app(environ, start)

    return recorded


@contextmanager
def serving(shop: Shop, **settings: Any) -> Iterator[Shop]:
    port, pavior = free_ports([0, 0])
    shop.origin = f"http://shop.localhost:{port}"
    embed_url = f"http://pavior.localhost:{pavior}/embed"
    configured = Settings(TEAM, API_KEY, embed_url=embed_url, **settings)
    site: Any = PaviorMiddleware(shop.app, configured, identity=shop.identity, consent=shop.consent)
    if shop.mounts is not None:
        site = shop.mounts(site)
    recorded = recording(site, shop.responses)
    with serving_wsgi(shop.pavior, pavior), serving_http_1_1(recorded, port):
        yield shop


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def log_in(page: Page, shop: Shop, email: str, name: str = "nothing") -> None:
    page.goto(f"{shop.origin}/login/{name}?as={email}")
    assert shop.next_call() == email


def log_out(page: Page, shop: Shop) -> None:
    page.get_by_role("button", name="Log out").click()
    assert shop.next_call() is None


def go(page: Page, steps: int) -> None:
    """Press back or forward; a page that was frozen has no load that could be waited for."""
    page.evaluate("steps => { setTimeout(() => history.go(steps)); }", steps)


def is_as_left(page: Page) -> bool:
    """Whether the page is the very one that was left, and stays once its script has its answer."""
    page.wait_for_function("window.departures === 1", timeout=PATIENCE * 1000)
    left: bool = page.evaluate("""async () => {
        for (let round = 0; round < 5; round += 1) await fetch('/answered').catch(() => null);
        return departures === 1 && document.querySelector('input').value === 'half a note';
    }""")
    return left


def inits(page: Page) -> list[str | None]:
    """Return the user that each call of init in this document has named."""
    users: list[str | None] = page.evaluate("calls")
    return users


def take_a_note(page: Page) -> None:
    page.get_by_label("Note").fill("half a note")
    page.evaluate("window.departures = 0; addEventListener('beforeunload', () => departures += 1)")


@contextmanager
def serving_page(page: str, embed: str) -> Iterator[str]:
    """Serve a page at any path to a user with the id 7, a cacheable one at `/cacheable`.

    Yields the origin.
    """
    (port,) = free_ports([0])
    origin = f"http://{LOOPBACK}:{port}"

    @Request.application
    def plain(request: Request) -> Response:
        if request.path == "/embed":
            return Response(embed, mimetype="text/javascript")
        return Response(page, mimetype="text/html")

    named, cacheable = (
        PaviorMiddleware(
            plain,
            Settings(TEAM, API_KEY, embed_url=f"{origin}/embed", cacheable_pages=is_cacheable),
            identity=lambda environ: Identity("7"),
        )
        for is_cacheable in (False, True)
    )

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        chosen = cacheable if environ["PATH_INFO"] == "/cacheable" else named
        return chosen(environ, start_response)

    with serving_wsgi(app, port):
        yield origin
