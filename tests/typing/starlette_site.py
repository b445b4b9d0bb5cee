"""The middleware for Starlette, and so for FastAPI, and the function for its templates."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.config import Config
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Scope

from pavior_middleware import Identity, Settings, skip
from pavior_middleware.jinja import pavior_snippet
from pavior_middleware.starlette import PaviorMiddleware, read_settings

templates = Jinja2Templates("templates")
# Jinja's own type of `globals` allows only what Jinja puts there.
templates.env.globals["pavior_snippet"] = pavior_snippet  # pyright: ignore[reportArgumentType]


def identity(scope: Scope) -> Identity | None:
    return Identity(HTTPConnection(scope).session["user"])


async def async_identity(scope: dict[str, Any]) -> Identity | None:
    return identity(scope)


def consent(scope: Scope) -> bool:
    return "consent" in HTTPConnection(scope).cookies


async def async_consent(scope: Scope) -> bool:
    return consent(scope)


def app_with_middleware(config: Config) -> Starlette:
    settings = read_settings(config)
    return Starlette(
        middleware=[
            Middleware(PaviorMiddleware, settings=settings),
            Middleware(PaviorMiddleware, settings),
            Middleware(PaviorMiddleware, settings=config),
            Middleware(PaviorMiddleware, settings=settings, identity=identity, consent=consent),
            Middleware(PaviorMiddleware, settings=settings, identity=async_identity),
        ]
    )


def add_middleware(app: Starlette, config: Config, settings: Settings) -> None:
    app.add_middleware(PaviorMiddleware, settings=settings)
    app.add_middleware(PaviorMiddleware, settings=config)
    app.add_middleware(PaviorMiddleware, settings=settings, identity=async_identity)
    app.add_middleware(PaviorMiddleware, settings=settings, consent=async_consent)


def wrapped(app: ASGIApp, settings: Settings) -> list[ASGIApp]:
    return [
        PaviorMiddleware(app, settings),
        PaviorMiddleware(Starlette(), settings, identity=identity, consent=consent),
        PaviorMiddleware(app, settings, identity=lambda scope: Identity(scope["user"].id)),
    ]


def page_to_print(request: Request) -> HTMLResponse:
    return skip(HTMLResponse("<!doctype html>"))


def stream(request: Request) -> StreamingResponse:
    return skip(StreamingResponse(iter([b"<!doctype html>"])))


def identity_of_request(request: Request) -> Identity:
    return Identity(request.session["user"])


def name(scope: Scope) -> str:
    return str(scope["user"])


def is_perhaps(scope: Scope) -> bool | None:
    return bool(scope["consent"]) if "consent" in scope else None


def mistakes(app: Starlette, settings: Settings) -> None:
    PaviorMiddleware(app, settings, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=identity_of_request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Middleware(PaviorMiddleware)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Middleware(PaviorMiddleware, setings=settings)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Middleware(PaviorMiddleware, settings=settings, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Middleware(PaviorMiddleware, settings=settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    app.add_middleware(PaviorMiddleware)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    app.add_middleware(PaviorMiddleware, settings=settings, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    app.add_middleware(PaviorMiddleware, settings=settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    read_settings({"PAVIOR_API_KEY": "a key"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    skip(Request({"type": "http"}).cookies)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
