"""A shop, its help centers and a Pavior, and what people do there in any browser."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Request, Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, wsgi
from pavior_middleware.emulator import create_app
from pavior_middleware.flask import Pavior

from .engines.window import Window
from .servers import serving_asgi, serving_wsgi
from .sites import API_KEY, TEAM
from .tls import serving_asgi_over_tls, serving_wsgi_over_tls

EMAIL = "ada@example.com"

_NUMBERS = itertools.count()

PLAIN, TLS = "localhost", "example.test over TLS"

# WebKit keeps no `Secure` cookie of plain http.
BLOCKING = [
    *(("chromium", PLAIN), ("chromium", TLS), ("firefox", PLAIN), ("firefox", TLS)),
    ("webkit", TLS),
]
TOLERANT = [("tolerant chromium", PLAIN), ("tolerant chromium", TLS)]
"""Browsers, which block third-party cookies or do not, and the names and schemes of the sites."""


def journey(*ways: tuple[str, str]) -> pytest.MarkDecorator:
    """Mark a test that is to run in these browsers, at these sites."""
    return pytest.mark.parametrize(("engine", "sites"), ways, indirect=True, scope="module")


# Names of sites, on two kinds of domains. On each, `other` has the same site as the shop.
LOCALHOST = (
    *("shop.localhost", "help.localhost", "other.shop.localhost", "rogue.localhost"),
    "pavior.localhost",
)
TEST = (
    *("shop.example.test", "help.other.test", "other.example.test", "rogue.other.test"),
    "pavior.other.test",
)

SERVERS = {
    "http": (serving_asgi, serving_wsgi),
    "https": (serving_asgi_over_tls, serving_wsgi_over_tls),
}


@dataclass
class Sites:
    """Where everything is; `seen` is all that the shop has answered."""

    shop: str
    help: str
    same_site_help: str
    python_help: str
    rogue: str
    pavior: str
    inbox: Callable[[], dict[str, Any]]
    seen: list[str] = field(default_factory=list)


class Sessions(SecureCookieSessionInterface):
    """Flask's session; each user may have a stricter `SameSite`."""

    def get_cookie_samesite(self, app: flask.Flask) -> str:
        return "Strict" if flask.session.get("is_strict") else "Lax"


def shop(settings: dict[str, Any], links: dict[str, str]) -> flask.Flask:
    """A shop with a login as Flask makes it: its cookie is for this site alone."""
    app = flask.Flask("shop")
    app.session_interface = Sessions()
    app.config.update(SECRET_KEY="a secret key", **settings)
    anchors = "".join(
        f'<p><a id="{name}" rel="noreferrer" href="{url}">{name}</a>' for name, url in links.items()
    )

    @app.get("/")
    def home() -> str:
        name = flask.session.get("email", "nobody")
        return (
            "<!doctype html><meta name=referrer content=no-referrer><title>Shop</title>"
            f"<h1>{name}</h1>{anchors}"
            '<form method=post action="/login"><button id=in>Log in</button>'
            "<button id=strict name=strict value=1>Log in strictly</button></form>"
            '<form method=post action="/logout"><button id=out>Log out</button></form>'
        )

    @app.post("/login")
    def log_in() -> Any:
        flask.session.update(email=EMAIL, is_strict="strict" in flask.request.form)
        return flask.redirect("/", 303)

    @app.post("/logout")
    def log_out() -> Any:
        flask.session.clear()
        return flask.redirect("/", 303)

    Pavior(app, identity=lambda environ: Identity(email=name) if (name := who()) else None)
    return app


def who() -> str | None:
    name: str | None = flask.session.get("email")
    return name


def recording(app: Any, seen: list[str]) -> Any:
    """Keep the heads and bodies of what an app answers."""

    @Request.application
    def recorded(request: Request) -> Response:
        response = Response.from_app(app, request.environ)
        seen.append(f"{request.path}\n{response.headers}\n{response.get_data(as_text=True)}")
        return response

    return recorded


def help_center(shop: str, embed: str) -> Any:
    """A site of plain pages, with the one element that goes into them."""
    init = json.dumps({"teamVanityId": TEAM, "doChat": True})
    page = (
        f"<!doctype html><script src='{shop}/.well-known/pavior/share.js' data-init='{init}'"
        f" data-embed='{embed}' data-bubble='pavior-widget >>> .bubble'></script>"
        "<script>window.seenByOthers = location.href</script>"
        "<title>Help</title><p><a id=next href=/second>Next</a></p>"
        "<p style='height: 200vh'>Much to read</p><h1 id=section>Section</h1>"
    )

    @Request.application
    def app(request: Request) -> Response:
        return Response(page, mimetype="text/html")

    return app


@Request.application
def plain_page(request: Request) -> Response:
    return Response(
        "<!doctype html><title>Docs</title><h1 id=section>Docs</h1>", mimetype="text/html"
    )


@contextmanager
def serving_sites(where: str, loan_seconds: int) -> Iterator[Sites]:
    """Run the sites under the names and the scheme of `journey`, with loans of these seconds."""
    names = TEST if where.startswith("example.test") else LOCALHOST
    scheme = "https" if where.endswith("TLS") else "http"
    serve_asgi, serve_wsgi = SERVERS[scheme]
    ports = free_ports([0, 0, 0, 0])

    def url(name: str, port: int) -> str:
        return f"{scheme}://{name}:{port}"

    at = Sites(
        shop=url(names[0], ports[0]),
        help=url(names[1], ports[1]),
        same_site_help=url(names[2], ports[1]),
        python_help=url(names[1], ports[3]),
        rogue=url(names[3], ports[1]),
        pavior=url(names[4], ports[2]),
        inbox=lambda: inbox(f"{scheme}://{LOOPBACK}:{ports[2]}"),
    )
    embed = f"{at.pavior}/embed"
    borrowers = (at.help, at.same_site_help, at.python_help)
    settings = {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_EMBED_URL": embed,
        "PAVIOR_SHARED_AUTH_DOMAINS": [each.removeprefix(f"{scheme}://") for each in borrowers],
        "PAVIOR_SHARED_AUTH_SECONDS": loan_seconds,
    }
    links = {
        "help": f"{at.help}/page#section",
        "python": f"{at.python_help}/",
        "rogue": f"{at.rogue}/page",
    }
    borrower = Settings(TEAM, embed_url=embed, share_auth=at.shop.removeprefix(f"{scheme}://"))
    with ExitStack() as servers:
        for app, port in [
            (recording(shop(settings, links), at.seen), ports[0]),
            (help_center(at.shop, embed), ports[1]),
            (wsgi.PaviorMiddleware(plain_page, borrower), ports[3]),
        ]:
            servers.enter_context(serve_wsgi(app, port))
        emulator = create_app(team_vanity_id=TEAM, api_key=API_KEY)
        servers.enter_context(serve_asgi(emulator, ports[2]))
        yield at


def inbox(url: str) -> dict[str, Any]:
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    with urlopen(f"{url}/api/inbox", context=unverified) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def log_in(window: Window, sites: Sites, button: str = "#in") -> None:
    window.open(f"{sites.shop}/")
    window.click(button)
    window.wait_for(f"document.querySelector('h1')?.textContent === '{EMAIL}'")


def log_out(window: Window, sites: Sites) -> None:
    window.open(f"{sites.shop}/")
    window.click("#out")
    window.wait_for("document.querySelector('h1')?.textContent === 'nobody'")


def status(window: Window, at: str) -> str:
    """Wait for the emulator's result of the init of a page, given by its address; return it."""
    found: str = window.wait_for(
        f"location.href.startsWith('{at}') && window.Pavior?.state?.status"
    )
    return found


def say(window: Window, sites: Sites, text: str) -> tuple[str, bool]:
    """Send a message; return its contact's status, and whether it is authenticated itself."""
    text = f"{text} ({next(_NUMBERS)})"
    window.evaluate(
        f"""(root => {{
            root.querySelector('textarea').value = {text!r};
            root.querySelector('form').requestSubmit();
        }})(document.querySelector('pavior-widget').shadowRoot)"""
    )
    window.wait_for(
        "document.querySelector('pavior-widget').shadowRoot.querySelector('[role=log]')"
        f".textContent.includes({text!r})"
    )
    (found,) = [
        (contact["status"], message["authenticated"])
        for contact in sites.inbox()["contacts"]
        for message in contact["messages"]
        if message["text"] == text
    ]
    return found
