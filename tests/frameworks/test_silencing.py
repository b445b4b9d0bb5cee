"""An app answers no question with its 404, by its adapter or by the route of docs/silencing.md."""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from werkzeug.test import Client

from demo.ports import free_ports
from pavior_middleware import Settings, asgi, wsgi
from tests.support.code_blocks import run_block
from tests.support.servers import LOOPBACK, serving_asgi
from tests.support.sites import ADA, API_KEY, SECRET_KEY, TEAM

SHARE_AUTH = "/.well-known/pavior/share-auth"
SETTINGS = Settings(TEAM, API_KEY)
LENDING = Settings(TEAM, API_KEY, shared_auth_domains=["help.example"], secret_key=SECRET_KEY)

_numbers = itertools.count()


class WsgiProbe:
    """Stands around an app, inside of the middleware, and keeps the status of each answer."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.statuses: list[int] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, *arguments: Any) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, *arguments)

        return self.app(environ, start)


class AsgiProbe:
    """The same for ASGI."""

    def __init__(self, app: Any, statuses: list[int] | None = None) -> None:
        self.app = app
        self.statuses: list[int] = [] if statuses is None else statuses

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def see(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
            await send(message)

        await self.app(scope, receive, see)


def asked_wsgi(app: Any) -> list[int]:
    """Return what a WSGI app answers, while the middleware around it answers with a 200."""
    probe = WsgiProbe(app)
    middleware = wsgi.PaviorMiddleware(probe, SETTINGS, identity=lambda environ: ADA)
    assert Client(middleware).get(SHARE_AUTH).status_code == 200
    return probe.statuses


def asked_asgi(app: Any) -> list[int]:
    """Return what an ASGI app answers, while the middleware around it answers with a 200.

    It is asked on a server, since some apps need to hear that one starts.
    """
    probe = AsgiProbe(app)
    middleware = asgi.PaviorMiddleware(probe, SETTINGS, identity=lambda scope: ADA)
    (port,) = free_ports([0])
    with serving_asgi(middleware, port):
        assert httpx.get(f"http://{LOOPBACK}:{port}{SHARE_AUTH}").status_code == 200
    return probe.statuses


def flask_app(route: Callable[..., Any]) -> list[int]:
    from flask import Flask

    from pavior_middleware.flask import Pavior

    app = Flask("shop")
    probe = WsgiProbe(app.wsgi_app)
    app.wsgi_app = probe  # type: ignore[method-assign]
    Pavior(app, SETTINGS, identity=lambda environ: ADA)
    route(app=app)
    assert app.test_client().get(SHARE_AUTH).status_code == 200
    return probe.statuses


def quart_app(route: Callable[..., Any]) -> list[int]:
    from quart import Quart

    from pavior_middleware.quart import Pavior

    app = Quart("shop")
    probe = AsgiProbe(app.asgi_app)
    app.asgi_app = probe  # type: ignore[method-assign]
    Pavior(app, SETTINGS, identity=lambda scope: ADA)
    route(app=app)
    with TestClient(app) as client:  # type: ignore[arg-type]  # of Quart's own ASGI types
        assert client.get(SHARE_AUTH).status_code == 200
    return probe.statuses


def starlette_app(route: Callable[..., Any]) -> list[int]:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute

    from pavior_middleware.starlette import PaviorMiddleware

    routes, statuses = list[BaseRoute](), list[int]()
    route(routes=routes)
    listed = Middleware(PaviorMiddleware, settings=SETTINGS, identity=lambda scope: ADA)
    app = Starlette(routes=routes, middleware=[listed, Middleware(AsgiProbe, statuses)])
    assert TestClient(app).get(SHARE_AUTH).status_code == 200
    return statuses


def pyramid_app(route: Callable[..., Any]) -> list[int]:
    from pyramid.config import Configurator

    config = Configurator()
    route(config=config)
    return asked_wsgi(config.make_wsgi_app())


def bottle_app(route: Callable[..., Any]) -> list[int]:
    from bottle import Bottle

    app = Bottle()
    route(app=app)
    return asked_wsgi(app)


def cherrypy_app(route: Callable[..., Any]) -> list[int]:
    import cherrypy

    class Root:
        pass

    root = Root()
    app = cherrypy.Application(root, "", {"/": {"log.screen": False}})
    route(root=root)
    return asked_wsgi(app)


def falcon_app(route: Callable[..., Any]) -> list[int]:
    import falcon

    app = falcon.App()
    route(app=app)
    return asked_wsgi(app)


def falcon_asgi_app(route: Callable[..., Any]) -> list[int]:
    import falcon.asgi

    app = falcon.asgi.App()
    route(app=app)
    return asked_asgi(app)


def blacksheep_app(route: Callable[..., Any]) -> list[int]:
    from blacksheep import Application
    from blacksheep.server.routing import Router

    app = Application(router=Router())
    route(app=app)
    return asked_asgi(app)


def sanic_app(route: Callable[..., Any]) -> list[int]:
    from sanic import HTTPResponse, Sanic, empty

    app = Sanic(f"silent-{next(_numbers)}")
    app.config.TOUCHUP = False  # or the next app of the process finds Sanic's methods rewritten

    @app.get("/")  # an app without a route does not start
    async def home(request: Any) -> HTTPResponse:
        return empty()

    route(app=app)
    return asked_asgi(app)


def emmett_app(route: Callable[..., Any]) -> list[int]:
    from emmett import App

    with tempfile.TemporaryDirectory() as root:
        app = App(__name__, root_path=root)
        route(app=app)
        return asked_asgi(app)


def aiohttp_app(route: Callable[..., Any]) -> list[int]:
    from aiohttp import test_utils, web

    from pavior_middleware.aiohttp import setup

    statuses: list[int] = []

    @web.middleware
    async def see(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            statuses.append(error.status)
            raise
        statuses.append(response.status)
        return response

    app = web.Application()
    setup(app, SETTINGS, identity=lambda request: ADA)
    app.middlewares.append(see)
    route(app=app)

    async def ask() -> int:
        server = test_utils.TestServer(app)
        async with test_utils.TestClient(server) as client, client.get(SHARE_AUTH) as response:
            return int(response.status)

    assert asyncio.run(ask()) == 200
    return statuses


DOCUMENTED = {  # in the order of the page
    "Flask": flask_app,
    "Quart": quart_app,
    "Starlette": starlette_app,
    "Pyramid": pyramid_app,
    "aiohttp": aiohttp_app,
    "Bottle": bottle_app,
    "BlackSheep": blacksheep_app,
    "CherryPy": cherrypy_app,
    "Emmett": emmett_app,
    "Falcon": falcon_app,
    "Falcon, ASGI": falcon_asgi_app,
    "Sanic": sanic_app,
}


@pytest.mark.parametrize("framework", DOCUMENTED)
def test_the_documented_route_keeps_an_app_from_its_404_for_a_question(framework: str) -> None:
    ask, number = DOCUMENTED[framework], list(DOCUMENTED).index(framework)
    assert ask(lambda **names: None) == [404]
    (status,) = ask(lambda **names: run_block("docs/silencing.md", number, **names))
    assert 200 <= status < 300


def fastapi_statuses() -> list[int]:
    from fastapi import FastAPI

    from pavior_middleware.fastapi import Pavior

    app, statuses = FastAPI(), list[int]()
    app.add_middleware(AsgiProbe, statuses=statuses)
    Pavior(app, SETTINGS, user=lambda: ADA)
    TestClient(app).get(SHARE_AUTH)
    return statuses


def litestar_statuses() -> list[int]:
    from litestar import Litestar

    from pavior_middleware.litestar import Pavior

    statuses: list[int] = []

    async def see(message: Any, scope: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    plugin = Pavior(SETTINGS, identity=lambda request: ADA)
    app = Litestar(before_send=[see], plugins=[plugin], openapi_config=None)
    with TestClient(app) as client:  # type: ignore[arg-type]  # of Litestar's own ASGI types
        client.get(SHARE_AUTH)
    return statuses


@pytest.mark.parametrize("statuses_of", [fastapi_statuses, litestar_statuses])
def test_an_app_with_an_adapter_answers_no_question_with_its_404(
    statuses_of: Callable[[], list[int]],
) -> None:
    statuses = statuses_of()
    assert statuses
    assert 404 not in statuses


def test_the_adapter_of_flask_adds_no_rule_to_an_app() -> None:
    from flask import Flask

    from pavior_middleware.flask import Pavior

    app = Flask("shop", static_folder=None)
    Pavior(app, LENDING)
    assert not list(app.url_map.iter_rules())


def test_the_adapter_of_quart_adds_no_rule_to_an_app() -> None:
    from quart import Quart

    from pavior_middleware.quart import Pavior

    app = Quart("shop", static_folder=None)
    Pavior(app, LENDING)
    assert not list(app.url_map.iter_rules())


def test_the_adapter_of_starlette_adds_no_route_to_an_app() -> None:
    from starlette.applications import Starlette

    from pavior_middleware.starlette import PaviorMiddleware

    app = Starlette()
    app.add_middleware(PaviorMiddleware, settings=LENDING)
    assert TestClient(app).get(SHARE_AUTH).status_code == 200
    assert not app.routes


def test_django_logs_no_404_for_a_question(browser: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "django")
    assert browser.get(SHARE_AUTH, sec_fetch_site="same-origin").status == 200
    assert "Not Found" not in caplog.text
    browser.get("/no-such-page")
    assert "Not Found: /no-such-page" in caplog.text
