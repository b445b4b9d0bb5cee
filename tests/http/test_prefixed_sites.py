"""Sites below a path: the URL at which a page asks who is logged in is one that the site answers.

A proxy removes the prefix, as in front of most such sites; the others are mounted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse as FastAPIPage
from flask import Flask
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.testclient import TestClient
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.http_proxy import ProxyMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, asgi, starlette, wsgi
from pavior_middleware.flask import Pavior
from tests.support.adapters import PAGE, Reply, asgi_app, wsgi_app
from tests.support.pages import data_in_head
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import ADA, ADAS, API_KEY, SETTINGS, TEAM

# FastAPI warns of its own parameter, which many apps have.
pytestmark = pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")

PREFIX = "/shop"
SHARE_AUTH = "/.well-known/pavior/share-auth"
CACHEABLE = Settings(TEAM, API_KEY, cacheable_pages=True)
SET = Settings(TEAM, API_KEY, root_path=PREFIX)

Serve = Callable[[int], AbstractContextManager[None]]


def fast_api(**options: Any) -> FastAPI:
    app = FastAPI(**options)
    app.add_api_route("/", lambda: FastAPIPage(PAGE))
    return app


def flask_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE)
    return app


def wrapped(
    app: Any, settings: Settings = SETTINGS, user: Identity | None = ADA
) -> asgi.PaviorMiddleware:
    return asgi.PaviorMiddleware(app, settings, identity=lambda scope: user)


def listed(settings: Settings = SETTINGS) -> Any:
    app = fast_api(root_path=PREFIX)
    app.add_middleware(starlette.PaviorMiddleware, settings=settings, identity=lambda scope: ADA)
    return app


def around_wsgi(app: Any, settings: Settings = SETTINGS) -> wsgi.PaviorMiddleware:
    return wsgi.PaviorMiddleware(app, settings, identity=lambda environ: ADA)


def flask_site(*, fixed_first: bool) -> Flask:
    app = flask_app()
    if fixed_first:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    Pavior(app, SETTINGS, identity=lambda environ: ADA)
    if not fixed_first:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    return app


def on_uvicorn(make: Callable[[], Any], root_path: str = "") -> Serve:
    return lambda port: serving_asgi(make(), port, root_path=root_path)


def on_wsgiref(make: Callable[[], Any]) -> Serve:
    return lambda port: serving_wsgi(make(), port)


SITES: dict[str, Serve] = {
    "around FastAPI(root_path)": on_uvicorn(lambda: wrapped(fast_api(root_path=PREFIX))),
    "around FastAPI(root_path) in a middleware": on_uvicorn(
        lambda: wrapped(GZipMiddleware(fast_api(root_path=PREFIX)))
    ),
    "around FastAPI(root_path), for nobody": on_uvicorn(
        lambda: wrapped(fast_api(root_path=PREFIX), user=None)
    ),
    "around FastAPI(root_path), cacheable": on_uvicorn(
        lambda: wrapped(fast_api(root_path=PREFIX), CACHEABLE)
    ),
    "listed in FastAPI(root_path)": on_uvicorn(listed),
    "uvicorn --root-path": on_uvicorn(lambda: wrapped(asgi_app(Reply())), root_path=PREFIX),
    "uvicorn --root-path, around FastAPI": on_uvicorn(
        lambda: wrapped(fast_api()), root_path=PREFIX
    ),
    "ProxyFix around the middleware": on_wsgiref(
        lambda: ProxyFix(around_wsgi(wsgi_app(Reply())), x_prefix=1)
    ),
    "the middleware around ProxyFix": on_wsgiref(
        lambda: around_wsgi(ProxyFix(wsgi_app(Reply()), x_prefix=1))
    ),
    "Flask, ProxyFix around the middleware": on_wsgiref(lambda: flask_site(fixed_first=False)),
    "Flask, the middleware around ProxyFix": on_wsgiref(lambda: flask_site(fixed_first=True)),
    "the setting, ASGI": on_uvicorn(lambda: wrapped(asgi_app(Reply()), SET)),
    "the setting, WSGI": on_wsgiref(lambda: around_wsgi(wsgi_app(Reply()), SET)),
}


@contextmanager
def behind_proxy(serve: Serve) -> Iterator[httpx2.Client]:
    """Run a site behind a proxy that removes the prefix, and names it in `X-Forwarded-Prefix`."""
    (port,) = free_ports((0,))
    options = {
        "target": f"http://{LOOPBACK}:{port}/",
        "remove_prefix": True,
        "headers": {"X-Forwarded-Prefix": PREFIX},
    }
    proxy = ProxyMiddleware(NotFound(), {PREFIX: options})
    transport = httpx2.WSGITransport(proxy)
    with serve(port), httpx2.Client(transport=transport, base_url="http://a.test") as client:
        yield client


def urls_in(page: bytes) -> tuple[str, str]:
    """Return the paths of the page's file and of its question."""
    (data,) = data_in_head(page)
    file = str(data["urls"][1])
    return file, urljoin(file, "share-auth")


@pytest.mark.parametrize("serve", SITES.values(), ids=SITES)
def test_a_page_behind_a_proxy_that_removes_a_prefix_asks_where_its_site_answers(
    serve: Serve,
) -> None:
    with behind_proxy(serve) as client:
        file, question = urls_in(client.get(f"{PREFIX}/").content)
        answer, script = client.get(question), client.get(file)
    assert question == PREFIX + SHARE_AUTH
    assert answer.status_code == 200
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "make",
    [
        lambda: around_wsgi(ProxyFix(wsgi_app(Reply()), x_prefix=1), CACHEABLE),
        lambda: ProxyFix(around_wsgi(wsgi_app(Reply()), CACHEABLE), x_prefix=1),
    ],
    ids=["the middleware outside", "ProxyFix outside"],
)
def test_no_prefix_in_a_field_of_the_request_gets_into_a_cacheable_page(
    make: Callable[[], Any],
) -> None:
    client = httpx2.Client(transport=httpx2.WSGITransport(make()), base_url="http://a.test")
    page = client.get("/", headers={"X-Forwarded-Prefix": "/evil"}).content
    assert urls_in(page)[1] == SHARE_AUTH


def moving(environ: dict[str, Any], start_response: Any) -> Any:
    """Rewrite the path on the way to the app."""
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/moved", "/elsewhere"
    return wsgi_app(Reply())(environ, start_response)


@pytest.mark.parametrize(
    ("app", "question"),
    [
        (DispatcherMiddleware(NotFound(), {"/inner": wsgi_app(Reply())}), SHARE_AUTH),
        (
            ProxyFix(DispatcherMiddleware(NotFound(), {"/inner": wsgi_app(Reply())}), x_prefix=1),
            PREFIX + SHARE_AUTH,
        ),
        (moving, SHARE_AUTH),
    ],
    ids=["mounted", "mounted behind ProxyFix", "moved"],
)
def test_a_page_asks_at_the_same_path_wherever_the_app_passes_the_request_on(
    app: Any, question: str
) -> None:
    transport = httpx2.WSGITransport(around_wsgi(app))
    client = httpx2.Client(transport=transport, base_url="http://a.test")
    page = client.get("/inner/page", headers={"X-Forwarded-Prefix": PREFIX}).content
    assert urls_in(page)[1] == question


@pytest.mark.parametrize("root_path", ["api/", "/a b", 7, None])
def test_a_root_path_of_an_app_that_is_no_path_is_not_taken(root_path: Any) -> None:
    app = fast_api()
    app.root_path = root_path
    site = wrapped(app)
    app.root_path = ""
    assert urls_in(TestClient(site).get("/").content)[1] == SHARE_AUTH


def test_the_root_path_setting_comes_before_that_of_the_app() -> None:
    client = TestClient(wrapped(fast_api(root_path="/other"), SET))
    assert urls_in(client.get("/").content)[1] == PREFIX + SHARE_AUTH


def test_an_app_whose_layers_never_end_can_be_wrapped() -> None:
    class Endless:
        @property
        def app(self) -> Endless:
            return Endless()

        async def __call__(self, *given: Any) -> None:
            await asgi_app(Reply())(*given)

    assert urls_in(TestClient(wrapped(Endless())).get("/").content)[1] == SHARE_AUTH


# ── Mounted: routers that raise where they have no route ───────────────────────────────────────


async def home(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def change(request: Request) -> Response:
    return Response()


PAVIOR = [Middleware(starlette.PaviorMiddleware, settings=SETTINGS, identity=lambda scope: ADA)]
ROUTES = [Route("/", home)]
ONLY_POST = [*ROUTES, Route(SHARE_AUTH, change, methods=["POST"])]

MOUNTS: dict[str, Mount] = {
    "Mount(middleware=)": Mount(PREFIX, routes=ROUTES, middleware=PAVIOR),
    "Mount(middleware=), 405": Mount(PREFIX, routes=ONLY_POST, middleware=PAVIOR),
    "Router(middleware=)": Mount(PREFIX, Router(ROUTES, middleware=PAVIOR)),
    "Router(middleware=), 405": Mount(PREFIX, Router(ONLY_POST, middleware=PAVIOR)),
    "a Router inside": Mount(PREFIX, wrapped(Router(ROUTES))),
}


@pytest.mark.parametrize("mount", MOUNTS.values(), ids=MOUNTS)
def test_a_page_of_a_router_that_has_the_middleware_asks_where_it_is_answered(
    mount: Mount,
) -> None:
    client = TestClient(Starlette(routes=[mount]))
    file, question = urls_in(client.get(f"{PREFIX}/").content)
    assert question == PREFIX + SHARE_AUTH
    assert client.get(question).json().items() >= ADAS.items()
    assert client.get(file).status_code == 200


class WithStatus(Exception):
    """An exception with which an app chooses its answer."""

    def __init__(self, **attributes: object) -> None:
        super().__init__()
        self.__dict__.update(attributes)


def raising(adapter: str, error: Exception) -> httpx2.Client:
    """Return what asks a site whose app raises."""

    async def asgi_app(*given: Any) -> None:
        raise error

    def wsgi_app(*given: Any) -> Any:
        raise error

    if adapter == "asgi":
        return TestClient(wrapped(asgi_app))
    transport = httpx2.WSGITransport(around_wsgi(wsgi_app))
    return httpx2.Client(transport=transport, base_url="http://a.test")


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(404),
        HTTPException(405),
        WithStatus(status=404),
        WithStatus(status="405 Method Not Allowed"),
        WithStatus(status=HTTPStatus.NOT_FOUND),
        NotFound(),
    ],
    ids=[
        *("Starlette's 404", "Starlette's 405", "a status", "a status as text"),
        *("a status of http", "Werkzeug's 404"),
    ],
)
def test_an_exception_that_says_404_or_405_is_an_answer_of_the_app(
    adapter: str, error: Exception
) -> None:
    assert raising(adapter, error).get(SHARE_AUTH).json().items() >= ADAS.items()


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(403),
        HTTPException(500),
        WithStatus(status="down"),
        WithStatus(status=None),
        WithStatus(status_code=[404], code=4040),
        RuntimeError(),
    ],
    ids=["403", "500", "another status", "no status", "no number", "another error"],
)
def test_any_other_exception_of_the_app_propagates(adapter: str, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        raising(adapter, error).get(SHARE_AUTH)
    assert raised.value is error


@pytest.mark.parametrize("path", ["/page", "/caf\u00e9", "/\u263a"])
def test_a_wsgi_app_may_write_its_path_into_the_environ_as_text_as_django_does(path: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = PREFIX, path
        return wsgi_app(Reply())(environ, start_response)

    page = Client(around_wsgi(app)).get(path).data
    assert urls_in(page)[1] == PREFIX + SHARE_AUTH
