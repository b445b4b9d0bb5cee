"""A plugin for pytest: the suite's apps run behind the middleware, and outcomes are written down.

It runs in the suite's own environment, so it imports nothing but what is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pavior_middleware import Identity, Settings, asgi, wsgi

_SETTINGS = partial(Settings, "peers", "a-key-of-the-suites-of-peers-0123456789")
_KEY = "the-secret-key-of-the-suites-of-peers-0123456789"

CONFIGURATIONS: Mapping[str, Callable[[], Settings]] = MappingProxyType(
    {
        "named": _SETTINGS,
        "navigation": _SETTINGS,
        "lending": partial(_SETTINGS, shared_auth_domains=["help.example"], secret_key=_KEY),
        "cacheable": partial(_SETTINGS, cacheable_pages=True),
        "skipped": partial(_SETTINGS, skip_paths=["*"]),
    }
)
"""The settings by name. In "navigation" the middleware sees requests of a browser that navigates.

In "skipped" no page gets the script, so no byte of any response may differ.
"""

_FIELD = (b"sec-fetch-dest", b"document")
_KEY_OF_FIELD = "HTTP_SEC_FETCH_DEST"


def _ada(_: Any) -> Identity:
    return Identity("ada")


def _asgi(app: Any, configuration: str) -> Any:
    """Return an ASGI app behind the middleware."""
    settings = CONFIGURATIONS[configuration]()
    if configuration != "navigation":
        return asgi.PaviorMiddleware(app, settings, identity=_ada)

    async def without_field(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["headers"] = [field for field in scope["headers"] if field != _FIELD]
        await app(scope, receive, send)

    middleware = asgi.PaviorMiddleware(without_field, settings, identity=_ada)

    async def with_field(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], _FIELD]
        await middleware(scope, receive, send)

    return with_field


def _wsgi(app: Any, configuration: str) -> Any:
    """Return a WSGI app behind the middleware."""
    settings = CONFIGURATIONS[configuration]()
    if configuration != "navigation":
        return wsgi.PaviorMiddleware(app, settings, identity=_ada)

    def without_field(environ: Any, start_response: Any) -> Any:
        environ.pop(_KEY_OF_FIELD, None)
        return app(environ, start_response)

    middleware = wsgi.PaviorMiddleware(without_field, settings, identity=_ada)

    def with_field(environ: Any, start_response: Any) -> Any:
        environ[_KEY_OF_FIELD] = "document"
        return middleware(environ, start_response)

    return with_field


def _starlette(configuration: str) -> None:
    from starlette import testclient

    transport: Any = testclient._TestClientTransport
    make = transport.__init__

    def init(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        make(self, _asgi(app, configuration), *args, **kwargs)

    transport.__init__ = init


def _flask(configuration: str) -> None:
    import flask

    serve = flask.Flask.wsgi_app

    def wsgi_app(self: flask.Flask, environ: Any, start_response: Any) -> Any:
        return _wsgi(partial(serve, self), configuration)(environ, start_response)

    flask.Flask.wsgi_app = wsgi_app  # type: ignore[method-assign]


def _werkzeug(configuration: str) -> None:
    import werkzeug.test

    run = werkzeug.test.run_wsgi_app
    required = werkzeug.test.create_environ()

    def run_wsgi_app(app: Any, environ: Any, *args: Any, **kwargs: Any) -> Any:
        for key, value in required.items():  # some tests give an empty one
            environ.setdefault(key, value)
        return run(_wsgi(app, configuration), environ, *args, **kwargs)

    werkzeug.test.run_wsgi_app = run_wsgi_app


def _whitenoise(configuration: str) -> None:
    from wsgiref import simple_server

    make = simple_server.make_server

    def make_server(host: str, port: int, app: Any, *args: Any, **kwargs: Any) -> Any:
        return make(host, port, _wsgi(app, configuration), *args, **kwargs)

    simple_server.make_server = make_server


def _quart(configuration: str) -> None:
    import quart

    serve = quart.Quart.asgi_app

    async def asgi_app(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await _asgi(partial(serve, self), configuration)(scope, receive, send)

    quart.Quart.asgi_app = asgi_app


_ENTRIES: Mapping[str, Callable[[str], None]] = MappingProxyType(
    {
        "starlette": _starlette,
        "flask": _flask,
        "werkzeug": _werkzeug,
        "whitenoise": _whitenoise,
        "quart": _quart,
    }
)
"""What puts the apps of a suite behind the middleware: it replaces how its tests reach an app."""


class _Outcomes:
    """Writes down the outcome of each test; one that fails in any phase has failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_test: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self._by_test.get(report.nodeid)
        if before is None or report.outcome != "passed":
            self._by_test[report.nodeid] = report.outcome if before != "failed" else before

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(self._by_test))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Be pytest's hook for the command line."""
    group = parser.getgroup("peers")
    group.addoption("--peer", choices=sorted(_ENTRIES), required=True)
    group.addoption("--behind", choices=sorted(CONFIGURATIONS))
    group.addoption("--outcomes", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    """Be pytest's hook after the command line is read, before any test is imported."""
    configuration = config.getoption("--behind")
    if configuration is not None:
        _ENTRIES[config.getoption("--peer")](configuration)
    config.pluginmanager.register(_Outcomes(config.getoption("--outcomes")))
