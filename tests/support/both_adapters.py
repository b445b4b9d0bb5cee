"""One request through the ASGI and the WSGI middleware, which are made once for all requests."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pavior_middleware import Identity, Settings, asgi, wsgi

from .response_model import App, Fields, Reply, Request, Visitor


@dataclass(frozen=True)
class Seen:
    """What a client got, and the requests that the app saw."""

    status: int
    fields: Fields
    body: bytes = field(repr=False)
    seen: tuple[Request, ...]

    def values(self, name: str) -> list[str]:
        """Return the values of all fields of a name."""
        return [value for each, value in self.fields if each.lower() == name]


class WsgiSite:
    """A site behind the WSGI middleware."""

    def __init__(self, settings: Settings, *, asks_consent: bool) -> None:
        self._middleware = wsgi.PaviorMiddleware(
            self._app,
            settings,
            identity=lambda environ: environ["site.visitor"].identity,
            consent=(lambda environ: environ["site.visitor"].consents) if asks_consent else None,
        )

    @staticmethod
    def _app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        names = {key: key.removeprefix("HTTP_").lower().replace("_", "-") for key in environ}
        fields = {
            name: environ[key]
            for key, name in names.items()
            if key.startswith("HTTP_") or key == "CONTENT_LENGTH"
        }
        reply = environ["site.answer"](fields)
        status = HTTPStatus(reply.status)
        start_response(f"{status.value} {status.phrase}", list(reply.fields))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else list(reply.chunks)

    def fetch(self, request: Request, app: App, visitor: Visitor) -> Seen:
        """Return what a client gets."""
        answer, requests = _answering(request, app)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": request.root_path,
            "PATH_INFO": request.path.removeprefix(request.root_path),
            "QUERY_STRING": "",
            "SERVER_NAME": "a.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "site.answer": answer,
            "site.visitor": visitor,
        }
        for name, value in request.fields.items():
            prefix = "" if name == "content-length" else "HTTP_"
            environ[prefix + name.upper().replace("-", "_")] = value
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            started.append((status, headers))

        iterable = self._middleware(environ, start_response)
        try:
            body = b"".join(iterable)
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        ((status, headers),) = started
        return Seen(int(status[:3]), tuple(headers), body, tuple(requests))


class AsgiSite:
    """A site behind the ASGI middleware."""

    def __init__(self, settings: Settings, portal: BlockingPortal, *, asks_consent: bool) -> None:
        async def identity(scope: asgi.Scope) -> Identity | None:
            found: Identity | None = scope["site.visitor"].identity
            return found

        async def consent(scope: asgi.Scope) -> bool:
            consents: bool = scope["site.visitor"].consents
            return consents

        self._portal = portal
        self._middleware = asgi.PaviorMiddleware(
            self._app, settings, identity=identity, consent=consent if asks_consent else None
        )

    @staticmethod
    async def _app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        fields = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        reply: Reply = scope["site.answer"](fields)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.fields]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        chunks = () if scope["method"] == "HEAD" else reply.chunks
        for chunk in chunks[:-1]:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"".join(chunks[-1:])})

    def fetch(self, request: Request, app: App, visitor: Visitor) -> Seen:
        """Return what a client gets."""
        answer, requests = _answering(request, app)
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "root_path": request.root_path,
            "query_string": b"",
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in request.fields.items()
            ],
            "site.answer": answer,
            "site.visitor": visitor,
        }
        start, body = self._portal.call(self._messages, scope)
        fields = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
        )
        return Seen(start["status"], fields, body, tuple(requests))

    async def _messages(self, scope: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        await self._middleware(scope, receive, send)
        start, *bodies = messages
        assert start["type"] == "http.response.start"
        assert [each.get("more_body", False) for each in bodies] == [True] * (len(bodies) - 1) + [
            False
        ]
        return start, b"".join(each["body"] for each in bodies)


def _answering(request: Request, app: App) -> tuple[Any, list[Request]]:
    """Return the app as a function of the fields that it sees, and a list of what it has seen."""
    requests: list[Request] = []

    def answer(fields: dict[str, str]) -> Reply:
        seen = Request(request.method, request.scheme, request.path, request.root_path, fields)
        requests.append(seen)
        return app(seen)

    return answer, requests


class Adapters:
    """Both adapters of any site, made once for all requests, as in a server."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._sites: dict[tuple[int, bool], tuple[WsgiSite, AsgiSite]] = {}

    def of(self, settings: Settings, *, asks_consent: bool) -> tuple[WsgiSite, AsgiSite]:
        """Return a site behind the WSGI and behind the ASGI middleware."""
        key = (id(settings), asks_consent)
        if key not in self._sites:
            self._sites[key] = (
                WsgiSite(settings, asks_consent=asks_consent),
                AsgiSite(settings, self._portal, asks_consent=asks_consent),
            )
        return self._sites[key]


@contextmanager
def both_adapters() -> Iterator[Adapters]:
    """Keep an event loop in a thread of its own, as other tests may have one in this thread."""
    with start_blocking_portal() as portal:
        yield Adapters(portal)
