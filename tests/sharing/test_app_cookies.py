"""Cookies of the app's answers to our paths are left out, unless a setting hands them on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import flask
import pytest
from httpx2 import Client
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import Fetch, Reply
from tests.support.handing_over import asking_for, referer_of
from tests.support.login_cookies import SETTINGS
from tests.support.servers import LOOPBACK, serving_asgi, serving_wsgi
from tests.support.sites import ADA, ADAS, API_KEY, HELP, LOGIN_COOKIE, TEAM

HANDS_ON = replace(SETTINGS, share_auth_sets_cookies=True)
SECONDS = 20
"""After which a test has failed."""


class Held:
    """Holds the app's answer to the question back until it is released."""

    def __init__(self) -> None:
        self.has_come = threading.Event()
        self.may_go = threading.Event()

    def wait(self) -> None:
        self.has_come.set()
        assert self.may_go.wait(SECONDS)


@contextmanager
def flask_site(settings: Settings, gate: Held) -> Iterator[str]:
    """Run a site whose permanent sessions get a new cookie with each answer, as is Flask's way."""
    app = flask.Flask(__name__)
    app.secret_key = "a secret key for the tests only"

    @app.route("/login")
    def login() -> str:
        flask.session["user"] = "7"
        flask.session.permanent = True
        return "<p>Welcome"

    @app.route("/logout")
    def logout() -> str:
        flask.session.clear()
        return "<p>Goodbye"

    @app.route("/")
    def home() -> str:
        return str(flask.session.get("user"))

    @app.errorhandler(404)
    def not_found(error: Exception) -> tuple[str, int]:
        assert flask.session["user"]
        gate.wait()
        return "<p>Nothing here", 404

    Pavior(app, settings, identity=lambda environ: _user(flask.session))
    (port,) = free_ports([0])
    with serving_wsgi(app, port):
        yield f"http://{LOOPBACK}:{port}"


@contextmanager
def starlette_site(settings: Settings, gate: Held) -> Iterator[str]:
    """Run a site whose sessions get a new cookie with each change, as is Starlette's way."""

    def login(request: Request) -> HTMLResponse:
        request.session["user"] = "7"
        return HTMLResponse("<p>Welcome")

    def logout(request: Request) -> HTMLResponse:
        request.session.clear()
        return HTMLResponse("<p>Goodbye")

    def home(request: Request) -> HTMLResponse:
        return HTMLResponse(str(request.session.get("user")))

    async def not_found(request: Request, error: Exception) -> HTMLResponse:
        assert request.session["user"]
        request.session["lost"] = "by the way"
        await run_in_threadpool(gate.wait)
        return HTMLResponse("<p>Nothing here", 404)

    app = Starlette(
        routes=[Route("/login", login), Route("/logout", logout), Route("/", home)],
        exception_handlers={404: not_found},
        middleware=[
            Middleware(
                PaviorMiddleware,
                settings=settings,
                identity=lambda scope: _user(scope["session"]),
            ),
            Middleware(SessionMiddleware, secret_key="a secret key for the tests only"),
        ],
    )
    (port,) = free_ports([0])
    with serving_asgi(app, port):
        yield f"http://{LOOPBACK}:{port}"


def _user(session: Any) -> Identity | None:
    return ADA if "user" in session else None


@pytest.mark.parametrize("site", [flask_site, starlette_site])
@pytest.mark.parametrize(("settings", "user"), [(SETTINGS, "None"), (HANDS_ON, "7")])
def test_a_late_answer_logs_nobody_in_again_unless_it_may_set_the_apps_cookies(
    site: Any, settings: Settings, user: str
) -> None:
    gate = Held()
    answers: list[Any] = []
    with site(settings, gate) as url, Client(base_url=url, timeout=SECONDS) as browser:

        def ask() -> None:
            answers.append(browser.get(SHARE_AUTH, headers={"Origin": HELP}).json())

        browser.get("/login")
        assert browser.get("/").text == "7"
        asking = threading.Thread(target=ask)
        asking.start()
        assert gate.has_come.wait(SECONDS)
        browser.get("/logout")
        assert browser.get("/").text == "None"
        gate.may_go.set()
        asking.join(SECONDS)
        assert answers == [ADAS]
        assert browser.get("/").text == user


SESSION = [("Set-Cookie", "token=2; HttpOnly; Path=/"), ("Set-Cookie", "seen=\xe9")]
ASK = asking_for(f"{HELP}/")


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("settings", [SETTINGS, HANDS_ON], ids=["as it is", "hands on"])
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (SHARE_AUTH, {"Origin": HELP}),
        (SHARE_AUTH, {"Sec-Fetch-Site": "same-origin"}),
        (ASK, {"Referer": referer_of(HELP)}),
    ],
    ids=["borrower", "own page", "handoff"],
)
def test_an_answer_has_the_apps_cookies_where_the_setting_says_so(
    fetch: Fetch, path: str, headers: dict[str, str], settings: Settings, status: int
) -> None:
    app = Reply([b"not found"], [("Content-Type", "text/plain"), *SESSION], status=status)
    seen = fetch(app, settings, ADA, path=path, headers=headers)
    assert seen.status in (200, 303)
    cookies = [
        each for each in seen.headers.getlist("Set-Cookie") if not each.startswith(LOGIN_COOKIE)
    ]
    assert cookies == ([value for _, value in SESSION] if settings is HANDS_ON else [])


def test_a_refusal_sets_no_cookie_of_the_app(fetch: Fetch) -> None:
    app = Reply(headers=SESSION)
    seen = fetch(app, HANDS_ON, ADA, path=SHARE_AUTH, headers={"Origin": "https://evil.test"})
    assert (seen.status, seen.headers.getlist("Set-Cookie")) == (403, [])


def test_the_setting_may_be_text() -> None:
    keys = {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY}
    for text, expected in {"true": True, "off": False, "": False}.items():
        settings = Settings.from_mapping({**keys, "PAVIOR_SHARE_AUTH_SETS_COOKIES": text})
        assert settings.share_auth_sets_cookies is expected
