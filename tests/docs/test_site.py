"""The documentation's site, as `make docs` builds it: links, accessibility, and requests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

import pavior_middleware
from tests.support.accessibility import violations
from tests.support.browsers import PATIENCE_SECONDS, chromium_that
from tests.support.code_blocks import PAGES
from tests.support.repository import ROOT
from tests.support.servers import LOOPBACK, running

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

NOT_IN_THE_SITE = {"docs/style.md"}
PATHS = [
    page.removeprefix("docs/").replace("README.md", "index.md").replace(".md", ".html")
    for page in PAGES
    if page.startswith("docs/") and page not in NOT_IN_THE_SITE
]
ONE_OF_EACH_KIND = {
    *("index.html", "how-it-works.html", "deployment.html", "settings.html"),
    *("frameworks/index.html", "api/pavior_middleware.html"),
}
"""Pictures, diagrams, code, generated parts and wide tables; `make thorough` takes the rest."""

Scheme: TypeAlias = Literal["light", "dark"]

THEME: Mapping[Scheme, str] = {"light": "default", "dark": "slate"}
"""What the theme calls its colors for each scheme that a browser may ask for."""

PATIENCE = PATIENCE_SECONDS * 1000

_LOADS = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src"),
    "link": "href",
    "object": "data",
}
"""The elements that load something, and the attribute which says what."""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    target = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(target)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return target


@pytest.fixture(scope="module")
def documents(folder: Path) -> dict[Path, BeautifulSoup]:
    """The pages of the site, by their files."""
    return {
        path: BeautifulSoup(path.read_text(), "html5lib")
        for path in folder.rglob("*.html")
        if path.name != "404.html"  # its links begin at the root of a domain
    }


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Where the site is served."""
    handler = partial(QuietHandler, directory=str(folder))
    with (
        ThreadingHTTPServer((LOOPBACK, 0), handler) as server,
        running(partial(server.serve_forever, poll_interval=0.05)),
    ):
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, chromium_that(playwright, freezes=False) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(reduced_motion="reduce") as context:
        yield context.new_page()


def ids(document: BeautifulSoup) -> set[str]:
    return {str(each["id"]) for each in document.find_all(id=True)}


def test_the_site_has_each_page_of_the_documentation(documents: dict[Path, object]) -> None:
    assert set(PATHS) > ONE_OF_EACH_KIND
    assert len(documents) == len(PATHS)


def test_each_link_of_the_site_leads_to_a_file_and_an_element(
    documents: dict[Path, BeautifulSoup],
) -> None:
    lost = []
    for path, document in documents.items():
        for element in document.select("[href], [src], [srcset]"):
            attribute = next(name for name in ("href", "src", "srcset") if element.has_attr(name))
            link = urlsplit(str(element[attribute]))
            if link.scheme or link.netloc:
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            anchor = unquote(link.fragment)
            is_there = target.is_file() and (not anchor or anchor in ids(documents[target]))
            if not is_there:
                lost.append(f"{path.name}: {link.geturl()}")
    assert lost == []


def test_no_page_of_the_site_loads_anything_of_another_host(
    folder: Path, documents: dict[Path, BeautifulSoup]
) -> None:
    foreign = [
        f"{path.name}: {element}"
        for path, document in documents.items()
        for name, attribute in _LOADS.items()
        for element in document.find_all(name)
        if urlsplit(str(element.get(attribute) or element.get("srcset", ""))).netloc
    ]
    for style in folder.rglob("*.css"):
        foreign += re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", style.read_text())
    assert foreign == []


def test_each_page_of_the_site_names_the_version_that_it_is_about(
    documents: dict[Path, BeautifulSoup],
) -> None:
    footer = f"The documentation of pavior-middleware {pavior_middleware.__version__}"
    assert [path for path, each in documents.items() if footer not in each.text] == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path in ONE_OF_EACH_KIND else [pytest.mark.thorough])
        for path in PATHS
    ],
)
def test_a_page_of_the_site_is_accessible_and_asks_no_other_host(
    page: Page, url: str, path: str
) -> None:
    asked: list[str] = []
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", note)
    page.goto(f"{url}/{path}")
    for scheme, colors in THEME.items():
        page.emulate_media(color_scheme=scheme)
        body = page.locator("body")
        expect(body).to_have_attribute("data-md-color-scheme", colors, timeout=PATIENCE)
        assert violations(page) == [], scheme
    assert [each for each in asked if not each.startswith((f"{url}/", "data:", "blob:"))] == []
    assert problems == []


@pytest.mark.browser
def test_the_search_of_the_site_finds_a_setting(page: Page, url: str) -> None:
    page.goto(f"{url}/index.html")
    query = page.get_by_placeholder("Search")
    query.click()
    expect(page.get_by_text("Type to start searching")).to_be_visible(timeout=PATIENCE)
    query.press_sequentially("PAVIOR_SKIP_PATHS")  # the search reads its field when a key comes up
    result = page.locator(".md-search-result__link").first
    expect(result).to_be_visible(timeout=PATIENCE)
    expect(result).to_have_attribute("href", re.compile("settings.html|skipping.html"))
