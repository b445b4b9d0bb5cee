"""FastAPI: where the middleware is, and which pages get the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route

from pavior_middleware import Identity, Settings
from pavior_middleware._page.snippet import SCRIPT_INTEGRITY
from pavior_middleware.asgi import Receive, Scope, Send
from pavior_middleware.fastapi import Pavior
from tests.support.pages import init_call, init_calls
from tests.support.sites import API_KEY, SETTINGS, TEAM

PAGE = "<!doctype html><title>A page</title>"
SHARE_AUTH = "/.well-known/pavior/share-auth"

database: ContextVar[str] = ContextVar("database")


def of_cookie(user: Annotated[str | None, Cookie()] = None) -> Identity | None:
    return Identity(user) if user else None


def of_session(request: Request) -> Identity | None:
    return Identity(request.session["user"]) if "user" in request.session else None


def show() -> HTMLResponse:
    return HTMLResponse(PAGE)


def fail() -> None:
    raise RuntimeError("boom")


def site(user: Callable[..., Any] = of_cookie, **arguments: Any) -> FastAPI:
    app = FastAPI(**arguments)
    Pavior(app, SETTINGS, user=user)
    app.get("/")(show)
    app.get("/boom")(fail)
    return app


def client_of(app: Any, user: str | None = "7", base: str = "http://testserver") -> TestClient:
    cookies = {} if user is None else {"user": user}
    return TestClient(app, base, raise_server_exceptions=False, cookies=cookies)


def name_in(response: Any) -> str | None:
    name: str | None = init_call(response.content).get("id")
    return name


# ── Middleware ─────────────────────────────────────────────────────────────────────────────────


def test_a_middleware_that_is_added_later_is_inside() -> None:
    app = site(of_session)
    app.add_middleware(SessionMiddleware, secret_key="a secret of the app")
    app.add_middleware(GZipMiddleware, minimum_size=1)

    @app.middleware("http")
    async def add_policy(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["Content-Security-Policy"] = "script-src 'self'"
        return response

    @app.post("/login")
    def login(request: Request) -> None:
        request.session["user"] = "7"

    client = client_of(app, None)
    client.post("/login")
    page = client.get("/")
    assert name_in(page) == "7"
    assert page.headers["Content-Encoding"] == "gzip"
    assert SCRIPT_INTEGRITY in page.headers["Content-Security-Policy"]
    assert client.get(SHARE_AUTH).json()["id"] == "7"


def test_a_dependency_sees_the_context_that_a_middleware_of_the_app_makes() -> None:
    def user() -> Identity:
        return Identity(database.get())

    app = site(user)

    @app.middleware("http")
    async def with_database(request: Request, call_next: Any) -> Response:
        token = database.set("7")
        response: Response = await call_next(request)
        database.reset(token)
        return response

    client = client_of(app)
    assert name_in(client.get("/")) == "7"
    assert client.get(SHARE_AUTH).json()["id"] == "7"


class CopiesScope:
    """A middleware that passes a copy of the scope to the app, with the user's id in it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "session": {"user": "7"}}, receive, send)


def test_a_dependency_sees_the_scope_that_a_middleware_of_the_app_copies() -> None:
    app = site(of_session)
    app.add_middleware(CopiesScope)
    client = client_of(app)
    assert name_in(client.get("/")) == "7"
    assert client.get(SHARE_AUTH).json()["id"] == "7"


def test_the_page_of_a_middleware_that_answers_itself_is_named() -> None:
    app = site()

    @app.middleware("http")
    async def refuse(request: Request, call_next: Any) -> Response:
        return HTMLResponse(PAGE, 503)

    assert name_in(client_of(app).get("/")) == "7"


def test_what_the_app_lists_of_middleware_and_handlers_stays_its_own() -> None:
    app = site()

    @app.exception_handler(500)
    def error_page(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(PAGE, 500)

    handlers = dict(app.exception_handlers)
    client_of(app).get("/")
    assert app.user_middleware == []
    assert app.exception_handlers == handlers


def test_a_stack_that_is_built_twice_has_the_middleware_once() -> None:
    app = site()
    client_of(app).get("/")
    app.middleware_stack = app.build_middleware_stack()
    assert name_in(client_of(app).get("/")) == "7"


# ── Error pages ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", [500, Exception])
@pytest.mark.parametrize("is_async", [True, False])
def test_the_last_error_page_is_named(key: Any, is_async: bool) -> None:
    async def async_page(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(PAGE, 500)

    def page(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(PAGE, 500)

    app = site()
    app.add_exception_handler(key, async_page if is_async else page)
    answer = client_of(app).get("/boom")
    assert answer.status_code == 500
    assert name_in(answer) == "7"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "id" not in init_call(client_of(app, None).get("/boom").content)


def test_the_server_still_hears_of_an_error_that_has_a_page() -> None:
    app = site()
    app.add_exception_handler(500, lambda request, error: HTMLResponse(PAGE, 500))
    with pytest.raises(RuntimeError, match="boom"):
        TestClient(app).get("/boom")


def test_an_error_page_of_a_mounted_app_gains_one_script() -> None:
    for outer in (site(), FastAPI()):
        inner = site()
        inner.add_exception_handler(500, lambda request, error: HTMLResponse(PAGE, 500))
        outer.mount("/inner", inner)
        answer = client_of(outer).get("/inner/boom")
        assert answer.status_code == 500
        assert name_in(answer) == "7"
        assert "pavior-inner" not in answer.headers


def test_pages_for_debugging_have_no_chat() -> None:
    answer = client_of(site(debug=True)).get("/boom", headers={"Accept": "text/html"})
    assert "RuntimeError" in answer.text
    assert init_calls(answer.content) == []


# ── FastAPI's own pages ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("root_path", ["", "/api"])
def test_the_pages_of_fastapi_have_no_chat_at_any_path(root_path: str) -> None:
    app = site(docs_url="/help/docs", redoc_url="/help/redoc")
    app.get("/docs")(show)
    app.mount("/inner", FastAPI())
    client = TestClient(app, root_path=root_path, cookies={"user": "7"})
    own = ("/help/docs", "/help/redoc", "/docs/oauth2-redirect")
    for path in (*own, "/inner/docs", "/inner/redoc"):
        answer = client.get(root_path + path)
        assert (answer.status_code, init_calls(answer.content)) == (200, []), path
        assert "pavior-skip" not in answer.headers
        assert "vary" not in answer.headers
    assert name_in(client.get(f"{root_path}/docs")) == "7"


def test_the_pages_of_fastapi_have_no_chat_where_pages_are_the_same_for_all() -> None:
    app = FastAPI()
    Pavior(app, Settings(TEAM, API_KEY, cacheable_pages=True), user=of_cookie)
    app.get("/")(show)
    assert init_calls(client_of(app).get("/docs").content) == []
    assert len(init_calls(client_of(app).get("/").content)) == 1


# ── Routers, mounts and other apps ─────────────────────────────────────────────────────────────


def test_pages_of_routers_and_mounted_apps_are_named() -> None:
    app = site()
    router, inner = APIRouter(prefix="/router"), FastAPI()
    router.get("/page")(show)
    inner.get("/page")(show)
    app.include_router(router)
    app.mount("/fastapi", inner)
    app.mount("/starlette", Starlette(routes=[Route("/page", lambda request: show())]))
    client = client_of(app)
    for place in ("router", "fastapi", "starlette"):
        assert name_in(client.get(f"/{place}/page")) == "7"


def test_a_mounted_app_answers_below_its_own_path() -> None:
    inner = site()
    outer = Starlette(routes=[Mount("/inner", inner)])
    client = client_of(outer)
    assert name_in(client.get("/inner/")) == "7"
    assert client.get(f"/inner{SHARE_AUTH}").json()["id"] == "7"


def test_the_user_of_the_inner_of_two_apps_is_named_on_its_pages() -> None:
    outer, inner = site(lambda: Identity("outer")), site(lambda: Identity("inner"))
    outer.mount("/inner", inner)
    client = client_of(outer)
    assert name_in(client.get("/")) == "outer"
    assert name_in(client.get("/inner/")) == "inner"
    assert client.get(SHARE_AUTH).json()["id"] == "outer"
    assert client.get(f"/inner{SHARE_AUTH}").json()["id"] == "inner"


def test_the_dependency_of_an_outer_app_sees_that_app_on_pages_of_an_inner_one() -> None:
    def user(request: Request) -> Identity:
        return Identity(request.app.title)

    app, inner = site(user, title="outer"), FastAPI(title="inner")
    inner.get("/page")(show)
    app.mount("/inner", inner)
    assert name_in(client_of(app).get("/inner/page")) == "outer"


def test_a_route_for_all_paths_leaves_share_auth_to_the_middleware() -> None:
    app = FastAPI()
    app.get("/{path:path}")(show)
    Pavior(app, SETTINGS, user=of_cookie)
    client = client_of(app)
    assert name_in(client.get("/anywhere")) == "7"
    assert client.get(SHARE_AUTH).json()["id"] == "7"


def test_an_app_that_refuses_everybody_still_says_that_nobody_is_logged_in() -> None:
    def refuse() -> None:
        raise HTTPException(401)

    app = site(dependencies=[Depends(refuse)])
    client = client_of(app, None)
    assert client.get("/").status_code == 401
    assert client.get(SHARE_AUTH).json() == {}


def test_a_head_request_is_answered_as_a_get() -> None:
    answer = client_of(site()).head(SHARE_AUTH)
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_lifespan_runs_and_its_state_reaches_the_dependency() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        seen.append("up")
        yield {"user": "7"}
        seen.append("down")

    def user(request: Request) -> Identity:
        return Identity(request.state.user)

    with TestClient(site(user, lifespan=lifespan)) as client:
        assert name_in(client.get("/")) == "7"
    assert seen == ["up", "down"]


# ── Mistakes ───────────────────────────────────────────────────────────────────────────────────


def test_a_second_pavior_on_one_fastapi_app_is_refused() -> None:
    app = site()
    with pytest.raises(RuntimeError, match="has Pavior's middleware already"):
        Pavior(app, SETTINGS)


def test_an_app_that_has_served_a_request_is_refused() -> None:
    app = FastAPI()
    TestClient(app).get("/")
    with pytest.raises(RuntimeError, match="has served a request"):
        Pavior(app, SETTINGS)
