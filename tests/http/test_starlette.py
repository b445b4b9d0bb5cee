"""Starlette and FastAPI: the stack's own user and session, settings as Starlette keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
)
from starlette.background import BackgroundTask
from starlette.config import Config
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from pavior_middleware import Identity, Settings, SettingsError, sign
from pavior_middleware._page.snippet import SCRIPT_INTEGRITY
from pavior_middleware.starlette import PaviorMiddleware, read_settings
from tests.support.pages import init_call
from tests.support.sites import API_KEY, TEAM

SETTINGS = Settings(
    TEAM, API_KEY, shared_auth_domains=["help.example.com"], email_confirmed="email_confirmed"
)


class Customer(BaseUser):
    is_authenticated = True
    display_name = "Ada"
    email = "ada@example.com"
    email_confirmed = True


class Backend(AuthenticationBackend):
    """The user who has logged in is the customer."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        if conn.session.get("user") == "simple":
            return AuthCredentials(), SimpleUser("ada")
        return (AuthCredentials(), Customer()) if "user" in conn.session else None


async def home(request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>Home</title><h1>Home</h1>")


async def login(request: Request) -> Response:
    request.session["user"] = request.query_params.get("as", "ada")
    return HTMLResponse("<!doctype html><title>Welcome</title>")


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        yield "<!doctype html><title>Stream</title>"
        yield "<p>A"

    return StreamingResponse(pieces(), media_type="text/html")


async def data(request: Request) -> Response:
    return JSONResponse({"a": 1})


async def fail(request: Request) -> Response:
    raise RuntimeError


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


ROUTES = [
    Route("/", home),
    Route("/login", login, methods=["POST"]),
    Route("/stream", stream),
    Route("/data", data),
    Route("/fail", fail),
    Mount("/inner", routes=[Route("/", home)]),
    WebSocketRoute("/echo", echo),
]
LOGIN = [
    Middleware(SessionMiddleware, secret_key="a secret of the app"),
    Middleware(AuthenticationMiddleware, backend=Backend()),
]


def client_of(*middleware: Middleware, **arguments: Any) -> TestClient:
    app = Starlette(routes=ROUTES, middleware=middleware, **arguments)
    return TestClient(app, raise_server_exceptions=False)


def pavior(settings: Settings | Config = SETTINGS, **arguments: Any) -> Middleware:
    return Middleware(PaviorMiddleware, settings=settings, **arguments)


@pytest.mark.parametrize(
    "stack", [[pavior(), *LOGIN], [*LOGIN, pavior()]], ids=["outermost", "innermost"]
)
@pytest.mark.parametrize("path", ["/", "/stream", "/inner/"])
def test_the_authenticated_user_is_named_wherever_the_middleware_stands(
    stack: list[Middleware], path: str
) -> None:
    client = client_of(*stack)
    assert "email" not in init_call(client.get(path).content)
    client.post("/login")
    assert init_call(client.get(path).content) == {
        "teamVanityId": TEAM,
        "doChat": True,
        "doTimeTravel": True,
        "email": "ada@example.com",
        "hmac": sign(API_KEY, "ada@example.com"),
    }


def test_the_answer_to_a_form_names_nobody_if_it_changes_the_session() -> None:
    client = client_of(pavior(), *LOGIN)
    client.post("/login")
    assert "email" not in init_call(client.post("/login?as=bob").content)
    assert init_call(client.post("/login?as=bob").content)["email"] == "ada@example.com"


def test_an_error_page_of_starlette_names_the_user() -> None:
    async def not_found(request: Request, error: Exception) -> Response:
        return HTMLResponse("<!doctype html><title>Sorry</title>", status_code=404)

    client = client_of(*LOGIN, pavior(), exception_handlers={404: not_found})
    client.post("/login")
    assert "email" in init_call(client.get("/missing").content)


def test_starlettes_simple_user_is_named_by_its_display_name() -> None:
    client = client_of(pavior(), *LOGIN)
    client.post("/login?as=simple")
    assert init_call(client.get("/").content)["id"] == "ada"


def test_an_identity_callable_comes_first_and_sees_the_session() -> None:
    async def identity(scope: Any) -> Identity | None:
        user = scope["session"].get("user")
        return Identity(f"{user}-7") if user else None

    client = client_of(pavior(identity=identity), *LOGIN)
    assert "id" not in init_call(client.get("/").content)
    client.post("/login")
    assert init_call(client.get("/").content)["id"] == "ada-7"


def test_a_starlette_app_without_a_login_has_anonymous_pages() -> None:
    assert "id" not in init_call(client_of(pavior()).get("/").content)


def test_data_and_websockets_pass_untouched() -> None:
    client = client_of(pavior())
    response = client.get("/data")
    assert response.json() == {"a": 1}
    assert "vary" not in response.headers
    with client.websocket_connect("/echo") as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_the_lifespan_passes_untouched() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    with client_of(pavior(), lifespan=lifespan):
        assert seen == ["up"]
    assert seen == ["up", "down"]


def test_a_background_task_runs_after_the_page() -> None:
    seen: list[str] = []

    async def page(request: Request) -> Response:
        return HTMLResponse("<!doctype html><p>A", background=BackgroundTask(seen.append, "done"))

    app = Starlette(routes=[Route("/", page)], middleware=[pavior()])
    assert init_call(TestClient(app).get("/").content)
    assert seen == ["done"]


def test_a_file_is_a_page_and_its_length_is_right(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><title>File</title><p>A")

    async def page(request: Request) -> Response:
        return FileResponse(file)

    app = Starlette(routes=[Route("/", page)], middleware=[pavior()])
    response = TestClient(app).get("/")
    assert init_call(response.content)["teamVanityId"] == TEAM
    assert int(response.headers["content-length"]) == len(response.content)
    assert response.headers["etag"].startswith('"pavior.')


def test_the_login_of_a_starlette_app_is_shared_with_a_whitelisted_site() -> None:
    client = client_of(pavior(), *LOGIN)
    path, origin = "/.well-known/pavior/share-auth", {"Origin": "https://help.example.com"}
    assert client.get(path, headers=origin).json() == {}
    client.post("/login")
    assert client.get(path, headers=origin).json() == {
        "email": "ada@example.com",
        "hmac": sign(API_KEY, "ada@example.com"),
    }
    assert client.get(path, headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("handoff", [True, False])
def test_the_middleware_reads_no_file_when_starlette_makes_it_in_the_event_loop(
    handoff: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path, *_: object) -> str:
        pytest.fail(f"{path} is read")

    monkeypatch.setattr(Path, "read_text", read_text)
    settings = replace(SETTINGS, secret_key="a secret key of sufficient length", handoff=handoff)
    with client_of(pavior(settings)) as client:
        assert client.get("/.well-known/pavior/share.js").status_code == 200


@pytest.mark.parametrize("prefix", ["", "SHOP_"])
def test_settings_may_be_a_config(prefix: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{prefix}PAVIOR_API_KEY={API_KEY}\n{prefix}PAVIOR_DO_CHAT=false\nOTHER=1\n")
    config = Config(file, {f"{prefix}PAVIOR_TEAM_VANITY_ID": TEAM, "HOME": "/"}, env_prefix=prefix)
    options = init_call(client_of(pavior(config)).get("/").content)
    assert options == {"teamVanityId": TEAM, "doChat": False, "doTimeTravel": True}


def test_a_misspelt_key_of_a_config_stops_the_app() -> None:
    config = Config(environ={"PAVIOR_TEAM_VANITY_IT": TEAM, "PAVIOR_API_KEY": API_KEY})
    for stop in (read_settings, lambda config: PaviorMiddleware(Starlette(), config)):
        with pytest.raises(SettingsError, match="did you mean PAVIOR_TEAM_VANITY_ID"):
            stop(config)


@pytest.mark.parametrize("name", ["PAVIOR_SERVICE_HOST", "PAVIOR_PORT", "PAVIOR_PORT_80_TCP_ADDR"])
def test_environment_variables_of_a_kubernetes_service_named_pavior_do_not_stop_the_app(
    name: str,
) -> None:
    environ = {"PAVIOR_TEAM_VANITY_ID": TEAM, "PAVIOR_API_KEY": API_KEY, name: "10.0.0.11"}
    assert read_settings(Config(environ=environ)) == Settings(TEAM, API_KEY)


def test_keys_of_a_config_without_its_prefix_are_ignored() -> None:
    environ = {"SHOP_PAVIOR_TEAM_VANITY_ID": TEAM, "SHOP_PAVIOR_API_KEY": API_KEY}
    config = Config(environ={**environ, "PAVIOR_API_KEYS": "x"}, env_prefix="SHOP_")
    assert read_settings(config) == Settings(TEAM, API_KEY)
    with pytest.raises(SettingsError, match="PAVIOR_API_KEYS is not a setting"):
        read_settings(
            Config(environ={**config.environ, "SHOP_PAVIOR_API_KEYS": "x"}, env_prefix="SHOP_")
        )


def test_the_middleware_around_a_whole_app_sees_starlettes_last_error_page() -> None:
    async def server_error(request: Request, error: Exception) -> Response:
        return HTMLResponse("<!doctype html><title>Sorry</title>", status_code=500)

    app = Starlette(routes=ROUTES, middleware=LOGIN, exception_handlers={500: server_error})
    client = TestClient(PaviorMiddleware(app, SETTINGS), raise_server_exceptions=False)
    client.post("/login")
    assert init_call(client.get("/fail").content)["email"] == "ada@example.com"


class Policy:
    """A middleware that sets a policy."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", b"script-src 'self'")
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await self._app(scope, receive, send_with_policy)


def policy_of(app: Starlette) -> str:
    policy: str = TestClient(app).get("/").headers["Content-Security-Policy"]
    return policy


def test_the_middleware_that_is_first_in_the_list_extends_the_policy_of_another() -> None:
    app = Starlette(routes=ROUTES, middleware=[pavior(), Middleware(Policy)])
    assert SCRIPT_INTEGRITY in policy_of(app)
    app = Starlette(routes=ROUTES, middleware=[Middleware(Policy), pavior()])
    assert policy_of(app) == "script-src 'self'"


def test_the_middleware_that_is_added_last_extends_the_policy_of_another() -> None:
    app = Starlette(routes=ROUTES)
    app.add_middleware(Policy)
    app.add_middleware(PaviorMiddleware, settings=SETTINGS)
    assert SCRIPT_INTEGRITY in policy_of(app)
