"""A WSGI app without a framework: its requests and responses are Werkzeug's objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from pavior_middleware import Settings, skip
from tests.frameworks import pages, recipes
from tests.frameworks.gates import gated
from tests.frameworks.pages import POLICY, REPORT, STATIC, User

INTERFACE = "wsgi"

COOKIE = "user"
FILES = {"/report": REPORT, "/static/style.css": STATIC / "style.css"}


def current_user(environ: dict[str, Any]) -> User | None:
    return pages.USERS.get(Request(environ).cookies.get(COOKIE, ""))


def to_home(user: str | None) -> Response:
    response = Response(status=303, headers={"Location": "/"})
    if user is None:
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(COOKIE, user, httponly=True, samesite="Lax")
    return response


def answer(request: Request) -> Response:
    user = current_user(request.environ)
    text = pages.page(user)
    match request.method, request.path:
        case "POST", "/login":
            return to_home(request.form["user"])
        case "POST", "/logout":
            return to_home(None)
        case "POST", "/echo":
            return html(text)
        case (("GET" | "HEAD"), path):
            return at(path, request, user, text)
    return html(text, 405)


def at(path: str, request: Request, user: User | None, text: str) -> Response:
    match path:
        case "/":
            return html(text)
        case "/api":
            name = "null" if user is None else f'"{user.name}"'
            return Response(f'{{"user": {name}}}', mimetype="application/json")
        case "/report" | "/static/style.css":
            return send_file(FILES[path], request.environ, conditional=True)
        case "/stream":
            pieces = gated(pages.pieces(user), request.args.get("gate"))
            return html(piece.encode() for piece in pieces)
        case "/boom":
            raise RuntimeError("boom")
        case "/tagged":
            response = html(text)
            response.add_etag()
            return response.make_conditional(request)
        case "/gzip":
            return html(pages.page_in_gzip(user), headers={"Content-Encoding": "gzip"})
        case "/nonce":
            return html(text, headers={"Content-Security-Policy": POLICY})
        case "/skipped":
            return skip(html(text))
    return html(text, 404)


def html(
    content: str | bytes | Iterable[bytes],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(content, status, headers, mimetype="text/html")


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    try:
        response = answer(Request(environ))
    except RuntimeError:
        response = html(pages.page(current_user(environ)), 500)
    return response(environ, start_response)


def has_consent(environ: dict[str, Any]) -> bool:
    return pages.has_consent(environ.get("HTTP_COOKIE", ""))


def make_app(settings: Settings) -> Any:
    return recipes.run(
        "wsgi", app=app, current_user=current_user, has_consent=has_consent, settings=settings
    )["application"]
