"""The files that the script of a page loads: their addresses, and who may store them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from pavior_middleware import Settings
from pavior_middleware._assets.page_files import ALL, PAGE, PageFile
from tests.support.adapters import Fetch, Reply, Seen
from tests.support.sites import ADA, API_KEY, TEAM

OTHER = Reply([b"not found"], headers=[("Content-Type", "text/plain")], status=404)

each_file = pytest.mark.parametrize("file", ALL.values(), ids=ALL)


def get(fetch: Fetch, path: str, *, method: str = "GET", **settings: Any) -> Seen:
    return fetch(OTHER, Settings(TEAM, API_KEY, **settings), ADA, path=path, method=method)


@each_file
def test_a_page_file_may_be_stored_for_ever_by_everyone(fetch: Fetch, file: PageFile) -> None:
    seen = get(fetch, file.path)
    assert (seen.status, seen.body) == (200, file.content)
    assert seen.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert seen.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in seen.headers
    assert "Cookie" not in seen.headers["Vary"]


@each_file
def test_the_url_of_another_release_gets_the_current_page_file_uncached(
    fetch: Fetch, file: PageFile
) -> None:
    name = file.name.removesuffix(".js")
    seen = get(fetch, f"/.well-known/pavior/{name}-00000000.js")
    assert (seen.status, seen.body) == (200, file.content)
    assert seen.headers["Cache-Control"] == "no-store"


def test_a_page_file_has_its_hash_in_its_url_and_integrity() -> None:
    digest = hashlib.sha256(PAGE.content)
    assert PAGE.path == f"/.well-known/pavior/page-{digest.hexdigest()[:8]}.js"
    assert PAGE.integrity == f"sha256-{base64.b64encode(digest.digest()).decode()}"


def test_a_site_below_a_path_serves_the_page_file_there(fetch: Fetch) -> None:
    seen = get(fetch, f"/shop{PAGE.path}", root_path="/shop")
    assert (seen.status, seen.body) == (200, PAGE.content)
    assert "immutable" in seen.headers["Cache-Control"]


def test_a_head_request_for_a_page_file_gets_no_content(fetch: Fetch) -> None:
    seen = get(fetch, PAGE.path, method="HEAD")
    assert (seen.status, seen.body) == (200, b"")


def test_a_page_file_allows_get_and_head_alone(fetch: Fetch) -> None:
    seen = get(fetch, PAGE.path, method="POST")
    assert (seen.status, seen.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.replace("page-", "core-"),
        lambda path: path.replace("page-", "page"),
        lambda path: path.replace(".js", ".mjs"),
        lambda path: path[:-4] + ".js",
        lambda path: path + "/",
        lambda path: path.upper(),
    ],
)
def test_a_path_that_resembles_a_page_files_is_left_to_the_app(
    fetch: Fetch, change: Callable[[str], str]
) -> None:
    assert get(fetch, change(PAGE.path)).body == b"not found"
