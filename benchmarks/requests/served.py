"""The sites that run behind real servers: a template page with a session, and a login.

    python -m benchmarks.requests.served starlette_ours 3 asyncio h11

runs uvicorn on a listening socket, whose descriptor is 3, with this event loop and this parser.
gunicorn gets a site from one of the functions without arguments. All sites have the same templates,
which make a page of about 10 kB. The page's author writes the script there unless a middleware
does.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import jinja2
import uvicorn
from flask import Flask, render_template, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from pavior_middleware import Identity
from pavior_middleware.asgi import PaviorMiddleware
from pavior_middleware.flask import Pavior

from .asgi import PassThrough
from .pages import EMAIL, PATH, SECRET_KEY, SETTINGS, USER_ID, by_hand
from .wsgi import pass_through

ORDERS = [{"id": 700 + number, "what": f"A cloud, {number}"} for number in range(5)]
TEMPLATES = {
    "base.html": """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %} - Cloud shop</title>
{% if script %}{{ script|safe }}{% endif %}
<link rel="stylesheet" href="/static/css/main.css">
<script src="/static/js/app.js" defer></script>
</head>
<body>
<nav><a href="/">Home</a> <a href="/orders">Orders</a> <span>{{ name }}</span></nav>
<main>{% block main %}{% endblock %}</main>
</body>
</html>
""",
    "orders.html": """{% extends "base.html" %}
{% block title %}Orders of {{ name }}{% endblock %}
{% block main %}<h1>Orders</h1>
<ul>
{% for order in orders -%}
<li><a href="/orders/{{ order.id }}">{{ order.what }}</a></li>
{% endfor %}</ul>
"""
    + "<p>Clouds are made by hand, from the rain of the morning, and last an evening.</p>\n" * 100
    + "{% endblock %}",
}
LOGIN = "/login"


def _script(user_id: str | None, email: str | None) -> str | None:
    return by_hand(user_id, email).decode() if user_id and email else None


# ── Starlette ──────────────────────────────────────────────────────────────────────────────────


def _starlette(*middleware: Middleware, is_hand_written: bool) -> Starlette:
    environment = jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES), autoescape=True)
    templates = Jinja2Templates(env=environment)

    async def login(request: Request) -> Response:
        request.session.update(id=USER_ID, email=EMAIL)
        return Response()

    async def order(request: Request) -> Response:
        user_id, email = request.session.get("id"), request.session.get("email")
        script = _script(user_id, email) if is_hand_written else None
        context = {"name": email, "orders": ORDERS, "script": script}
        return templates.TemplateResponse(request, "orders.html", context)

    return Starlette(
        routes=[Route(LOGIN, login), Route(PATH, order)],
        middleware=[*middleware, Middleware(SessionMiddleware, secret_key=SECRET_KEY)],
    )


async def _of_session(scope: Any) -> Identity | None:
    found = scope["session"]
    return Identity(found["id"], found["email"]) if "id" in found else None


def starlette_hand_written() -> Starlette:
    """Return the site with the script in its template."""
    return _starlette(is_hand_written=True)


def starlette_pass_through() -> Starlette:
    """Return the same site with a middleware that does the least possible."""
    return _starlette(Middleware(PassThrough), is_hand_written=True)


def starlette_ours() -> Starlette:
    """Return the site with this package's middleware."""
    ours = Middleware(PaviorMiddleware, SETTINGS, identity=_of_session)
    return _starlette(ours, is_hand_written=False)


# ── Flask ──────────────────────────────────────────────────────────────────────────────────────


def _flask(*, is_hand_written: bool) -> Flask:
    app = Flask("shop")
    app.secret_key = SECRET_KEY
    app.jinja_loader = jinja2.DictLoader(TEMPLATES)

    @app.get(LOGIN)
    def login() -> str:
        session.update(id=USER_ID, email=EMAIL)
        return ""

    @app.get(PATH)
    def order() -> str:
        user_id, email = session.get("id"), session.get("email")
        script = _script(user_id, email) if is_hand_written else None
        return render_template("orders.html", name=email, orders=ORDERS, script=script)

    return app


def flask_hand_written() -> Flask:
    """Return the site with the script in its template."""
    return _flask(is_hand_written=True)


def flask_pass_through() -> Flask:
    """Return the same site with a middleware that does the least possible."""
    app = _flask(is_hand_written=True)
    app.wsgi_app = pass_through(app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app


def flask_ours() -> Flask:
    """Return the site with this package's extension."""

    def identity(environ: dict[str, Any]) -> Identity | None:  # noqa: ARG001
        return Identity(session["id"], session["email"]) if "id" in session else None

    app = _flask(is_hand_written=False)
    Pavior(app, SETTINGS, identity=identity)
    return app


def _run_uvicorn(name: str, descriptor: int, loop: Any, http: Any) -> None:
    """Run a Starlette site.

    The command `uvicorn --fd` takes each socket for a Unix one, so asyncio does not set TCP_NODELAY
    and each answer waits for a delayed acknowledgement, about 40 ms.
    """
    sites = (starlette_hand_written, starlette_pass_through, starlette_ours)
    (make,) = (site for site in sites if site.__name__ == name)
    config = uvicorn.Config(make(), loop=loop, http=http, log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _run_uvicorn(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
