"""Borrowing sites at one port, and tabs of Chromium that look at them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
)
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Settings, wsgi
from pavior_middleware._model.paths import HANDOFF, SHARE_AUTH
from tests.support.borrowers import (
    EMBED,
    SECONDS,
    Console,
    Sites,
    listening,
    shop_page,
    watched,
    who,
)
from tests.support.names import chosen_by
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, TEAM


@pytest.fixture(scope="module")
def server() -> Iterator[Sites]:
    (port,) = free_ports([0])
    made = Sites(port)
    borrowers = ("help", "python", "help.shop", "python.shop")
    settings = Settings(
        TEAM,
        API_KEY,
        embed_url=made.embed,
        shared_auth_domains=[f"{name}.localhost:{port}" for name in borrowers],
        shared_auth_seconds=SECONDS,
        secret_key="only for tests",
    )
    made.lender = wsgi.PaviorMiddleware(Request.application(shop_page), settings, identity=who)

    @Request.application
    def plain(request: Request) -> Response:
        return made.pages.get(request.path) or Response("", 404)

    bubble = Settings(
        TEAM, embed_url=made.embed, share_auth=f"shop.localhost:{port}", bubble="#bubble"
    )
    with_bubble = wsgi.PaviorMiddleware(plain, bubble)

    def app_for(request: Request) -> Any:
        name, _, _ = request.host.partition(".localhost")
        made.loaded.append(f"{name}{request.path}")
        if request.path == "/favicon.ico":
            return Response("", 204)
        if name == "shop":
            fault = {SHARE_AUTH: made.fault, HANDOFF: made.fault_on_the_way}.get(request.path)
            return (fault and fault(request)) or made.lender
        if name == "pavior":
            return Response(EMBED, mimetype="text/javascript")
        if name in ("python", "python.shop"):
            return with_bubble
        return plain

    with serving_wsgi(chosen_by(app_for), port):
        yield made


@pytest.fixture
def sites(server: Sites) -> Sites:
    server.pages.clear()
    server.loaded.clear()
    server.fault = server.fault_on_the_way = None
    return server


@pytest.fixture(scope="module")
def context(browser: Browser, server: Sites) -> Iterator[BrowserContext]:  # closed before that
    with browser.new_context() as context:
        yield watched(context)


@pytest.fixture
def page(context: BrowserContext, sites: Sites) -> Iterator[Page]:
    """A tab of its own, in a browser without cookies."""
    context.clear_cookies()
    yield context.new_page()
    for opened in context.pages:
        opened.close()


@pytest.fixture
def fresh_page(browser: Browser, sites: Sites) -> Iterator[Page]:
    """A tab of a browser that has never been asked for access to a cookie."""
    with browser.new_context() as context:
        yield watched(context).new_page()


@pytest.fixture
def console(page: Page) -> Console:
    return listening(page)


@pytest.fixture
def answers(sites: Sites) -> Iterator[threading.Event]:
    """Let the lender answer only while this is set, which it is at first."""
    answers = threading.Event()
    answers.set()

    def wait(request: Request) -> None:
        answers.wait(10)

    sites.fault = wait
    yield answers
    answers.set()
