"""Litestar: the user of its authentication is named, where the app's middleware runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from litestar import Litestar, MediaType, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.security.jwt import JWTCookieAuth, Token
from litestar.security.session_auth import SessionAuth
from litestar.testing import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient as StarletteClient

from pavior_middleware import Identity, Settings
from pavior_middleware.litestar import Pavior
from tests.support.pages import init_call, init_calls
from tests.support.sites import API_KEY, SECRET_KEY, TEAM

HELP = "help.example.com"
SETTINGS = Settings(TEAM, API_KEY, shared_auth_domains=[HELP], secret_key=SECRET_KEY)
SHARE_AUTH = "/.well-known/pavior/share-auth"
PAGE = "<!doctype html><title>A page</title>"
LONG_SECRET = "a secret key of the app for the tests only"
EXCLUDED = ["^/$", "^/login", "^/schema"]

AnyRequest = Request[Any, Any, Any]


@dataclass
class User:
    id: str


@get("/", media_type=MediaType.HTML, sync_to_thread=False)
def home() -> str:
    return PAGE


@get("/account", media_type=MediaType.HTML, sync_to_thread=False)
def account() -> str:
    return PAGE


@get("/api", sync_to_thread=False)
def api() -> dict[str, int]:
    return {"a": 1}


@get("/boom", sync_to_thread=False)
def boom() -> None:
    raise RuntimeError("boom")


@post("/login", sync_to_thread=False)
def log_in(request: AnyRequest) -> None:
    request.set_session({"user": "7"})


def error_page(request: AnyRequest, error: Exception) -> Response[str]:
    status = getattr(error, "status_code", 500)
    return Response(PAGE, media_type=MediaType.HTML, status_code=status)


HANDLERS: list[Any] = [home, account, api, boom, log_in]
PAGES = ["/", "/account", "/boom", "/missing"]


class UserOfSession(AbstractAuthenticationMiddleware):
    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        name = connection.session.get("user")
        return AuthenticationResult(None if name is None else User(name), None)


async def user_of_session(
    session: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]
) -> User | None:
    return User(session["user"]) if "user" in session else None


async def user_of_token(token: Token, connection: ASGIConnection[Any, Any, Any, Any]) -> User:
    return User(token.sub)


@contextmanager
def client_of(pavior: Pavior | None = None, **arguments: Any) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        arguments.pop("route_handlers", HANDLERS),
        exception_handlers=dict.fromkeys((401, 404, 500), error_page),
        plugins=[pavior or Pavior(SETTINGS)],
        logging_config=None,
        **arguments,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def name_in(response: Any) -> str | None:
    name: str | None = init_call(response.content).get("id")
    return name


def assert_named(client: Any, name: str | None, pages: list[str] = PAGES, prefix: str = "") -> None:
    """Assert that pages and share-auth name a user."""
    for path in pages:
        assert name_in(client.get(prefix + path)) == name, path
    answer = client.get(SHARE_AUTH, headers={"Origin": f"https://{HELP}"})
    assert answer.json().get("id") == name
    assert answer.headers["Access-Control-Allow-Origin"] == f"https://{HELP}"


SERVER_SIDE = ServerSideSessionConfig().middleware
CLIENT_SIDE = CookieBackendConfig(secret=b"a secret of 32 bytes for a test.").middleware


@pytest.mark.parametrize("sessions", [SERVER_SIDE, CLIENT_SIDE], ids=["server", "client"])
def test_the_user_of_a_middleware_is_named_on_each_page(sessions: Any) -> None:
    with client_of(middleware=[sessions, UserOfSession]) as client:
        assert_named(client, None)
        client.post("/login")
        assert_named(client, "7")


def test_the_user_of_session_auth_is_named_on_excluded_and_missing_pages() -> None:
    auth = SessionAuth[User, Any](
        retrieve_user_handler=user_of_session,
        session_backend_config=ServerSideSessionConfig(),
        exclude=EXCLUDED,
    )
    with client_of(on_app_init=[auth.on_app_init]) as client:
        assert_named(client, None)
        client.post("/login")
        assert_named(client, "7")


def test_the_user_of_a_jwt_cookie_is_named_on_excluded_and_missing_pages() -> None:
    auth = JWTCookieAuth[User](
        retrieve_user_handler=user_of_token,
        token_secret=LONG_SECRET,
        exclude=EXCLUDED,
        secure=False,
    )
    with client_of(on_app_init=[auth.on_app_init]) as client:
        assert_named(client, None)
        client.cookies.set("token", f"Bearer {auth.create_token(identifier='7')}")
        assert_named(client, "7")
        headers = {"Origin": f"https://{HELP}", "Cookie": "token=x; token=y"}
        assert client.get(SHARE_AUTH, headers=headers).json() == {}


async def async_identity(request: AnyRequest) -> Identity | None:
    user = request.session.get("user")
    return Identity(user) if user else None


def plain_identity(request: AnyRequest) -> Identity | None:
    user = request.session.get("user")
    return Identity(user) if user else None


@pytest.mark.parametrize("identity", [async_identity, plain_identity])
def test_an_identity_callable_sees_the_session_on_each_page(identity: Any) -> None:
    pavior = Pavior(SETTINGS, identity=identity)
    with client_of(pavior, middleware=[SERVER_SIDE]) as client:
        assert_named(client, None)
        client.post("/login")
        assert_named(client, "7")


def test_an_identity_callable_sees_the_user_on_excluded_pages() -> None:
    auth = SessionAuth[User, Any](
        retrieve_user_handler=user_of_session,
        session_backend_config=ServerSideSessionConfig(),
        exclude=EXCLUDED,
    )
    pavior = Pavior(SETTINGS, identity=lambda request: Identity(f"user-{request.user.id}"))
    with client_of(pavior, on_app_init=[auth.on_app_init]) as client:
        assert_named(client, None)
        client.post("/login")
        assert_named(client, "user-7")


def test_the_app_is_not_asked_if_its_middleware_has_named_the_user() -> None:
    asked: list[str] = []

    class Counts(UserOfSession):
        async def authenticate_request(
            self, connection: ASGIConnection[Any, Any, Any, Any]
        ) -> AuthenticationResult:
            asked.append(connection.scope["path"])
            return await super().authenticate_request(connection)

    middleware = [SERVER_SIDE, Counts]
    with client_of(middleware=middleware) as client:
        for path in ("/", "/api", "/missing", SHARE_AUTH):
            client.get(path)
    assert asked == ["/", "/api", SHARE_AUTH, SHARE_AUTH]


def test_an_app_without_users_is_asked_once_for_all_pages() -> None:
    asked: list[str] = []

    def keep(request: AnyRequest) -> None:
        asked.append(request.scope["path"])

    with client_of(before_request=keep) as client:
        for _ in range(3):
            assert name_in(client.get("/")) is None
    assert asked == ["/", SHARE_AUTH, "/", "/"]


def test_the_key_of_the_scope_names_the_user() -> None:
    async def name(request: AnyRequest) -> None:
        scope: Any = request.scope
        scope["pavior.identity"] = Identity("7")

    with client_of(before_request=name) as client:
        assert name_in(client.get("/")) == "7"


def test_an_authentication_that_fails_is_logged_and_the_page_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(session: dict[str, Any], connection: Any) -> User | None:
        raise RuntimeError("the database is gone")

    auth = SessionAuth[User, Any](
        retrieve_user_handler=fail,
        session_backend_config=ServerSideSessionConfig(),
        exclude=EXCLUDED,
    )
    with client_of(on_app_init=[auth.on_app_init]) as client:
        client.post("/login")
        page = client.get("/")
    assert (page.status_code, name_in(page)) == (200, None)
    (record,) = [each for each in caplog.records if each.name == "pavior_middleware"]
    assert "answered /.well-known/pavior/share-auth with the status 500" in str(record.exc_info)


@pytest.mark.parametrize("path", ["", "/shop"])
def test_an_app_below_a_path_names_the_user(path: str) -> None:
    middleware = [SERVER_SIDE, UserOfSession]
    with client_of(middleware=middleware, path=path) as client:
        client.post(f"{path}/login")
        assert_named(client, "7", prefix=path)
        assert client.get(f"{path}{SHARE_AUTH}").json()["id"] == "7"
        schema = client.get(f"{path}/schema/swagger")
        assert (schema.status_code, init_calls(schema.content)) == (200, [])


def test_an_app_that_is_mounted_and_never_starts_names_the_user_from_its_second_response() -> None:
    litestar = Litestar(
        HANDLERS,
        middleware=[
            CookieBackendConfig(secret=b"a secret of 32 bytes for a test.").middleware,
            UserOfSession,
        ],
        exception_handlers={404: error_page},
        plugins=[Pavior(SETTINGS)],
        logging_config=None,
    )
    app: Any = litestar
    client = StarletteClient(Starlette(routes=[Mount("/shop", app)]))
    client.post("/shop/login")
    for path in ("/shop/", "/shop/missing"):
        assert name_in(client.get(path)) == "7"
    assert client.get(f"/shop{SHARE_AUTH}").json()["id"] == "7"
    assert litestar.before_send == []


def test_what_is_no_page_and_the_schema_pass_untouched() -> None:
    with client_of(middleware=[SERVER_SIDE, UserOfSession]) as client:
        answer = client.get("/api")
        assert answer.json() == {"a": 1}
        assert "vary" not in answer.headers
        assert SHARE_AUTH not in client.get("/schema/openapi.json").text
        assert init_calls(client.get("/schema/redoc").content) == []


def test_consent_is_asked_of_a_request_with_its_session() -> None:
    def consent(request: AnyRequest) -> bool:
        return "user" in request.session

    pavior = Pavior(SETTINGS, consent=consent)
    with client_of(pavior, middleware=[SERVER_SIDE, UserOfSession]) as client:
        for path in PAGES:
            assert init_calls(client.get(path).content) == []
        client.post("/login")
        assert_named(client, "7")


def test_a_router_and_a_lifespan_work_as_without_the_plugin() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    router = Router("/router", route_handlers=[home])
    with client_of(route_handlers=[router], lifespan=[lifespan]) as client:
        assert name_in(client.get("/router/")) is None
    assert seen == ["up", "down"]


def test_an_app_with_pavior_disabled_is_left_unchanged() -> None:
    with client_of(Pavior(Settings("", "", enabled=False))) as client:
        assert client.get("/").text == PAGE
        assert client.get(SHARE_AUTH).status_code == 404


def test_an_app_that_is_asked_again_sees_the_fields_of_the_second_request() -> None:
    @get("/tagged", sync_to_thread=False)
    def tagged(request: AnyRequest) -> Response[str]:
        headers = {"ETag": '"1"'}
        if request.headers.get("If-None-Match") == '"1"':
            return Response("", media_type=MediaType.HTML, status_code=304, headers=headers)
        return Response(PAGE, media_type=MediaType.HTML, headers=headers)

    with client_of(route_handlers=[tagged]) as client:
        headers = {"If-None-Match": '"1"', "Sec-Fetch-Dest": "document"}
        page = client.get("/tagged", headers=headers)
        assert page.status_code == 200
        assert name_in(page) is None


# ── A response that logs somebody in or out ────────────────────────────────────────────────────


def site_with_tokens(excluded: list[str]) -> TestClient[Litestar]:
    """Return a client, logged in as 7, of a site whose pages log in and out by a cookie of JWT."""

    async def user_of(token: Token, connection: ASGIConnection[Any, Any, Any, Any]) -> User:
        return User(token.sub)

    auth = JWTCookieAuth[User](
        retrieve_user_handler=user_of, token_secret=LONG_SECRET, exclude=excluded
    )

    @get("/in", media_type=MediaType.HTML, sync_to_thread=False)
    def log_in() -> Response[str]:
        return Response(PAGE, media_type=MediaType.HTML, cookies=auth.login("8").cookies)

    @post("/in", media_type=MediaType.HTML, sync_to_thread=False)
    def log_in_by_form() -> Response[str]:
        return Response(PAGE, media_type=MediaType.HTML, cookies=auth.login("8").cookies)

    @post("/out", media_type=MediaType.HTML, sync_to_thread=False)
    def log_out() -> Response[str]:
        response = Response(PAGE, media_type=MediaType.HTML)
        response.delete_cookie(auth.key)
        return response

    client = TestClient(
        Litestar(
            [log_in, log_in_by_form, log_out],
            on_app_init=[auth.on_app_init],
            plugins=[Pavior(SETTINGS)],
        ),
        base_url="https://testserver.local",
    )
    client.cookies.set(auth.key, auth.create_token("7"), domain="testserver.local")
    return client


@pytest.mark.parametrize("excluded", [["^/schema"], ["^/schema", "^/in", "^/out"]])
@pytest.mark.parametrize(
    ("method", "path", "named"),
    [("GET", "/in", "8"), ("POST", "/in", "8"), ("POST", "/out", None)],
)
def test_a_page_names_the_user_whom_its_own_response_logs_in_or_nobody(
    excluded: list[str], method: str, path: str, named: str | None
) -> None:
    with site_with_tokens(excluded) as client:
        response = client.request(method, path)
    assert init_call(response.content).get("id") == named


def test_what_middleware_says_of_the_visitor_counts_on_a_page_without_a_route() -> None:
    def saying(app: Any) -> Any:
        async def naming_app(scope: Any, receive: Any, send: Any) -> None:
            scope["pavior.identity"] = Identity("7")
            await app(scope, receive, send)

        return naming_app

    def not_found(request: AnyRequest, error: Exception) -> Response[str]:
        return Response(PAGE, media_type=MediaType.HTML, status_code=404)

    app = Litestar(
        [home],
        middleware=[saying],
        exception_handlers={404: not_found},
        plugins=[Pavior(SETTINGS)],
    )
    with TestClient(app) as client:
        named = [init_call(client.get("/missing").content).get("id") for _ in range(2)]
    assert named == ["7", "7"]
