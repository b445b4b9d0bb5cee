"""The plugin for Litestar."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State

from pavior_middleware import Identity, Settings
from pavior_middleware.litestar import Pavior


def identity(request: Request[Any, Any, Any]) -> Identity | None:
    return Identity(request.session["user"]) if request.session else None


async def async_identity(request: Request[Any, Any, State]) -> Identity | None:
    return identity(request)


def identity_of_connection(connection: ASGIConnection[Any, Any, Any, Any]) -> Identity:
    return Identity(connection.user.id)


def consent(request: Request[Any, Any, Any]) -> bool:
    return "consent" in request.cookies


async def async_consent(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    return "consent" in connection.cookies


def right(settings: Settings) -> Litestar:
    return Litestar(
        plugins=[
            Pavior(settings),
            Pavior(settings=settings, identity=None, consent=None),
            Pavior(settings, identity=identity, consent=consent),
            Pavior(settings, identity=async_identity, consent=async_consent),
            Pavior(settings, identity=identity_of_connection),
            Pavior(settings, identity=lambda request: Identity(request.user.id)),
            Pavior(settings, identity=lambda _: None, consent=lambda _: True),
        ]
    )


def name(request: Request[Any, Any, Any]) -> str:
    return str(request.user)


def is_perhaps(request: Request[Any, Any, Any]) -> bool | None:
    return None


def mistakes(settings: Settings) -> None:
    Pavior()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior({"team_vanity_id": "acme"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(settings, user=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(settings, identity=Identity(7))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(settings, consent=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
