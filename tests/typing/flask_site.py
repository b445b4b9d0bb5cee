"""The extension for Flask."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, jsonify, make_response, render_template_string

from pavior_middleware import Identity, Settings, skip
from pavior_middleware.flask import Pavior

pavior = Pavior()
with_callables = Pavior(identity=lambda _: Identity(g.user_id), consent=lambda _: True)


def identity(environ: dict[str, Any]) -> Identity | None:
    return Identity(environ["REMOTE_USER"]) if "REMOTE_USER" in environ else None


def consent(environ: dict[str, Any]) -> bool:
    return "consent" in environ


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    pavior.init_app(app)
    with_callables.init_app(app)

    @app.get("/")
    def home() -> str:
        return render_template_string("<!doctype html>{{ pavior_snippet() }}")

    @app.get("/print")
    def print_page() -> Response:
        return skip(make_response("<!doctype html>"))

    @app.get("/orders")
    def orders() -> Response:
        return skip(jsonify([]))

    return app


def right(app: Flask, settings: Settings) -> list[Pavior]:
    return [
        Pavior(app),
        Pavior(app, settings),
        Pavior(app=app, settings=settings, identity=identity, consent=consent),
        Pavior(app, Settings.from_mapping(app.config)),
        Pavior(settings=settings),
    ]


class PrintPage(Response):
    """A response of the site's own class."""


def own_class() -> PrintPage:
    return skip(PrintPage())


def name(environ: dict[str, Any]) -> str:
    return str(environ["REMOTE_USER"])


async def async_identity(environ: dict[str, Any]) -> Identity | None:
    return identity(environ)


def is_perhaps(environ: dict[str, Any]) -> bool | None:
    return bool(environ["consent"]) if "consent" in environ else None


def mistakes(app: Flask, settings: Settings) -> None:
    Pavior(settings)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app.wsgi_app)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, app.config)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(app, identiy=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(app, identity=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, identity=async_identity)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, identity=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
    Pavior(app, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pavior.init_app()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    pavior.init_app(app, settings)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    skip("<!doctype html>")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
