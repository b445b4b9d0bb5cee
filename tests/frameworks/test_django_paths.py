"""Django: the middleware answers our paths itself, for any layers above it and any URLs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import re_path

from pavior_middleware._assets.page_files import PAGE as PAGE_FILE
from tests.frameworks.conftest import Overriding
from tests.frameworks.django_browsers import Browser, Seen
from tests.frameworks.test_django import ADAS, page
from tests.support.sites import HELP

Routes = Callable[..., None]
SHARE_AUTH = "/.well-known/pavior/share-auth"
BORROWING = {"origin": HELP, "sec_fetch_site": "cross-site", "sec_fetch_dest": "empty"}


@pytest.fixture
def lender(browser: Browser, overriding: Overriding) -> Browser:
    """A visitor of a site that lends its login."""
    overriding(PAVIOR_SHARED_AUTH_DOMAINS=["help.example.com"])
    return browser


def borrow(browser: Browser, path: str = SHARE_AUTH) -> Seen:
    return browser.get(path, **BORROWING)


def test_a_whitelisted_site_learns_who_is_logged_in(lender: Browser) -> None:
    assert borrow(lender).body == b"{}"
    seen = borrow(lender.log_in("ada"))
    assert json.loads(seen.body) == ADAS
    assert seen.headers["Access-Control-Allow-Origin"] == HELP


def test_no_refusal_or_failure_is_logged_or_mailed_by_django(
    lender: Browser, overriding: Overriding, caplog: pytest.LogCaptureFixture
) -> None:
    from django.core import mail

    def fails(request: Any) -> Any:
        raise LookupError("the database is gone")

    mail.outbox = []
    overriding(ADMINS=[("An admin", "admin@example.com")], MANAGERS=["manager@example.com"])
    assert lender.get(SHARE_AUTH, origin="https://evil.test").status == 403
    assert lender.send("put", SHARE_AUTH, origin=HELP).status == 405
    overriding(PAVIOR_IDENTITY=fails)
    assert borrow(lender).status == 503
    assert [each.name for each in caplog.records if each.name.startswith("django")] == []
    assert mail.outbox == []
    assert lender.get("/missing").status == 404
    assert [each.name for each in caplog.records if each.name.startswith("django")] != []


@pytest.mark.parametrize("path", [SHARE_AUTH, "/.well-known/pavior/share.js"])
def test_a_last_pattern_for_all_paths_with_a_final_slash_gets_none_of_our_paths(
    lender: Browser, routes: Routes, path: str
) -> None:
    routes(re_path(r"^(?P<url>.*/)$", lambda request, url: HttpResponse(url)))
    assert lender.get("/about").status == 301
    seen = borrow(lender.log_in("ada"), path)
    assert seen.status == 200
    assert b"share-auth/" not in seen.body


def test_our_paths_are_answered_for_each_set_of_urls(lender: Browser, routes: Routes) -> None:
    routes()
    assert json.loads(borrow(lender.log_in("ada")).body) == ADAS


def test_a_page_for_frames_of_other_sites_has_no_x_frame_options(lender: Browser) -> None:
    seen = lender.get(f"/.well-known/pavior/frame?origin={HELP}", sec_fetch_dest="iframe")
    assert seen.status == 200
    assert "X-Frame-Options" not in seen.headers
    assert f"frame-ancestors {HELP}" in seen.headers["Content-Security-Policy"]


@pytest.mark.parametrize("sets_cookies", [False, True])
def test_the_cookies_of_the_layers_above_come_along_only_where_the_site_says_so(
    lender: Browser, overriding: Overriding, sets_cookies: bool
) -> None:
    overriding(SESSION_SAVE_EVERY_REQUEST=True, PAVIOR_SHARE_AUTH_SETS_COOKIES=sets_cookies)
    lender.log_in("ada")
    assert ("sessionid" in borrow(lender).cookies) is sets_cookies
    assert "sessionid" in lender.get().cookies


def test_an_own_page_gets_the_login_cookie_with_the_answer(lender: Browser) -> None:
    seen = lender.log_in("ada").get(SHARE_AUTH, sec_fetch_site="same-origin")
    assert "__Host-pavior-share" in seen.cookies


def test_no_view_is_asked_for_our_paths(lender: Browser, routes: Routes) -> None:
    asked: list[str] = []

    def view(request: Any, url: str) -> Any:
        asked.append(url)
        return page(request)

    routes(re_path("^(.*)$", view))
    assert json.loads(borrow(lender.log_in("ada")).body) == ADAS
    assert asked == []


def test_a_file_of_the_page_may_be_cached_for_ever(lender: Browser) -> None:
    seen = lender.get(PAGE_FILE.path, sec_fetch_dest="script")
    assert seen.body == PAGE_FILE.content
    assert "immutable" in seen.headers["Cache-Control"]


def test_a_site_below_a_prefix_answers_there(lender: Browser, overriding: Overriding) -> None:
    overriding(FORCE_SCRIPT_NAME="/shop")
    lender.log_in("ada")
    assert json.loads(borrow(lender).body) == ADAS
