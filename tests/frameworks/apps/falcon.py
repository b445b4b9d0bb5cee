"""Falcon under WSGI, with the user in the context of the request."""

from __future__ import annotations

from typing import Any

import falcon

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "wsgi"


class Users:
    """Knows who is logged in, by a cookie."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.user = pages.USERS.get(req.cookies.get("user", ""))


def user(req: Any) -> User | None:
    found: User | None = req.context.user
    return found


def show(req: Any, resp: Any) -> None:
    """Answer with the page; the same under ASGI."""
    resp.content_type = falcon.MEDIA_HTML
    resp.text = pages.page(user(req))


class Page:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        show(req, resp)

    on_head = on_post = on_get


class Login:
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_cookie("user", req.get_media()["user"], secure=False)
        go_home(resp)


class Logout:
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.unset_cookie("user")
        go_home(resp)


def go_home(resp: Any) -> None:
    resp.status, resp.location = 303, "/"


class Api:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        who = user(req)
        resp.media = {"user": None if who is None else who.name}


class Report:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.set_stream(REPORT.open("rb"), REPORT.stat().st_size)


class Stream:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        pieces = gated(pages.pieces(user(req)), req.get_param("gate"))
        resp.content_type = falcon.MEDIA_HTML
        resp.stream = (piece.encode() for piece in pieces)


class Boom:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        raise RuntimeError("boom")


class Tagged:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        show(req, resp)
        tagged(req, resp)


def tagged(req: Any, resp: Any) -> None:
    resp.etag = pages.tag_of(resp.text).strip('"')
    if req.if_none_match and resp.etag.strip('"') in req.if_none_match:
        resp.status, resp.text = 304, None


class InGzip:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        show(req, resp)
        zipped(req, resp)


def zipped(req: Any, resp: Any) -> None:
    resp.text, resp.data = None, pages.page_in_gzip(user(req))
    resp.set_header("Content-Encoding", "gzip")


class Nonce:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        show(req, resp)
        resp.set_header("Content-Security-Policy", POLICY)


class Skipped:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        show(req, resp)
        skip(resp)


def missing(req: Any, resp: Any, error: Exception, params: Any) -> None:
    show(req, resp)
    resp.status = 404


def failed(req: Any, resp: Any, error: Exception, params: Any) -> None:
    show(req, resp)
    resp.status = 500


def has_consent(environ: dict[str, Any]) -> bool:
    return pages.has_consent(environ.get("HTTP_COOKIE", ""))


def make_app(settings: Settings) -> Any:
    app = falcon.App(middleware=[Users()])
    resources = {
        "/": Page(),
        "/echo": Page(),
        "/login": Login(),
        "/logout": Logout(),
        "/api": Api(),
        "/report": Report(),
        "/stream": Stream(),
        "/boom": Boom(),
        "/tagged": Tagged(),
        "/gzip": InGzip(),
        "/nonce": Nonce(),
        "/skipped": Skipped(),
    }
    for path, resource in resources.items():
        app.add_route(path, resource)
    app.add_static_route("/static", STATIC)
    app.add_error_handler(falcon.HTTPRouteNotFound, missing)
    app.add_error_handler(RuntimeError, failed)
    return recipes.run("falcon", app=app, has_consent=has_consent, settings=settings)["application"]
