"""FastAPI: a dependency of the app returns the user, for each page and for share-auth."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Cookie,
    Depends,
    FastAPI,
    Form,
    Header,
    HTTPException,
    Request,
    Response,
)
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.security import APIKeyCookie
from fastapi.testclient import TestClient

from pavior_middleware import Identity, Settings
from pavior_middleware.fastapi import Pavior, once
from tests.support.pages import init_call, init_calls
from tests.support.sites import API_KEY, SECRET_KEY, TEAM

HELP = "help.example.com"
SETTINGS = Settings(TEAM, API_KEY, shared_auth_domains=[HELP], secret_key=SECRET_KEY)
SHARE_AUTH = "/.well-known/pavior/share-auth"
PAGE = "<!doctype html><title>A page</title>"
PAGES = ["/", "/missing", "/boom", "/items/3"]


@dataclass
class User:
    id: int
    email: str = "ada@example.com"
    first_name: str = "Ada"
    is_verified: bool = True


class NotLoggedIn(Exception):
    """What an app raises in place of HTTPException, with a handler that leads to the login."""


def client_of(user: Callable[..., Any] | None, settings: Settings = SETTINGS) -> TestClient:
    """Return a client of an app whose routes do not use the dependency."""
    app = FastAPI()
    Pavior(app, settings, user=user)
    add_pages(app)
    return TestClient(app, raise_server_exceptions=False)


def add_pages(app: FastAPI) -> None:
    @app.get("/")
    def home() -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.get("/items/{item}")
    def item(item: int) -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.get("/api")
    def api() -> dict[str, int]:
        return {"a": 1}

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("boom")

    @app.exception_handler(404)
    @app.exception_handler(500)
    def error_page(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(PAGE, getattr(error, "status_code", 500))

    @app.exception_handler(NotLoggedIn)
    def to_login(request: Request, error: Exception) -> RedirectResponse:
        return RedirectResponse("/login")


def cookie_of(request: Request) -> str | None:
    return request.cookies.get("user")


def of_request(request: Request) -> Identity | None:
    return Identity(request.cookies["user"]) if "user" in request.cookies else None


async def of_async(request: Request) -> Identity | None:
    return of_request(request)


def of_chain(name: Annotated[str | None, Depends(cookie_of)]) -> User | None:
    return User(int(name)) if name else None


def of_generator(name: Annotated[str | None, Depends(cookie_of)]) -> Iterator[User | None]:
    yield of_chain(name)


async def of_async_generator(
    name: Annotated[str | None, Depends(cookie_of)],
) -> AsyncIterator[User | None]:
    yield of_chain(name)


def of_state(request: Request, user: Annotated[User | None, Depends(of_chain)]) -> User | None:
    request.state.user = user
    known: User | None = request.state.user
    return known


class OfInstance:
    async def __call__(self, user: Annotated[str | None, Cookie()] = None) -> User | None:
        return of_chain(user)


def or_401(user: Annotated[User | None, Depends(of_chain)]) -> User:
    if user is None:
        raise HTTPException(401)
    return user


async def or_redirect(user: Annotated[User | None, Depends(of_chain)]) -> User:
    if user is None:
        raise NotLoggedIn
    return user


def of_required_cookie(user: Annotated[int, Cookie()]) -> User:
    return User(user)


def of_key(key: Annotated[str, Depends(APIKeyCookie(name="user"))]) -> User:
    return User(int(key))


USERS: list[Callable[..., Any]] = [
    *(of_request, of_async, of_chain, of_generator, of_async_generator, of_state, OfInstance()),
    *(or_401, or_redirect, of_required_cookie, of_key, once(of_chain), once(or_401)),
]


def name_of(user: object) -> str:
    return getattr(user, "__name__", type(user).__name__)


@pytest.mark.parametrize("user", USERS, ids=name_of)
def test_a_dependency_of_any_kind_tells_the_user_of_each_page(
    user: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(user)
    origin = {"Origin": f"https://{HELP}"}
    for name in (None, "7"):
        client.cookies = {} if name is None else {"user": name}
        for path in PAGES:
            assert init_call(client.get(path).content).get("id") == name, path
        assert client.get(SHARE_AUTH, headers=origin).json().get("id") == name
    logged = [each.message for each in caplog.records if each.name == "pavior_middleware"]
    assert logged == []


def test_a_dependency_is_not_resolved_for_what_is_no_page() -> None:
    def user() -> None:
        pytest.fail("it is resolved")

    client = client_of(user)
    for path in ("/api", "/openapi.json", "/docs", "/.well-known/pavior/share.js"):
        assert client.get(path).status_code == 200


def test_no_route_of_the_middleware_is_in_the_schema() -> None:
    paths = client_of(of_request).get("/openapi.json").json()["paths"]
    assert set(paths) == {"/", "/api", "/boom", "/items/{item}"}


def test_a_user_object_is_mapped_as_the_settings_say() -> None:
    settings = Settings(
        TEAM, API_KEY, email_confirmed="is_verified", user_attributes={"firstName": "first_name"}
    )
    options = init_call(client_of(lambda: User(7), settings).get("/").content)
    assert (options["id"], options["email"]) == ("7", "ada@example.com")
    assert options["firstName"] == "Ada"


def test_a_user_object_that_says_it_is_not_authenticated_is_nobody() -> None:
    class Guest(User):
        is_authenticated = False

    assert "id" not in init_call(client_of(lambda: Guest(7)).get("/").content)


def test_a_user_with_nothing_to_send_is_refused_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "id" not in init_call(client_of(lambda: {"sub": "7"}).get("/").content)
    (record,) = caplog.records
    assert "the dependency `user` may return it" in record.message


def test_overrides_of_dependencies_count() -> None:
    for overridden in (of_chain, cookie_of):
        client = client_of(of_chain)
        app: Any = client.app
        result = User(8) if overridden is of_chain else "8"
        app.dependency_overrides[overridden] = lambda result=result: result
        assert init_call(client.get("/").content)["id"] == "8"
        app.dependency_overrides = {}
        assert "id" not in init_call(client.get("/").content)


def test_a_dependency_with_yield_is_open_while_the_user_is_read_and_closed_after_it() -> None:
    events: list[str] = []

    class Lazy:
        @property
        def id(self) -> int:
            events.append("read")
            return 7

    def user() -> Iterator[Lazy]:
        yield Lazy()
        events.append("closed")

    assert init_call(client_of(user).get("/").content)["id"] == "7"
    assert events[0] == "read"
    assert events[-1] == "closed"


def test_a_dependency_sees_the_path_parameters_of_the_page_and_the_app() -> None:
    seen: list[Any] = []

    def user(request: Request) -> None:
        seen.append((request.app, request.path_params, request.url.path))

    client = client_of(user)
    client.get("/items/3")
    assert seen == [(client.app, {"item": "3"}, "/items/3")]


def test_what_a_dependency_needs_of_other_routes_is_logged_and_the_page_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def user(item: int) -> User:
        return User(item)

    assert "id" not in init_call(client_of(user).get("/").content)
    (record,) = caplog.records
    assert "the dependency needs query.item" in str(record.exc_info and record.exc_info[1])


@pytest.mark.parametrize("error", [HTTPException(503), ValueError()], ids=repr)
def test_a_dependency_that_fails_is_logged_and_the_page_names_nobody(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def user() -> None:
        raise error

    response = client_of(user).get("/")
    assert response.status_code == 200
    assert "id" not in init_call(response.content)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_cookies_that_a_dependency_sets_go_out_with_the_page_that_resolves_it() -> None:
    def user(response: Response, name: Annotated[str | None, Depends(cookie_of)]) -> User | None:
        response.set_cookie("token", "next")
        return of_chain(name)

    client = client_of(user)
    client.cookies = {"user": "7"}
    assert client.get("/").cookies["token"] == "next"
    assert "set-cookie" not in client.get("/api").headers


def test_a_page_for_a_form_names_who_is_logged_in_after_it() -> None:
    app = FastAPI()
    sessions: dict[str, str] = {}

    @once
    def user() -> Identity | None:
        return Identity(sessions["user"]) if sessions else None

    Pavior(app, SETTINGS, user=user)

    @app.post("/login")
    def login(name: Annotated[str, Form()], before: Any = Depends(user)) -> HTMLResponse:
        assert before is None
        sessions["user"] = name
        return HTMLResponse(PAGE)

    page = TestClient(app).post("/login", data={"name": "7"})
    assert init_call(page.content)["id"] == "7"


def test_once_resolves_a_dependency_once_for_the_route_and_the_page() -> None:
    calls: list[str] = []

    @once
    def user(request: Request) -> Identity:
        calls.append(request.url.path)
        return Identity("7")

    app = FastAPI()
    Pavior(app, SETTINGS, user=user)
    router = APIRouter(prefix="/inner")
    for path, to in (("/", app), ("/page", router)):

        @to.get(path)
        def page(known: Any = Depends(user)) -> HTMLResponse:
            assert known == Identity("7")
            return HTMLResponse(PAGE)

    @app.get("/api")
    def api(known: Any = Depends(user)) -> None: ...

    app.include_router(router)
    client = TestClient(app)
    for path in ("/", "/inner/page"):
        assert init_call(client.get(path).content)["id"] == "7"
    client.get("/api")
    assert calls == ["/", "/inner/page", "/api"]


def test_a_background_task_of_the_dependency_runs() -> None:
    seen: list[str] = []

    def user(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.append, "run")

    client_of(user).get("/")
    assert seen == ["run"]


def test_without_a_dependency_the_user_is_that_of_the_scope_or_the_state() -> None:
    app = FastAPI()
    Pavior(app, SETTINGS)

    @app.get("/{place}")
    def page(place: str, request: Request) -> HTMLResponse:
        if place == "state":
            request.state.user = Identity("7")
        elif place == "key":
            request.scope["pavior.identity"] = Identity("8")
        return HTMLResponse(PAGE)

    client = TestClient(app)
    for place, expected in (("state", "7"), ("key", "8"), ("nowhere", None)):
        assert init_call(client.get(f"/{place}").content).get("id") == expected


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (SimpleNamespace(id=7), "7"),
        (SimpleNamespace(id=7, is_authenticated=False), None),
        (None, None),
    ],
)
def test_a_user_object_in_the_state_has_logged_in_unless_it_says_otherwise(
    user: object, expected: str | None
) -> None:
    app = FastAPI()

    @app.middleware("http")
    async def put_user(request: Request, call_next: Any) -> Any:
        request.state.user = user
        return await call_next(request)

    app.get("/")(lambda: HTMLResponse(PAGE))
    Pavior(app, SETTINGS)
    client = TestClient(app)
    assert init_call(client.get("/").content).get("id") == expected
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = client.get("/.well-known/pavior/share-auth", headers=headers)
    assert answer.json().get("id") == expected


def test_consent_is_a_dependency_without_which_nobody_asks_for_the_user() -> None:
    def user() -> None:
        pytest.fail("it is resolved")

    def consent(agrees: Annotated[str | None, Header()] = None) -> bool:
        if agrees is None:
            raise HTTPException(403)
        return agrees == "yes"

    app = FastAPI()
    Pavior(app, SETTINGS, user=user, consent=consent)
    add_pages(app)
    client = TestClient(app)
    for headers in ({"Agrees": "no"}, {}):
        assert init_calls(client.get("/", headers=headers).content) == []
    app.dependency_overrides[user] = lambda: Identity("7")
    assert init_call(client.get("/", headers={"Agrees": "yes"}).content)["id"] == "7"


def test_of_two_cookies_that_the_dependency_reads_share_auth_believes_none() -> None:
    client = client_of(of_key)
    headers = {"Origin": f"https://{HELP}", "Cookie": "user=7; user=8"}
    assert client.get(SHARE_AUTH, headers=headers).json() == {}


def test_a_dependency_must_be_callable() -> None:
    depends: Any = Depends(of_chain)
    for arguments in ({"user": depends}, {"consent": depends}):
        with pytest.raises(TypeError, match="must be a function or another dependency, not"):
            Pavior(FastAPI(), SETTINGS, **arguments)


def test_an_app_with_pavior_disabled_is_left_unchanged() -> None:
    client = client_of(of_chain, Settings("", "", enabled=False))
    assert client.get("/").text == PAGE
    assert client.get(SHARE_AUTH).status_code == 404


def test_a_page_that_was_modified_is_asked_for_once_more_with_its_user(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = FastAPI()
    Pavior(app, SETTINGS, user=of_chain)

    @app.get("/")
    def page(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        headers = {"ETag": '"1"'}
        if if_none_match == '"1"':
            return Response(status_code=304, headers=headers)
        return HTMLResponse(PAGE, headers=headers)

    with caplog.at_level(logging.WARNING):
        client = TestClient(app, cookies={"user": "7"})
        tag = client.get("/").headers["ETag"]
        assert client.get("/", headers={"If-None-Match": tag}).status_code == 304
        client.cookies = {"user": "8"}
        assert init_call(client.get("/", headers={"If-None-Match": tag}).content)["id"] == "8"
    assert caplog.records == []


# ── A response that logs somebody in or out ────────────────────────────────────────────────────


async def user_of_cookie(user: Annotated[str | None, Cookie()] = None) -> Identity | None:
    return Identity(user) if user else None


def setting_cookies(dependency: Callable[..., Any]) -> TestClient:
    """Return a client, logged in as 7, of an app that has the user's id in a cookie."""
    app = FastAPI()
    Pavior(app, SETTINGS, user=dependency)
    used = Depends(dependency)

    @app.api_route("/page", methods=["GET", "POST"])
    async def page(set_user: str, user: Any = used) -> HTMLResponse:
        response = HTMLResponse(PAGE)
        response.set_cookie("user", set_user, max_age=60 if set_user else 0)
        return response

    @app.post("/redirect")
    async def redirect(set_user: str) -> RedirectResponse:
        response = RedirectResponse("/", 303)
        response.set_cookie("user", set_user, max_age=60 if set_user else 0)
        return response

    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    client.cookies.set("user", "7", domain="testserver.local")
    return client


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("dependency", [user_of_cookie, once(user_of_cookie)])
@pytest.mark.parametrize("user", ["8", ""])
def test_a_page_names_the_user_whom_its_own_response_logs_in_or_nobody(
    method: str, dependency: Callable[..., Any], user: str
) -> None:
    client = setting_cookies(dependency)
    response = client.request(method, f"/page?set_user={user}")
    assert init_call(response.content).get("id", "") == user


def test_a_redirect_that_logs_out_takes_the_login_cookie_away() -> None:
    client = setting_cookies(user_of_cookie)
    client.get("/page?set_user=7")
    assert client.cookies["__Host-pavior-share"]
    client.post("/redirect?set_user=", headers={"sec-fetch-dest": "document"})
    assert "__Host-pavior-share" not in client.cookies
