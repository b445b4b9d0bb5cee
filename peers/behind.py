"""A plugin of pytest that runs a suite's apps behind the middleware, and writes the outcomes down.

The plugin runs in the suite's own environment, so it imports only what is installed there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pavior_middleware import Identity, Settings, asgi, wsgi

from .django_suite import DjangoProject

NAVIGATION, INSTALLED, SKIPPED = "navigation", "installed", "skipped"

_NAMED = Settings("peers", "the-API-key-of-the-suites-of-peers")
CONFIGURATIONS: Mapping[str, Settings] = MappingProxyType(
    {
        "named": _NAMED,
        NAVIGATION: _NAMED,
        INSTALLED: _NAMED,
        "lending": replace(
            _NAMED,
            shared_auth_domains=["help.example"],
            secret_key="the secret key of the suites of peers",  # noqa: S106  # it protects nothing
        ),
        "cacheable": replace(_NAMED, cacheable_pages=True),
        SKIPPED: replace(_NAMED, skip_paths=["*"]),
    }
)
"""The settings, by name.

The tests' own requests do not say that they are navigations. So a text without a doctype or an
`<html>` counts as a part of a page. With `NAVIGATION` each request says that it is a navigation, so
all HTML gets the script. The plugin then removes the script, and the rest must be what the app has
sent. `INSTALLED` adds the middleware as the documents say: Starlette and Django list it, and Flask
has the extension. With `SKIPPED` no page gets the script.
"""

_ELEMENT = re.compile(rb"<script data-astro-rerun data-pavior=.*?</script>", re.DOTALL)
_FIELD = (b"sec-fetch-dest", b"document")
_KEY_OF_FIELD = "HTTP_SEC_FETCH_DEST"


class Behind:
    """Puts apps behind the middleware. `events` counts the outcomes of the middleware's events."""

    def __init__(self, configuration: str) -> None:
        self.events: Counter[str] = Counter()
        settings = CONFIGURATIONS[configuration]
        self.settings = replace(
            settings, on_event=lambda event: self.events.update([event.outcome])
        )
        self._navigates = configuration == NAVIGATION

    def asgi(self, app: Any) -> Any:
        """Return an ASGI app behind the middleware."""
        if not self._navigates:
            return asgi.PaviorMiddleware(app, self.settings, identity=_ada)

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope["headers"] = [field for field in scope["headers"] if field != _FIELD]
            await app(scope, receive, send)

        middleware = asgi.PaviorMiddleware(inner, self.settings, identity=_ada)

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            async def send_without_element(message: Any) -> None:
                if message.get("body"):
                    message = {**message, "body": _without_element(message["body"])}
                await send(message)

            if scope["type"] == "http":
                scope["headers"] = [*scope["headers"], _FIELD]
            await middleware(scope, receive, send_without_element)

        return outer

    def wsgi(self, app: Any) -> Any:
        """Return a WSGI app behind the middleware."""
        if not self._navigates:
            return wsgi.PaviorMiddleware(app, self.settings, identity=_ada)

        def inner(environ: Any, start_response: Any) -> Any:
            environ.pop(_KEY_OF_FIELD, None)
            return app(environ, start_response)

        middleware = wsgi.PaviorMiddleware(inner, self.settings, identity=_ada)

        def outer(environ: Any, start_response: Any) -> Any:
            environ[_KEY_OF_FIELD] = "document"
            body = middleware(environ, start_response)
            return list(map(_without_element, body)) if isinstance(body, list) else _Body(body)

        return outer

    def django(self, get_response: Any) -> Any:
        """Return the handler of a Django site behind the middleware."""
        from asgiref.sync import iscoroutinefunction, markcoroutinefunction

        from pavior_middleware.django import PaviorMiddleware

        if not self._navigates:
            return PaviorMiddleware(get_response)

        def inner(request: Any) -> Any:
            request.META.pop(_KEY_OF_FIELD, None)
            return get_response(request)

        def without_element(response: Any) -> Any:
            if not response.get("Content-Type", "").startswith("text/html"):
                return response
            if response.streaming:
                without = _awaited_without_element if response.is_async else _Body
                response.streaming_content = without(response.streaming_content)
            elif _ELEMENT.search(response.content):
                response.content = _without_element(response.content)
            return response

        if not iscoroutinefunction(get_response):
            middleware = PaviorMiddleware(inner)

            def outer(request: Any) -> Any:
                request.META[_KEY_OF_FIELD] = "document"
                return without_element(middleware(request))

            return outer

        middleware = PaviorMiddleware(markcoroutinefunction(inner))

        async def outer_async(request: Any) -> Any:
            request.META[_KEY_OF_FIELD] = "document"
            return without_element(await middleware(request))

        return outer_async


class _Body:
    """The body of a WSGI response, or the pieces of a Django response, without the element."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return map(_without_element, self._pieces)

    def close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()


async def _awaited_without_element(pieces: Any) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield _without_element(piece)


def _without_element(piece: bytes) -> bytes:
    return _ELEMENT.sub(b"", piece) if isinstance(piece, bytes) else piece


def _ada(_: Any) -> Identity:
    return Identity("ada")


def _starlette(behind: Behind) -> None:
    from starlette import testclient

    transport: Any = testclient._TestClientTransport
    make = transport.__init__

    def init(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        make(self, behind.asgi(app), *args, **kwargs)

    transport.__init__ = init


def _flask(behind: Behind) -> None:
    import flask

    serve = flask.Flask.wsgi_app

    def wsgi_app(self: flask.Flask, environ: Any, start_response: Any) -> Any:
        return behind.wsgi(partial(serve, self))(environ, start_response)

    flask.Flask.wsgi_app = wsgi_app  # type: ignore[method-assign]


def _werkzeug(behind: Behind) -> None:
    import werkzeug.test

    run = werkzeug.test.run_wsgi_app

    def run_wsgi_app(app: Any, environ: Any, *args: Any, **kwargs: Any) -> Any:
        # Some tests give an empty environ, which PEP 3333 does not allow.
        return run(behind.wsgi(app), environ or werkzeug.test.create_environ(), *args, **kwargs)

    werkzeug.test.run_wsgi_app = run_wsgi_app


def _whitenoise(behind: Behind) -> None:
    from wsgiref import simple_server

    make = simple_server.make_server

    def make_server(host: str, port: int, app: Any, *args: Any, **kwargs: Any) -> Any:
        return make(host, port, behind.wsgi(app), *args, **kwargs)

    simple_server.make_server = make_server


def _quart(behind: Behind) -> None:
    import quart

    serve = quart.Quart.asgi_app

    async def asgi_app(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await behind.asgi(partial(serve, self))(scope, receive, send)

    quart.Quart.asgi_app = asgi_app  # type: ignore[method-assign]


def _set_up_django(behind: Behind) -> None:
    from dataclasses import fields

    from django.conf import settings

    for each in fields(behind.settings):
        setattr(settings, f"PAVIOR_{each.name.upper()}", getattr(behind.settings, each.name))
    settings.PAVIOR_IDENTITY = _ada


def _django(behind: Behind) -> None:
    from django.core.handlers.base import BaseHandler

    load = BaseHandler.load_middleware

    def load_middleware(self: Any, is_async: bool = False) -> None:
        load(self, is_async)
        self._middleware_chain = behind.django(self._middleware_chain)

    _set_up_django(behind)
    BaseHandler.load_middleware = load_middleware


def _installed_in_django(behind: Behind) -> None:
    from django.core.handlers.base import BaseHandler
    from django.test import override_settings

    load = BaseHandler.load_middleware

    def load_middleware(self: Any, is_async: bool = False) -> None:
        from django.conf import settings

        ours = "pavior_middleware.django.PaviorMiddleware"
        with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, ours]):
            load(self, is_async)

    _set_up_django(behind)
    BaseHandler.load_middleware = load_middleware


def _installed_in_starlette(behind: Behind) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware

    from pavior_middleware.starlette import PaviorMiddleware

    build = Starlette.build_middleware_stack
    ours = Middleware(PaviorMiddleware, behind.settings, identity=_ada)

    def build_middleware_stack(self: Starlette) -> Any:
        theirs = self.user_middleware
        self.user_middleware = [ours, *theirs]
        try:
            return build(self)
        finally:
            self.user_middleware = theirs

    Starlette.build_middleware_stack = build_middleware_stack  # type: ignore[method-assign]


def _installed_in_flask(behind: Behind) -> None:
    import flask

    from pavior_middleware.flask import Pavior

    make = flask.Flask.__init__

    def init(self: flask.Flask, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        Pavior(self, behind.settings, identity=_ada)
        del self.jinja_env  # Flask makes it anew, after a test has configured it

    flask.Flask.__init__ = init  # type: ignore[method-assign]


INSTALLERS: Mapping[str, Callable[[Behind], None]] = MappingProxyType(
    {
        "starlette": _installed_in_starlette,
        "flask": _installed_in_flask,
        "django": _installed_in_django,
    }
)
"""By suite: what adds the middleware as the documents say."""

_ENTRIES: Mapping[str, Callable[[Behind], None]] = MappingProxyType(
    {
        "starlette": _starlette,
        "flask": _flask,
        "werkzeug": _werkzeug,
        "whitenoise": _whitenoise,
        "quart": _quart,
        "django": _django,
    }
)
"""By suite: what puts its apps behind the middleware, by replacing how its tests reach an app."""


class _Outcomes:
    """Writes the outcome of each test to a file. The first phase that does not pass decides."""

    def __init__(self, path: Path, events: Mapping[str, int]) -> None:
        self._path = path
        self._events = events
        self._by_test: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self._by_test.get(report.nodeid, "passed")
        self._by_test[report.nodeid] = report.outcome if before == "passed" else before

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps({"tests": self._by_test, "events": self._events}))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the command line; pytest calls this hook."""
    group = parser.getgroup("peers")
    group.addoption("--peer", choices=sorted(_ENTRIES), required=True)
    group.addoption("--behind", choices=sorted(CONFIGURATIONS))
    group.addoption("--outcomes", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Put the suite's apps behind the middleware, before pytest imports any test."""
    events: Mapping[str, int] = {}
    if config.getoption("--peer") == "django":
        config.pluginmanager.register(DjangoProject())
    if configuration := config.getoption("--behind"):
        behind = Behind(configuration)
        entries = INSTALLERS if configuration == INSTALLED else _ENTRIES
        entries[config.getoption("--peer")](behind)
        events = behind.events
    config.pluginmanager.register(_Outcomes(config.getoption("--outcomes"), events))
