"""A page is parsed to its end while a stylesheet is still on its way, with the script as without.

The server holds the stylesheet until the page has reported `DOMContentLoaded`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.embeds import EMBED
from tests.support.engines.window import LONGEST_WAIT_SECONDS, Window
from tests.support.sites import API_KEY, TEAM
from tests.support.tls import serving_wsgi_over_tls

# No fetch: Firefox holds those back until the stylesheet has come.
REPORT = (
    "<script>addEventListener('DOMContentLoaded', () => navigator.sendBeacon('/parsed'))</script>"
)
LINK = "<link rel=stylesheet href=/slow.css>"
IMPORT = "<style>@import '/slow.css';</style>"
START = f"<!doctype html><html><head><meta charset=utf-8><title>A</title>{REPORT}"
REST = "<meta name=description content=B></head><body><p>Text</body></html>"

PAGES = {
    "linked": [START + LINK + REST],
    "in-odd-writing": [f"{START}<LINK Rel='x STYLE&#83;HEET' href=/slow.css>{REST}"],
    "imported": [START + IMPORT + REST],
    "linked-twice": [START + LINK + IMPORT + REST],
    "flushed-behind-the-link": [START + LINK, REST],
    "flushed-in-a-script": [f"{START}{LINK}<script async src='", "data:,'></script>" + REST],
    "before-a-policy": [
        f"{START}{LINK}<meta http-equiv=Content-Security-Policy content=\"img-src 'self'\">{REST}"
    ],
}


@dataclass
class Site:
    """A site whose stylesheet waits until a page has been parsed."""

    url: str
    is_parsed: threading.Event = field(default_factory=threading.Event)
    is_in_time: list[bool] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        """Answer for the pages, the stylesheet and the embed."""
        name = request.path.strip("/")
        if name == "parsed":
            self.is_parsed.set()
        elif name == "slow.css":
            self.is_in_time.append(self.is_parsed.wait(LONGEST_WAIT_SECONDS / 2))
            return Response("p { color: red }", mimetype="text/css")
        elif name == "embed":
            return Response(EMBED, mimetype="text/javascript")
        elif name in PAGES:
            return Response(iter(PAGES[name]), mimetype="text/html")
        return Response(status=204)


@pytest.fixture
def site() -> Iterator[Site]:
    (port,) = free_ports([0])
    site = Site(f"https://shop.example.test:{port}")
    settings = Settings(TEAM, API_KEY, embed_url=f"{site.url}/embed")
    app = PaviorMiddleware(
        Request.application(site.answer), settings, identity=lambda environ: Identity("7")
    )
    with serving_wsgi_over_tls(app, port):
        yield site


@pytest.mark.parametrize("name", PAGES)
def test_the_end_of_a_page_is_reached_before_its_stylesheet_has_come(
    window: Window, site: Site, name: str
) -> None:
    window.open(f"{site.url}/{name}")
    assert window.wait_for("document.readyState === 'complete' && calls.length") == 1
    assert site.is_in_time == [True]
    assert window.evaluate("getComputedStyle(document.querySelector('p')).color") == (
        "rgb(255, 0, 0)"
    )
