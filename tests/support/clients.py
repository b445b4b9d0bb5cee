"""The test clients of frameworks, and clients of HTTP, each as it gets one response of a site."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import django.http
import falcon.testing
import httpx
import httpx2
import quart
import requests
import starlette.testclient
import webtest
import werkzeug.test
from litestar.testing import TestClient as LitestarClient

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings, asgi, wsgi
from tests.support.adapters import Reply, asgi_app, wsgi_app
from tests.support.servers import serving_wsgi

Get = Callable[[Reply, Settings, Identity | None], Any]
"""Asks a site that answers so, with this user, and returns what the client returns."""


def wsgi_site(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    return wsgi.PaviorMiddleware(wsgi_app(reply), settings, identity=lambda _: identity)


def asgi_site(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    return asgi.PaviorMiddleware(asgi_app(reply), settings, identity=lambda _: identity)


def by_webtest(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    return webtest.TestApp(wsgi_site(reply, settings, identity)).get("/", status="*")


def by_werkzeug(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    return werkzeug.test.Client(wsgi_site(reply, settings, identity)).get("/")


def by_falcon(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    return falcon.testing.simulate_get(wsgi_site(reply, settings, identity), "/")


def by_django(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    """Return Django's own response object, which its test client returns."""
    seen = by_werkzeug(reply, settings, identity)
    return django.http.HttpResponse(seen.data, status=seen.status_code, headers=dict(seen.headers))


def by_django_in_pieces(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    seen = by_werkzeug(reply, settings, identity)
    pieces = [seen.data[start : start + 7] for start in range(0, len(seen.data), 7)]
    return django.http.StreamingHttpResponse(
        iter(pieces), status=seen.status_code, headers=dict(seen.headers)
    )


def by_starlette(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    site = asgi_site(reply, settings, identity)
    return starlette.testclient.TestClient(site, follow_redirects=False).get("/")


def by_litestar(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    site = asgi_site(reply, settings, identity)
    return LitestarClient(site).get("/", follow_redirects=False)


def by_httpx(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    transport = httpx.WSGITransport(wsgi_site(reply, settings, identity))
    with httpx.Client(transport=transport, base_url="http://a.test") as client:
        return client.get("/")


def by_httpx2(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    transport = httpx2.WSGITransport(wsgi_site(reply, settings, identity))
    with httpx2.Client(transport=transport, base_url="http://a.test") as client:
        return client.get("/")


def by_quart(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    app = quart.Quart(__name__)
    app.asgi_app = asgi_site(reply, settings, identity)  # type: ignore[method-assign]

    async def get() -> Any:
        return await app.test_client().get("/")

    return asyncio.run(get())


@contextmanager
def served(reply: Reply, settings: Settings, identity: Identity | None) -> Iterator[str]:
    (port,) = free_ports([0])
    with serving_wsgi(wsgi_site(reply, settings, identity), port):
        yield f"http://{LOOPBACK}:{port}/"


def by_requests(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    with served(reply, settings, identity) as url, requests.Session() as session:
        session.trust_env = False  # servers of this machine are reached without a proxy
        return session.get(url, allow_redirects=False)


def by_aiohttp(reply: Reply, settings: Settings, identity: Identity | None) -> Any:
    async def get(url: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return await response.read()

    with served(reply, settings, identity) as url:
        return asyncio.run(get(url))


CLIENTS: dict[str, Get] = {
    "webtest": by_webtest,
    "werkzeug": by_werkzeug,
    "falcon": by_falcon,
    "django": by_django,
    "django in pieces": by_django_in_pieces,
    "starlette": by_starlette,
    "litestar": by_litestar,
    "httpx": by_httpx,
    "httpx2": by_httpx2,
    "quart": by_quart,
    "requests": by_requests,
}

CLIENTS_OF_BODIES: dict[str, Get] = {"aiohttp": by_aiohttp}
"""Those whose bodies are awaited: the body is what they return."""


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body as a Django view does that streams asynchronously."""
    for start in range(0, len(body), 7):
        yield body[start : start + 7]
