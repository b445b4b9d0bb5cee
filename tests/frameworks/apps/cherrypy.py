"""CherryPy, with the user in its session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cherrypy

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "wsgi"


def current_user() -> User | None:
    return pages.USERS.get(cherrypy.session.get("user"))


def page() -> str:
    return pages.page(current_user())


def go_home() -> None:
    cherrypy.response.status = 303
    cherrypy.response.headers["Location"] = "/"


class Root:
    @cherrypy.expose
    def index(self) -> str:
        return page()

    @cherrypy.expose
    def login(self, user: str) -> None:
        cherrypy.session["user"] = user
        go_home()

    @cherrypy.expose
    def logout(self) -> None:
        cherrypy.session.clear()
        go_home()

    @cherrypy.expose
    @cherrypy.tools.json_out()
    def api(self) -> dict[str, str | None]:
        user = current_user()
        return {"user": None if user is None else user.name}

    @cherrypy.expose
    def report(self) -> Any:
        return cherrypy.lib.static.serve_file(str(REPORT))

    @cherrypy.expose
    def stream(self, gate: str | None = None) -> Iterator[str]:
        return gated(pages.pieces(current_user()), gate)

    @cherrypy.expose
    def boom(self) -> str:
        raise RuntimeError("boom")

    @cherrypy.expose
    @cherrypy.tools.etags(autotags=True)
    def tagged(self) -> str:
        return page()

    @cherrypy.expose
    def echo(self, text: str) -> str:
        return page()

    @cherrypy.expose
    @cherrypy.tools.gzip()
    def gzip(self) -> str:
        return page()

    @cherrypy.expose
    def nonce(self) -> str:
        cherrypy.response.headers["Content-Security-Policy"] = POLICY
        return page()

    @cherrypy.expose
    def skipped(self) -> str:
        skip(cherrypy.response)
        return page()


def has_consent(environ: dict[str, Any]) -> bool:
    return pages.has_consent(environ.get("HTTP_COOKIE", ""))


def make_app(settings: Settings) -> Any:
    cherrypy.config.update({"log.screen": False})
    config = {
        "/": {"tools.sessions.on": True},
        "/stream": {"response.stream": True},
        "/static": {"tools.staticdir.on": True, "tools.staticdir.dir": str(STATIC)},
    }
    return recipes.run(
        "cherrypy",
        app=cherrypy.Application(Root(), "", config),
        current_user=current_user,
        has_consent=has_consent,
        settings=settings,
    )["app"]
