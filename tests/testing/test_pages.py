"""What the assertions say of a page that names somebody else, or that Pavior does not believe."""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import webtest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.testing import assert_anonymous, assert_named, init_options
from tests.support.adapters import HTML_TYPE, PAGE, Reply, wsgi_app
from tests.support.clients import by_webtest
from tests.support.sites import ADA, API_KEY, BOB, HELP, LEAD, SETTINGS, TEAM

KEY = UUID("12345678123456781234567812345678")


def page(
    identity: Identity | None, settings: Settings = SETTINGS, reply: Reply | None = None
) -> Any:
    return by_webtest(reply or Reply(), settings, identity)


def problem(response: object, user: Any, **more: Any) -> str:
    with pytest.raises(AssertionError) as raised:
        assert_named(response, user, **more)
    return str(raised.value)


@pytest.mark.parametrize("user", ["7", 7, "ada@example.com", ADA, Identity(7, "ada@example.com")])
def test_a_user_is_given_as_an_id_an_email_or_an_identity(user: Any) -> None:
    assert_named(page(ADA), user, api_key=API_KEY)


def test_a_user_is_given_as_a_uuid() -> None:
    assert_named(page(Identity(KEY)), KEY, api_key=API_KEY)


@pytest.mark.parametrize(
    ("named", "wanted", "words"),
    [
        (BOB, "7", "names id '8' and email 'bob@example.com', and should name '7'."),
        (None, "7", "names nobody, and should name '7'."),
        (None, ADA, "names nobody, and should name id '7' and email 'ada@example.com'."),
        (Identity("7"), ADA, "names id '7', and should name id '7' and email 'ada@example.com'."),
        (ADA, Identity("7"), "names id '7' and email 'ada@example.com', and should name id '7'."),
        (LEAD, "7", "names email 'lead@example.com', and should name '7'."),
    ],
)
def test_another_user_is_named_in_the_error(named: Any, wanted: Any, words: str) -> None:
    assert problem(page(named), wanted) == f"The page {words}"


def test_an_attribute_that_differs_is_named_in_the_error() -> None:
    user = Identity("7", "ada@example.com", attributes={"firstName": "Grace"})
    assert "with firstName 'Ada', and should do so with firstName 'Grace'" in problem(
        page(ADA), user
    )


def test_attributes_that_an_identity_does_not_mention_do_not_matter() -> None:
    assert_named(page(ADA), Identity("7", "ada@example.com"))


def test_a_lead_is_not_named_as_somebody_whom_the_site_vouches_for() -> None:
    assert "without an hmac, so to Pavior it is a lead" in problem(page(LEAD), "lead@example.com")
    assert_named(page(LEAD), LEAD)
    believed = page(Identity(email="lead@example.com"))
    assert "by an hmac, and should not" in problem(believed, LEAD)


@pytest.mark.parametrize(
    ("identity", "name"), [(ADA, "id"), (Identity(email="ada@example.com"), "email")]
)
def test_an_hmac_by_another_key_is_refused_where_the_key_is_given(
    identity: Identity, name: str
) -> None:
    response = page(identity, Settings(TEAM, "another-api-key-for-the-tests-only"))
    assert_named(response, identity)
    message = problem(response, identity, api_key=API_KEY)
    assert f"is not that of the {name} by this api_key" in message
    assert API_KEY not in message


def test_no_frame_of_a_failure_shows_the_api_key_or_an_hmac() -> None:
    response = page(ADA, Settings(TEAM, "another-api-key-for-the-tests-only"))
    hmac = (init_options(response) or {})["hmac"]
    with pytest.raises(AssertionError) as raised:
        assert_named(response, ADA, api_key=API_KEY)
    inner = [each.frame.f_locals for each in raised.traceback][1:]
    assert inner
    shown = repr(inner) + "".join(traceback.format_exception(raised.value))
    assert API_KEY not in shown
    assert hmac not in shown


@pytest.mark.parametrize("identity", [ADA, LEAD, Identity("7")])
def test_a_page_that_names_somebody_is_not_anonymous(identity: Identity) -> None:
    with pytest.raises(AssertionError, match=f"names .*{identity.identifier}.*should name nobody"):
        assert_anonymous(page(identity))


REASONS = {
    "It has no body": Reply([], [HTML_TYPE, ("Pavior-Skip", "1")]),
    "to pages alone": Reply([b"{}"], [("Content-Type", "application/json")]),
    "has the app skipped the page": Reply(headers=[HTML_TYPE, ("Pavior-Skip", "1")]),
    "or is it a part of a page": Reply([b"<p>A"]),
    "client's own copy": Reply([], [], 304),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_response_without_the_chat_is_neither_anonymous_nor_named(reason: str) -> None:
    headers = {"Sec-Fetch-Dest": "empty"} if "part" in reason else {}
    site = wsgi.PaviorMiddleware(wsgi_app(REASONS[reason]), SETTINGS)
    response = webtest.TestApp(site).get("/", headers=headers, status="*")
    wanted = re.compile(re.escape(reason), re.IGNORECASE)
    assert init_options(response) is None
    assert wanted.search(problem(response, ADA))
    with pytest.raises(AssertionError, match=wanted):
        assert_anonymous(response)


def test_a_page_that_borrows_its_login_says_of_whom() -> None:
    response = page(None, Settings(TEAM, share_auth="auth.example.com"))
    assert "borrows its login from auth.example.com (share_auth)" in problem(response, ADA)


def test_a_page_that_another_origins_script_requested_names_its_user_in_the_browser() -> None:
    site = wsgi.PaviorMiddleware(wsgi_app(Reply()), SETTINGS, identity=lambda _: ADA)
    response = webtest.TestApp(site).get("/", headers={"Origin": HELP})
    assert "another origin's script requested it" in problem(response, ADA)


@pytest.mark.parametrize("identity", [ADA, None])
def test_the_answer_of_share_auth_names_the_user_of_a_page_that_asks(
    identity: Identity | None,
) -> None:
    settings = replace(SETTINGS, cacheable_pages=True)
    site = wsgi.PaviorMiddleware(wsgi_app(Reply()), settings, identity=lambda _: identity)
    answer = webtest.TestApp(site).get(SHARE_AUTH)
    if identity is None:
        assert_anonymous(answer)
        assert "names nobody" in problem(answer, ADA)
    else:
        assert_named(answer, identity, api_key=API_KEY)


def test_without_consent_share_auth_answers_that_there_is_no_chat() -> None:
    site = wsgi.PaviorMiddleware(
        wsgi_app(Reply()), SETTINGS, identity=lambda _: ADA, consent=lambda _: False
    )
    answer = webtest.TestApp(site).get(SHARE_AUTH)
    assert init_options(answer) is None
    assert "no consent" in problem(answer, ADA)


def test_json_of_the_app_is_not_taken_for_that_of_share_auth() -> None:
    reply = Reply([b'{"id": "7"}'], [("Content-Type", "application/json"), ("Vary", "Origin")])
    assert init_options(page(ADA, reply=reply)) is None


@given(text=st.text(min_size=1).map(lambda text: text.encode(errors="ignore").decode()))
def test_any_text_of_a_user_is_read_as_it_was_given(text: str) -> None:
    identity = Identity("7", attributes={"firstName": text})
    assert_named(page(identity), identity, api_key=API_KEY)


def test_a_script_in_a_comment_of_the_page_does_not_count() -> None:
    foreign = page(BOB).body
    reply = Reply([PAGE + b"<!--" + foreign.replace(b"-->", b"") + b"-->"])
    assert_named(page(ADA, reply=reply), ADA)


def test_other_elements_than_scripts_do_not_count() -> None:
    data = """<p data-pavior='{"v": 1, "site": {}, "user": {"id": "8"}}'>A</p>"""
    assert init_options(f"<!doctype html><title>A</title>{data}") is None
