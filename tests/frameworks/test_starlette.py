"""Starlette: the code of its document, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pavior_middleware import Settings, SettingsError, sign
from pavior_middleware.starlette import PaviorMiddleware
from tests.frameworks.recipes import blocks
from tests.support.pages import init_call
from tests.support.sites import API_KEY, TEAM

PAGE = "<!doctype html><title>A site</title><h1>Hello</h1>"
SESSION = Middleware(SessionMiddleware, secret_key="s" * 40)


async def home(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def login(request: Request) -> Response:
    request.session["user_id"] = 7
    return HTMLResponse(PAGE)


ROUTES = [Route("/", home), Route("/login", login, methods=["POST"])]


def document(number: int, **names: Any) -> dict[str, Any]:
    """Run a block of Python of the document; return its names."""
    exec(compile(blocks("starlette")[number], "starlette.md", "exec", dont_inherit=True), names)
    return names


def test_the_lines_of_the_document_add_the_chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"PAVIOR_TEAM_VANITY_ID={TEAM}", f"PAVIOR_API_KEY={API_KEY}", f"SECRET_KEY={'s' * 40}"]
    Path(".env").write_text("\n".join(lines))
    app = document(0, routes=ROUTES, others=[SESSION])["app"]
    assert init_call(TestClient(app).get("/").content)["teamVanityId"] == TEAM


def test_the_lines_of_the_document_stop_the_app_where_a_setting_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"PAVIOR_TEAM_VANITY_ID={TEAM}")
    with pytest.raises(SettingsError, match="PAVIOR_API_KEY"):
        document(0, routes=ROUTES, others=[])


def test_the_identity_of_the_document_names_the_user_of_the_session_on_each_path() -> None:
    pavior = Middleware(
        PaviorMiddleware, settings=Settings(TEAM, API_KEY), identity=document(1)["identity"]
    )
    client = TestClient(Starlette(routes=ROUTES, middleware=[pavior, SESSION]))
    assert "id" not in init_call(client.get("/").content)
    client.post("/login")
    options = init_call(client.get("/").content)
    assert (options["id"], options["hmac"]) == ("7", sign(API_KEY, "7"))
    answer = client.get("/.well-known/pavior/share-auth", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.json()["id"] == "7"
