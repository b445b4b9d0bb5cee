"""`identify` names the user although something between copies the scope or the environ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from typing import Any

import a2wsgi
import anyio
import pytest
from a2wsgi.wsgi_typing import Environ, StartResponse
from hypercorn.middleware import DispatcherMiddleware, ProxyFixMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware as WerkzeugDispatcher
from werkzeug.middleware.proxy_fix import ProxyFix

from pavior_middleware import Identity, asgi, identify, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from tests.frameworks.django_site import configured
from tests.support.adapters import PAGE
from tests.support.pages import init_call
from tests.support.sites import ADA, BOB, SETTINGS

Identify = Callable[[Any, Identity | None], None]


def set_key(request: Any, identity: Identity | None) -> None:
    request["pavior.identity"] = identity


async def get(app: Any, path: str = "/", cookie: str = "", etag: str = "") -> bytes:
    """Return the body that an ASGI app sends; each message is sent by the app's own task."""
    body: list[bytes] = []
    headers = [(b"sec-fetch-dest", b"document"), (b"host", b"www.example.com")]
    headers += [(b"cookie", cookie.encode())] if cookie else []
    headers += [(b"if-none-match", etag.encode())] if etag else []

    async def receive() -> asgi.Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: asgi.Message) -> None:
        body.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("www.example.com", 443),
        "state": {},
    }
    await app(scope, receive, send)
    return b"".join(body)


def page_app(say: Identify, identity: Identity | None = ADA) -> Any:
    """Return an app that says who is visiting."""

    async def app(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        say(scope, identity)
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    return app


def spread(app: Any) -> Any:
    async def copying(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        await app({**scope}, receive, send)

    return copying


def copied(copier: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def around(app: Any) -> Any:
        async def copying(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
            await app(copier(scope), receive, send)

        return copying

    return around


COPYING: dict[str, Callable[[Any], Any]] = {
    "{**scope}": spread,
    "copy": copied(copy),
    "deepcopy": copied(deepcopy),
    "Hypercorn's dispatcher": lambda app: DispatcherMiddleware({"/": app}),
    "Hypercorn's ProxyFix": ProxyFixMiddleware,
    "several": lambda app: spread(ProxyFixMiddleware(spread(app))),
}


async def ask(app: Any, **more: Any) -> tuple[object, bytes]:
    """Return the id on a page, and the answer to the question who is logged in."""
    site = asgi.PaviorMiddleware(app, SETTINGS)
    page = await get(site, **more)
    return init_call(page).get("id"), await get(site, SHARE_AUTH, **more)


@pytest.mark.parametrize("copying", COPYING)
def test_identify_names_the_user_though_an_inner_middleware_copies_the_scope(copying: str) -> None:
    found, answer = anyio.run(ask, COPYING[copying](page_app(identify)))
    assert found == ADA.id
    assert b'"id": "7"' in answer


def test_the_bare_key_in_a_copied_scope_is_not_found() -> None:
    """No mapping that both see has it: this is what `identify` is for."""
    found, answer = anyio.run(ask, spread(page_app(set_key)))
    assert (found, answer) == (None, b"{}")


@pytest.mark.parametrize("say", [identify, set_key])
def test_the_key_and_identify_both_work_if_the_scope_is_not_copied(say: Identify) -> None:
    found, answer = anyio.run(ask, page_app(say))
    assert found == ADA.id
    assert b'"id": "7"' in answer


def test_of_several_calls_the_last_one_counts() -> None:
    def say(scope: Any, identity: Identity | None) -> None:
        identify(scope, BOB)
        identify(scope, identity)

    async def main() -> None:
        assert (await ask(spread(page_app(say))))[0] == ADA.id
        assert await ask(spread(page_app(say, None))) == (None, b"{}")

    anyio.run(main)


def test_an_identity_in_a_copy_of_the_scope_counts_more_than_the_servers() -> None:
    app = asgi.PaviorMiddleware(spread(page_app(identify, BOB)), SETTINGS)

    async def outside(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        await app({**scope, "pavior.identity": ADA}, receive, send)

    assert init_call(anyio.run(get, outside))["id"] == BOB.id


def test_each_request_is_named_by_itself() -> None:
    async def app(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        who = {"/ada": ADA, "/bob": BOB}.get(scope["path"])
        if who is not None:
            identify(scope, who)
        await page_app(lambda scope, identity: None)(scope, receive, send)

    site = asgi.PaviorMiddleware(spread(app), SETTINGS)

    async def main() -> None:
        ids = [init_call(await get(site, path)).get("id") for path in ("/ada", "/", "/bob", "/")]
        assert ids == [ADA.id, None, BOB.id, None]

    anyio.run(main)


def test_an_app_that_is_asked_again_says_again_who_is_visiting() -> None:
    named: list[Identity | None] = [ADA, None]

    async def app(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        identity = named.pop(0)
        if identity is not None:
            identify(scope, identity)
        is_held = any(name == b"if-none-match" for name, _ in scope["headers"])
        headers = [(b"content-type", b"text/html"), (b"etag", b'"v1"')]
        status = 304 if is_held else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if is_held else PAGE})

    site = asgi.PaviorMiddleware(spread(app), SETTINGS)
    page = anyio.run(get, site, "/", "", '"v1"')
    assert "id" not in init_call(page)
    assert named == []


def starlette_app() -> Starlette:
    """Return an app whose middleware, and whose plain routes below a mount, name the user."""

    def in_thread(request: Request) -> Response:
        identify(request.scope, ADA)
        return HTMLResponse(PAGE)

    async def in_loop(request: Request) -> Response:
        request.scope["pavior.identity"] = ADA
        return HTMLResponse(PAGE)

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        if request.url.path == "/hook":
            identify(request.scope, ADA)
        return response

    async def unnamed(request: Request) -> Response:
        return HTMLResponse(PAGE)

    inner = [Route("/thread", in_thread), Route("/loop", in_loop)]
    return Starlette(
        routes=[Mount("/mount", routes=[Mount("/again", routes=inner)]), Route("/hook", unnamed)],
        middleware=[
            Middleware(asgi.PaviorMiddleware, settings=SETTINGS),
            Middleware(BaseHTTPMiddleware, dispatch=dispatch),
        ],
    )


@pytest.mark.parametrize("path", ["/mount/again/thread", "/mount/again/loop", "/hook"])
def test_starlettes_mounts_threads_and_middleware_may_name_the_user(path: str) -> None:
    assert init_call(anyio.run(get, starlette_app(), path))["id"] == ADA.id


def environ_app(say: Identify) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        say(environ, ADA)
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    return app


def copied_environ(app: Any) -> Any:
    return lambda environ, start_response: app(dict(environ), start_response)


ENVIRONS: dict[str, tuple[Callable[[Any], Any], tuple[Identify, ...]]] = {
    "a copy": (copied_environ, (identify,)),
    "Werkzeug's dispatcher": (
        lambda app: WerkzeugDispatcher(app, {"/shop": app}),
        (identify, set_key),
    ),
    "Werkzeug's ProxyFix": (lambda app: ProxyFix(app), (identify, set_key)),
}


@pytest.mark.parametrize("around", ENVIRONS)
def test_a_wsgi_app_names_the_user_behind_dispatchers_and_copies(around: str) -> None:
    wrap, ways = ENVIRONS[around]
    for say in ways:
        site = TestApp(wsgi.PaviorMiddleware(wrap(environ_app(say)), SETTINGS))
        for path in ("/", "/shop/orders"):
            assert init_call(site.get(path).body)["id"] == ADA.id
        assert site.get(SHARE_AUTH).json["id"] == ADA.id


def test_a_wsgi_app_behind_an_adapter_from_asgi_names_the_user() -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        identify(environ, ADA)  # type: ignore[arg-type]  # it is a plain dict
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")], None)
        return [PAGE]

    found, answer = anyio.run(ask, spread(a2wsgi.WSGIMiddleware(app)))
    assert found == ADA.id
    assert b'"id": "7"' in answer


def test_without_the_middleware_identify_has_no_effect() -> None:
    scope: dict[str, Any] = {}
    identify(scope, ADA)
    assert scope == {"pavior.identity": ADA}


@pytest.mark.parametrize("request_", [object(), None, Request({"type": "http", "headers": []})])
def test_identify_takes_a_scope_or_an_environ(request_: Any) -> None:
    with pytest.raises(TypeError, match=r"pass request\.scope or request\.environ"):
        identify(request_, ADA)


@pytest.mark.parametrize("identity", ["7", 7, object()])
def test_identify_takes_an_identity(identity: Any) -> None:
    with pytest.raises(TypeError, match="an Identity or None"):
        identify({}, identity)


async def cookie_of_ada() -> str:
    """Return a cookie with which Django's Ada is logged in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    user = await User.objects.aget(username="ada")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"sessionid={session.session_key}"


@pytest.fixture
def channels_stack() -> Iterator[Callable[[Any], Any]]:
    from django.test.utils import override_settings

    configured()
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        from channels.auth import AuthMiddlewareStack

        stack: Callable[[Any], Any] = AuthMiddlewareStack
        yield stack


def test_an_app_inside_channels_auth_middleware_stack_names_its_user(
    channels_stack: Callable[[Any], Any],
) -> None:
    async def app(scope: Any, receive: asgi.Receive, send: asgi.Send) -> None:
        user = scope["user"]
        identity = Identity(user.pk) if user.is_authenticated else None
        await page_app(identify, identity)(scope, receive, send)

    async def main() -> None:
        cookie = await cookie_of_ada()
        found, answer = await ask(channels_stack(app), cookie=cookie)
        assert found == "7"
        assert b'"id": "7"' in answer
        assert await ask(channels_stack(app)) == (None, b"{}")

    anyio.run(main)
