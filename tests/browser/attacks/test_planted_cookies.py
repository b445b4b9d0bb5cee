"""Attacks in a real Chromium that plant a login cookie.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.attacked_sites import ADAS, Sites, allowed, calls, login_cookies
from tests.support.sites import LOGIN_COOKIE


def plants(value: str) -> list[str]:
    domains = ("", "; Domain=shop.localhost", "; Domain=.shop.localhost", "; Domain=localhost")
    names = (
        LOGIN_COOKIE,
        LOGIN_COOKIE.lower(),
        LOGIN_COOKIE.upper(),
        f" {LOGIN_COOKIE}",
        f"={LOGIN_COOKIE}",
        f"{LOGIN_COOKIE} ",
    )
    return [
        f"{name}={value}; Path={path}; SameSite=None; Secure{domain}"
        for name in names
        for domain in domains
        for path in ("/", "/.well-known/pavior/share-auth")
    ]


@pytest.mark.parametrize("way", ["script", "header"])
def test_no_subdomain_plants_a_login_cookie(tab: Page, sites: Sites, way: str) -> None:
    """Has: a subdomain of the shop. Tries: to give Ada their login cookie, for all of the domain.

    Gets: a cookie for the subdomain at most; the shop is sent Ada's own and no other.
    """
    at = sites.same_site_evil
    if way == "script":
        tab.goto(f"{at}/")
        tab.evaluate(
            "cookies => { for (const each of cookies) document.cookie = each; }", plants("planted")
        )
    else:
        tab.goto(f"{at}/plant?" + "&".join(f"cookie={quote(each)}" for each in plants("planted")))
    before = login_cookies(tab.context, sites)
    assert len(before) == 1
    assert before != ["planted"]
    sites.seen.clear()
    tab.goto(f"{sites.shop}{SHARE_AUTH}")
    (sent,) = [each.request.get("Cookie", "") for each in sites.answers()]
    assert "planted" not in sent
    tab.goto(f"{at}/")  # also where its own host is sent what it has set
    assert "planted" not in "".join(each.request.get("Cookie", "") for each in sites.answers())


def test_plain_http_plants_no_login_cookie(tab: Page) -> None:
    """Has: the network, and so any answer to plain http. Tries: to set the cookie from there.

    Gets: a browser that keeps no such cookie.
    """
    url = "http://www.shop.test/"
    planted = plants("planted")[:2]

    def answer(route: Any) -> None:
        route.fulfill(
            body="<!doctype html><title>a</title>",
            content_type="text/html",
            headers={"Set-Cookie": "\n".join([*planted, "other=kept"])},
        )

    tab.route(url, answer)
    tab.goto(url)
    tab.evaluate("cookies => { for (const each of cookies) document.cookie = each; }", planted)
    kept = [each.get("name") for each in tab.context.cookies([url, "https://www.shop.test/"])]
    assert kept == ["other"]


@allowed
def test_a_planted_login_cookie_does_not_replace_the_user_who_is_logged_in(
    tab: Page, sites: Sites
) -> None:
    """Has: planted their login cookie after all, on the shop's very host. Tries: to be who Ada is
    at the help center.

    Gets: one look, if the session does not get there; her next page of the shop replaces it.
    """
    opened = tab.context.new_page()
    own = login_cookies(tab.context, sites)
    opened.goto(f"{sites.shop}/")
    (cookie,) = [
        each for each in tab.context.cookies(sites.shop) if each.get("name") == LOGIN_COOKIE
    ]
    tab.context.add_cookies([{**cookie, "value": "planted"}])  # type: ignore[typeddict-item]
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [{}]
    opened.goto(f"{sites.shop}/")
    assert login_cookies(tab.context, sites) not in ([], ["planted"])
    assert len(own) == 1
    tab.goto(f"{sites.help}/page")
    assert calls(tab) == [ADAS]
