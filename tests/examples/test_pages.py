"""The example sites, in process: each page, the login, and what Pavior gets."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Protocol
from urllib.request import urlopen

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from starlette.applications import Starlette
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.test import create_environ, run_wsgi_app

import example_flask.app
import example_starlette.app
from example_help_center.serve import create_server
from pavior_middleware.cli import main
from pavior_middleware.testing import Emulator, assert_anonymous, assert_named, init_options
from tests.support.repository import ROOT

SETTINGS = {
    "SECRET_KEY": "only for tests",
    "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID",
    "PAVIOR_API_KEY": "ladygaga",
    "PAVIOR_EMBED_URL": "http://pavior.localhost:8990/embed",
    "HELP_CENTER_URL": "http://help.localhost:8003/",
}
DOCUMENTED = {
    "teamVanityId": "YOUR_TEAM_ID",
    "doChat": True,
    "doTimeTravel": True,
    "email": "user@example.com",
    "hmac": "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832",
}
ANONYMOUS = {name: DOCUMENTED[name] for name in ("teamVanityId", "doChat", "doTimeTravel")}
LOGGED_IN = {"email": "user@example.com", "password": "password"}


def flask_app(**config: object) -> Flask:
    return example_flask.app.create_app({**SETTINGS, "SECONDS_PER_ORDER": 0, **config})


def starlette_app(**environ: str) -> Starlette:
    return example_starlette.app.create_app({**SETTINGS, "SECONDS_PER_ORDER": "0", **environ})


class Site(Protocol):
    """One way to ask both sites; a redirect is not followed."""

    def get(self, path: str, referer: str = "") -> tuple[int, str, str]: ...
    def post(self, path: str, form: dict[str, str]) -> tuple[int, str, str]: ...


class FlaskSite:
    def __init__(self, app: Flask) -> None:
        self.client = TestApp(app)

    def get(self, path: str, referer: str = "") -> tuple[int, str, str]:
        response = self.client.get(path, headers={"Referer": referer}, status="*")
        return response.status_int, response.text, response.headers.get("Location", "")

    def post(self, path: str, form: dict[str, str]) -> tuple[int, str, str]:
        response = self.client.post(path, form, status="*")
        return response.status_int, response.text, response.headers.get("Location", "")


class StarletteSite:
    def __init__(self, app: Starlette) -> None:
        self.client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)

    def get(self, path: str, referer: str = "") -> tuple[int, str, str]:
        response = self.client.get(path, headers={"Referer": referer})
        return response.status_code, response.text, response.headers.get("Location", "")

    def post(self, path: str, form: dict[str, str]) -> tuple[int, str, str]:
        response = self.client.post(path, data=form)
        return response.status_code, response.text, response.headers.get("Location", "")


@pytest.fixture(params=["flask", "starlette"])
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "flask":
        return FlaskSite(flask_app())
    return StarletteSite(starlette_app())


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/", 200, "Gardens in glass|Lamps for long evenings"),
        ("/login", 200, "Log in"),
        ("/stream", 200, "On the workbench|In the workshop"),
        ("/nowhere", 404, "Nothing grows here|It is dark here"),
        ("/error", 500, "Something broke"),
    ],
)
def test_every_page_of_an_example_site_renders(
    site: Site, path: str, status: int, heading: str
) -> None:
    got, page, _ = site.get(path)
    assert got == status
    assert re.search(f"<h1>({heading})</h1>", page)
    assert page.startswith("<!doctype html>")


def test_an_example_site_serves_its_style_sheet(site: Site) -> None:
    assert site.get("/static/style.css")[0] == 200


def test_an_anonymous_page_names_nobody(site: Site) -> None:
    page = site.get("/")[1]
    assert_anonymous(page)
    assert init_options(page) == ANONYMOUS


def test_logging_in_and_out_changes_the_identity_of_the_page(site: Site) -> None:
    status, _, location = site.post("/login", LOGGED_IN)
    assert status in (302, 303)
    assert location.endswith("/account")
    page = site.get("/account")[1]
    assert "<h1>Hello, user@example.com</h1>" in page
    assert init_options(page) == DOCUMENTED
    for path in ("/", "/nowhere", "/stream"):
        assert_named(site.get(path)[1], "user@example.com", api_key=SETTINGS["PAVIOR_API_KEY"])

    status, _, location = site.post("/logout", {})
    assert status in (302, 303)
    assert location.endswith("/")
    assert_anonymous(site.get("/")[1])


@pytest.mark.parametrize("name", ["flask", "starlette"])
def test_what_a_customer_writes_is_authenticated_until_the_logout(
    name: str, emulator: Emulator
) -> None:
    site: Site = (
        FlaskSite(flask_app(**emulator.config))
        if name == "flask"
        else StarletteSite(starlette_app(**emulator.config))
    )
    site.post("/login", LOGGED_IN)
    emulator.open_chat(site.get("/account")[1]).say("Where is my order?")
    site.post("/logout", {})
    emulator.open_chat(site.get("/")[1]).say("Do you open on Sundays?")
    order, sundays = emulator.messages
    assert (order.identifier, order.authenticated) == ("user@example.com", True)
    assert (sundays.identifier, sundays.authenticated) == (None, False)


def test_a_customer_is_greeted_by_name(site: Site) -> None:
    site.post("/login", {"email": " Ada@Example.com ", "password": "engine"})
    assert "<h1>Hello, Ada</h1>" in site.get("/account")[1]


@pytest.mark.parametrize(
    "form",
    [
        {"email": "user@example.com", "password": "wrong"},
        {"email": "nobody@example.com", "password": "password"},
        {},
    ],
)
def test_a_failed_login_shows_a_message(site: Site, form: dict[str, str]) -> None:
    status, page, _ = site.post("/login", form)
    assert status == 422
    assert 'role="alert"' in page
    assert f'value="{form.get("email", "")}"' in page
    assert site.get("/account")[0] in (302, 303)


def test_the_typed_email_is_escaped(site: Site) -> None:
    assert "<script>alert" not in site.post("/login", {"email": '"><script>alert(1)</script>'})[1]


def test_the_account_page_needs_a_login(site: Site) -> None:
    status, _, location = site.get("/account")
    assert status in (302, 303)
    assert "/login" in location


def test_a_login_redirects_to_no_other_site(site: Site) -> None:
    location = site.post("/login?next=https://evil.example/", LOGGED_IN)[2]
    assert "evil" not in location


def test_logging_out_needs_a_post(site: Site) -> None:
    assert site.get("/logout")[0] == 405


def test_an_example_site_links_to_the_help_center(site: Site) -> None:
    assert 'href="http://help.localhost:8003/"' in site.get("/")[1]


@pytest.mark.parametrize(
    "site",
    [FlaskSite(flask_app(HELP_CENTER_URL="")), StarletteSite(starlette_app(HELP_CENTER_URL=""))],
)
def test_an_example_site_without_a_help_center_has_no_link_to_it(site: Site) -> None:
    assert "Help center" not in site.get("/")[1]


@pytest.mark.parametrize("name", ["example_flask", "example_starlette"])
def test_no_template_knows_of_the_chat(name: str) -> None:
    templates = list((ROOT / name / "templates").iterdir())
    assert templates
    for template in templates:
        assert "pavior" not in template.read_text(encoding="utf-8").lower()


def is_streamed(chunks: list[bytes]) -> bool:
    """Whether the snippet left before the first row, and the rows one by one."""
    snippet = next(i for i, chunk in enumerate(chunks) if b"Pavior" in chunk)
    rows = [i for i, chunk in enumerate(chunks) if b"<tr><td>" in chunk]
    return snippet < rows[0] and len(set(rows)) == 6


def test_flask_streams_row_by_row() -> None:
    app_iter, _, _ = run_wsgi_app(flask_app(), create_environ("/stream"))
    assert is_streamed(list(app_iter))


def test_starlette_streams_row_by_row() -> None:
    messages: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "scheme": "http",
        "server": ("testserver", 80),
        "path": "/stream",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(starlette_app()(scope, receive, send))
    assert is_streamed([message["body"] for message in messages[1:]])


@contextmanager
def serving_help_center(share_auth: str) -> Iterator[str]:
    with create_server("127.0.0.1", 0, "http://pavior.test/embed?a&b", share_auth) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def text_at(url: str) -> str:
    with urlopen(url) as response:
        return str(response.read().decode())


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_the_help_center_borrows_the_login(path: str) -> None:
    with serving_help_center("shop.test") as url:
        page = text_at(url + path)
    assert '<script src="http://pavior.test/embed?a&amp;b"></script>' in page
    assert (
        "<script>Pavior('init', {'teamVanityId': 'YOUR_TEAM_ID', 'doChat': true,"
        " 'doTimeTravel': true, 'shareAuth': 'shop.test'});</script>"
    ) in page


@pytest.mark.parametrize(
    ("share_auth", "src"),
    [
        ("shop.test", "https://shop.test/.well-known/pavior/share.js"),
        ("shop.localhost:8001", "//shop.localhost:8001/.well-known/pavior/share.js"),
    ],
)
def test_the_help_centers_second_page_has_the_one_element(share_auth: str, src: str) -> None:
    with serving_help_center(share_auth) as url:
        page = BeautifulSoup(text_at(f"{url}/returns.html"), "html5lib")
    (script,) = page.find_all("script")
    assert script["src"] == src
    assert json.loads(str(script["data-init"])) == ANONYMOUS
    assert script["data-embed"] == "http://pavior.test/embed?a&b"


def help_center_file(name: str) -> str:
    folder = Path(example_flask.__file__).parent.parent / "example_help_center"
    return (folder / name).read_text(encoding="utf-8")


def test_the_help_centers_files_hold_the_documented_call() -> None:
    page = help_center_file("index.html")
    assert '<script src="https://app.pavior.com/embed"></script>' in page
    assert (
        "<script>Pavior('init', {'teamVanityId': 'YOUR_TEAM_ID', 'doChat': true,"
        " 'doTimeTravel': true, 'shareAuth': 'auth.example.com'});</script>"
    ) in page


def test_the_help_centers_files_hold_what_the_command_prints() -> None:
    environ = {"PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID", "PAVIOR_SHARE_AUTH": "auth.example.com"}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert main(["snippet"]) == 0
    without_embed = help_center_file("returns.html").replace(
        ' data-embed="https://app.pavior.com/embed"', ""
    )
    assert printed.getvalue().strip() in without_embed


@pytest.mark.parametrize("name", ["flask", "starlette"])
def test_the_apps_own_secret_key_takes_the_login_along(name: str) -> None:
    borrower = "https://help.example.com"
    handoff = f"/.well-known/pavior/handoff?to={borrower}/&challenge={'a' * 43}"
    settings = {"PAVIOR_SHARED_AUTH_DOMAINS": "help.example.com"}
    site: Site = (
        FlaskSite(flask_app(**settings))
        if name == "flask"
        else StarletteSite(starlette_app(**settings))
    )
    site.post("/login", LOGGED_IN)
    status, _, location = site.get(handoff, borrower)
    assert status == 303
    assert re.fullmatch(rf"{borrower}/#pavior-handoff=[\w.-]{{40,}}", location)
