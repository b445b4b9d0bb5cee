"""Builds the emulator: a Starlette app with the widget's routes and the inbox's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pavior_middleware import verify

from ._api import Api
from ._changes import Changes
from ._demo import add_demo
from ._failures import exception_handlers
from ._inbox import Inbox
from ._records import Contact
from ._setup import Setup, setup_of
from ._store import Store
from ._verification import Team
from ._widget import Widget

HERE = Path(__file__).parent
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)


def create_app(
    *,
    team_vanity_id: str,
    api_key: str,
    database: str = ":memory:",
    key_origin: str | None = None,
) -> Starlette:
    """Return a Pavior for one team, to develop against.

    `database` is the path of an SQLite file, made if it is not there, or `:memory:`. `key_origin`
    says where the key is from, as in "from PAVIOR_API_KEY"; the inbox shows that instead of the
    key. Raises `ValueError` for an API key that is empty or cannot be encoded as UTF-8, or an empty
    team vanity id, and `sqlite3.Error` if the database cannot be opened.
    """
    team, setup = Team(team_vanity_id, api_key), setup_of(team_vanity_id, api_key, key_origin)
    del api_key  # a traceback may show the locals
    if not team_vanity_id:
        raise ValueError("team_vanity_id is empty")
    verify(team.api_key, "any", "any")  # raises if the key can never sign
    store, changes = Store(database), Changes()
    inbox = Inbox(setup, store, changes)
    app = Starlette(
        routes=[
            *Widget(team, store, changes).routes,
            *inbox.routes,
            *Api(store).routes,
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ],
        middleware=[Middleware(_SafeHeaders)],
        exception_handlers=exception_handlers(inbox.problem),
    )
    app.state.setup, app.state.team = setup, team
    app.state.changes = changes  # `serve` must end the streams
    app.state.store = store
    return app


def fill_with_demo(app: Starlette) -> bool:
    """Put a visitor of each kind into this app's inbox if it is empty; return whether it was."""
    return add_demo(app.state.store, app.state.team)


def settings_of(app: Starlette, origin: str) -> Mapping[str, str | None]:
    """Return the settings for a site that uses this app at an origin, by their names.

    The API key is None unless it is the example of Pavior's documentation.
    """
    setup: Setup = app.state.setup
    return setup.settings(origin)


def start_text(app: Starlette, origin: str) -> str:
    """Return what a terminal shows once this app answers: inbox, settings, which key verifies."""
    setup: Setup = app.state.setup
    return setup.start_text(origin, is_kept=app.state.store.is_file)


def contacts(app: Starlette) -> list[Contact]:
    """Return everybody whom a page of this app's embed named, the most recently active first."""
    store: Store = app.state.store
    return store.contacts()


class _SafeHeaders:
    """Adds to each response the header fields that restrict browsers, unless it has its own."""

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
