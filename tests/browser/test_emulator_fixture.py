"""The fixture `emulator` in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.ports import free_ports
from pavior_middleware.testing import Emulator
from tests.support.servers import serving_wsgi
from tests.support.testing_page import IN_A_BROWSER, create_app, shown


@pytest.fixture
def site_url(emulator: Emulator) -> Iterator[str]:
    (port,) = free_ports([0])
    with serving_wsgi(create_app(emulator.config), port):
        yield f"http://shop.localhost:{port}/"


@pytest.fixture
def page(browser: Browser, site_url: str) -> Iterator[Page]:  # closed before the site, which waits
    with browser.new_context() as context:
        yield context.new_page()


def test_a_visitor_writes_as_the_documentation_shows(
    page: Page, site_url: str, emulator: Emulator
) -> None:
    shown()[IN_A_BROWSER](page, site_url, emulator)
    (contact,) = emulator.contacts
    assert contact.status == "anonymous"


def test_a_customer_who_has_logged_in_is_authenticated(
    page: Page, site_url: str, emulator: Emulator
) -> None:
    page.goto(f"{site_url}login")
    page.get_by_label("Email").fill("user@example.com")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Open chat").click()
    page.get_by_role("textbox", name="Message").fill("Where is my order?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Where is my order?")
    (message,) = emulator.messages
    assert (message.identifier, message.authenticated) == ("user@example.com", True)
