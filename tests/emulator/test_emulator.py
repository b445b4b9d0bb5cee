"""The emulator, judged from outside: its HTTP answers, its pages, its stream, its process."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pavior_middleware import Settings, SettingsError
from pavior_middleware.emulator import create_app
from pavior_middleware.emulator._changes import Changes
from pavior_middleware.emulator._domains import DomainsError, domain_of, parse_domains

from .site import API_KEY, TEAM, VISITOR, Site, one, signature

# What an init is taken for


def test_an_init_without_id_and_email_is_an_anonymous_visitor(site: Site) -> None:
    answer = site.init(firstName="Ada")
    assert (answer["status"], answer["authenticated"], answer["reason"]) == (
        "anonymous",
        False,
        None,
    )
    assert site.contact()["identifier"] == VISITOR
    assert site.contact()["attributes"] == {"firstName": "Ada"}


@pytest.mark.parametrize(
    ("options", "identifier"),
    [
        ({"id": "7"}, "7"),
        ({"id": 7}, "7"),
        ({"email": "ada@example.com"}, "ada@example.com"),
        ({"id": "7", "email": "ada@example.com"}, "7"),
        ({"id": "", "email": "ada@example.com"}, "ada@example.com"),
        ({"id": None, "email": "ada@example.com"}, "ada@example.com"),
        ({"id": "ærø-7"}, "ærø-7"),
    ],
)
def test_a_right_hmac_makes_a_signup(
    site: Site, options: dict[str, object], identifier: str
) -> None:
    answer = site.init(options, hmac=signature(identifier))
    assert (answer["status"], answer["authenticated"], answer["reason"]) == ("signup", True, None)
    assert (site.contact()["identifier"], site.contact()["status"]) == (identifier, "signup")


def test_the_published_example_verifies() -> None:
    app = create_app(team_vanity_id=TEAM, api_key="ladygaga")
    hmac_of_docs = "ca4e0d714668828ecce7440675f0e520163747de2654cf74a53ca14b9db59832"
    assert Site(TestClient(app)).init(email="user@example.com", hmac=hmac_of_docs)["authenticated"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"email": "a@b.c"}, "no hmac"),
        ({"email": "a@b.c", "hmac": None}, "no hmac"),
        ({"email": "a@b.c", "hmac": ""}, "no hmac"),
        ({"email": "a@b.c", "hmac": "0" * 64}, "hmac does not match the email"),
        ({"email": "a@b.c", "hmac": signature("x@b.c")}, "hmac does not match the email"),
        ({"id": "7", "hmac": signature("8")}, "hmac does not match the id"),
        ({"id": "7", "hmac": signature("7", "other key")}, "hmac does not match the id"),
        (
            {"id": "7", "email": "a@b.c", "hmac": signature("a@b.c")},
            "hmac signs the email, but there is an id: sign the id",
        ),
        ({"id": "7", "hmac": signature("7")[:-1]}, "hmac is not 64 hexadecimal digits"),
        ({"id": "7", "hmac": signature("7") + "\n"}, "hmac is not 64 hexadecimal digits"),
        ({"id": "7", "hmac": "é" * 64}, "hmac is not 64 hexadecimal digits"),
        ({"id": "7", "hmac": [signature("7")]}, "hmac is not 64 hexadecimal digits"),
        (
            {"id": "7", "hmac": signature("7").upper()},
            "hmac is in upper case: send its digits in lower case",
        ),
        ({"id": {"a": 1}, "email": "a@b.c", "hmac": signature("a@b.c")}, "id is neither text nor"),
        ({"id": "7", "hmac": signature("7"), "teamVanityId": None}, "teamVanityId is missing"),
        (
            {"id": "7", "hmac": signature("7"), "teamVanityId": "rivals"},
            "teamVanityId 'rivals' is not this team's",
        ),
    ],
)
def test_an_init_without_a_right_hmac_makes_a_lead_and_says_why(
    site: Site, options: dict[str, object], reason: str
) -> None:
    answer = site.init(options)
    assert (answer["status"], answer["authenticated"]) == ("lead", False)
    assert answer["reason"].startswith(reason)
    assert site.contact()["status"] == "lead"


def test_an_hmac_for_nobody_leaves_the_visitor_anonymous_and_says_why(site: Site) -> None:
    answer = site.init(hmac=signature(""))
    assert answer["status"] == "anonymous"
    assert answer["reason"] == "hmac signs nobody: there is neither id nor email"


def test_a_signup_stays_a_signup(site: Site) -> None:
    site.init(email="ada@example.com", hmac=signature("ada@example.com"), firstName="Ada")
    forged = site.init(email="ada@example.com", hmac="0" * 64, firstName="Mallory")
    assert forged["status"] == "lead"
    assert site.contact()["status"] == "signup"
    assert site.contact()["attributes"] == {"firstName": "Ada"}
    assert site.contact()["last_init"]["authenticated"] is False


def test_a_lead_becomes_a_signup_with_what_the_site_vouches_for(site: Site) -> None:
    site.init(id="7", email="wrong@example.com", role="admin")
    site.init(id="7", email="ada@example.com", hmac=signature("7"))
    contact = site.contact()
    assert (contact["status"], contact["email"], contact["attributes"]) == (
        "signup",
        "ada@example.com",
        {},
    )


def test_an_identifier_that_looks_like_a_visitors_key_is_somebody_else(site: Site) -> None:
    site.init()
    site.init(id=VISITOR)
    assert sorted(contact["status"] for contact in site.inbox()) == ["anonymous", "lead"]


def test_a_visitor_without_a_usable_key_is_given_one(site: Site) -> None:
    unusable: list[object] = [None, "short", 7, "a b" * 9, {}, "x" * 65]
    keys = {site.init(visitor=bad)["visitor"] for bad in unusable}
    assert len(keys) == 6
    assert {contact["identifier"] for contact in site.inbox()} == keys


# Messages


def test_a_message_carries_what_its_own_init_proved(site: Site) -> None:
    real = site.init(email="ada@example.com", hmac=signature("ada@example.com"))
    forged = site.init(email="ada@example.com", visitor="f" * 32)
    site.send(forged, "forged")
    site.send(real, "real")
    flags = [
        (m["text"], m["authenticated"], m["identifier"], m["reason"])
        for m in site.contact()["messages"]
    ]
    assert flags == [
        ("forged", False, "ada@example.com", "no hmac"),
        ("real", True, "ada@example.com", None),
    ]


def test_the_authentication_that_a_client_claims_for_a_message_is_ignored(site: Site) -> None:
    answer = site.init(email="ada@example.com")
    site.client.post(
        "/widget/messages",
        json={"session": answer["session"], "text": "me", "authenticated": True, "reason": None},
    )
    (message,) = site.contact()["messages"]
    assert (message["authenticated"], message["reason"]) == (False, "no hmac")


def test_an_anonymous_message_has_no_warning(site: Site) -> None:
    answer = site.init({"teamVanityId": "rivals"})
    assert answer["reason"]
    site.send(answer, "hello")
    (message,) = site.contact()["messages"]
    assert (message["identifier"], message["reason"]) == (None, None)
    assert len(site.conversation(VISITOR).select("[data-message]")) == 1
    assert site.conversation(VISITOR).select("[data-warning]") == []


def test_a_page_gets_the_messages_of_its_own_visitor_again(site: Site) -> None:
    ada = {"email": "ada@example.com"}
    signed = {**ada, "hmac": signature("ada@example.com")}
    site.send(site.init(signed), "mine")
    site.send(site.init(ada), "mine, but logged out")
    site.send(site.init(ada, visitor="f" * 32), "forged elsewhere")

    def seen(answer: dict[str, Any]) -> list[str]:
        return [message["text"] for message in answer["messages"]]

    assert seen(site.init(signed)) == ["mine", "mine, but logged out"]
    assert seen(site.init(ada)) == ["mine, but logged out"]
    assert seen(site.init(ada, visitor="f" * 32)) == ["forged elsewhere"]
    assert seen(site.init(ada, visitor="e" * 32)) == []
    assert seen(site.init()) == []


def test_white_space_round_a_message_goes_and_nothing_else(site: Site) -> None:
    site.send(site.init(), "\n two\nlines \n")
    assert site.contact()["messages"][0]["text"] == "two\nlines"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"session": "unknown", "text": "hello"}, 410),
        ({"session": None, "text": "hello"}, 400),
        ({"text": "hello"}, 400),
        ({"session": "unknown", "text": "x" * 10_001}, 413),
    ],
)
def test_a_message_without_a_session_is_refused(
    site: Site, body: dict[str, object], status: int
) -> None:
    assert site.client.post("/widget/messages", json=body).status_code == status
    assert site.inbox() == []


@pytest.mark.parametrize("text", ["", " \n\t", None, 7, ["x"]])
def test_an_empty_message_is_refused(site: Site, text: object) -> None:
    answer = site.init()
    body = {"session": answer["session"], "text": text}
    assert site.client.post("/widget/messages", json=body).status_code == 400
    assert site.contact()["messages"] == []


def test_sessions_are_unguessable_and_not_shown(site: Site) -> None:
    tokens = {site.init()["session"] for _ in range(8)}
    assert len(tokens) == 8
    assert min(map(len, tokens)) >= 43  # 256 bits
    pages = site.client.get("/").text + site.client.get("/api/inbox").text
    assert not any(token in pages for token in tokens)


# Borrowed identities


def borrow(site: Site, origin: str, **borrowed: object) -> dict[str, Any]:
    return site.init(shareAuth="auth.example.com", borrowed=borrowed, origin=origin)


def test_with_an_empty_list_of_domains_every_site_may_borrow(site: Site) -> None:
    answer = borrow(site, "https://help.example.com", email="a@b.c", hmac=signature("a@b.c"))
    assert (answer["status"], answer["email"]) == ("signup", "a@b.c")
    assert site.contact()["last_init"]["options"] == {
        "teamVanityId": TEAM,
        "shareAuth": "auth.example.com",
        "email": "a@b.c",
        "hmac": signature("a@b.c")[:8] + "…",
    }


@pytest.mark.parametrize(
    ("origin", "authenticated", "reason"),
    [
        ("https://help.example.com", True, None),
        ("http://localhost:8001", True, None),
        (
            "https://evil.example",
            False,
            "evil.example is not among the Shared Authentication Domains",
        ),
        (
            "http://localhost:8002",
            False,
            "localhost:8002 is not among the Shared Authentication Domains",
        ),
        (
            "https://x.help.example.com",
            False,
            "x.help.example.com is not among the Shared Authentication Domains",
        ),
        ("https://a.docs.example.com", True, None),
        ("https://a.b.docs.example.com", True, None),
        (
            "https://docs.example.com",
            False,
            "docs.example.com is not among the Shared Authentication Domains",
        ),
        ("https://xn--hjlp-woa.example.com", True, None),
        ("https://tls.example.com", True, None),
        (
            "http://tls.example.com",
            False,
            "tls.example.com is not among the Shared Authentication Domains",
        ),
        ("http://plain.localhost", True, None),
        (
            "https://plain.localhost",
            False,
            "plain.localhost is not among the Shared Authentication Domains",
        ),
        ("null", False, "a page without a domain is not among the Shared Authentication Domains"),
        (
            "http://[",
            False,
            "a page without a domain is not among the Shared Authentication Domains",
        ),
    ],
)
def test_the_list_of_domains_decides_which_site_may_borrow(
    site: Site, origin: str, authenticated: bool, reason: str | None
) -> None:
    site.save_domains(
        "# our help\nhelp.example.com\n\nlocalhost:8001  # for development\n*.docs.example.com\n"
        "hjælp.example.com\ntls.example.com:443\nplain.localhost:80\n"
    )
    answer = borrow(site, origin, id="7", hmac=signature("7"))
    assert (answer["authenticated"], answer["reason"]) == (authenticated, reason)
    assert answer["status"] == ("signup" if authenticated else "lead")


def test_the_list_of_domains_does_not_bind_pages_with_an_hmac_of_their_own(site: Site) -> None:
    site.save_domains("help.example.com")
    assert site.init(id="7", hmac=signature("7"))["authenticated"]


def test_a_borrowed_hmac_is_verified_too(site: Site) -> None:
    answer = borrow(site, "https://help.example.com", id="7", hmac=signature("8"))
    assert (answer["status"], answer["reason"]) == ("lead", "hmac does not match the id")


@pytest.mark.parametrize("borrowed", [None, {}, [], "text", {"name": "x"}])
def test_an_init_that_borrowed_nothing_is_an_anonymous_visitor(
    site: Site, borrowed: object
) -> None:
    answer = site.init(shareAuth="auth.example.com", borrowed=borrowed, id="7", hmac=signature("7"))
    assert (answer["status"], answer["reason"]) == (
        "anonymous",
        "auth.example.com lent no identity",
    )


def test_the_inbox_shows_why_no_login_was_lent(site: Site) -> None:
    body = {
        "options": {"teamVanityId": TEAM, "shareAuth": "auth.example.com"},
        "borrowed": {},
        "borrowFailure": "HTTP 403",
    }
    answer = site.client.post("/widget/init", json=body).json()
    assert answer["reason"] == "auth.example.com lent no identity (HTTP 403)"


# The text box


def test_the_list_of_domains_is_saved_and_shown(site: Site) -> None:
    response = site.save_domains(" Help.example.com \r\n\r\nlocalhost:8001\r\nhelp.example.com")
    assert response.status_code == 303
    page = site.page(response.headers["location"])
    assert one(page, "textarea#domains").text.strip() == "help.example.com\nlocalhost:8001"
    assert one(page, "label[for=domains]").text == "Shared Authentication Domains"
    assert "Saved." in one(page, ".notice[role=status]").text
    assert site.client.get("/api/inbox").json()["shared_auth_domains"] == [
        "help.example.com",
        "localhost:8001",
    ]


def test_a_line_that_is_no_domain_is_named_and_nothing_is_saved(site: Site) -> None:
    site.save_domains("help.example.com")
    response = site.save_domains("ok.example.com\nhttps://<b>.example.com/x")
    assert response.status_code == 422
    page = BeautifulSoup(response.text, "html5lib")
    box = one(page, "textarea#domains")
    assert "'https://<b>.example.com/x' is a URL" in one(page, "[role=alert]").text
    assert "ok.example.com" in box.text
    assert box["aria-invalid"] == "true"
    assert site.client.get("/api/inbox").json()["shared_auth_domains"] == ["help.example.com"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("https://help.example.com", "is a URL"),
        ("help.example.com/path", "has a path"),
        ("*.com", "is too wide"),
        ("x.*.example.com", "has a wildcard"),
        ("-hjælp.example.com", "write it in Punycode"),
        ("help.example.com:", "is not a domain"),
        ("help.example.com:0", "is not a domain"),
        ("help.example.com:65536", "is not a domain"),
        ("-help.example.com", "is not a domain"),
        ("help..example.com", "is not a domain"),
        ("[::1", "is not a domain"),
        ("[::g]:80", "is not a domain"),
        ("x" * 64, "is not a domain"),
    ],
)
def test_a_line_that_is_no_domain_has_a_problem(line: str, problem: str) -> None:
    with pytest.raises(DomainsError, match=problem):
        parse_domains(line)


def test_a_line_that_is_a_domain_has_no_problem() -> None:
    text = "help.example.com\nLOCALHOST:8000\n127.0.0.1:80\n[::1]:8000\n*.Docs.example.com"
    assert parse_domains(text) == tuple(text.lower().split("\n"))
    assert parse_domains("Hjælp.example.com # ours\n\n# none") == ("xn--hjlp-woa.example.com",)
    assert parse_domains("") == ()


@given(st.text())
def test_any_text_gives_domains_or_a_problem(text: str) -> None:
    with suppress(DomainsError):
        domains = parse_domains(text)
        assert all(domain_of(f"http://{domain}") == domain for domain in domains)


lines = st.lists(
    st.sampled_from(
        ["help.example.com", "*.", "Hjælp.", "#", " ", ",", ":80", "example", "x", "\n"]
    )
    | st.characters()
).map("".join)


@given(lines)
def test_the_list_of_domains_takes_what_the_setting_takes(text: str) -> None:
    try:
        setting = tuple(Settings(TEAM, API_KEY, shared_auth_domains=text).shared_auth_domains)
    except SettingsError:
        with pytest.raises(DomainsError):
            parse_domains(text)
    else:
        assert parse_domains(text) == setting


# The inbox's pages


def test_the_inbox_shows_every_contact_in_its_group(site: Site) -> None:
    site.init()
    site.init(email="lead@example.com")
    site.init(email="ada@example.com", hmac=signature("ada@example.com"), name="Ada L.")
    page = site.page()
    listed = [(tag["data-contact"], tag["data-status"]) for tag in page.select("[data-contact]")]
    assert listed == [
        ("ada@example.com", "signup"),
        ("lead@example.com", "lead"),
        (VISITOR, "anonymous"),
    ]
    filters = [" ".join(link.text.split()) for link in page.select("#filters a")]
    assert filters == ["All 3", "Signups 1", "Leads 1", "Anonymous visitors 1"]
    only_leads = site.page("/?show=lead").select("[data-contact]")
    assert [tag["data-contact"] for tag in only_leads] == ["lead@example.com"]
    assert len(site.page("/?show=nonsense").select("[data-contact]")) == 3


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"firstName": "Ada", "lastName": "Lovelace"}, "Ada Lovelace"),
        ({"firstName": "Ada", "name": "Countess"}, "Countess"),
        ({"firstName": 7, "lastName": " ", "name": ["x"]}, "a@b.c"),
        ({"email": None, "id": "7"}, "7"),
        ({"email": None}, f"Visitor {VISITOR[:6]}"),
    ],
)
def test_contacts_are_called_by_their_best_name(
    site: Site, options: dict[str, object], name: str
) -> None:
    site.init({"email": "a@b.c", **options})
    assert one(site.page(), "[data-name]").text == name


def test_the_conversation_warns_under_each_unauthenticated_message(site: Site) -> None:
    site.send(site.init(id="7", hmac=signature("7")), "real")
    site.send(site.init(id="7", hmac=signature("8")), "forged")
    real, forged = site.conversation("7").select("[data-message]")
    assert (real["data-authenticated"], forged["data-authenticated"]) == ("true", "false")
    assert real.select("[data-warning]") == []
    warning = one(forged, "[data-warning]")
    assert " ".join(warning.text.split()) == "⚠️ 7 hmac does not match the id"
    assert one(forged, "time")["datetime"] == site.contact()["messages"][1]["sent_at"]


def test_the_conversation_shows_the_contact_and_the_last_init(site: Site) -> None:
    site.init(email="ada@example.com", hmac="0" * 64, plan={"seats": 3}, phone="123", doChat=True)
    page = site.conversation("ada@example.com")
    attributes = {tag["data-attribute"]: tag for tag in page.select("[data-attribute]")}
    assert set(attributes) == {"plan", "phone"}
    assert '{"seats": 3}' in attributes["plan"].text
    last_init = one(page, "[data-last-init]")
    assert "hmac does not match the email" in last_init.text
    options = {tag.text for tag in last_init.select("dt")}
    assert options == {"teamVanityId", "email", "hmac", "plan", "phone", "doChat"}
    assert "0" * 9 not in last_init.text
    assert one(page, "dd.url a")["href"] == "https://shop.example.com/setts?size=9"


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{ 7*7 }}"


def test_hostile_text_is_escaped(site: Site) -> None:
    options = {"id": HOSTILE, "name": HOSTILE, "email": HOSTILE, HOSTILE: HOSTILE}
    site.send(site.init(options), HOSTILE)
    page = site.conversation(HOSTILE)
    assert [script.get("src") for script in page.find_all("script")] == ["/static/inbox.js"]
    assert {image["src"] for image in page.find_all("img")} == {"/static/icon.svg"}
    (message,) = page.select("[data-message] .text")
    assert message.text == HOSTILE
    assert page.select("[data-attribute]")[-1]["data-attribute"] == HOSTILE


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "http://[", "x", None])
def test_a_page_address_that_is_no_http_url_is_no_link(site: Site, url: str | None) -> None:
    site.client.post("/widget/init", json={"options": {"id": "7"}, "page": {"url": url}})
    assert site.conversation("7").select_one("dd.url a") is None


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 5000, "1%00", "²"])
def test_an_unknown_contact_is_not_found(site: Site, number: str) -> None:
    site.init()
    assert site.client.get(f"/contacts/{number}").status_code == 404


def test_pages_have_strict_security_fields(site: Site) -> None:
    for path in ("/", "/api/inbox", "/nothing-here"):
        headers = site.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in headers
    page = site.page()
    assert page.select("[style], [onclick], style, script:not([src])") == []


def test_the_inbox_page_shows_the_url_of_the_embed_for_any_host(site: Site) -> None:
    for host in ("127.0.0.1:9000", "["):
        page = site.client.get("/", headers={"Host": host})
        assert page.status_code == 200
        assert f"PAVIOR_EMBED_URL=http://{host}/embed" in page.text


def test_clearing_removes_all_contacts_and_keeps_the_list_of_domains(site: Site) -> None:
    site.save_domains("help.example.com")
    answer = site.init(id="7", hmac=signature("7"))
    site.send(answer, "hello")
    assert site.client.post("/clear", follow_redirects=False).status_code == 303
    view = site.client.get("/api/inbox").json()
    assert view == {"contacts": [], "next": None, "shared_auth_domains": ["help.example.com"]}
    assert site.send(answer, "still there?").status_code == 410


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/settings", "/clear"])
def test_other_sites_pages_cannot_change_the_inbox(
    site: Site, path: str, headers: dict[str, str]
) -> None:
    site.init()
    response = site.client.post(path, data={"domains": "evil.example"}, headers=headers)
    assert response.status_code == 403
    assert len(site.inbox()) == 1
    assert site.client.get("/api/inbox").json()["shared_auth_domains"] == []


def test_the_inboxs_own_page_can_change_the_inbox(site: Site) -> None:
    headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert site.save_domains("help.example.com", **headers).status_code == 303


# The widget's script and its calls from other origins


def test_the_embed_may_be_loaded_by_every_site(site: Site) -> None:
    response = site.client.get("/embed")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "innerHTML" not in response.text


@pytest.mark.parametrize("path", ["/widget/init", "/widget/messages"])
def test_every_site_may_call_the_widget_api_without_cookies(site: Site, path: str) -> None:
    headers = {
        "Origin": "https://shop.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = site.client.options(path, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    refused = site.client.post(path, content=b"{", headers={"Origin": "https://shop.example.com"})
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in refused.headers


# Bad input


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b"\xff\xfe\xfd",
        b'{"options": NaN}',
        b'{"options": {"score": 1e999}}',
        b'{"options": {"score": -Infinity}}',
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 30_000,
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["/widget/init", "/widget/messages"])
def test_content_that_is_no_json_object_is_refused(site: Site, path: str, body: bytes) -> None:
    response = site.client.post(path, content=body)
    if sys.version_info < (3, 11) and body.startswith(b'{"id": 999'):
        return  # int() of thousands of digits is refused only where Python bounds it
    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/widget/init", "/widget/messages", "/settings"])
def test_content_that_is_too_long_is_refused(site: Site, path: str) -> None:
    assert site.client.post(path, content=b" " * 100_000).status_code == 413


def test_lone_surrogates_in_a_message_are_replaced(site: Site) -> None:
    content = b'{"options": {"id": "a\\ud800", "\\udfff": ["\\udc00"]}}'
    answer = site.client.post("/widget/init", content=content).json()
    assert answer["status"] == "lead"
    assert site.send(answer, "x").status_code == 201
    assert site.contact()["identifier"] == "a\ufffd"
    assert site.contact()["attributes"] == {"\ufffd": ["\ufffd"]}
    site.conversation("a\ufffd")


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["\ud800", "\x00", "ada@example.com", signature("ada@example.com"), TEAM])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
names = st.sampled_from(
    ["teamVanityId", "id", "email", "hmac", "shareAuth", "name", "firstName", "doChat", "\udcff"]
)
init_bodies = st.fixed_dictionaries(
    {},
    optional={
        "options": st.dictionaries(names, values) | values,
        "borrowed": st.dictionaries(names, values) | values,
        "borrowFailure": values,
        "visitor": values,
        "page": st.fixed_dictionaries({"url": values, "title": values}) | values,
    },
)


@settings(suppress_health_check=list(HealthCheck))
@given(body=init_bodies | values, text=values)
def test_no_json_breaks_the_emulator(body: object, text: object) -> None:
    app = create_app(team_vanity_id=TEAM, api_key=API_KEY)
    with TestClient(app) as client:  # which raises what the app raises
        response = client.post("/widget/init", content=json.dumps(body))
        assert response.status_code in (200, 400)
        session = response.json()["session"] if response.status_code == 200 else "none"
        sent = client.post(
            "/widget/messages", content=json.dumps({"session": session, "text": text})
        )
        assert sent.status_code in (201, 400, 410)
        for contact in client.get("/api/inbox").json()["contacts"]:
            assert client.get(f"/contacts/{contact['number']}").status_code == 200
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("content", [b"domains=%ff%fe", b"domains=a%00b", b"\xff", b"=&=&;", b""])
def test_no_form_breaks_the_emulator(site: Site, content: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = site.client.post(
        "/settings", content=content, headers=headers, follow_redirects=False
    )
    assert response.status_code in (303, 400, 422)


# The API key


def test_the_api_key_never_leaves_the_server(
    app: Starlette, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[httpx2.Response] = []
    site.client.event_hooks["response"].append(answers.append)
    site.send(site.init(id="7", hmac=signature("7")), "hello")
    site.init(id="7", hmac="wrong")
    borrow(site, "https://help.example.com", id="7")
    site.conversation("7")
    site.save_domains("not a domain")
    for path in ("/", "/embed", "/api/inbox", "/settings", "/nothing", "/static/embed.js"):
        site.client.get(path)
    site.client.post("/widget/init", content=b"{")
    assert len(answers) >= 13
    for response in answers:
        assert API_KEY not in response.text + str(response.headers)
    assert API_KEY not in caplog.text
    assert API_KEY not in repr(app) + repr(vars(app.state)) + repr(app.routes)
    for route in app.routes:
        owner = getattr(getattr(route, "endpoint", None), "__self__", None)
        assert API_KEY not in repr(owner) + (repr(vars(owner)) if owner else "")


@pytest.mark.parametrize("api_key", ["", "\ud800"])
def test_a_key_that_cannot_sign_stops_the_emulator(api_key: str) -> None:
    with pytest.raises(ValueError, match="api_key"):
        create_app(team_vanity_id=TEAM, api_key=api_key)


def test_a_team_without_a_name_stops_the_emulator() -> None:
    with pytest.raises(ValueError, match="team_vanity_id"):
        create_app(team_vanity_id="", api_key=API_KEY)


# The database


def test_a_database_file_keeps_contacts_over_a_restart(tmp_path: Path) -> None:
    database = str(tmp_path / "inbox.sqlite3")

    def start() -> Site:
        app = create_app(team_vanity_id=TEAM, api_key=API_KEY, database=database)
        return Site(TestClient(app))

    first = start()
    first.save_domains("help.example.com")
    answer = first.init(id="7", hmac=signature("7"), name="Ada")
    first.send(answer, "before")
    before = first.client.get("/api/inbox").json()
    del first

    second = start()
    assert second.client.get("/api/inbox").json() == before
    assert second.send(answer, "after").status_code == 201
    second.init(id="7")
    assert second.contact()["status"] == "signup"
    assert [m["text"] for m in second.contact()["messages"]] == ["before", "after"]
    assert API_KEY.encode() not in (tmp_path / "inbox.sqlite3").read_bytes()
    assert signature("7").encode() not in (tmp_path / "inbox.sqlite3").read_bytes()


def test_a_database_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        create_app(team_vanity_id=TEAM, api_key=API_KEY, database=str(tmp_path / "no" / "x"))
    (tmp_path / "text").write_text("this is no database" * 100)
    with pytest.raises(sqlite3.Error):
        create_app(team_vanity_id=TEAM, api_key=API_KEY, database=str(tmp_path / "text"))


# Live updates


def test_a_change_of_the_inbox_reaches_the_open_pages(app: Starlette) -> None:
    """The app is driven by hand: test clients wait for a response's end, and a stream has none."""

    async def play() -> None:
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def next_event() -> str:
            message = await asyncio.wait_for(sent.get(), 10)
            return str(message["body"].decode())

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "GET",
            "path": "/events",
            "raw_path": b"/events",
            "query_string": b"",
            "headers": [],
            "app": app,
        }
        stream = asyncio.create_task(app(scope, receive, sent.put))  # type: ignore[arg-type]
        head = await asyncio.wait_for(sent.get(), 10)
        assert (b"content-type", b"text/event-stream; charset=utf-8") in head["headers"]

        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            page = BeautifulSoup((await client.get("/")).text, "html5lib")
            events = [await next_event()]
            assert events == [f"data: {one(page, 'html')['data-version']}\n\n"]
            body = {"options": {"teamVanityId": TEAM}}
            answer = (await client.post("/widget/init", json=body)).json()
            events.append(await next_event())
            await client.post(
                "/widget/messages", json={"session": answer["session"], "text": "hello"}
            )
            events.append(await next_event())
            await client.post("/clear")
            events.append(await next_event())
        assert len(set(events)) == 4
        gone.set()
        await asyncio.wait_for(stream, 10)

    asyncio.run(play())


def test_a_quiet_event_stream_sends_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pavior_middleware.emulator._changes.HEARTBEAT_SECONDS", 0.001)

    async def play() -> None:
        changes = Changes()
        stream = changes.stream()
        assert (await anext(stream)).startswith(b"data: ")
        assert await anext(stream) == b": still here\n\n"
        changes.publish()
        assert await anext(stream) == f"data: {changes.version}\n\n".encode()
        changes.close()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(play())


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PROGRAM = """
import sys
from pavior_middleware.emulator import create_app, serve
app = create_app(team_vanity_id="paving-co", api_key=sys.argv[1])

def announce(origin):
    print("running on", origin, flush=True)

serve(app, host="127.0.0.1", port=int(sys.argv[2]), on_start=announce)
"""


@pytest.fixture
def process(port: int) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", PROGRAM, API_KEY, str(port)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "running on" in line:
                break
        yield process
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_an_open_page_does_not_keep_the_server_from_stopping(
    process: subprocess.Popen[str], port: int, signal_: signal.Signals
) -> None:
    with httpx2.stream("GET", f"http://127.0.0.1:{port}/events", timeout=10) as response:
        chunks = response.iter_text()
        assert next(chunks).startswith("data: ")
        process.send_signal(signal_)
        assert list(chunks) == []  # the server ends the stream whole, it does not break it off
    assert process.stdout is not None
    output = process.stdout.read()
    assert process.wait(10) in (0, -signal_)
    assert "Traceback" not in output
    assert "ERROR" not in output
    assert "Cancel" not in output
    assert API_KEY not in output
