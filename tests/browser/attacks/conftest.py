"""The attacked sites, and browsers in which Ada is logged in at the shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Settings, wsgi
from pavior_middleware._model.paths import SHARE_SCRIPT
from tests.support import chromium
from tests.support.attacked_sites import (
    EMBED,
    POLICIES,
    Answered,
    Sites,
    attacker,
    borrower,
    emptied,
    logged_in,
    page,
    shop,
    who,
)
from tests.support.browsers import FLAGS
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, SECRET_KEY, TEAM


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
        seen = Answered(
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


@pytest.fixture(params=POLICIES)
def context(request: pytest.FixtureRequest, sites: Sites) -> Iterator[BrowserContext]:
    """A browser in which Ada is logged in at the shop, and has been there."""
    if request.param == POLICIES[1]:
        with emptied(request.getfixturevalue("tolerant")) as context:
            yield logged_in(context, sites)
    else:
        with request.getfixturevalue("browser").new_context() as context:
            yield logged_in(context, sites)


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    """The tab in which she has been at the shop."""
    return context.pages[-1]
