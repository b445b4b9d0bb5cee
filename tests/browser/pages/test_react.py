"""React hydrates a whole document in which the script has stood, wherever it is placed.

React 18 renders the document anew, and with it all of the body, if it finds an element in the head
that it has not put there.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support import node
from tests.support.browsers import wait_for
from tests.support.servers import serving_wsgi
from tests.support.sites import API_KEY, TEAM

SOURCES = node.JS / "test/react"
FOLDERS = {"18": node.JS / "test/react18/node_modules", "19": node.JS / "node_modules"}
LONGEST_WAIT_SECONDS = 10
REQUIRE = (
    "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url);"
)

CUTS = {
    "whole": [],
    "cut in the first script": ["theme ="],
    "cut in the second script": ["features ="],
    "cut in both scripts": ["theme =", "features ="],
    "cut at the end of the head": ["</head>"],
    "cut in the head's last element": ["</head", "/icon"],
}
HEADS = ["plain", "stylesheet", "policy", "both"]


@dataclass
class React:
    """One version of React: what it renders on the server, and its script for the browser."""

    pages: dict[str, str]
    client: bytes


@pytest.fixture(scope="module", params=list(FOLDERS))
def react(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> React:
    folder, built = FOLDERS[request.param], tmp_path_factory.mktemp("react")
    server = bundled("server.js", folder, built, ["--platform=node", f"--banner:js={REQUIRE}"])
    client = bundled("client.js", folder, built, ["--format=iife"])
    rendered = subprocess.run(
        [node.path(), server], capture_output=True, text=True, check=True, timeout=60
    )
    return React(json.loads(rendered.stdout), client.read_bytes())


def bundled(name: str, modules: Path, built: Path, options: list[str]) -> Path:
    """Bundle one of the sources with React as it is in a folder of modules; return the file."""
    path = built / Path(name).with_suffix(".mjs")
    subprocess.run(
        [
            *(
                node.path(),
                node.JS / "node_modules/esbuild/bin/esbuild",
                SOURCES / name,
                "--bundle",
            ),
            *(f"--alias:{each}={modules / each}" for each in ("react", "react-dom")),
            *("--define:process.env.NODE_ENV='development'", "--log-level=warning"),
            *("--format=esm", f"--outfile={path}", *options),
        ],
        check=True,
        timeout=60,
    )
    return path


@dataclass
class Site:
    """A site that React renders; it sends each piece of a page as its own chunk."""

    react: React
    url: str
    pieces: list[str] = field(default_factory=list)
    is_hydrated: threading.Event = field(default_factory=threading.Event)
    hydrates_late: bool = False

    def answer(self, request: Request) -> Response:
        """Answer for the page and what it loads."""
        if request.path == "/hydrated":
            self.is_hydrated.set()
        elif request.path == "/client.js":
            return Response(self.react.client, mimetype="text/javascript")
        elif request.path == "/embed":
            if not self.hydrates_late:
                self.is_hydrated.wait(LONGEST_WAIT_SECONDS)
            return Response((SOURCES / "embed.js").read_bytes(), mimetype="text/javascript")
        elif request.path == "/site.css":
            return Response("p { color: red }", mimetype="text/css")
        elif request.path == "/":
            return Response(self.streamed(), mimetype="text/html")
        return Response(status=204)

    def streamed(self) -> Iterator[str]:
        """Yield a page; what comes behind its shell waits for an early hydration."""
        yield from self.pieces[:-1]
        if not self.hydrates_late:
            self.is_hydrated.wait(LONGEST_WAIT_SECONDS)
        yield self.pieces[-1]


@pytest.fixture
def site(react: React) -> Iterator[Site]:
    (port,) = free_ports([0])
    site = Site(react, f"http://shop.localhost:{port}")
    app = PaviorMiddleware(
        Request.application(site.answer),
        Settings(TEAM, API_KEY, embed_url=f"{site.url}/embed"),
        identity=lambda environ: Identity("7"),
    )
    with serving_wsgi(app, port):
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:  # closed before the site, which waits
    with browser.new_context() as context:
        yield context.new_page()
        site.is_hydrated.set()


def pieces(page: str, cuts: list[str]) -> list[str]:
    """Return a page cut in the middle of some texts, and behind its shell."""
    assert "<p>Loading</p>" in page
    places = [page.index(text) + len(text) // 2 for text in cuts]
    places.append(page.index("</script>", page.index("/client.js?", page.index("<body>"))) + 9)
    places = sorted({0, len(page), *places})
    return [page[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize("when", ["before the widget has come", "after the widget has come"])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("head", HEADS)
def test_react_hydrates_a_document_and_the_widget_stays(
    page: Page, site: Site, head: str, cut: str, when: str
) -> None:
    site.hydrates_late = when.startswith("after")
    site.pieces = pieces(site.react.pages[head], CUTS[cut])
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(site.url + ("/?late" if site.hydrates_late else "/"), wait_until="commit")
    wait_for(page, "window.isHydrated && window.isWidgetThere")
    expect(page.locator("#later")).to_be_visible()
    page.get_by_role("button").click()
    expect(page.get_by_role("button")).to_have_text("1")
    assert page.evaluate("errors") == []
    assert [each for each in messages if "React DevTools" not in each] == []
    expect(page.locator("#widget")).to_have_text("7")


@pytest.mark.parametrize("when", ["before the widget has come", "after the widget has come"])
def test_a_widget_that_a_new_rendering_of_the_document_takes_away_comes_again_once(
    page: Page, site: Site, when: str
) -> None:
    site.hydrates_late = when.startswith("after")
    other = site.react.pages["plain"].replace("<h1>Hello", "<h1>Goodbye")
    site.pieces = pieces(other, [])
    page.goto(site.url + ("/?late" if site.hydrates_late else "/"), wait_until="commit")
    wait_for(page, "window.isHydrated && window.isWidgetThere && errors.length")
    expect(page.get_by_role("heading")).to_have_text("Hello")
    expect(page.locator("#widget")).to_have_text("7")
    page.wait_for_timeout(1000)
    assert page.locator("#widget").count() == 1
