"""Another host of the shop's domain sets a session for our paths alone, in a real Chromium.

There the chat would speak as Mallory, whose session it is, while all of the shop shows Ada.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import flask
import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from demo.ports import free_ports
from pavior_middleware import Identity, Settings, sign
from pavior_middleware._model.paths import SHARE_SCRIPT
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.browsers import evaluate, wait_for
from tests.support.embeds import EMBED
from tests.support.names import Names
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import API_KEY, TEAM

LENDING = {
    "a shop that lends its login": {"cacheable_pages": False, "lends": True},
    "one with pages for all": {"cacheable_pages": True, "lends": True},
    "one that lends nothing": {"cacheable_pages": True, "lends": False},
}
ADA = {"id": "ada", "hmac": sign(API_KEY, "ada")}
COOKIES = {"flask": "session", "starlette": "basket"}


@dataclass
class Site(Names):
    """The shop, a help center within its domain and one without, and Mallory's host within it."""

    framework: str = ""
    lends: bool = True

    @property
    def mallorys_host(self) -> str:
        return self.at("evil.shop")

    def settings(self, *, cacheable_pages: bool) -> Settings:
        borrowers = [f"help.shop.localhost:{self.port}", f"help.localhost:{self.port}"]
        return Settings(
            TEAM,
            API_KEY,
            embed_url=f"{self.shop}/embed",
            shared_auth_domains=borrowers if self.lends else (),
            secret_key="a secret key for the tests only",
            cacheable_pages=cacheable_pages,
        )

    @property
    def home(self) -> str:
        link = f"<a id=link href='{self.help}/'>Help</a>"
        return f"<!doctype html><title>Shop</title>{link}<h1>%s</h1>"

    @property
    def elsewhere(self) -> str:
        """The page of every other host, which borrows the login if it may."""
        return (
            f"<!doctype html><title>Help</title><script src='{self.shop}{SHARE_SCRIPT}'"
            f""" data-init='{{"teamVanityId": "{TEAM}"}}' data-embed='{self.shop}/embed'>"""
            "</script>"
        )


def flask_shop(site: Site, settings: Settings) -> Any:
    app = flask.Flask("shop")
    app.secret_key = "the session's"
    Pavior(app, settings, identity=lambda _: Identity(flask.session.get("user")))

    @app.get("/")
    def home() -> str:
        return site.home % flask.session.get("user")

    @app.route("/as/<user>", methods=["GET", "POST"])
    def log_in(user: str) -> Any:
        flask.session["user"] = user
        return {"ok": True}

    @app.route("/basket", methods=["GET", "POST"])
    def basket() -> Any:
        return flask.redirect("/", 303)

    @app.get("/embed")
    def embed() -> Any:
        return flask.Response(EMBED, mimetype="text/javascript")

    def front(environ: Any, start_response: Any) -> Any:
        if environ["HTTP_HOST"].startswith("shop."):
            return app(environ, start_response)
        return flask.Response(site.elsewhere)(environ, start_response)

    return front


def starlette_shop(site: Site, settings: Settings) -> Any:
    def home(request: Request) -> Response:
        return HTMLResponse(site.home % request.session.get("user"))

    def log_in(request: Request) -> Response:
        request.session["user"] = request.path_params["user"]
        return Response('{"ok": true}', media_type="application/json")

    def basket(request: Request) -> Response:
        return Response(status_code=303, headers={"Location": "/"})

    def embed(request: Request) -> Response:
        return Response(EMBED, media_type="text/javascript")

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/as/{user}", log_in, methods=["GET", "POST"]),
            Route("/basket", basket, methods=["GET", "POST"]),
            Route("/embed", embed),
        ],
        middleware=[
            Middleware(
                SessionMiddleware, secret_key="the session's", session_cookie=COOKIES["starlette"]
            ),
            Middleware(
                PaviorMiddleware,
                settings=settings,
                identity=lambda scope: Identity(scope["session"].get("user")),
            ),
        ],
    )

    async def front(scope: Any, receive: Any, send: Any) -> None:
        is_shop = scope["type"] != "http" or dict(scope["headers"])[b"host"].startswith(b"shop.")
        await (app if is_shop else HTMLResponse(site.elsewhere))(scope, receive, send)

    return front


SHOPS = {"flask": (flask_shop, serving_wsgi), "starlette": (starlette_shop, serving_asgi)}


@pytest.fixture(scope="module", params=LENDING)
def lending(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=SHOPS)
def site(request: pytest.FixtureRequest, lending: str) -> Iterator[Site]:
    framework, kind = request.param, LENDING[lending]
    (port,) = free_ports([0])
    site = Site(port, framework, kind["lends"])
    shop, serving = SHOPS[framework]
    settings = site.settings(cacheable_pages=kind["cacheable_pages"])
    with ExitStack() as servers:
        servers.enter_context(serving(shop(site, settings), port))
        yield site


@pytest.fixture
def mallorys(browser: Browser, site: Site) -> str:
    """Mallory's own session."""
    with browser.new_context() as context:
        context.new_page().goto(f"{site.shop}/as/mallory")
        (value,) = [
            each["value"] for each in context.cookies() if each["name"] == COOKIES[site.framework]
        ]
    return value


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A tab of Ada's, who is logged in at the shop and has been there."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.shop}/as/ada")
        assert chat_at(page, f"{site.shop}/") == ADA
        yield page


def chat_at(page: Page, url: str) -> Any:
    """Return the identity in the last init call of the page's chat."""
    page.goto(url)
    return chat(page)


def chat(page: Page) -> Any:
    wait_for(page, "window.calls?.length")
    options = evaluate(page, "calls.at(-1)")
    return {name: options[name] for name in ("id", "email", "hmac") if name in options}


def toss(page: Page, site: Site, value: str, path: str, more: str = "") -> None:
    page.goto(f"{site.mallorys_host}/")
    name = COOKIES[site.framework]
    page.evaluate(
        "cookie => { document.cookie = cookie; }",
        f"{name}={value}; Domain=shop.localhost; Path={path}{more}",
    )


def chats(page: Page, site: Site) -> list[Any]:
    """Return the identity in each chat: the shop's, both help centers', the shop's again."""
    chats = [chat_at(page, f"{site.shop}/")]
    if site.lends:
        chats.append(chat_at(page, f"{site.at('help.shop')}/"))
        page.goto(f"{site.shop}/")
        page.click("#link")
        page.wait_for_url(f"{site.help}/")
        chats.append(chat(page))
    page.goto(f"{site.shop}/")
    assert page.inner_text("h1") == "ada"
    return [*chats, chat(page)]


def test_the_chat_does_not_name_the_user_of_a_session_that_another_host_has_set(
    page: Page, site: Site, mallorys: str
) -> None:
    toss(page, site, mallorys, "/.well-known/pavior")
    assert [each for each in chats(page, site) if each not in ({}, ADA)] == []


def test_the_chat_names_the_user_again_once_another_hosts_session_is_gone(
    page: Page, site: Site, mallorys: str
) -> None:
    toss(page, site, mallorys, "/.well-known/pavior")
    chats(page, site)
    toss(page, site, "", "/.well-known/pavior", "; Max-Age=0")
    assert [each for each in chats(page, site) if each != ADA] == []


OUT_OF_SIGHT = {
    "a link": "Promise.resolve(void setTimeout(() => location.assign('{url}')))",
    "a fetch": "fetch('{url}', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})",
    "a fetch that reads": "fetch('{url}', {{mode: 'no-cors', credentials: 'include'}})",
    "a frame": """new Promise(done => {{
        const frame = document.createElement('iframe');
        frame.src = '{url}';
        frame.onload = done;
        document.body.append(frame);
    }})""",
    "a form in a frame": """new Promise(done => {{
        document.body.innerHTML = `<iframe name=a></iframe>
            <form method=post action='{url}' target=a></form>`;
        frames[0].frameElement.onload = () => done(true);
        document.forms[0].submit();
    }})""",
}


@pytest.mark.parametrize(
    "lending", [kind for kind in LENDING if LENDING[kind]["lends"]], indirect=True
)
@pytest.mark.parametrize("site", ["flask"], indirect=True)
@pytest.mark.parametrize("way", OUT_OF_SIGHT)
def test_a_session_set_for_another_path_does_not_get_into_the_login_cookie_out_of_sight(
    page: Page, site: Site, mallorys: str, way: str
) -> None:
    for path in ("/.well-known/pavior", "/basket"):
        toss(page, site, mallorys, path)
    evaluate(page, f"({OUT_OF_SIGHT[way].format(url=f'{site.shop}/basket')}).then(() => true)")
    if way == "a link":
        page.wait_for_url(f"{site.shop}/")
    assert [each for each in chats(page, site) if each not in ({}, ADA)] == []


def test_a_user_who_logs_in_as_another_by_fetch_is_named(page: Page, site: Site) -> None:
    evaluate(page, "fetch('/as/bob', {method: 'POST'}).then(answer => answer.json())")
    bob = {"id": "bob", "hmac": sign(API_KEY, "bob")}
    if site.lends:
        assert chat_at(page, f"{site.at('help.shop')}/") == bob
    assert chat_at(page, f"{site.shop}/") == bob
