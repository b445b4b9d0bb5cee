"""The cookie of a login goes to one origin, over TLS or to this machine, and is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from pavior_middleware._check.evidence import Evidence, Failed, Keys
from pavior_middleware._check.hiding import hider
from tests.check.test_caches import keeping, pages_alone
from tests.support.doctor import LOGIN, PAGE, Site, check, checked, run, served, serving
from tests.support.sites import API_KEY


class Recorder:
    """A site at any path, which remembers the `Cookie` field of each request."""

    def __init__(self) -> None:
        self.cookies: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.cookies.append(Request(environ).headers.get("Cookie", ""))
        response = Response(PAGE, mimetype="text/html")
        response.set_cookie("theirs", "set-by-the-site")
        return response(environ, start_response)


@contextmanager
def leading_to(url: str) -> Iterator[str]:
    """Serve a site that leads to a URL; yield its origin."""
    with served(lambda environ, start: redirect(url)(environ, start)) as origin:
        yield origin


def test_a_redirect_does_not_bring_the_cookie_to_another_origin() -> None:
    other = Recorder()
    with served(other) as elsewhere, leading_to(f"{elsewhere}/") as origin:
        found = check(f"{origin}/", cookie=LOGIN)
    assert other.cookies
    assert LOGIN not in " ".join(other.cookies)
    assert "redirected" in found.codes
    assert "login" in found.not_checked


def test_a_login_that_cannot_be_checked_is_no_success() -> None:
    with serving(Site()) as elsewhere, leading_to(f"{elsewhere}/") as origin:
        found = check(f"{origin}/", cookie=LOGIN, api_key=API_KEY)
    assert found.problems == []
    assert found.report["verdict"] == "could not check"
    assert found.status == 2


def test_a_redirect_within_the_site_brings_the_cookie_along() -> None:
    site = Site()
    with serving(site) as origin:
        app = site.app(origin)

        def leading(environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] == "/old":
                return redirect("/")(environ, start_response)
            return app(environ, start_response)

        with served(leading) as outer:
            found = check(f"{outer}/old", cookie=LOGIN, api_key=API_KEY)
    assert "with the cookie, the page names the id '7'" in " ".join(found.report["facts"])
    assert found.status == 0


def test_no_cookie_that_the_site_sets_is_sent_back() -> None:
    site = Recorder()
    with served(site) as origin:
        check(origin, cookie=LOGIN)
    assert LOGIN in site.cookies
    assert "theirs" not in " ".join(site.cookies)


def test_only_requests_that_look_for_kept_pages_follow_those_with_the_cookie() -> None:
    site = Recorder()
    with served(site) as origin:
        check(origin, cookie=LOGIN)
    named = [place for place, cookie in enumerate(site.cookies) if cookie == LOGIN]
    assert named[-1] == len(site.cookies) - 2  # a request of nobody follows, for the same address


def test_each_request_with_the_cookie_has_an_address_that_nobody_else_uses() -> None:
    asked: list[tuple[str, bool]] = []

    def app(environ: Any, start_response: Any) -> Any:
        has_cookie = "of-ada" in environ.get("HTTP_COOKIE", "")
        asked.append((environ["PATH_INFO"] + "?" + environ["QUERY_STRING"], has_cookie))
        return Response(PAGE, mimetype="text/html")(environ, start_response)

    with served(app) as origin:
        check(f"{origin}/page?id=1", cookie=LOGIN)
    with_cookie = {address for address, has_cookie in asked if has_cookie}
    assert with_cookie
    assert all(address.startswith("/page?id=1&pavior-check=") for address in with_cookie)
    assert "/page?id=1" not in with_cookie


def to_a_dashboard(app: Any) -> Any:
    """Return an app that redirects users who are logged in from the front page to a dashboard."""

    def wrapped(environ: Any, start_response: Any) -> Any:
        is_front = environ["PATH_INFO"] == "/" and LOGIN in environ.get("HTTP_COOKIE", "")
        chosen = redirect("/dashboard?tab=1") if is_front else app
        return chosen(environ, start_response)

    return wrapped


def test_a_redirect_with_the_cookie_gets_an_address_that_nobody_else_uses() -> None:
    asked: list[tuple[str, str]] = []

    def wrap(app: Any) -> Any:
        leading = to_a_dashboard(app)

        def wrapped(environ: Any, start_response: Any) -> Any:
            address = environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
            asked.append((address, environ.get("HTTP_COOKIE", "")))
            return leading(environ, start_response)

        return wrapped

    found = checked(Site(outside=wrap))
    with_cookie = [address for address, cookie in asked if cookie == LOGIN]
    behind = [address for address in with_cookie if address.startswith("/dashboard")]
    assert behind
    assert all("pavior-check=" in address for address in with_cookie)
    assert asked[-1] == (behind[-1], "")
    assert found.codes == []


def test_a_page_that_is_kept_behind_a_redirect_is_found() -> None:
    kept = keeping(pages_alone)
    found = checked(Site(outside=lambda app: to_a_dashboard(kept(app))))
    assert "cache-serves-others" in found.problems


def test_a_redirect_that_removes_the_query_ends_the_check_of_a_login() -> None:
    asked: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        if "of-ada" in environ.get("HTTP_COOKIE", ""):
            asked.append(environ["QUERY_STRING"])
        page = Response(PAGE, mimetype="text/html")
        chosen = redirect("/") if "pavior-check=" in environ["QUERY_STRING"] else page
        return chosen(environ, start_response)

    with served(app) as origin:
        found = check(origin, cookie=LOGIN)
    assert asked
    assert "" not in asked
    assert "login" in found.not_checked


@pytest.mark.parametrize("text", [LOGIN, f"Cookie: {LOGIN}\n", f"{LOGIN}\r\n"])
def test_the_cookie_may_come_from_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cookie"
    file.write_text(text)
    with serving(Site()) as origin:
        found = check(origin, "--cookie-file", str(file), api_key=API_KEY)
    assert "login" not in found.not_checked
    assert found.status == 0
    assert "of-ada" not in found.output


def test_a_cookie_without_a_name_is_sent_too() -> None:
    with serving(Site()) as origin:
        found = check(origin, cookie="=of-ada", api_key=API_KEY)
    assert found.codes == ["names-nobody"]
    assert found.status == 1


def test_the_cookie_may_be_typed_at_a_prompt_that_hides_it() -> None:
    with serving(Site()) as origin, patch("getpass.getpass", return_value=LOGIN) as asked:
        found = check(origin, "--ask-cookie", api_key=API_KEY)
    assert asked.call_count == 1
    assert "login" not in found.not_checked


@pytest.mark.parametrize(
    ("cookie", "message"),
    [("a=1\nb=2", "one line"), ("café=1", "ASCII"), ("a-value-alone", "has no name")],
)
def test_a_text_without_a_cookie_is_refused_and_not_shown(cookie: str, message: str) -> None:
    status, output, errors = run("check", "http://localhost:1/", PAVIOR_CHECK_COOKIE=cookie)
    assert status == 2
    assert message in errors
    assert cookie not in output + errors


def test_a_cookie_on_the_command_line_is_refused_and_not_shown() -> None:
    status, output, errors = run("check", "http://localhost:1/", f"--cookie={LOGIN}")
    assert status == 2
    assert "command line" in errors
    assert "of-ada" not in output + errors


@pytest.mark.parametrize(
    "form",
    ["a'b&c\"\\d/e f", "a\\'b&c\"\\\\d/e f", "a'b&c\\\"\\\\d/e f", "a%27b%26c%22%5Cd%2Fe%20f"]
    + ["a&#x27;b&amp;c&quot;\\d/e f"],
)
def test_a_secret_is_hidden_in_each_form_in_which_it_may_be_written(form: str) -> None:
    secret = "a'b&c\"\\d/e f"
    page = Failed("https://shop.test/", "protocol", "")
    for evidence, cookie in (
        (Evidence(page.url, page, Keys(secret)), ""),
        (Evidence(page.url, page), f'a=1; s="{secret}"'),
    ):
        assert hider(evidence, cookie)(f"<{form}>") == "<(hidden)>"


def test_a_secret_that_the_site_sends_back_is_not_shown() -> None:
    secret = "a-secret-of-this-test"

    def app(environ: Any, start_response: Any) -> Any:
        fields = {"Content-Type": f"text/{API_KEY.replace(' ', '-')}-{secret}"}
        return Response("", headers=fields)(environ, start_response)

    with served(app) as origin:
        found = check(origin, cookie=f"s={secret}", api_key=API_KEY.replace(" ", "-"))
    assert "(hidden)" in found.finding("not-a-page")["what"]
