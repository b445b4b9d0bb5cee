"""The lines that the README adds to an app put the chat into its pages, with the user's name."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from flask import Flask, session

from pavior_middleware import Settings
from pavior_middleware.flask import Pavior
from pavior_middleware.testing import assert_anonymous, assert_named
from tests.support.code_blocks import blocks, run_block
from tests.support.sites import API_KEY

PAGE = "<!doctype html><title>Shop</title><h1>Shop</h1>"


@pytest.fixture(autouse=True)
def settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", "YOUR_TEAM_ID")
    monkeypatch.setenv("PAVIOR_API_KEY", API_KEY)


def test_the_lines_for_flask_put_the_chat_into_a_page() -> None:
    app: Flask = run_block("README.md", 0, __name__=__name__)["app"]
    app.add_url_rule("/", view_func=lambda: PAGE)
    assert_anonymous(app.test_client().get("/"))


def test_the_function_for_flask_names_the_user_of_the_session() -> None:
    app = Flask(__name__)
    app.config.from_mapping(SECRET_KEY="only for tests")
    run_block("README.md", 1, app=app, Pavior=Pavior, Settings=Settings)

    @app.get("/<user>")
    def log_in(user: str) -> str:
        session["user_id"] = user
        return PAGE

    assert_named(app.test_client().get("/4711"), "4711", api_key=API_KEY)


def test_the_lines_for_django_are_those_of_its_document_which_the_first_steps_follow() -> None:
    names = run_block("README.md", 2, INSTALLED_APPS=[], MIDDLEWARE=[])
    assert names["PAVIOR_API_KEY"] == API_KEY
    text = blocks("README.md", "python")[2].text
    assert text == blocks("docs/frameworks/django.md", "python")[0].text


def test_the_lines_for_fastapi_name_the_user_that_the_dependency_returns() -> None:
    app = FastAPI()

    class User:
        id = "4711"

    def optional_user(request: Request) -> User | None:
        return User() if "session" in request.cookies else None

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return PAGE

    run_block("README.md", 3, app=app, optional_user=optional_user)
    client = TestClient(app)
    assert_anonymous(client.get("/"))
    client.cookies.set("session", "1")
    assert_named(client.get("/"), "4711", api_key=API_KEY)
