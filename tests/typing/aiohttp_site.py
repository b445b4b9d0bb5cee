"""The setup for aiohttp."""

from __future__ import annotations

from aiohttp import web

from pavior_middleware import Identity, Settings, skip
from pavior_middleware.aiohttp import setup


async def identity(request: web.Request) -> Identity | None:
    return Identity("7") if "user" in request.cookies else None


def plain_identity(request: web.Request) -> Identity | None:
    return Identity("7") if "user" in request.cookies else None


async def consent(request: web.Request) -> bool:
    return "consent" in request.cookies


async def print_page(request: web.Request) -> web.Response:
    return skip(web.Response(text="<!doctype html>", content_type="text/html"))


def right(app: web.Application, settings: Settings) -> None:
    setup(app, settings)
    setup(app, Settings.from_env(), identity=identity, consent=consent)
    setup(
        app=app, settings=settings, identity=plain_identity, consent=lambda request: request.secure
    )


def name(request: web.Request) -> str:
    return request.path


def mistakes(app: web.Application, settings: Settings) -> None:
    setup(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    setup(settings, app)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    setup(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    setup(app, settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
