"""The script of a page in other times: with the files of another release, and in an old browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from pavior_middleware._assets.page_files import PAGE as PAGE_FILE
from tests.support.browsers import wait_for
from tests.support.embeds import EMBED
from tests.support.shops import serving_page

PAGE = "<!doctype html><title>Shop</title><h1>Shop</h1>"
OTHER_RELEASE = PAGE_FILE.path.replace(PAGE_FILE.path[-11:-3], "0" * 8)


@pytest.fixture
def url() -> Iterator[str]:
    with serving_page(PAGE, EMBED) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def test_a_stored_page_of_another_release_works_with_the_files_of_this_one(
    page: Page, url: str
) -> None:
    page.route(
        "**/cacheable",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace(PAGE_FILE.path, OTHER_RELEASE),
        ),
    )
    with page.expect_response(f"**{OTHER_RELEASE}") as loaded:
        page.goto(f"{url}/cacheable")
    assert loaded.value.headers["cache-control"] == "no-store"
    wait_for(page, "window.calls?.length")
    assert page.evaluate("calls.map(({id}) => id)") == ["7"]


@pytest.mark.parametrize("path", ["/named", "/cacheable"])
@pytest.mark.parametrize("name", ["Symbol", "Promise", "fetch"])
def test_the_script_fails_silently_in_a_browser_that_lacks_its_features(
    page: Page, url: str, name: str, path: str
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(f"delete window.{name}")
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/embed")):
        page.goto(f"{url}{path}")
    if path == "/cacheable":
        with page.expect_response(f"**{PAGE_FILE.path}"):
            page.goto(f"{url}{path}")
    page.goto("about:blank")
    assert errors == []
