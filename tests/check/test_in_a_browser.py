"""With --browser, the doctor says what Chromium says of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.utils import redirect

import example_flask.app
from pavior_middleware.testing import Emulator
from tests.support.doctor import (
    LOGIN,
    Site,
    check,
    checked,
    cookie_of_login,
    served,
    with_fields,
)
from tests.support.sites import API_KEY, TEAM

pytestmark = pytest.mark.browser

INIT = "Pavior('init', {teamVanityId: 'acme', email: 'boss@example.com'})"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(team_vanity_id=TEAM, api_key=API_KEY) as running:
        yield running


def test_a_healthy_site_gives_no_finding_in_a_browser(emulator: Emulator) -> None:
    app = example_flask.app.create_app({**emulator.config, "SECONDS_PER_ORDER": 0})
    with served(app) as origin:
        cookie = cookie_of_login(
            origin, "/login", {"email": "ada@example.com", "password": "engine"}
        )
        found = check(origin, "--browser", cookie=cookie, api_key=API_KEY)
    assert found.codes == []
    assert found.status == 0
    nobody, ada = found.report["browser"]
    assert nobody["inits"] == [{"id": None, "email": None, "is_signed": False}]
    assert ada["inits"] == [{"id": None, "email": "a…@example.com", "is_signed": True}]


@pytest.mark.thorough
def test_another_key_than_the_emulators_is_found_in_a_browser(emulator: Emulator) -> None:
    site = Site(settings={"embed_url": emulator.embed_url})
    with Emulator(team_vanity_id=TEAM, api_key="another key than the site has") as other:
        wrong = Site(settings={"embed_url": other.embed_url})
        assert checked(wrong, "--browser").problems == ["emulator-refuses"]
    assert checked(site, "--browser").codes == []


@pytest.mark.thorough
def test_an_init_of_another_script_is_found_in_a_browser() -> None:
    later = f"<script>addEventListener('pavior:identity', () => {INIT}, {{once: true}})</script>"
    found = checked(Site(page=f"<!doctype html><title>.</title>{later}"), "--browser")
    assert "second-init" in found.problems
    assert "browser-two-inits" in found.problems
    whats = [each["what"] for each in found.report["findings"]]
    assert any("b…@example.com" in what for what in whats)


@pytest.mark.thorough
def test_what_a_policy_blocks_is_found_in_a_browser() -> None:
    site = Site(outside=with_fields(Content_Security_Policy="script-src 'unsafe-inline'"))
    found = checked(site, "--browser", cookie="")
    assert found.problems == [
        "policy-blocks",
        "browser-no-init",
        "browser-policy",
        "browser-warning",
    ]
    assert "script-src-elem blocks http://" in found.finding("browser-policy")["what"]


@pytest.mark.thorough
def test_errors_of_the_pages_own_scripts_are_reported_but_give_no_finding() -> None:
    page = "<!doctype html><title>.</title><script>throw new Error('of the page')</script>"
    found = checked(Site(page=page), "--browser", cookie="")
    assert found.codes == []
    (nobody,) = found.report["browser"]
    assert any("of the page" in error for error in nobody["errors"])


@pytest.mark.thorough
def test_the_cookie_of_a_login_names_its_user_in_the_browser() -> None:
    found = checked(Site(), "--browser", cookie=LOGIN)
    assert found.codes == []
    _, ada = found.report["browser"]
    assert ada["inits"] == [{"id": "7", "email": "a…@example.com", "is_signed": True}]


@pytest.mark.thorough
def test_the_browser_opens_the_page_to_which_the_site_leads_somebody() -> None:
    asked: list[str] = []

    def leading(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            has_cookie = environ.get("HTTP_COOKIE") == LOGIN
            if environ["PATH_INFO"] == "/dashboard" and has_cookie:
                asked.append(environ["QUERY_STRING"])
            is_front = environ["PATH_INFO"] == "/" and has_cookie
            return (redirect("/dashboard") if is_front else app)(environ, start_response)

        return wrapped

    checked(Site(outside=leading), "--browser")
    assert len(asked) == 3
    assert len(set(asked)) == 3
    assert all(query.startswith("pavior-check=") for query in asked)
