"""`init_options` and the assertions read the responses of many test clients."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import aiohttp
import brotli
import django.http
import pytest

from pavior_middleware.testing import assert_anonymous, assert_named, init_options
from tests.support.adapters import HTML_TYPE, PAGE, Reply
from tests.support.clients import CLIENTS, CLIENTS_OF_BODIES, Get, by_werkzeug, pieces, served
from tests.support.repository import ROOT
from tests.support.sites import ADA, ADAS, API_KEY, SETTINGS, TEAM

SITES = {"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}

CODED = {
    "gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "br": brotli.compress(PAGE),
    "gzip, br": brotli.compress(gzip.compress(PAGE)),
}


ALL_CLIENTS = {**CLIENTS, **CLIENTS_OF_BODIES}
of_any_client = pytest.mark.parametrize("get", ALL_CLIENTS.values(), ids=ALL_CLIENTS)
of_a_response = pytest.mark.parametrize("get", CLIENTS.values(), ids=CLIENTS)


@of_any_client
def test_the_options_of_a_page_are_read_from_the_response_of_any_client(get: Get) -> None:
    assert init_options(get(Reply(), SETTINGS, ADA)) == {**SITES, **ADAS, "firstName": "Ada"}
    assert init_options(get(Reply(), SETTINGS, None)) == SITES


@of_any_client
def test_a_page_names_its_user_by_any_client(get: Get) -> None:
    assert_named(get(Reply(), SETTINGS, ADA), ADA, api_key=API_KEY)
    assert_anonymous(get(Reply(), SETTINGS, None))


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        (name, coding)
        for name in CLIENTS
        for coding in CODED
        if not (name == "webtest" and "br" in coding)  # which WebTest refuses itself
    ],
)
def test_a_page_in_a_coding_is_read_whether_the_client_has_opened_it_or_not(
    name: str, coding: str
) -> None:
    get = CLIENTS[name]
    reply = Reply([CODED[coding]], [HTML_TYPE, ("Content-Encoding", coding)])
    assert_named(get(reply, SETTINGS, ADA), "7", api_key=API_KEY)


@of_a_response
def test_a_response_without_the_chat_is_reported_with_its_status_and_type(get: Get) -> None:
    response = get(Reply([b"{}"], [("Content-Type", "application/json")], 404), SETTINGS, ADA)
    assert init_options(response) is None
    with pytest.raises(
        AssertionError, match=r"no chat \(status 404, Content-Type application/json\)"
    ):
        assert_named(response, ADA)


@of_a_response
def test_a_redirect_without_the_chat_says_where_it_leads(get: Get) -> None:
    response = get(Reply([], [HTML_TYPE, ("Location", "/login")], 302), SETTINGS, ADA)
    with pytest.raises(AssertionError, match=r"Location /login.*redirect: pass the response"):
        assert_named(response, ADA)


@pytest.mark.parametrize("name", ["django", "django in pieces"])
def test_a_response_can_be_read_twice(name: str) -> None:
    response = CLIENTS[name](Reply(), SETTINGS, ADA)
    assert_named(response, ADA)
    assert_named(response, ADA)
    assert b"<h1>Hello</h1>" in b"".join(response)


def test_an_asynchronous_stream_of_django_says_how_to_read_it() -> None:
    page = by_werkzeug(Reply(), SETTINGS, ADA).data
    response = django.http.StreamingHttpResponse(pieces(page), content_type="text/html")
    with pytest.raises(TypeError, match="async for part in response"):
        init_options(response)

    async def joined() -> bytes:
        return b"".join([part async for part in response])

    assert_named(asyncio.run(joined()), ADA)


def test_a_response_of_aiohttp_says_to_pass_its_body() -> None:
    async def get(url: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            with pytest.raises(TypeError, match=r"as await response.read\(\) returns it"):
                init_options(response)
            assert_named(await response.read(), ADA)

    with served(Reply(), SETTINGS, ADA) as url:
        asyncio.run(get(url))


def test_a_body_that_keeps_its_reader_waiting_is_not_awaited() -> None:
    async def body() -> bytes:
        await asyncio.sleep(0)
        return PAGE

    response = SimpleNamespace(headers={}, data=body())
    with pytest.raises(TypeError, match="pass the body, as bytes or text"):
        init_options(response)


@pytest.mark.parametrize("kind", [bytes, str])
def test_the_text_of_a_page_is_enough(kind: type) -> None:
    page: bytes = by_werkzeug(Reply(), SETTINGS, ADA).data
    assert_named(page if kind is bytes else page.decode(), ADA, api_key=API_KEY)


@pytest.mark.parametrize("thing", [None, 7, {"id": "7"}, SimpleNamespace(headers={})])
def test_what_is_no_response_is_refused_with_what_to_pass(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"pass the body, as bytes or text"):
        init_options(thing)


def test_a_coding_that_cannot_be_opened_is_named() -> None:
    response = by_werkzeug(Reply(), SETTINGS, ADA)
    response.data = b"?"
    response.headers["Content-Encoding"] = "x-unknown"
    with pytest.raises(AssertionError, match="It cannot be read: the content coding 'x-unknown'"):
        assert_named(response, ADA)


def test_a_body_that_the_client_has_opened_is_kept_though_it_begins_like_coded_data() -> None:
    response = by_werkzeug(Reply(), SETTINGS, ADA)
    response.data = b"<p>"  # the beginning of bare deflate data
    response.headers["Content-Encoding"] = "deflate"
    with pytest.raises(AssertionError, match="is it a part of a page"):
        assert_named(response, ADA)


def test_the_module_imports_no_framework_and_no_client() -> None:
    code = "import pavior_middleware.testing, sys; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    named = {"webtest", "flask", "django", "starlette", "httpx", "httpx2", "aiohttp", "requests"}
    assert not {*named, "uvicorn", "jinja2", "pytest"} & set(modules)
    assert "pavior_middleware.testing" in modules


@of_a_response
def test_a_page_that_is_the_same_for_all_is_tested_by_the_answer_of_share_auth(
    get: Get,
) -> None:
    page = get(Reply(), replace(SETTINGS, cacheable_pages=True), ADA)
    for check in (assert_anonymous, init_options):
        with pytest.raises(AssertionError, match=r"/.well-known/pavior/share-auth.*cacheable_page"):
            check(page)
