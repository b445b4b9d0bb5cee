"""The inbox in pages: however many contacts and messages there are, an answer has a few of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from bs4 import BeautifulSoup
from starlette.applications import Starlette

from pavior_middleware.emulator import serve_in_thread
from pavior_middleware.emulator._api import CONTACTS_A_PAGE as CONTACTS_IN_JSON
from pavior_middleware.emulator._api import MESSAGES_OF_A_CONTACT
from pavior_middleware.emulator._inbox import CHANGES_A_PAGE, CONTACTS_A_PAGE, FOLDED_CONTACTS
from pavior_middleware.emulator._inbox import MESSAGES_A_PAGE as MESSAGES_IN_INBOX
from pavior_middleware.emulator._store import Store
from pavior_middleware.emulator._widget import MESSAGES_A_PAGE as MESSAGES_IN_WIDGET
from tests.support.browsers import PATIENCE_SECONDS

from .site import Site, one, signature


def write_as(site: Site, *names: str) -> None:
    for name in names:
        site.send(site.init(id=name), f"I am {name}")


def shown(page: BeautifulSoup, list_: str = "#entries") -> list[str]:
    return [str(tag["data-contact"]) for tag in page.select(f"{list_} [data-contact]")]


def link(page: BeautifulSoup, text: str) -> str:
    (tag,) = (each for each in page.select("a") if each.text == text)
    return str(tag["href"])


def walked(site: Site, path: str, next_link: str, selector: str) -> list[str]:
    """Follow a link from page to page; return the texts that the pages show."""
    seen: list[str] = []
    while True:
        page = site.page(path)
        seen += [tag.text.strip() for tag in page.select(selector)]
        if not any(each.text == next_link for each in page.select("a")):
            return seen
        path = link(page, next_link)


# Lists of contacts


def test_contacts_who_never_wrote_are_folded_away_and_counted(site: Site) -> None:
    site.init(id="silent")
    write_as(site, "talker")
    page = site.page()
    assert shown(page) == ["talker"]
    folded = one(page, "details#folded")
    assert shown(page, "#folded-entries") == ["silent"]
    assert not folded.has_attr("open")
    assert not folded.has_attr("hidden")
    assert " ".join(one(folded, "summary").text.split()) == "1 has not written"


def test_while_nobody_has_written_those_who_were_here_are_shown_at_once(site: Site) -> None:
    site.init(id="silent")
    assert one(site.page(), "details#folded").has_attr("open")


def test_the_list_of_contacts_is_read_page_by_page(site: Site) -> None:
    names = [f"contact {number}" for number in range(2 * CONTACTS_A_PAGE + 3)]
    write_as(site, *names)
    first = site.page()
    assert shown(first) == names[::-1][:CONTACTS_A_PAGE]
    second = site.page(link(first, "Older contacts"))
    assert shown(second) == names[::-1][CONTACTS_A_PAGE : 2 * CONTACTS_A_PAGE]
    assert link(second, "Newest contacts") == "/"
    third = site.page(link(second, "Older contacts"))
    assert shown(third) == names[::-1][2 * CONTACTS_A_PAGE :]
    assert "Older contacts" not in third.text


def test_a_group_and_those_who_never_wrote_are_read_page_by_page_too(site: Site) -> None:
    count = CONTACTS_A_PAGE + FOLDED_CONTACTS
    for number in range(count):
        site.init(id=f"silent {number}")
        site.init(id=f"signup {number}", hmac=signature(f"signup {number}"))
    page = site.page("/?show=lead")
    silent = [f"silent {number}" for number in reversed(range(count))]
    assert shown(page, "#folded-entries") == silent[:FOLDED_CONTACTS]
    whole_list = link(page, "All who have not written")
    assert walked(site, whole_list, "Older contacts", "#entries [data-name]") == silent


def test_a_page_of_the_list_has_as_many_queries_and_lines_with_many_contacts_as_with_few(
    app: Starlette, site: Site
) -> None:
    def page_and_queries() -> tuple[int, int]:
        with queries_of(app) as queries:
            return len(site.page().select("[data-contact]")), len(queries)

    for number in range(CONTACTS_A_PAGE + FOLDED_CONTACTS):
        site.init(id=f"first {number}")
    write_as(site, *(f"talker {number}" for number in range(CONTACTS_A_PAGE)))
    before = page_and_queries()
    for number in range(3 * CONTACTS_A_PAGE):
        site.init(id=f"silent {number}")
        write_as(site, f"another talker {number}")
    assert page_and_queries() == before


# Messages


def test_a_conversation_is_read_page_by_page_from_the_newest_message_on(site: Site) -> None:
    answer = site.init(id="7", hmac=signature("7"))
    texts = [f"message {number}" for number in range(2 * MESSAGES_IN_INBOX + 3)]
    for text in texts:
        site.send(answer, text)
    page = site.conversation("7")
    newest = [tag.text for tag in page.select("[data-message] .text")]
    assert newest == texts[-MESSAGES_IN_INBOX:]
    assert one(page, "#messages")["data-live"] == "append"
    earlier = site.page(link(page, "Earlier messages"))
    assert [tag.text for tag in earlier.select("[data-message] .text")] == (
        texts[-2 * MESSAGES_IN_INBOX : -MESSAGES_IN_INBOX]
    )
    assert not one(earlier, "#messages").has_attr("data-live")
    assert (
        site.page(link(earlier, "Newest messages")).select("[data-message]")[-1]
        == (page.select("[data-message]")[-1])
    )


def test_the_widget_gets_the_newest_messages_and_asks_for_earlier_ones(site: Site) -> None:
    answer = site.init(id="7", hmac=signature("7"))
    texts = [f"message {number}" for number in range(2 * MESSAGES_IN_WIDGET + 3)]
    for text in texts:
        site.send(answer, text)
    history = site.init(id="7", hmac=signature("7"))
    session = history["session"]
    seen = [message["text"] for message in history["messages"]]
    assert seen == texts[-MESSAGES_IN_WIDGET:]
    while history["hasEarlier"]:
        body = {"session": session, "before": history["messages"][0]["number"]}
        history = site.client.post("/widget/earlier", json=body).json()
        assert len(history["messages"]) <= MESSAGES_IN_WIDGET
        seen = [*(message["text"] for message in history["messages"]), *seen]
    assert seen == texts


def test_a_forged_page_gets_no_earlier_messages_but_its_own(site: Site) -> None:
    real = site.init(id="7", hmac=signature("7"))
    site.send(real, "secret")
    forged = site.init(id="7", visitor="f" * 32)
    site.send(forged, "forged")
    body = {"session": forged["session"], "before": 10**6}
    history = site.client.post("/widget/earlier", json=body).json()
    assert [message["text"] for message in history["messages"]] == ["forged"]


@pytest.mark.parametrize(
    "body",
    [
        {"session": "x"},
        {"session": "x", "before": "7"},
        {"session": "x", "before": True},
        {"session": "x", "before": 10**30},
        {"session": "x", "before": -1},
        {"before": 7},
    ],
)
def test_a_question_for_earlier_messages_without_a_number_is_refused(
    site: Site, body: dict[str, Any]
) -> None:
    assert site.client.post("/widget/earlier", json=body).status_code == 400


# For programs


def test_programs_read_contacts_and_messages_page_by_page(site: Site) -> None:
    names = [f"contact {number}" for number in range(CONTACTS_IN_JSON + 3)]
    write_as(site, *names)
    answer = site.init(id="contact 0")
    texts = [f"message {number}" for number in range(MESSAGES_OF_A_CONTACT + 5)]
    for text in texts:
        site.send(answer, text)

    first = site.client.get("/api/inbox").json()
    assert len(first["contacts"]) == CONTACTS_IN_JSON
    second = site.client.get(first["next"]).json()
    assert second["next"] is None
    contacts = [*first["contacts"], *second["contacts"]]
    assert sorted(contact["identifier"] for contact in contacts) == sorted(names)
    written = contacts[0]
    assert written["message_count"] == len(texts) + 1
    assert [message["text"] for message in written["messages"]] == texts[-MESSAGES_OF_A_CONTACT:]
    earlier = site.client.get(written["earlier"]).json()
    assert [message["text"] for message in earlier["messages"]] == ["I am contact 0", *texts[:5]]
    assert earlier["earlier"] is None


@pytest.mark.parametrize("number", ["0", "x", "9" * 40])
def test_the_messages_of_an_unknown_contact_are_not_found(site: Site, number: str) -> None:
    response = site.client.get(f"/api/contacts/{number}/messages")
    assert response.status_code == 404
    assert response.text.startswith("there is no such contact")


# Changes


def changes(site: Site, since: int | str, query: str = "") -> BeautifulSoup:
    response = site.client.get(f"/live?since={since}{query}")
    assert response.status_code == 200
    return BeautifulSoup(response.text, "html5lib")


def test_an_open_page_asks_for_what_has_changed_and_for_nothing_else(site: Site) -> None:
    write_as(site, "one", "two", "three")
    since = str(one(site.page(), "html")["data-activity"])
    assert shown(changes(site, since), "#changed") == []
    write_as(site, "one")
    site.init(id="four")
    page = changes(site, since)
    assert shown(page, "#changed") == ["one", "four"]
    assert " ".join(one(page, "#show-all").text.split()) == "All 4"
    assert one(page, "#silent-count").text == "1"
    assert shown(changes(site, str(one(page, "html")["data-activity"])), "#changed") == []


def test_the_page_of_a_contact_gets_its_new_messages_alone(site: Site) -> None:
    write_as(site, "one", "two")
    page = site.conversation("one")
    number, since = one(page, "html")["data-contact-number"], one(page, "html")["data-activity"]
    last = one(page, "[data-message]")["data-number"]
    query = f"&contact={number}&after={last}"
    write_as(site, "two")
    assert changes(site, str(since), query).select("[data-message], #details") == []
    site.send(site.init(id="one"), "Anybody there?")
    page = changes(site, str(since), query)
    assert [tag.text for tag in page.select("[data-message] .text")] == ["Anybody there?"]
    assert one(page, "#contact-name").text == "one"
    assert len(page.select("#details")) == 1


def test_a_contact_that_has_left_the_group_of_a_page_is_marked_as_gone(site: Site) -> None:
    write_as(site, "one")
    site.init(id="one", hmac=signature("one"))
    assert one(changes(site, 0, "&show=lead"), "[data-contact]").has_attr("data-gone")
    assert not one(changes(site, 0, "&show=signup"), "[data-contact]").has_attr("data-gone")


def test_a_page_that_has_missed_too_much_loads_anew(site: Site) -> None:
    write_as(site, *(f"contact {number}" for number in range(CHANGES_A_PAGE + 1)))
    assert site.client.get("/live?since=0").status_code == 204
    answer = site.init(id="contact 0")
    since = max(one(site.page(), "html")["data-activity"], "")
    for number in range(MESSAGES_IN_INBOX + 1):
        site.send(answer, f"{number}")
    query = f"&contact={site.inbox()[0]['number']}&after=0"
    assert site.client.get(f"/live?since={since}{query}").status_code == 204


def test_a_page_from_before_the_inbox_was_cleared_has_a_version_of_another_run(site: Site) -> None:
    def run() -> str:
        return str(one(site.page(), "html")["data-version"]).partition("-")[0]

    before = run()
    site.init()
    assert run() == before
    site.client.post("/clear")
    assert run() != before


# What a page costs


@contextmanager
def queries_of(app: Starlette) -> Iterator[list[str]]:
    """Give the statements that are run meanwhile, with their values."""
    database = app.state.store._database
    statements: list[str] = []
    with database.reading() as connection:
        connection.set_trace_callback(statements.append)
    yield statements
    with database.reading() as connection:
        connection.set_trace_callback(None)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?show=lead",
        "/?silent",
        "/?show=anonymous&silent&before=9",
        "/contacts/1",
        "/contacts/1?earlier=9",
        "/live?since=2",
        "/live?since=0&contact=1&after=1",
        "/api/inbox",
        "/api/contacts/1/messages",
    ],
)
def test_no_query_of_a_page_reads_a_whole_table(app: Starlette, site: Site, path: str) -> None:
    write_as(site, "one", "two")
    with queries_of(app) as queries:
        assert site.client.get(path).status_code == 200
    assert queries
    assert whole_reads(app, queries) == []


def test_no_query_of_an_init_or_a_message_reads_a_whole_table(app: Starlette, site: Site) -> None:
    with queries_of(app) as queries:
        write_as(site, "one")
    assert len(queries) > 5
    assert whole_reads(app, queries) == []


WHOLE_READ = re.compile(
    r"SCAN (contact|message|session)\b(?!.*COVERING)|.*(AUTOMATIC|PRIMARY KEY \(rowid[<>])"
)


def whole_reads(app: Starlette, queries: list[str]) -> list[str]:
    """Return the steps of queries that take longer the more contacts and messages there are.

    Counting contacts reads a whole index, and no table; the text box is as long as somebody wrote.
    """
    found = []
    with app.state.store._database.reading() as connection:
        for query in queries:
            if not re.match("SELECT|INSERT|UPDATE", query) or "shared_auth_domain" in query:
                continue
            steps = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
            found += [f"{query}: {step}" for step in steps if WHOLE_READ.match(step)]
    return found


@pytest.mark.parametrize("method", ["activity", "begin_session", "contact"])
def test_the_widgets_script_does_not_wait_for_the_database(
    app: Starlette, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    is_busy, may_go_on = threading.Event(), threading.Event()
    real = getattr(Store, method)

    def slow(*arguments: Any, **options: Any) -> Any:
        is_busy.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        return real(*arguments, **options)

    def ask() -> None:
        init = httpx2.post(f"{origin}/widget/init", json={"options": {}}, timeout=PATIENCE_SECONDS)
        assert init.status_code == 200
        for path in ("/", "/contacts/1"):
            httpx2.get(f"{origin}{path}", timeout=PATIENCE_SECONDS)

    with serve_in_thread(app) as origin:
        monkeypatch.setattr(Store, method, slow)
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert is_busy.wait(PATIENCE_SECONDS)
            assert httpx2.get(f"{origin}/embed", timeout=PATIENCE_SECONDS).status_code == 200
            assert asking.is_alive()
        finally:
            may_go_on.set()
            asking.join()
