"""The `load` event of a page comes while the embed is still on its way.

The server holds the embed until the page has reported `load`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.embeds import EMBED
from tests.support.engines.window import LONGEST_WAIT_SECONDS, Window
from tests.support.sites import API_KEY, TEAM
from tests.support.tls import serving_wsgi_over_tls

REPORT = "<script>addEventListener('load', () => navigator.sendBeacon('/loaded'))</script>"
START = f"<!doctype html><html><head><meta charset=utf-8><title>A</title>{REPORT}"
REST = "<meta name=description content=B></head><body><p>Text</body></html>"
# It forbids the embed, and nothing else that the page loads.
POLICY = "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline' 'self'\">"

PAGES = {"plain": START + REST, "with-a-policy": START + POLICY + REST}


@dataclass
class Site:
    """A site, and its embed on another origin, which can wait until a page has loaded."""

    port: int
    holds_embed: bool = True
    is_loaded: threading.Event = field(default_factory=threading.Event)
    is_in_time: list[bool] = field(default_factory=list)

    @property
    def embed_url(self) -> str:
        return f"https://chat.example.test:{self.port}/embed"

    def answer(self, request: Request) -> Response:
        """Answer for the pages and the embed."""
        name = request.path.strip("/").split("/")[-1]
        if name == "loaded":
            self.is_loaded.set()
        elif name == "embed":
            wait = LONGEST_WAIT_SECONDS / 2 if self.holds_embed else 0
            self.is_in_time.append(self.is_loaded.wait(wait))
            return Response(EMBED, mimetype="text/javascript")
        elif name in PAGES:
            return Response(PAGES[name], mimetype="text/html")
        return Response(status=204)


@pytest.fixture(params=["named", "cacheable"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    (port,) = free_ports([0])
    site = Site(port)
    settings = Settings(TEAM, API_KEY, embed_url=site.embed_url)
    app = PaviorMiddleware(
        Request.application(site.answer),
        replace(settings, cacheable_pages=request.param == "cacheable"),
        identity=lambda environ: Identity("7"),
    )
    with serving_wsgi_over_tls(app, port):
        yield site


def test_a_page_is_loaded_before_its_embed_has_come(window: Window, site: Site) -> None:
    window.open(f"https://shop.example.test:{site.port}/plain")
    assert window.wait_for("document.readyState === 'complete' && window.calls?.length") == 1
    assert site.is_in_time == [True]


@pytest.mark.parametrize("site", ["named"], indirect=True)
def test_an_embed_that_a_later_policy_would_forbid_is_loaded_before_that(
    window: Window, site: Site
) -> None:
    site.holds_embed = False
    window.open(f"https://shop.example.test:{site.port}/with-a-policy")
    assert window.wait_for("document.readyState === 'complete' && window.calls?.length") == 1
    assert site.is_in_time == [False]
