"""The inbox while it is open, and what the widget says, in a real Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.wrappers import Response

from demo.ports import free_ports
from pavior_middleware import sign
from pavior_middleware.testing import Emulator
from tests.support.servers import serving_wsgi


class Site:
    """A page with the emulator's widget, and what other visitors do meanwhile."""

    def __init__(self, emulator: Emulator, page: Page, url: str) -> None:
        self.emulator, self.page, self.url = emulator, page, url
        self.key = emulator.config["PAVIOR_API_KEY"]
        self.team = emulator.config["PAVIOR_TEAM_VANITY_ID"]

    def post(self, path: str, body: object) -> dict[str, Any]:
        request = Request(
            f"{self.emulator.origin}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request) as response:
            return dict(json.load(response))

    def visit(self, name: str, *texts: str) -> None:
        """Somebody calls init, and writes."""
        options = {"teamVanityId": self.team, "id": name, "hmac": sign(self.key, name)}
        answer = self.post("/widget/init", {"options": options})
        for text in texts:
            self.post("/widget/messages", {"session": answer["session"], "text": text})

    def init(self, **options: str) -> None:
        """The page of this browser calls init."""
        self.page.evaluate(
            "options => new Promise(done => {"
            " addEventListener('pavior:ready', done, {once: true}); Pavior('init', options) })",
            {"teamVanityId": self.team, **options},
        )

    def open_inbox(self, path: str = "/") -> None:
        self.page.goto(self.emulator.origin + path)
        expect(self.page.locator("#live-text")).to_have_text("Live")


@pytest.fixture
def site(browser: Browser, emulator: Emulator) -> Iterator[Site]:
    (port,) = free_ports([0])
    document = (
        "<!doctype html><title>Shop</title><h1>Shop</h1>"
        f"<script src='{emulator.embed_url}'></script>"
    )
    with (
        serving_wsgi(Response(document, mimetype="text/html"), port),
        browser.new_context() as context,
    ):
        yield Site(emulator, context.new_page(), f"http://shop.localhost:{port}/")


def names(page: Page, list_: str = "#entries") -> list[str]:
    return page.locator(f"{list_} [data-name]").all_text_contents()


# The open inbox


def test_an_open_inbox_loads_the_changed_contacts_alone(site: Site) -> None:
    for name in ("one", "two", "three"):
        site.visit(name, f"I am {name}")
    site.open_inbox()
    loaded: list[str] = []
    site.page.on("request", lambda request: loaded.append(request.url))
    with site.page.expect_response("**/live?*") as seen:
        site.visit("one")
    expect(site.page.locator("#entries > li").first).to_have_attribute("data-contact", "one")
    assert names(site.page) == ["one", "three", "two"]
    assert re.findall('data-contact="([^"]*)"', seen.value.text()) == ["one"]
    assert not [url for url in loaded if "/live?" not in url]


def test_a_visitor_moves_out_of_the_fold_with_the_first_message(site: Site) -> None:
    site.visit("talker", "hello")
    site.open_inbox()
    expect(site.page.locator("#folded")).to_be_hidden()
    site.visit("newcomer")
    expect(site.page.locator("#silent-count")).to_have_text("1")
    assert names(site.page) == ["talker"]
    site.page.locator("#folded summary").click()
    expect(site.page.locator("#folded [data-name]")).to_have_text("newcomer")
    site.visit("newcomer", "now I write")
    expect(site.page.locator("#entries [data-name]")).to_have_text(["newcomer", "talker"])
    expect(site.page.locator("#folded")).to_be_hidden()
    expect(site.page.locator("#announcement")).to_have_text("New message from newcomer")


def test_the_first_visitor_appears_in_an_inbox_that_was_empty(site: Site) -> None:
    site.open_inbox()
    expect(site.page.locator("#nobody")).to_be_visible()
    site.visit("first")
    expect(site.page.locator("[data-name]")).to_have_text("first")
    expect(site.page.locator("#nobody")).to_be_hidden()
    expect(site.page.locator("#show-all")).to_have_text("All 1")


def test_an_open_conversation_grows_and_keeps_what_has_the_focus(site: Site) -> None:
    site.visit("one", "first")
    (contact,) = site.emulator.contacts
    site.open_inbox(f"/contacts/{contact.number}")
    link = site.page.locator(f"#contact-{contact.number}")
    link.focus()
    site.visit("one", "second", "third")
    expect(site.page.locator("[data-message] .text")).to_have_text(["first", "second", "third"])
    expect(link).to_be_focused()
    site.visit("two", "not for this page")
    expect(site.page.locator("#entries > li")).to_have_count(2)
    expect(site.page.locator("[data-message]")).to_have_count(3)


def test_after_very_many_messages_at_once_an_open_conversation_shows_the_newest(site: Site) -> None:
    site.visit("one", "old")
    (contact,) = site.emulator.contacts
    site.open_inbox(f"/contacts/{contact.number}")
    site.page.route("**/live?*", lambda route: route.fulfill(status=204))
    site.visit("one", *(f"message {number}" for number in range(30)))
    expect(site.page.locator("[data-message] .text").last).to_have_text("message 29")
    expect(site.page.locator("[data-message]")).to_have_count(25)


def test_an_inbox_that_is_cleared_empties_the_open_pages(site: Site) -> None:
    site.visit("one", "hello")
    site.open_inbox()
    site.emulator.clear()
    expect(site.page.locator("[data-contact]")).to_have_count(0)
    site.visit("two", "hello")
    expect(site.page.locator("#entries [data-name]")).to_have_text("two")


# The widget


def test_the_widget_says_that_a_page_has_called_init_with_two_identities(site: Site) -> None:
    logged: list[str] = []
    site.page.on("console", lambda message: logged.append(f"{message.type}: {message.text}"))
    site.page.goto(site.url)
    site.init(email="ada@example.com", hmac=sign(site.key, "ada@example.com"))
    site.init(id="7", hmac=sign(site.key, "7"))
    note = "this page called init as email ada@example.com, then as id 7"
    site.page.get_by_role("button", name="Open chat").click()
    expect(site.page.get_by_text(f"but {note}")).to_be_visible()
    assert logged == [f"warning: Pavior emulator: {note}. The last call counts."]
    number = next(each.number for each in site.emulator.contacts if each.id == "7")
    site.page.goto(f"{site.emulator.origin}/contacts/{number}")
    expect(site.page.locator("[data-init-twice]")).to_contain_text(note)


def test_a_login_and_a_logout_in_the_page_are_no_warning(site: Site) -> None:
    site.page.goto(site.url)
    site.init()
    site.init(id="7", hmac=sign(site.key, "7"))
    site.page.get_by_role("button", name="Open chat").click()
    expect(site.page.locator(".standing")).to_have_text("Emulator: authenticated")
    site.init()
    expect(site.page.locator(".standing")).to_have_text("Emulator: anonymous visitor")


def test_an_empty_message_is_not_sent_and_the_widget_says_why(site: Site) -> None:
    site.page.goto(site.url)
    site.init()
    site.page.get_by_role("button", name="Open chat").click()
    box = site.page.get_by_role("textbox", name="Message")
    box.fill("  ")
    site.page.get_by_role("button", name="Send").click()
    alert = site.page.get_by_role("alert")
    expect(alert).to_have_text("There is nothing to send yet: write a message first.")
    expect(box).to_be_focused()
    box.fill("something")
    expect(alert).to_be_empty()
    assert list(site.emulator.messages) == []


def test_a_message_that_the_emulator_cannot_save_stays_in_the_box_with_the_reason(
    site: Site,
) -> None:
    site.page.goto(site.url)
    site.init()
    site.page.route(
        "**/widget/messages", lambda route: route.fulfill(status=503, body="the disk is full")
    )
    site.page.get_by_role("button", name="Open chat").click()
    box = site.page.get_by_role("textbox", name="Message")
    box.fill("precious words")
    site.page.get_by_role("button", name="Send").click()
    expect(site.page.get_by_role("alert")).to_have_text(
        "Your message could not be sent. It is still here: please try again."
        " the disk is full (HTTP 503)"
    )
    expect(box).to_have_value("precious words")


def test_the_widget_shows_earlier_messages_on_demand(site: Site) -> None:
    texts = [f"message {number}" for number in range(60)]
    site.visit("7", *texts)
    site.page.goto(site.url)
    site.init(id="7", hmac=sign(site.key, "7"))
    site.page.get_by_role("button", name="Open chat").click()
    lines = site.page.get_by_role("log").locator("li p")
    expect(lines).to_have_text(texts[10:])
    more = site.page.get_by_role("button", name="Earlier messages")
    more.click()
    expect(lines).to_have_text(texts)
    expect(more).to_be_hidden()


def test_the_widget_and_the_inbox_write_a_time_in_the_same_form(site: Site) -> None:
    site.page.goto(site.url)
    site.init(id="7")
    site.page.get_by_role("button", name="Open chat").click()
    site.page.get_by_role("textbox", name="Message").fill("When?")
    site.page.get_by_role("button", name="Send").click()
    time = site.page.locator("pavior-widget time")
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d$"))
    shown = time.text_content()
    (contact,) = site.emulator.contacts
    site.page.goto(f"{site.emulator.origin}/contacts/{contact.number}")
    expect(site.page.locator("[data-message] time")).to_have_text(re.compile(f"{shown}$"))
