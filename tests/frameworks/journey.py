"""The journey: what visitors do on a site, as checks that the app of each framework passes.

A check takes a `Site` that is really served. Its name, with spaces, is what `LACKS` of an app and
the table in docs/frameworks call it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from httpx2 import Client, Request, Response
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from pavior_middleware import sign
from pavior_middleware._model.paths import SHARE_AUTH
from tests.frameworks.gates import Gate
from tests.support.handing_over import asking_for, form, referer_of
from tests.support.login_cookies import SETTINGS
from tests.support.pages import elements_in_head, init_call, init_calls
from tests.support.sites import API_KEY, HELP, LOGIN_COOKIE

LONGEST_WAIT_SECONDS = 10

NOBODY: dict[str, str] = {}
ADA = {"id": "7", "email": "ada@example.com", "hmac": sign(API_KEY, "7")}
BOB = {"id": "8", "hmac": sign(API_KEY, "8")}
"""He has not confirmed his email."""

USERS = {"ada": ADA, "bob": BOB, None: NOBODY}

UNTOUCHED = {"/api": "empty", "/report": "empty", "/static/style.css": "style"}
"""Responses that are not pages, by their paths, and what the browser wants them for."""

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that meet no TLS. To load the authorities' certificates takes a while."""


@dataclass(frozen=True)
class Untouched:
    """The parts of a response, which is not a page, that are the same each time."""

    status: int
    fields: Mapping[str, str]
    body: bytes


@dataclass
class Site:
    """A served site. `without` holds what its app answers without Pavior: by user and path."""

    url: str
    without: Mapping[tuple[str | None, str], Untouched]
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, user: str | None = None) -> Browser:
        """Return a new browser, in which the user is logged in."""
        browser = Browser(self.url)
        self.browsers.append(browser)
        if user is not None:
            browser.log_in(user)
        return browser

    def close(self) -> None:
        """Close the browsers."""
        while self.browsers:
            self.browsers.pop().close()


class Browser(Client):
    """What a visitor uses. It sends what browsers send, and keeps cookies as on https."""

    def __init__(self, url: str) -> None:
        secure = DefaultCookiePolicy(secure_protocols=("http", "https"))
        super().__init__(
            base_url=url,
            cookies=CookieJar(secure),
            event_hooks={"request": [self._send_cookies]},
            timeout=LONGEST_WAIT_SECONDS,
            trust_env=False,
            verify=NO_CERTIFICATES,
        )

    def _send_cookies(self, request: Request) -> None:
        """Send the cookies by the policy of the jar, which httpx makes a copy without."""
        if self.cookies:
            request.headers.pop("Cookie", None)
            self.cookies.set_cookie_header(request)

    def go(self, path: str = "/", method: str = "GET", **more: Any) -> Response:
        """Ask for a page, as for a tab."""
        return self.request(method, path, headers=_navigation(more.pop("headers", {})), **more)

    def fetch(self, path: str, destination: str = "empty", **fields: str) -> Response:
        """Ask for something as a script or an element of the site's page does."""
        metadata = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": destination}
        return self.get(path, headers={"Sec-Fetch-Mode": "cors", **metadata, **fields})

    def log_in(self, user: str) -> None:
        """Send the form of the login."""
        answer = self.go("/login", "POST", data={"user": user}, headers=_FROM_PAGE)
        assert answer.status_code == 303, answer
        assert answer.headers["Location"].removeprefix(str(self.base_url).rstrip("/")) == "/"

    def log_out(self) -> None:
        """Send the form of the logout."""
        assert self.go("/logout", "POST", headers=_FROM_PAGE).status_code == 303

    def borrow(self, origin: str, *, cookie: str | None = None, **more: Any) -> Response:
        """Ask `share-auth` as a page of another origin does."""
        metadata = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        headers = {"Origin": origin, "Sec-Fetch-Dest": "empty", **metadata}
        if cookie is not None:
            headers["Cookie"] = f"{LOGIN_COOKIE}={cookie}"
        return self.request(more.pop("method", "GET"), SHARE_AUTH, headers=headers, **more)


Check = Callable[[Site], None]
CHECKS: dict[str, Check] = {}
"""The journey, in its order: each check by its name."""


def _check(check: Check) -> Check:
    CHECKS[check.__name__.replace("_", " ")] = check
    return check


# ── Pages ──────────────────────────────────────────────────────────────────────────────────────


@_check
def a_page_for_nobody_has_the_chat_and_no_name(site: Site) -> None:
    browser = site.browser()
    page = browser.go()
    assert page.status_code == 200
    assert "nobody" in page.text
    assert init_call(page.content) == {
        "teamVanityId": SETTINGS.team_vanity_id,
        "doChat": True,
        "doTimeTravel": True,
    }
    assert "Cookie" in page.headers["Vary"]
    assert LOGIN_COOKIE not in browser.cookies


@_check
def a_login_by_form_leads_to_a_page_that_names_the_user(site: Site) -> None:
    browser = site.browser("ada")
    page = browser.go()
    assert page.status_code == 200
    assert "ada" in page.text
    assert_private(page, "ada")
    assert LOGIN_COOKIE in browser.cookies


@_check
def an_email_that_is_not_confirmed_is_left_out(site: Site) -> None:
    page = site.browser("bob").go()
    assert_private(page, "bob")
    assert "bob@example.com" not in str(init_call(page.content))


@_check
def json_is_left_unchanged(site: Site) -> None:
    assert_untouched(site, "/api", "application/json")


@_check
def a_file_is_left_unchanged(site: Site) -> None:
    assert_untouched(site, "/report", "text/plain")


@_check
def a_static_file_is_left_unchanged(site: Site) -> None:
    assert_untouched(site, "/static/style.css", "text/css")


@_check
def a_streamed_page_arrives_in_pieces_and_is_named(site: Site) -> None:
    body = b""
    with Gate() as gate:
        path = f"/stream?gate={gate.port}"
        with site.browser("ada").stream("GET", path, headers=_navigation({})) as page:
            arriving = page.iter_bytes()
            for seen in (b"<body>", b"</h1>"):  # the ends of the first two pieces
                while seen not in body:
                    body += next(arriving)
                gate.open()
            body += b"".join(arriving)
    assert_names(body, "ada")
    assert page.headers["Cache-Control"] == "private, no-cache"


@_check
def a_missing_page_is_named(site: Site) -> None:
    page = site.browser("ada").go("/missing")
    assert page.status_code == 404
    assert_private(page, "ada")


@_check
def the_page_of_an_error_is_named(site: Site) -> None:
    page = site.browser("ada").go("/boom")
    assert page.status_code == 500
    assert_private(page, "ada")


@_check
def the_answer_to_a_form_is_named(site: Site) -> None:
    page = site.browser("ada").go("/echo", "POST", data={"text": "hello"}, headers=_FROM_PAGE)
    assert page.status_code == 200
    assert_private(page, "ada")


@_check
def a_head_request_gets_the_fields_of_the_page(site: Site) -> None:
    browser = site.browser("ada")
    head = browser.go(method="HEAD")
    assert (head.status_code, head.content) == (200, b""), head
    page = browser.go()  # on the same connection
    assert_private(page, "ada")
    for name in ("Cache-Control", "Content-Type", "Vary"):
        assert head.headers[name] == page.headers[name]


@_check
def a_page_in_gzip_is_named(site: Site) -> None:
    page = site.browser("ada").go("/gzip", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert_private(page, "ada")


@_check
def a_script_carries_the_nonce_of_the_policy(site: Site) -> None:
    page = site.browser("ada").go("/nonce")
    assert_names(page.content, "ada")
    nonce = re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"])
    assert nonce is not None
    (script,) = elements_in_head(page.content)
    assert script.attrib["nonce"] == nonce[1]


@_check
def a_skipped_page_has_no_chat(site: Site) -> None:
    page = site.browser("ada").go("/skipped")
    assert page.status_code == 200
    assert init_calls(page.content) == []
    assert "Pavior-Skip" not in page.headers


@_check
def without_consent_there_is_no_chat(site: Site) -> None:
    browser = site.browser("ada")
    browser.cookies.set("consent", "no", domain=browser.base_url.host)
    page = browser.go()
    assert "ada" in page.text
    assert init_calls(page.content) == []
    assert browser.fetch(SHARE_AUTH).json() is None


@_check
def a_websocket_passes(site: Site) -> None:
    try:
        with connect(site.url.replace("http", "ws", 1) + "/ws", proxy=None) as socket:
            socket.send("hello")
            assert socket.recv(LONGEST_WAIT_SECONDS) == "hello"
    except InvalidHandshake as refusal:
        raise AssertionError from refusal


# ── Conditional requests ───────────────────────────────────────────────────────────────────────


@_check
def a_304_goes_to_the_same_user(site: Site) -> None:
    for user in ("ada", None):
        browser = site.browser(user)
        page = browser.go("/tagged")
        assert_names(page.content, user)
        again = browser.go("/tagged", headers={"If-None-Match": page.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@_check
def no_304_goes_to_another_user_or_to_nobody(site: Site) -> None:
    tag = site.browser("ada").go("/tagged").headers["ETag"]
    for user in ("bob", None):
        page = site.browser(user).go("/tagged", headers={"If-None-Match": tag})
        assert page.status_code == 200
        assert_names(page.content, user)


# ── Who is logged in ───────────────────────────────────────────────────────────────────────────


@_check
def pages_of_the_site_learn_who_is_logged_in(site: Site) -> None:
    for user, expected in USERS.items():
        answer = site.browser(user).fetch(SHARE_AUTH)
        assert answer.status_code == 200
        assert names_in(answer.json()) == expected


@_check
def a_whitelisted_origin_learns_who_is_logged_in(site: Site) -> None:
    for user, expected in USERS.items():
        answer = site.browser(user).borrow(HELP)
        assert (answer.status_code, answer.json()) == (200, expected)
        assert answer.headers["Access-Control-Allow-Origin"] == HELP
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"


@_check
def a_whitelisted_origin_learns_it_from_the_login_cookie_alone(site: Site) -> None:
    browser = site.browser("ada")
    browser.go()
    answer = site.browser().borrow(HELP, cookie=browser.cookies[LOGIN_COOKIE])
    assert answer.json() == ADA


@_check
def a_foreign_origin_learns_nothing(site: Site) -> None:
    answer = site.browser("ada").borrow("https://evil.test")
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "ada" not in answer.text
    page = site.browser("ada").get("/", headers={"Origin": "https://evil.test", **_FOREIGN})
    assert_names(page.content, None)


@_check
def a_handoff_takes_the_login_along(site: Site) -> None:
    for user, expected in (("ada", ADA), ("bob", BOB)):
        code = handed_over(site.browser(user))
        answer = site.browser().borrow(HELP, method="POST", content=form(code))
        assert (answer.status_code, answer.json()) == (200, expected)
    assert handed_over(site.browser()) == ""


@_check
def another_user_who_logs_in_is_named(site: Site) -> None:
    browser = site.browser("ada")
    assert_private(browser.go(), "ada")
    browser.log_in("bob")
    assert_private(browser.go(), "bob")
    assert names_in(browser.fetch(SHARE_AUTH).json()) == BOB
    cookie = browser.cookies[LOGIN_COOKIE]
    assert site.browser().borrow(HELP, cookie=cookie).json() == BOB


@_check
def after_a_logout_nobody_is_named_and_the_cookie_is_gone(site: Site) -> None:
    browser = site.browser("ada")
    tag = browser.go("/tagged").headers["ETag"]
    assert LOGIN_COOKIE in browser.cookies
    browser.log_out()
    page = browser.go("/tagged", headers={"If-None-Match": tag})
    assert page.status_code == 200
    assert_names(page.content, None)
    assert LOGIN_COOKIE not in browser.cookies
    assert browser.fetch(SHARE_AUTH).json() == NOBODY


# ── What the checks look at ────────────────────────────────────────────────────────────────────

_FROM_PAGE = {"Sec-Fetch-Site": "same-origin"}
_FOREIGN = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


def _navigation(more: Mapping[str, str]) -> dict[str, str]:
    metadata = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    return {"Accept": "text/html", "Sec-Fetch-Dest": "document", **metadata, **more}


def names_in(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return which of the options of init say who it is."""
    return {name: options[name] for name in ("id", "email", "hmac") if name in options}


def assert_names(page: bytes, user: str | None) -> None:
    assert names_in(init_call(page)) == USERS[user]


def assert_private(page: Response, user: str) -> None:
    """Assert that a page names a user, and no cache may give it to another one."""
    assert page.headers["Content-Type"].startswith("text/html")
    assert_names(page.content, user)
    assert page.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in page.headers["Vary"]
    assert "Last-Modified" not in page.headers


def untouched(browser: Browser, path: str) -> Untouched:
    """Return a response that is not a page, without the parts that always differ."""
    response = browser.fetch(path, UNTOUCHED[path])
    changing = {"date", "expires", "set-cookie"}
    fields = {name: value for name, value in response.headers.items() if name not in changing}
    return Untouched(response.status_code, fields, response.content)


def assert_untouched(site: Site, path: str, media_type: str) -> None:
    """Assert that a response is what the app answers without Pavior, to a user and to nobody."""
    for user in ("ada", None):
        response = untouched(site.browser(user), path)
        assert (response.status, response) == (200, site.without[user, path])
        assert response.fields["content-type"].startswith(media_type)


def without_pavior(url: str) -> dict[tuple[str | None, str], Untouched]:
    """Return the responses that are not pages, from a site without Pavior."""
    found = {}
    for user in ("ada", None):
        with Browser(url) as browser:
            if user is not None:
                browser.log_in(user)
            for path in UNTOUCHED:
                found[user, path] = untouched(browser, path)
    return found


def handed_over(browser: Browser) -> str:
    """Return the code that the site gives to a borrower's page that visits `handoff`."""
    to = f"{HELP}/returns"
    fields = {"Referer": referer_of(to), "Sec-Fetch-Site": "same-site"}
    answer = browser.go(asking_for(to), headers=fields)
    assert answer.status_code == 303
    page, _, code = answer.headers["Location"].partition("#pavior-handoff=")
    assert page == to
    return code
