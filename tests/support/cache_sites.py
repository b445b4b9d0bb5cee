"""One site in Flask and one in Starlette, behind caches.

    gunicorn "tests.support.cache_sites:flask_site()"
    uvicorn --factory tests.support.cache_sites:starlette_site

What the apps make is the same for every visitor, so only the middleware's work keeps visitors
apart. `X-Render` numbers what an app has made, so that one can tell a cache's copy from a new page.
"""

from __future__ import annotations

import gzip
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import flask
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from werkzeug.wrappers import Request as WerkzeugRequest

from pavior_middleware import Identity, Settings
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware

from .sites import API_KEY, TEAM

FILE_VARIABLE = "CACHE_SITES_FILE"
"""The environment variable that names the HTML file at `/file`."""

USERS = {
    "ada": Identity("ada-1815", "lovelace@example.com"),
    "bob": Identity("bob-1916", "hawk@example.com"),
}
SESSION_FIELD = "X-Session-User"
"""Replaces a login that the server keeps: it changes while the cookie stays the same."""

BODY = b"<!doctype html><title>A page</title><h1>The same for everyone</h1>"
_PUBLIC = "public, max-age=60"
_LAST_MODIFIED = format_datetime(datetime(2024, 1, 1, tzinfo=timezone.utc), usegmt=True)


@dataclass(frozen=True)
class Page:
    """What an app says of a page, and what a cache may do with it where it names nobody."""

    fields: Mapping[str, str]
    body: bytes = BODY
    is_stored: bool = True
    has_etag: bool = True


PAGES = {
    "cacheable": Page({"Cache-Control": _PUBLIC}, has_etag=False),
    "etagged": Page({"Cache-Control": "no-cache", "ETag": '"v1"'}, is_stored=False),
    "both": Page(
        {
            "X-Accel-Expires": "120",  # nginx obeys the first of this field and Cache-Control
            "CDN-Cache-Control": "max-age=120",
            "Surrogate-Control": "max-age=120",
            "Cache-Control": f"{_PUBLIC}, s-maxage=120",
            "ETag": '"v1"',
            "Last-Modified": _LAST_MODIFIED,
        }
    ),
    "compressed": Page(
        {
            "Cache-Control": _PUBLIC,
            "Content-Encoding": "gzip",
            "ETag": '"v1-gzip"',
            "Vary": "Accept-Encoding",
        },
        body=gzip.compress(BODY, mtime=0),
    ),
    "file": Page({"Cache-Control": _PUBLIC}),
    "brief": Page({"Cache-Control": "public, max-age=1", "ETag": '"v1"'}),
}


def flask_site() -> Flask:
    """Make the site in Flask, whose responses answer conditions by themselves."""
    app = Flask(__name__)
    app.config.update(PAVIOR_TEAM_VANITY_ID=TEAM, PAVIOR_API_KEY=API_KEY)
    renders = itertools.count(1)

    def identity(environ: dict[str, Any]) -> Identity | None:
        request = WerkzeugRequest(environ)
        return _user(request.cookies, request.headers.get(SESSION_FIELD))

    Pavior(app, identity=identity)

    @app.get("/file")
    def file() -> flask.Response:
        return flask.send_file(_file(), conditional=True, max_age=60)

    @app.get("/<name>")
    def page(name: str) -> flask.Response:
        made = PAGES[name]
        response = flask.Response(made.body, headers=dict(made.fields), content_type="text/html")
        response.make_conditional(flask.request.environ)
        return response

    @app.after_request
    def number(response: flask.Response) -> flask.Response:
        response.headers["X-Render"] = str(next(renders))
        return response

    return app


def starlette_site() -> Starlette:
    """Make the site in Starlette, where only the app for files answers conditions by itself."""
    renders = itertools.count(1)
    files = StaticFiles()

    def identity(scope: Any) -> Identity | None:
        connection = HTTPConnection(scope)
        return _user(connection.cookies, connection.headers.get(SESSION_FIELD))

    async def page(request: Request) -> Response:
        name = request.path_params["name"]
        made = PAGES[name]
        response: Response
        if name == "file":
            status = _file().stat()  # or it gets its validators only when it is sent
            response = FileResponse(_file(), headers=dict(made.fields), stat_result=status)
        else:
            response = Response(made.body, headers=dict(made.fields), media_type="text/html")
        if made.has_etag and files.is_not_modified(response.headers, request.headers):
            response = NotModifiedResponse(response.headers)
        response.headers["X-Render"] = str(next(renders))
        return response

    settings = Settings(TEAM, API_KEY)
    return Starlette(
        routes=[Route("/{name}", page)],
        middleware=[Middleware(PaviorMiddleware, settings=settings, identity=identity)],
    )


def _user(cookies: Mapping[str, str], logged_in: str | None) -> Identity | None:
    return USERS.get(logged_in or cookies.get("user", ""))


def _file() -> Path:
    return Path(os.environ[FILE_VARIABLE])
