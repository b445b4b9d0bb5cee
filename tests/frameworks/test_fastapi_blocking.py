"""FastAPI: plain dependencies that hang hold up neither pages nor the app's own routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import anyio
import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient, Response

from pavior_middleware import Identity
from pavior_middleware.fastapi import Pavior
from tests.support.pages import init_call
from tests.support.sites import SETTINGS

PAGE = "<!doctype html><title>A page</title>"
AT_ONCE = 60
"""More than the threads that Starlette has for plain routes."""

SOON = replace(SETTINGS, identity_timeout=0.2)
LONGEST_SECONDS = 20


def site(user: Any) -> FastAPI:
    app = FastAPI()
    Pavior(app, SOON, user=user)

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.get("/plain")
    def plain() -> str:
        return "answered"

    return app


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("is_resource", [False, True])
def test_plain_routes_answer_while_all_lookups_hang(
    backend: str, is_resource: bool, caplog: pytest.LogCaptureFixture
) -> None:
    database_is_back = Event()

    def user() -> Identity:
        database_is_back.wait(LONGEST_SECONDS)
        return Identity("7")

    def resource() -> Iterator[Identity]:
        yield user()

    app = site(resource if is_resource else user)
    pages: list[Response] = []

    async def ask() -> None:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://a.test") as client:

            async def go() -> None:
                pages.append(await client.get("/"))

            with anyio.fail_after(LONGEST_SECONDS / 2):
                async with anyio.create_task_group() as group:
                    for _ in range(AT_ONCE):
                        group.start_soon(go)
                assert (await client.get("/plain")).json() == "answered"

    try:
        anyio.run(ask, backend=backend)
    finally:
        database_is_back.set()
    assert [page.status_code for page in pages] == [200] * AT_ONCE
    assert not any("id" in init_call(page.content) for page in pages)
    assert any("identity_timeout" in str(each.exc_info) for each in caplog.records)


def test_a_resource_of_a_lookup_that_is_given_up_is_closed() -> None:
    closed, database_is_back = Event(), Event()

    def session() -> Iterator[str]:
        try:
            yield "7"
        finally:
            closed.set()

    def user(name: str = Depends(session)) -> Identity:
        database_is_back.wait(LONGEST_SECONDS)
        return Identity(name)

    try:
        assert "id" not in init_call(TestClient(site(user)).get("/").content)
        assert closed.wait(LONGEST_SECONDS)
    finally:
        database_is_back.set()


def test_a_resource_learns_what_a_dependency_after_it_raises() -> None:
    seen: list[Exception] = []

    def session() -> Iterator[str]:
        try:
            yield "7"
        except HTTPException as error:
            seen.append(error)
            raise

    def user(name: str = Depends(session)) -> Identity:
        raise HTTPException(401)

    assert "id" not in init_call(TestClient(site(user)).get("/").content)
    assert [type(each) for each in seen] == [HTTPException]


def test_a_plain_dependency_that_two_others_share_is_called_once() -> None:
    calls: list[str] = []

    def session() -> str:
        calls.append("session")
        return "7"

    class Account:
        def __init__(self, name: str = Depends(session)) -> None:
            self.id = name

    def user(account: Any = Depends(Account), name: str = Depends(session)) -> Identity:
        return Identity(account.id + name)

    assert init_call(TestClient(site(user)).get("/").content)["id"] == "77"
    assert calls == ["session"]
