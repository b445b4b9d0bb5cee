"""The extension for Quart."""

from __future__ import annotations

from typing import Any

from quart import Quart, g

from pavior_middleware import Identity, Settings
from pavior_middleware.quart import Pavior

pavior = Pavior()
with_callables = Pavior(identity=lambda _: Identity(g.user_id), consent=lambda _: True)


async def identity(scope: dict[str, Any]) -> Identity | None:
    return Identity("7") if "user" in scope else None


async def consent(scope: dict[str, Any]) -> bool:
    return "consent" in scope


def create_app() -> Quart:
    app = Quart(__name__)
    app.config.from_prefixed_env()
    pavior.init_app(app)
    return app


def right(app: Quart, settings: Settings) -> list[Pavior]:
    return [
        Pavior(app),
        Pavior(app, settings),
        Pavior(app=app, settings=settings, identity=identity, consent=consent),
        Pavior(app, Settings.from_mapping(app.config)),
        Pavior(settings=settings),
    ]


def mistakes(app: Quart, settings: Settings) -> None:
    Pavior(settings)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, app.config)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(app, identity=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
    pavior.init_app(app, settings)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
