"""Pyramid with a security policy over its session."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory

from pavior_middleware import Settings, skip
from tests.frameworks import pages
from tests.frameworks.gates import gated
from tests.frameworks.pages import POLICY, REPORT, STATIC

INTERFACE = "wsgi"


class Policy:
    """A security policy: the user whom the session names."""

    def identity(self, request: Any) -> pages.User | None:
        return pages.USERS.get(request.session.get("user"))

    def authenticated_userid(self, request: Any) -> str | None:
        user = self.identity(request)
        return None if user is None else user.id


def login(request: Any) -> Any:
    request.session["user"] = request.POST["user"]
    return HTTPSeeOther("/")


def logout(request: Any) -> Any:
    request.session.invalidate()
    return HTTPSeeOther("/")


def page(request: Any) -> Response:
    return Response(pages.page(request.identity))


def api(request: Any) -> dict[str, str | None]:
    user = request.identity
    return {"user": None if user is None else user.name}


def report(request: Any) -> FileResponse:
    return FileResponse(REPORT, request=request)


def stream(request: Any) -> Response:
    pieces = gated(pages.pieces(request.identity), request.GET.get("gate"))
    return Response(app_iter=(piece.encode() for piece in pieces))


def boom(request: Any) -> Response:
    raise RuntimeError("boom")


def tagged(request: Any) -> Response:
    response = Response(pages.page(request.identity), conditional_response=True)
    response.md5_etag()
    return response


def in_gzip(request: Any) -> Response:
    return Response(pages.page_in_gzip(request.identity), content_encoding="gzip")


def nonce(request: Any) -> Response:
    return Response(
        pages.page(request.identity), headerlist=[*HTML, ("Content-Security-Policy", POLICY)]
    )


HTML = [("Content-Type", "text/html; charset=utf-8")]


def skipped(request: Any) -> Response:
    return skip(page(request))


def missing(request: Any) -> Response:
    return Response(pages.page(request.identity), 404)


def failed(error: Exception, request: Any) -> Response:
    return Response(pages.page(request.identity), 500)


def consent(request: Any) -> bool:
    return pages.has_consent(request.headers.get("Cookie", ""))


def keys(settings: Settings) -> dict[str, Any]:
    """Return settings as Pyramid's keep them."""
    return {f"pavior.{each.name}": getattr(settings, each.name) for each in fields(settings)}


def make_app(settings: Settings) -> Any:
    settings = replace(settings, email_confirmed="is_confirmed")
    config = Configurator(settings={**keys(settings), "pavior.consent": consent})
    config.set_session_factory(SignedCookieSessionFactory("a secret key for the tests only"))
    config.set_security_policy(Policy())
    views = {
        "/": page,
        "/report": report,
        "/stream": stream,
        "/boom": boom,
        "/tagged": tagged,
        "/echo": page,
        "/gzip": in_gzip,
        "/nonce": nonce,
        "/skipped": skipped,
        "/login": login,
        "/logout": logout,
    }
    for path, view in views.items():
        config.add_route(path, path)
        config.add_view(view, route_name=path)
    config.add_route("api", "/api")
    config.add_view(api, route_name="api", renderer="json")
    config.add_static_view("static", str(STATIC))
    config.add_notfound_view(missing)
    config.add_exception_view(failed, context=Exception)
    config.include("pavior_middleware.pyramid")
    return config.make_wsgi_app()
