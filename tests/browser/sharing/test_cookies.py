"""Chromium sends the cookies that we say a browser sends after a response has set some."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware._http.cookies import cookies_after
from tests.support.servers import LOOPBACK, serving_http_1_1

PATH = "/shop/cart/item"
PAST = "Thu, 01-Jan-1970 00:00:00 GMT"

HOSTS = ("www.shop.localhost", "www.shop.test")
"""Browsers keep `Secure` cookies of the first, which is loopback, and not of the second."""


class Sent(NamedTuple):
    """What the server got of a request."""

    cookies: str
    host: str
    is_trustworthy: bool


@dataclass
class Site:
    """Sets the cookies that a request asks for. It is its own proxy, so it has any name."""

    port: int
    got: list[Sent] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, request: Request) -> Response:
        if request.path == PATH:
            cookies = request.headers.get("Cookie", "")
            with self.lock:
                self.got.append(Sent(cookies, request.host, "Sec-Fetch-Site" in request.headers))
        response = Response("<!doctype html><title>A</title>", mimetype="text/html")
        for each in json.loads(request.args.get("set", "[]")):
            response.headers.add("Set-Cookie", each)
        return response


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    (port,) = free_ports([0])
    made = Site(port)
    with serving_http_1_1(Request.application(made.serve), port):
        yield made


@pytest.fixture(scope="module")
def tab(browser: Browser, site: Site) -> Iterator[Page]:
    with browser.new_context(proxy={"server": f"http://{LOOPBACK}:{site.port}"}) as context:
        yield context.new_page()


CASES = [
    ([], ["s=1"]),
    (["s=1; Path=/", "t=2; Path=/"], ["s=3; Path=/; HttpOnly"]),
    (["t=2; Path=/"], ["s=1; Path=/"]),
    (["t=2; Path=/"], ["s=1; Path=/shop"]),
    (["t=2; Path=/"], ["a=1; Path=/", "b=1; Path=/shop/cart", "c=1; Path=/shop"]),
    (["s=1; Path=/shop", "s=2; Path=/"], ["s=3; Path=/"]),
    (["s=1; Path=/shop", "s=2; Path=/"], ["s=3; Path=/shop"]),
    (["s=1; Path=/"], ["s=2; Path=/", "s=3; Path=/shop"]),
    (["S=1; Path=/"], ["s=2; Path=/"]),
    ([], ["s = a b = c ;Path=/"]),
    (["t=2; Path=/"], ["without a name", "=also without one; Path=/"]),
    (["a; Path=/", "t=2; Path=/"], ["b; Path=/"]),
    (['s="a; Path=/', "u=1; Path=/"], ['t="q"; Path=/']),
    (["t=2; Path=/"], ["=", ";", f"s={'x' * 4096}", "u=\t1\t;Path=/"]),
    *(
        (["a=1; Path=/", "s=2; Path=/", "b=3; Path=/"], [f"s=4; Path=/; {attributes}"])
        for attributes in (
            *("Max-Age=0", "Max-Age=-1", "max-age = 0", "Max-Age=60", "Max-Age=0x", "Max-Age="),
            *(f"Expires={PAST}", f"Expires={PAST}; Max-Age=60", f"Max-Age=60; Expires={PAST}"),
            *("Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=0", f"Expires={PAST}; Max-Age=x"),
            *("Max-Age=60; Max-Age=0", f"Max-Age={'0' * 1025}"),
        )
    ),
    (["s=1; Domain={domain}; Path=/"], ["s=; Max-Age=0; Domain={domain}; Path=/"]),
    (["s=old; Path=/"], ["s=new; Path=/", "s=; Max-Age=0; Domain={domain}; Path=/"]),
    (["s=old; Path=/"], ["s=; Max-Age=0; Domain={domain}; Path=/", "s=new; Path=/"]),
    (["s=old; Path=/"], ["s=new; Path=/", "s=; Max-Age=0; Path=/admin"]),
    *(
        (["t=2; Path=/"], [f"s=1; {attribute}"])
        for attribute in (
            *("Path=/shop/", "Path=/shop/cart/item", "Path=/shop/cart/item/", "Path=/sho"),
            *("Path=/Shop", "Path=/admin", "Path=", "Path=shop", "Path=/admin; Path=/"),
            *("Path=/; Path=/admin", "Domain={domain}", "Domain=.{domain}", "Domain={host}"),
            *("Domain=a.{host}", "Domain=op.test", "Domain=evil.test", "Domain="),
            *("Domain={DOMAIN}", "Secure", "Secure; Path=/", "SameSite=Lax", "SameSite=Strict"),
        )
    ),
    *(
        (["t=2; Path=/"], [prefixed])
        for prefixed in (
            *("__Secure-s=1; Secure", "__Secure-s=1", "__secure-s=1"),
            *("__Host-s=1; Secure; Path=/", "__Host-s=1; Secure", "__Host-s=1; Secure; Path=/shop"),
            *("__Host-s=1; Secure; Path=/; Domain={host}", "__HOST-s=1; Path=/"),
            *("=__Host-s=1; Secure; Path=/", "__Host-; Secure; Path=/"),
        )
    ),
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("before", "then"), CASES)
def test_chromium_sends_the_cookies_that_the_model_of_cookies_predicts(
    site: Site, tab: Page, host: str, before: list[str], then: list[str]
) -> None:
    domain = host.removeprefix("www.")
    names = {"{host}": host, "{domain}": domain, "{DOMAIN}": domain.upper()}

    def named(fields: list[str]) -> list[str]:
        for name, value in names.items():
            fields = [each.replace(name, value) for each in fields]
        return fields

    tab.context.clear_cookies()
    if not tab.url.startswith(f"http://{host}/"):
        tab.goto(f"http://{host}/")
    site.got.clear()
    for fields in (named(before), named(then), []):
        tab.evaluate("url => fetch(url)", f"{PATH}?set={quote(json.dumps(fields))}")
    _, second, third = site.got
    assert second.is_trustworthy == (host == HOSTS[0])
    found = cookies_after(
        second.cookies,
        named(then),
        host=second.host,
        path=PATH,
        is_secure=second.is_trustworthy,
    )
    # Chromium puts a cookie with a new value last (against section 5.7, step 23). The order matters
    # among cookies of one name.
    assert _by_name(found) == _by_name(third.cookies)


def _by_name(cookies: str) -> list[str]:
    return sorted(cookies.split("; "), key=lambda pair: pair.partition("=")[0])
