"""The emulator put together: a Starlette app from the widget's side and the inbox's."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pavior_middleware import verify

from ._changes import Changes
from ._inbox import Inbox
from ._store import Store
from ._verification import Team
from ._widget import Widget

HERE = Path(__file__).parent
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)


def create_app(*, team_vanity_id: str, api_key: str, database: str = ":memory:") -> Starlette:
    """Return a Pavior for one team, to develop against.

    `database` is the path of an SQLite file, made if it is not there, or `:memory:`. Raises
    `ValueError` for an API key that is empty or cannot be encoded as UTF-8, or an empty team
    vanity id, and `sqlite3.Error` if the database cannot be opened.
    """
    team = Team(team_vanity_id, api_key)
    del api_key  # a traceback may show the locals
    if not team_vanity_id:
        raise ValueError("team_vanity_id is empty")
    verify(team.api_key, "any", "any")  # raises if the key can never sign
    store, changes = Store(database), Changes()
    app = Starlette(
        routes=[
            *Widget(team, store, changes).routes,
            *Inbox(team.vanity_id, store, changes).routes,
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ],
        middleware=[Middleware(_SafeHeaders)],
    )
    app.state.changes = changes  # for `serve`, which must end the streams
    return app


class _SafeHeaders:
    """Gives each response the headers that keep browsers strict, unless it set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
