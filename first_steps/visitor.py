"""What a visitor does in a browser: logs in, and writes to the chat."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page, sync_playwright

from tests.support.browsers import chromium_that

MESSAGE = "Hello, it is Ada"


def write(site: str) -> None:
    """Log in at a site as Ada, and send a message in its chat."""
    with sync_playwright() as playwright, chromium_that(playwright, freezes=False) as browser:
        page = browser.new_page()
        page.goto(site)
        page.click("button")
        page.wait_for_function("document.querySelector('h1')?.textContent === 'ada'")
        page.wait_for_function("window.Pavior?.state?.status")
        _send(page)


def _send(page: Page) -> None:
    page.evaluate(
        f"""(root => {{
            root.querySelector('textarea').value = {MESSAGE!r};
            root.querySelector('form').requestSubmit();
        }})(document.querySelector('pavior-widget').shadowRoot)"""
    )
    log = "document.querySelector('pavior-widget').shadowRoot.querySelector('[role=log]')"
    page.wait_for_function(f"{log}.textContent.includes({MESSAGE!r})")


def received(emulator: str) -> dict[str, Any]:
    """Return the one message in the inbox, with `status` and `id` of who has written it."""
    with urlopen(f"{emulator}/api/inbox") as response:  # noqa: S310  # on this machine
        contacts = json.load(response)["contacts"]
    ((contact, message),) = [
        (contact, message) for contact in contacts for message in contact["messages"]
    ]
    return {**message, "status": contact["status"], "id": contact["id"]}
