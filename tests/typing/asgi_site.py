"""The middleware for any ASGI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from pavior_middleware import Identity, Settings
from pavior_middleware.asgi import PaviorMiddleware

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200})


async def app_of_dicts(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    await send({"type": "http.response.start", "status": 200})


def identity(scope: Scope) -> Identity | None:
    return Identity(scope["session"]["user"]) if "session" in scope else None


async def async_identity(scope: Scope) -> Identity | None:
    return identity(scope)


def identity_of_dict(scope: dict[str, Any]) -> Identity:
    return Identity(scope["user"])


async def async_identity_of_mapping(scope: Mapping[str, Any]) -> Identity:
    return Identity(scope["user"])


def consent(scope: Scope) -> bool:
    return "consent" in scope


async def async_consent(scope: dict[str, Any]) -> bool:
    return consent(scope)


def right(settings: Settings) -> list[App]:
    return [
        PaviorMiddleware(app, settings),
        PaviorMiddleware(app=app, settings=settings, identity=None, consent=None),
        PaviorMiddleware(app_of_dicts, settings),
        PaviorMiddleware(app, settings, identity=identity, consent=consent),
        PaviorMiddleware(app, settings, identity=async_identity, consent=async_consent),
        PaviorMiddleware(app, settings, identity=identity_of_dict),
        PaviorMiddleware(app, settings, identity=async_identity_of_mapping),
        PaviorMiddleware(app, settings, identity=lambda scope: Identity(scope["user"])),
        PaviorMiddleware(app, settings, identity=lambda _: None, consent=lambda _: True),
        PaviorMiddleware(PaviorMiddleware(app, settings), settings),
    ]


def name(scope: Scope) -> str:
    return str(scope["user"])


async def async_name(scope: Scope) -> str:
    return name(scope)


def is_perhaps(scope: Scope) -> bool | None:
    return bool(scope["consent"]) if "consent" in scope else None


async def is_perhaps_later(scope: Scope) -> str:
    return str(scope.get("consent"))


def identity_of_text(scope: str) -> Identity:
    return Identity(scope)


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return []


def mistakes(settings: Settings) -> None:
    PaviorMiddleware(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(settings, app)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(wsgi_app, settings)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, {"team_vanity_id": "acme"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identity=Identity(7))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=async_name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=identity_of_text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=is_perhaps_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
