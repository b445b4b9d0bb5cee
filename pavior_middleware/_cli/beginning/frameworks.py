"""The frameworks, and the lines that an app gains, the same as in docs/frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Style = Literal["env", "python", "ini"]
Change = tuple[str, str]


@dataclass(frozen=True)
class Framework:
    """How an app gains the middleware.

    `lines` are also in docs/frameworks. `before` comes before them. `asks_consent` tells that the
    lines ask for consent. Each of `changes` is a text and its replacement, by which the lines do
    the opposite. `callables` says what the reader replaces. `style` says where the settings are: in
    the environment with `prefix` before their names, in a Python module, or in an ini file.
    `own_secret` is the variable of the framework's own secret key. It is empty if that key is
    elsewhere, and None if the framework has no such key. `reads_users` tells whether user objects
    are read, with their emails.
    """

    title: str
    extra: str
    place: str
    lines: str
    before: str = ""
    asks_consent: bool = False
    changes: tuple[Change, ...] = ()
    callables: str = ""
    style: Style = "env"
    prefix: str = "PAVIOR_"
    own_secret: str | None = None
    reads_users: bool = True
    reading: str = ""


_SETTINGS = """\
from pavior_middleware import Settings

settings = Settings.from_env()
"""
_FROM_UVICORN = (
    "`uvicorn --env-file .env app:app` reads the file, if python-dotenv is installed; so do other"
    " servers or a shell"
)
_FROM_SHELL = "`set -a; . ./.env; set +a` in a shell reads the file, before the app starts"

FRAMEWORKS: Mapping[str, Framework] = MappingProxyType(
    {
        "aiohttp": Framework(
            title="aiohttp",
            extra="aiohttp",
            place="the module that makes the app",
            lines="""\
from aiohttp import web
from aiohttp_session import get_session

from pavior_middleware import Identity, Settings
from pavior_middleware.aiohttp import setup

async def identity(request):
    user_id = (await get_session(request)).get("user_id")
    return None if user_id is None else Identity(user_id)

app = web.Application()
setup(app, Settings.from_env(), identity=identity)
""",
            changes=(("identity=identity)", "identity=identity, consent=has_consent)"),),
            callables="has_consent takes the request and returns True or False",
            reads_users=False,
            reading=_FROM_SHELL,
        ),
        "asgi": Framework(
            title="any ASGI app",
            extra="",
            place="the module of the app that the server runs",
            before=_SETTINGS,
            lines="""\
from pavior_middleware import Identity
from pavior_middleware.asgi import PaviorMiddleware

async def naming(scope, receive, send):
    if scope["type"] == "http":
        user = await current_user(scope)
        scope["pavior.identity"] = Identity(user.id, user.confirmed_email) if user else None
    await app(scope, receive, send)

application = PaviorMiddleware(naming, settings, consent=has_consent)
""",
            asks_consent=True,
            changes=((", consent=has_consent", ""),),
            callables="has_consent takes the scope and returns True or False",
            reads_users=False,
            reading=_FROM_UVICORN.replace("app:app", "app:application"),
        ),
        "django": Framework(
            title="Django",
            extra="django",
            place="settings.py, below INSTALLED_APPS and MIDDLEWARE",
            lines="""\
import os

INSTALLED_APPS += ["pavior_middleware.django"]
MIDDLEWARE += ["pavior_middleware.django.PaviorMiddleware"]
PAVIOR_TEAM_VANITY_ID = "YOUR_TEAM_ID"
PAVIOR_API_KEY = os.environ["PAVIOR_API_KEY"]
""",
            changes=(
                (
                    'os.environ["PAVIOR_API_KEY"]\n',
                    'os.environ["PAVIOR_API_KEY"]\nPAVIOR_CONSENT = "shop.chat.consent"\n',
                ),
            ),
            callables="shop.chat.consent takes the request and returns True or False",
            style="python",
            own_secret="",
            reading=_FROM_SHELL,
        ),
        "fastapi": Framework(
            title="FastAPI",
            extra="fastapi",
            place="the module that makes the app",
            before=_SETTINGS,
            lines="""\
from typing import Annotated
from fastapi import Cookie, Request
from pavior_middleware.fastapi import Pavior, once

@once
def optional_user(request: Request):  # a dependency, like those of your routes
    return USERS.get(request.session.get("user"))

def may_chat(consent: Annotated[str, Cookie()] = "yes") -> bool:
    return consent != "no"

Pavior(app, settings, user=optional_user, consent=may_chat)
""",
            asks_consent=True,
            changes=(
                ("from typing import Annotated\n", ""),
                ("Cookie, ", ""),
                (
                    'def may_chat(consent: Annotated[str, Cookie()] = "yes") -> bool:\n'
                    '    return consent != "no"\n\n',
                    "",
                ),
                (", consent=may_chat", ""),
            ),
            callables="may_chat is a dependency that returns True or False",
            reading=_FROM_UVICORN,
        ),
        "flask": Framework(
            title="Flask",
            extra="flask",
            place="the module of your app factory",
            lines="""\
from flask import Flask
from pavior_middleware import Settings
from pavior_middleware.flask import Pavior

def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()  # FLASK_SECRET_KEY, the app's own
    Pavior(app, Settings.from_env())
    return app
""",
            changes=(("Settings.from_env())", "Settings.from_env(), consent=has_consent)"),),
            callables="has_consent takes the environ and returns True or False",
            own_secret="FLASK_SECRET_KEY",  # noqa: S106  # a name
            reading="`flask run` reads the file, if python-dotenv is installed",
        ),
        "litestar": Framework(
            title="Litestar",
            extra="litestar",
            place="the module that makes the app",
            before=_SETTINGS,
            lines="""\
from litestar import Request
from pavior_middleware.litestar import Pavior

def may_chat(request: Request) -> bool:
    return request.cookies.get("consent") != "no"

pavior = Pavior(settings, consent=may_chat)
# Litestar(route_handlers, middleware=…, plugins=[pavior])
""",
            asks_consent=True,
            changes=(
                ("from litestar import Request\n", ""),
                (
                    "def may_chat(request: Request) -> bool:\n"
                    '    return request.cookies.get("consent") != "no"\n\n',
                    "",
                ),
                (", consent=may_chat", ""),
            ),
            callables="may_chat takes the request and returns True or False",
            reading=_FROM_UVICORN,
        ),
        "pyramid": Framework(
            title="Pyramid",
            extra="pyramid",
            place="the module that makes the app",
            lines="""\
from pyramid.config import Configurator

def main(global_config, **settings):
    config = Configurator(settings=settings)
    config.include("pavior_middleware.pyramid")
    return config.make_wsgi_app()
""",
            callables="shop.chat.consent takes the request and returns True or False",
            style="ini",
            prefix="pavior.",
        ),
        "quart": Framework(
            title="Quart",
            extra="quart",
            place="the module that makes the app",
            lines="""\
from quart import Quart
from quart_auth import QuartAuth

from pavior_middleware import Settings
from pavior_middleware.quart import Pavior

app = Quart(__name__)
app.config.from_prefixed_env()  # QUART_SECRET_KEY, the app's own
QuartAuth(app)
Pavior(app, Settings.from_env())
""",
            changes=(("Settings.from_env())", "Settings.from_env(), consent=has_consent)"),),
            callables="has_consent takes the scope and returns True or False",
            own_secret="QUART_SECRET_KEY",  # noqa: S106  # a name
            reading=_FROM_SHELL,
        ),
        "starlette": Framework(
            title="Starlette",
            extra="starlette",
            place="the module that makes the app",
            lines="""\
from pavior_middleware.starlette import PaviorMiddleware, read_settings
from starlette.applications import Starlette
from starlette.config import Config
from starlette.middleware import Middleware

settings = read_settings(Config(".env"))  # stops the app here, at start-up, if a setting is wrong
app = Starlette(
    routes=routes,
    middleware=[Middleware(PaviorMiddleware, settings=settings), *others],
)
""",
            changes=(("settings=settings)", "settings=settings, consent=has_consent)"),),
            callables="has_consent takes the scope and returns True or False",
            own_secret="SECRET_KEY",  # noqa: S106  # a name
            reading="the lines read the file",
        ),
        "wsgi": Framework(
            title="any WSGI app",
            extra="",
            place="the module of the app that the server runs",
            before=_SETTINGS,
            lines="""\
from pavior_middleware import Identity
from pavior_middleware.wsgi import PaviorMiddleware

def naming(environ, start_response):
    user = current_user(environ)
    environ["pavior.identity"] = Identity(user.id, user.confirmed_email) if user else None
    return app(environ, start_response)

application = PaviorMiddleware(naming, settings, consent=has_consent)
""",
            asks_consent=True,
            changes=((", consent=has_consent", ""),),
            callables="has_consent takes the environ and returns True or False",
            reads_users=False,
            reading=_FROM_SHELL,
        ),
    }
)
