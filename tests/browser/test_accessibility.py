"""axe-core finds nothing on the emulator's inbox, in its widget, and on the example sites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette

import example_flask.app
import example_starlette.app
from demo.ports import free_ports
from pavior_middleware.emulator import contacts, create_app, fill_with_demo
from tests.support.axe import violations
from tests.support.servers import serving_asgi, serving_help_center, serving_wsgi


class Sites(NamedTuple):
    """Everything that the demo shows, at its own port."""

    emulator: Starlette
    inbox: str
    empty_inbox: str
    flask: str
    starlette: str
    help_center: str


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    inbox, empty, flask, starlette, help_center = free_ports([0] * 5)
    names = {"team_vanity_id": "YOUR_TEAM_ID", "api_key": "ladygaga"}
    emulator = create_app(**names)
    fill_with_demo(emulator)
    embed_url = f"http://pavior.localhost:{inbox}/embed"
    settings = {
        "PAVIOR_API_KEY": "ladygaga",
        "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID",
        "PAVIOR_EMBED_URL": embed_url,
        "PAVIOR_SHARED_AUTH_DOMAINS": f"help.shop.localhost:{help_center}",
        "SECRET_KEY": "only for tests",
        "HELP_CENTER_URL": f"http://help.shop.localhost:{help_center}/",
    }
    flask_shop = example_flask.app.create_app({**settings, "SECONDS_PER_ORDER": 0})
    starlette_shop = example_starlette.app.create_app({**settings, "SECONDS_PER_ORDER": "0"})
    with ExitStack() as servers:
        for app, port in ((emulator, inbox), (create_app(**names), empty)):
            servers.enter_context(serving_asgi(app, port))
        servers.enter_context(serving_wsgi(flask_shop, flask))
        servers.enter_context(serving_asgi(starlette_shop, starlette))
        servers.enter_context(
            serving_help_center(help_center, embed_url, f"shop.localhost:{flask}")
        )
        yield Sites(
            emulator,
            f"http://pavior.localhost:{inbox}",
            f"http://pavior.localhost:{empty}",
            f"http://shop.localhost:{flask}",
            f"http://boutique.localhost:{starlette}",
            f"http://help.shop.localhost:{help_center}",
        )


@pytest.fixture
def page(browser: Browser, sites: Sites) -> Iterator[Page]:  # closed before the sites
    with browser.new_context() as context:
        yield context.new_page()


# The inbox


@pytest.mark.parametrize("path", ["/", "/?show=lead", "/?silent", "/?saved=1", "/contacts/999"])
def test_a_page_of_the_inbox_is_accessible(page: Page, sites: Sites, path: str) -> None:
    page.goto(sites.inbox + path)
    assert violations(page) == []


@pytest.mark.thorough
def test_an_empty_inbox_is_accessible(page: Page, sites: Sites) -> None:
    page.goto(sites.empty_inbox)
    assert violations(page) == []


@pytest.mark.thorough
def test_the_contacts_who_never_wrote_and_the_form_to_clear_are_accessible_once_unfolded(
    page: Page, sites: Sites
) -> None:
    page.goto(sites.inbox)
    page.locator("#folded summary").click()
    page.locator("summary", has_text="Forget all").click()
    expect(page.get_by_role("button", name="Clear inbox")).to_be_visible()
    assert violations(page) == []


@pytest.mark.thorough
def test_a_text_box_that_was_not_saved_is_accessible(page: Page, sites: Sites) -> None:
    page.goto(sites.inbox)
    page.get_by_label("Shared Authentication Domains").fill("https://help.example.com/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Not saved")
    assert violations(page) == []


@pytest.mark.thorough
def test_each_kind_of_contact_is_shown_accessibly(page: Page, sites: Sites) -> None:
    shown = {
        (contact.status, contact.last_init.note is None): contact.number
        for contact in contacts(sites.emulator)
        if contact.messages
    }
    assert {status for status, _ in shown} == {"anonymous", "lead", "signup"}
    assert len(shown) == 4
    for number in shown.values():
        page.goto(f"{sites.inbox}/contacts/{number}")
        assert violations(page) == []


# The widget and the sites


@pytest.mark.parametrize("path", ["/", "/login", "/stream", "/nowhere", "/error"])
@pytest.mark.parametrize("shop", ["flask", "starlette"])
def test_a_page_of_a_shop_is_accessible(page: Page, sites: Sites, shop: str, path: str) -> None:
    page.goto(getattr(sites, shop) + path)
    assert violations(page) == []


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["/", "/returns.html"])
def test_a_page_of_the_help_center_is_accessible(page: Page, sites: Sites, path: str) -> None:
    page.goto(sites.help_center + path)
    expect(page.get_by_role("button", name="Open chat").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.thorough
@pytest.mark.parametrize("shop", ["flask", "starlette"])
def test_the_open_widget_and_the_pages_of_a_login_are_accessible(
    page: Page, sites: Sites, shop: str
) -> None:
    page.goto(getattr(sites, shop) + "/login")
    page.get_by_label("Email").fill("user@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state()
    assert violations(page) == []
    page.get_by_label("Email").fill("user@example.com")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/account")
    page.get_by_role("button", name="Open chat").click()
    expect(page.get_by_text("Emulator: authenticated")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Send").click()
    expect(page.locator("pavior-widget").get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("textbox", name="Message").fill("Where is my order?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Where is my order?")
    assert violations(page) == []
