"""Quart with Quart-Auth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import quart
from quart import Quart, Response, request, websocket
from quart_auth import AuthUser, QuartAuth, current_user, login_user, logout_user

from pavior_middleware import Settings, skip
from pavior_middleware.quart import Pavior
from tests.frameworks import pages
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import FILES, POLICY, STATIC

INTERFACE = "asgi"

OWN_PROCESS = True
"""For Quart leaves a file open when a client is gone as soon as it has all of it."""

BY_ID = {each.id: each for each in pages.USERS.values()}


class User(AuthUser):
    @property
    def user(self) -> pages.User | None:
        return BY_ID.get(self.auth_id or "")

    @property
    async def email(self) -> str | None:
        return None if self.user is None else self.user.email

    @property
    async def is_confirmed(self) -> bool:
        return self.user is not None and self.user.is_confirmed


def user() -> pages.User | None:
    who: pages.User | None = current_user.user  # type: ignore[attr-defined]  # of the class above
    return who


def make_app(settings: Settings) -> Quart:
    app = Quart(__name__, static_folder=str(STATIC))
    app.secret_key = "a secret key for the tests only"
    app.config["QUART_AUTH_COOKIE_SECURE"] = False
    QuartAuth(app, user_class=User)

    @app.post("/login")
    async def login() -> Any:
        form = await request.form
        login_user(User(pages.USERS[form["user"]].id))
        return quart.redirect("/", 303)

    @app.post("/logout")
    async def logout() -> Any:
        logout_user()
        return quart.redirect("/", 303)

    @app.get("/")
    async def home() -> str:
        return pages.page(user())

    @app.get("/api")
    async def api() -> dict[str, str | None]:
        who = user()
        return {"user": None if who is None else who.name}

    @app.get("/report")
    async def report() -> Any:
        return await quart.send_from_directory(FILES, "report.txt")

    @app.get("/stream")
    async def stream() -> Response:
        return Response(gated_async(pages.pieces(user()), request.args.get("gate")))

    @app.get("/boom")
    async def boom() -> Any:
        raise RuntimeError("boom")

    @app.get("/tagged")
    async def tagged() -> Any:
        response = Response(pages.page(user()))
        await response.add_etag()
        return await response.make_conditional(request)

    @app.post("/echo")
    async def echo() -> str:
        return pages.page(user())

    @app.get("/gzip")
    async def in_gzip() -> Response:
        return Response(pages.page_in_gzip(user()), headers={"Content-Encoding": "gzip"})

    @app.get("/nonce")
    async def nonce() -> Response:
        return Response(pages.page(user()), headers={"Content-Security-Policy": POLICY})

    @app.get("/skipped")
    async def skipped() -> Response:
        return skip(Response(pages.page(user())))

    @app.websocket("/ws")
    async def echo_socket() -> None:
        await websocket.send(await websocket.receive())

    async def consent(scope: dict[str, Any]) -> bool:
        return pages.has_consent(request.headers.get("Cookie", ""))

    Pavior(app, replace(settings, email_confirmed="is_confirmed"), consent=consent)
    return app
