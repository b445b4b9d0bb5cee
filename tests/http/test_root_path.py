"""Where a page asks who is logged in: on its own site, for any path that a request claims."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from webtest import TestApp

from pavior_middleware import Identity, Settings, SettingsError
from pavior_middleware._page.snippet import render
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.adapters import PAGE
from tests.support.pages import data_in_head, data_of
from tests.support.sites import ADA, API_KEY, TEAM

ORIGIN = "https://bank.test"
AT_ROOT = "/.well-known/pavior/share-auth"
ODD_PREFIXES = [".evil.test", "//evil.test", "/\\evil.test", "evil.test/", "@evil.test", ":80"]
prefixes = st.sampled_from(ODD_PREFIXES) | st.text("/\\.@:?#%ab\xe9", max_size=8)


def question(data: dict[str, Any]) -> str:
    """Return the URL at which a page's script asks, without its origin if the page has the same."""
    file = urljoin(ORIGIN, str(data["urls"][1]))
    return urljoin(file, "share-auth").removeprefix(ORIGIN)


def site(settings: Settings, user: Identity | None = ADA) -> TestApp:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    return TestApp(PaviorMiddleware(app, settings, identity=lambda environ: user), lint=False)


def question_below(client: TestApp, prefix: str) -> str:
    page = client.get("/", extra_environ={"SCRIPT_NAME": prefix}).body
    (data,) = data_in_head(page)
    return question(data)


@given(prefix=prefixes)
@example(prefix="..")
def test_the_url_of_share_auth_in_a_page_never_leaves_its_origin(prefix: str) -> None:
    path = question(data_of(render(Settings(TEAM, API_KEY), ADA, root_path=prefix)))
    assert path.startswith("/")
    assert not path.startswith("//")
    assert path.endswith(AT_ROOT)


@given(prefix=prefixes)
def test_a_cacheable_page_asks_at_the_root_whatever_path_the_request_has(prefix: str) -> None:
    settings = Settings(TEAM, API_KEY, cacheable_pages=True)
    assert question(data_of(render(settings, root_path=prefix))) == AT_ROOT


@pytest.mark.parametrize("prefix", ["/shop", "/sh\xf6p/"])
def test_a_page_that_names_its_user_asks_below_the_path_of_the_request(prefix: str) -> None:
    path = question(data_of(render(Settings(TEAM, API_KEY), ADA, root_path=prefix)))
    assert path in ("/shop" + AT_ROOT, "/sh%C3%B6p" + AT_ROOT)


def test_a_page_that_names_nobody_asks_at_the_root() -> None:
    for prefix in ["", *ODD_PREFIXES]:
        path = question(data_of(render(Settings(TEAM, API_KEY), root_path=prefix)))
        assert path == AT_ROOT


@pytest.mark.parametrize("cacheable", [True, False])
@pytest.mark.parametrize(
    ("root_path", "asked"),
    [("/", AT_ROOT), ("/shop", "/shop" + AT_ROOT), ("/sh\xf6p/eu/", "/sh%C3%B6p/eu" + AT_ROOT)],
)
def test_the_root_path_setting_decides_where_a_page_asks(
    cacheable: bool, root_path: str, asked: str
) -> None:
    client = site(Settings(TEAM, API_KEY, cacheable_pages=cacheable, root_path=root_path))
    assert question_below(client, "") == asked
    assert question_below(client, ".evil.test") == asked


@pytest.mark.parametrize("path", [AT_ROOT, "/shop" + AT_ROOT])
def test_share_auth_answers_at_the_root_and_below_the_root_path_setting(path: str) -> None:
    client = site(Settings(TEAM, API_KEY, root_path="/shop/"))
    assert client.get(path).json["id"] == "7"


def test_a_prefix_without_the_root_path_setting_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = site(Settings(TEAM, API_KEY, cacheable_pages=True))
    for prefix in ["", "/", "/shop", ".evil.test", "/other\nline"]:
        assert question_below(client, prefix) == AT_ROOT
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "PAVIOR_ROOT_PATH" in record.getMessage()
    assert "evil" not in record.getMessage()


def test_a_prefix_with_the_root_path_setting_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = site(Settings(TEAM, API_KEY, cacheable_pages=True, root_path="/"))
    question_below(client, "/shop")
    assert not caplog.records


@pytest.mark.parametrize(
    "root_path", ["", "shop", "//", "/shop//eu", "/a b", "/a?b", "/a#b", "/..", "/a/../b", 7]
)
def test_a_bad_root_path_stops_the_app(root_path: Any) -> None:
    with pytest.raises(SettingsError, match="PAVIOR_ROOT_PATH"):
        Settings(TEAM, API_KEY, root_path=root_path)
