"""The middleware for any WSGI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b""]


def app_of_dict(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def identity(environ: WSGIEnvironment) -> Identity | None:
    return Identity(environ["REMOTE_USER"]) if "REMOTE_USER" in environ else None


def identity_of_dict(environ: dict[str, Any]) -> Identity:
    return Identity(environ["REMOTE_USER"])


def identity_of_mapping(environ: Mapping[str, object]) -> Identity:
    return Identity(str(environ["REMOTE_USER"]))


def consent(environ: WSGIEnvironment) -> bool:
    return "consent" in environ.get("HTTP_COOKIE", "")


def right(settings: Settings) -> list[WSGIApplication]:
    return [
        PaviorMiddleware(app, settings),
        PaviorMiddleware(app=app, settings=settings, identity=None, consent=None),
        PaviorMiddleware(app_of_dict, settings, identity=identity, consent=consent),
        PaviorMiddleware(app, settings, identity=identity_of_dict),
        PaviorMiddleware(app, settings, identity=identity_of_mapping),
        PaviorMiddleware(app, settings, identity=lambda environ: Identity(environ["REMOTE_USER"])),
        PaviorMiddleware(app, settings, identity=lambda _: None, consent=lambda _: True),
        PaviorMiddleware(PaviorMiddleware(app, settings), settings),
    ]


def serve(settings: Settings) -> None:
    make_server("localhost", 8000, PaviorMiddleware(app, settings)).serve_forever()


def name(environ: WSGIEnvironment) -> str:
    return str(environ["REMOTE_USER"])


async def async_identity(environ: WSGIEnvironment) -> Identity | None:
    return identity(environ)


async def async_consent(environ: WSGIEnvironment) -> bool:
    return consent(environ)


def is_perhaps(environ: WSGIEnvironment) -> bool | None:
    return bool(environ["consent"]) if "consent" in environ else None


async def asgi_app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None: ...


def mistakes(settings: Settings) -> None:
    PaviorMiddleware(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(settings, app)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(asgi_app, settings)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, {"team_vanity_id": "acme"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    PaviorMiddleware(app, settings, identity=Identity(7))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=async_identity)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, identity=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PaviorMiddleware(app, settings, consent=async_consent)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
