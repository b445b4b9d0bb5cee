"""Apps as servers load them, whose settings the doctor reads."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

from pavior_middleware import Settings
from pavior_middleware.asgi import PaviorMiddleware as AsgiMiddleware
from pavior_middleware.fastapi import Pavior
from pavior_middleware.flask import Pavior as FlaskPavior
from pavior_middleware.wsgi import PaviorMiddleware as WsgiMiddleware

EMBED = "https://pavior.example/embed"
SETTINGS = Settings(
    os.environ.get("PAVIOR_TEAM_VANITY_ID", "acme"),
    os.environ.get("PAVIOR_API_KEY", "0123456789abcdef9876543210fedcba"),
    embed_url=EMBED,
)


def flask_app() -> Flask:
    """Make an app whose config is read from the environment."""
    app = Flask(__name__)
    app.config.from_prefixed_env(prefix="PAVIOR", loads=str)
    app.config.update(
        {f"PAVIOR_{name}": app.config[name] for name in ("TEAM_VANITY_ID", "API_KEY")},
        PAVIOR_EMBED_URL=EMBED,
    )
    FlaskPavior(app)
    return app


def without_middleware(environ: Any, start_response: Any) -> list[bytes]:
    """Answer nothing."""
    start_response("204 No Content", [])
    return []


def _around(app: Any, environ: Any, start_response: Any) -> Any:
    return app(environ, start_response)


wsgi = partial(_around, WsgiMiddleware(without_middleware, SETTINGS))
asgi = AsgiMiddleware(Starlette(), SETTINGS)
fastapi = FastAPI()
Pavior(fastapi, SETTINGS)
