"""Each framework's own test client, with a small site of each, as people test their sites."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Protocol

import falcon.testing
import httpx
import pytest
import webtest
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer
from anyio.from_thread import BlockingPortal, start_blocking_portal
from litestar.testing import TestClient as LitestarClient
from starlette.testclient import TestClient

from pavior_middleware.testing import Emulator, assert_anonymous, assert_named, init_options


class Client(Protocol):
    """A test client with its cookies. It returns what `init_options` takes."""

    def get(self, path: str) -> Any: ...
    def post(self, path: str, **form: str) -> Any: ...


class Plain:
    """A client whose methods return responses; `form` is its argument for a form."""

    def __init__(self, client: Any, form: str) -> None:
        self._client, self._form = client, form

    def get(self, path: str) -> Any:
        return self._client.get(path)

    def post(self, path: str, **form: str) -> Any:
        return self._client.post(path, **{self._form: form})


class Awaited:
    """A client whose methods return awaitables of responses."""

    def __init__(self, portal: BlockingPortal, client: Any, form: str) -> None:
        self._portal, self._client, self._form = portal, client, form

    def get(self, path: str) -> Any:
        return self._portal.call(self._get, path)

    def post(self, path: str, **form: str) -> Any:
        return self._portal.call(self._post, path, form)

    async def _get(self, path: str) -> Any:
        return await self._client.get(path)

    async def _post(self, path: str, form: dict[str, str]) -> Any:
        return await self._client.post(path, **{self._form: form})


class OfAiohttp(Awaited):
    async def _get(self, path: str) -> Any:
        return await (await super()._get(path)).read()


class OfAsyncDjango(Awaited):
    async def _get(self, path: str) -> Any:
        response = await super()._get(path)
        return b"".join([part async for part in response]) if response.streaming else response


class OfFalcon:
    """Falcon's client, which keeps no cookies."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> Any:
        return falcon.testing.simulate_get(self._app, path, cookies=self._cookies)

    def post(self, path: str, **form: str) -> Any:
        result = falcon.testing.simulate_post(
            self._app,
            path,
            body="&".join(f"{name}={value}" for name, value in form.items()),
            content_type="application/x-www-form-urlencoded",
            cookies=self._cookies,
        )
        self._cookies |= {name: cookie.value for name, cookie in result.cookies.items()}
        return result


Opens = Callable[[Any, BlockingPortal], AbstractContextManager[Client]]


@contextmanager
def flask_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    yield Plain(app.test_client(), "data")


@contextmanager
def webtest_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    yield Plain(webtest.TestApp(app), "params")


@contextmanager
def starlette_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    with TestClient(app, follow_redirects=False) as client:
        yield Plain(client, "data")


@contextmanager
def litestar_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    with LitestarClient(app) as client:
        yield Plain(client, "data")


@contextmanager
def falcon_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    yield OfFalcon(app)


@contextmanager
def falcon_asgi_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    # Falcon runs the app in the current loop on Python 3.10, and asyncio.run leaves none behind.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield OfFalcon(app)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def django_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    from django.test import Client as DjangoClient

    yield Plain(DjangoClient(), "data")


@contextmanager
def async_django_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    from django.test import AsyncClient

    yield OfAsyncDjango(portal, AsyncClient(), "data")


@contextmanager
def quart_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    yield Awaited(portal, app.test_client(), "form")


@contextmanager
def aiohttp_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    async def started() -> AiohttpClient[Any, Any]:
        return AiohttpClient(TestServer(app))

    with portal.wrap_async_context_manager(portal.call(started)) as client:
        yield OfAiohttp(portal, client, "data")


@contextmanager
def httpx_client(app: Any, portal: BlockingPortal) -> Iterator[Client]:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a.test")
    with portal.wrap_async_context_manager(client):
        yield Awaited(portal, client, "data")


CLIENTS: dict[str, Opens] = {
    "flask": flask_client,
    "django": django_client,
    "django_asgi": async_django_client,
    "starlette": starlette_client,
    "fastapi": starlette_client,
    "litestar": litestar_client,
    "quart": quart_client,
    "aiohttp": aiohttp_client,
    "falcon": falcon_client,
    "falcon_asgi": falcon_asgi_client,
    "bottle": webtest_client,
    "cherrypy": webtest_client,
    "wsgi": webtest_client,
    "asgi": httpx_client,
    "blacksheep": httpx_client,
}


# aiohttp says so of keys that are texts, as aiohttp-session's.
@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_site_is_tested_by_the_client_of_its_framework(name: str, emulator: Emulator) -> None:
    settings = emulator.settings
    app = import_module(f"tests.frameworks.apps.{name}").make_app(settings)
    with start_blocking_portal() as portal, CLIENTS[name](app, portal) as client:
        assert_anonymous(client.get("/"))
        client.post("/login", user="ada")
        for path in ("/", "/stream", "/gzip"):
            assert_named(client.get(path), "7", api_key=settings.api_key)
        assert (init_options(client.get("/")) or {})["email"] == "ada@example.com"
        for path in ("/api", "/skipped"):
            assert init_options(client.get(path)) is None
        emulator.open_chat(client.get("/")).say("Where is my order?")
        client.post("/logout")
        assert_anonymous(client.get("/"))
    (message,) = emulator.messages
    assert (message.identifier, message.authenticated) == ("7", True)
