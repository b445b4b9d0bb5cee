"""Quart: the app's own configuration and login feed the extension."""

from __future__ import annotations

from typing import Any, cast

import pytest
import quart
from quart import Blueprint, Quart
from quart_auth import AuthUser, QuartAuth, current_user, login_user, logout_user
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from pavior_middleware import Identity, Settings, SettingsError, sign
from pavior_middleware.quart import Pavior
from tests.frameworks.recipes import blocks
from tests.support.pages import init_call
from tests.support.sites import API_KEY, HELP, TEAM

PAGE = "<!doctype html><title>Home</title><h1>Home</h1>"
SHARE_AUTH = "/.well-known/pavior/share-auth"


async def in_page() -> str:
    return PAGE


@pytest.fixture
def app() -> Quart:
    app = Quart(__name__)
    app.config.update(
        SECRET_KEY="a secret of the app",
        QUART_AUTH_COOKIE_SECURE=False,
        PAVIOR_TEAM_VANITY_ID=TEAM,
        PAVIOR_API_KEY=API_KEY,
    )

    app.add_url_rule("/", view_func=in_page)

    @app.get("/data")
    async def data() -> dict[str, int]:
        return {"a": 1}

    @app.get("/fail")
    async def fail() -> str:
        raise RuntimeError

    return app


def with_login(app: Quart, user_class: type[AuthUser] = AuthUser) -> Quart:
    QuartAuth(app, user_class=user_class)

    @app.post("/login")
    async def login() -> str:
        login_user(user_class("7"))
        return PAGE

    @app.post("/logout")
    async def logout() -> str:
        logout_user()
        return PAGE

    return app


def client_of(app: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def init_of(client: TestClient, path: str = "/", **arguments: Any) -> dict[str, Any]:
    return init_call(client.get(path, **arguments).content)


def test_the_settings_are_the_apps_configuration(app: Quart) -> None:
    app.config["PAVIOR_DO_CHAT"] = False
    Pavior(app)
    assert init_of(client_of(app)) == {"teamVanityId": TEAM, "doChat": False, "doTimeTravel": True}


def test_an_app_factory_gives_the_extension_its_app_later(app: Quart) -> None:
    pavior = Pavior()
    pavior.init_app(app)
    assert app.extensions["pavior"] is pavior
    assert init_of(client_of(app))["teamVanityId"] == TEAM


def test_settings_may_be_passed_to_the_extension(app: Quart) -> None:
    Pavior(app, Settings("other", API_KEY))
    assert init_of(client_of(app))["teamVanityId"] == "other"


def test_bad_settings_stop_the_app_at_start_up(app: Quart) -> None:
    app.config["PAVIOR_API_KEY"] = ""
    with pytest.raises(SettingsError, match="PAVIOR_API_KEY"):
        Pavior(app)


def test_a_second_extension_on_one_app_is_refused(app: Quart) -> None:
    Pavior(app)
    with pytest.raises(RuntimeError, match="once"):
        Pavior(app)


def test_a_disabled_extension_leaves_the_app_unchanged(app: Quart) -> None:
    app.config["PAVIOR_ENABLED"] = False
    Pavior(app)
    assert client_of(app).get("/").text == PAGE


def test_quart_auths_user_is_named_by_its_auth_id_from_login_to_logout(app: Quart) -> None:
    Pavior(with_login(app))
    client = client_of(app)
    assert "id" not in init_of(client)  # though a coroutine, `is_authenticated`, is truthy
    ada = {"id": "7", "hmac": sign(API_KEY, "7")}
    assert init_call(client.post("/login").content).items() >= ada.items()
    assert init_of(client).items() >= ada.items()
    assert "id" not in init_call(client.post("/logout").content)
    assert "id" not in init_of(client)


def test_a_user_who_is_not_authenticated_any_more_is_not_named(app: Quart) -> None:
    class Suspended(AuthUser):
        @property
        async def is_authenticated(self) -> bool:
            return False

    Pavior(with_login(app, Suspended))
    client = client_of(app)
    client.post("/login")
    assert "id" not in init_of(client)


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_an_attribute_of_the_user_may_have_to_be_awaited(app: Quart, is_confirmed: bool) -> None:
    class User(AuthUser):
        @property
        async def email(self) -> str:
            return f"{self.auth_id}@example.com"

        @property
        async def is_confirmed(self) -> bool:
            return is_confirmed

        @property
        async def first_name(self) -> str:
            return "Ada"

    app.config["PAVIOR_EMAIL_CONFIRMED"] = "is_confirmed"
    app.config["PAVIOR_USER_ATTRIBUTES"] = ["first_name"]
    Pavior(with_login(app, User))
    client = client_of(app)
    client.post("/login")
    options = init_of(client)
    assert options["firstName"] == "Ada"
    assert options.get("email") == ("7@example.com" if is_confirmed else None)


@pytest.mark.parametrize("path", ["/fail", "/missing", "/shop/", "/shop/fail"])
def test_pages_of_errors_and_blueprints_name_the_user(app: Quart, path: str) -> None:
    shop = Blueprint("shop", __name__, url_prefix="/shop")

    @shop.get("/")
    async def home() -> str:
        return PAGE

    @shop.get("/fail")
    async def fail() -> str:
        quart.abort(403)

    @shop.errorhandler(403)
    async def forbidden(error: Exception) -> tuple[str, int]:
        return PAGE, 403

    app.register_blueprint(shop)
    Pavior(with_login(app))
    client = client_of(app)
    client.post("/login")
    assert init_of(client, path)["id"] == "7"


def test_a_callable_comes_before_quart_auth_and_sees_the_request_context(app: Quart) -> None:
    @app.before_request
    async def load_user() -> None:
        quart.g.user_id = 8

    async def identity(scope: dict[str, Any]) -> Identity:
        return Identity(quart.g.user_id, attributes={"name": scope["path"]})

    Pavior(with_login(app), identity=identity)
    client = client_of(app)
    client.post("/login")
    assert init_of(client).items() >= {"id": "8", "name": "/"}.items()


def test_a_plain_callable_sees_the_request_context_in_its_thread(app: Quart) -> None:
    Pavior(app, identity=lambda scope: Identity(quart.request.args["user"]))
    assert init_of(client_of(app), "/?user=9")["id"] == "9"


def test_the_identity_in_the_scope_comes_before_quart_auth(app: Quart) -> None:
    @app.before_request
    async def load_user() -> None:
        quart.request.scope["pavior.identity"] = Identity("8")  # type: ignore[typeddict-unknown-key]

    Pavior(with_login(app))
    client = client_of(app)
    client.post("/login")
    assert init_of(client)["id"] == "8"


def test_the_user_is_looked_up_after_the_apps_last_hook(app: Quart) -> None:
    @app.after_request
    async def log_in_late(response: quart.Response) -> quart.Response:
        quart.g.user_id = 8
        response.mimetype = "text/html"
        return response

    Pavior(app, identity=lambda scope: Identity(quart.g.user_id))
    assert init_of(client_of(app))["id"] == "8"


def test_without_consent_there_is_no_chat(app: Quart) -> None:
    async def consent(scope: dict[str, Any]) -> bool:
        return "no" not in quart.request.cookies

    Pavior(app, consent=consent)
    client = client_of(app)
    assert init_of(client)
    assert client.get("/", headers={"Cookie": "no=1"}).text == PAGE


def test_data_is_served_without_asking_who_the_user_is(app: Quart) -> None:
    asked: list[str] = []

    async def identity(scope: dict[str, Any]) -> Identity:
        asked.append(scope["path"])
        return Identity(quart.session.get("user_id", 7))

    Pavior(app, identity=identity)
    client = client_of(app)
    assert client.get("/data").json() == {"a": 1}
    assert client.get("/").text != PAGE
    assert asked == ["/"]


def test_a_page_varies_by_cookie_once(app: Quart) -> None:
    Pavior(app, identity=lambda scope: Identity(quart.session.get("user", "7")))
    assert client_of(app).get("/").headers.get_list("Vary") == ["Cookie, Sec-Fetch-Dest, Origin"]


def test_the_login_is_shared_with_a_whitelisted_site(app: Quart) -> None:
    app.config["PAVIOR_SHARED_AUTH_DOMAINS"] = ["help.example.com"]
    Pavior(with_login(app))
    client = client_of(app)
    origin = {"Origin": HELP}
    assert client.get(SHARE_AUTH, headers=origin).json() == {}
    client.post("/login")
    ada = {"id": "7", "hmac": sign(API_KEY, "7")}
    assert client.get(SHARE_AUTH, headers=origin).json() == ada
    assert client.get(SHARE_AUTH, headers={"Origin": "https://evil.test"}).status_code == 403


def test_an_app_below_a_path_of_another_shares_its_login_there(app: Quart) -> None:
    Pavior(with_login(app))
    site = Starlette(routes=[Mount("/shop", cast("Any", app))])
    client = client_of(site)
    client.post("/shop/login")
    assert init_of(client, "/shop/")["id"] == "7"
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.get(f"/shop{SHARE_AUTH}", headers=own).json()["id"] == "7"


class Copying:
    """A middleware that passes on a copy of the scope."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(dict(scope), receive, send)


def test_the_user_is_named_although_a_middleware_copies_the_scope(app: Quart) -> None:
    app.asgi_app = Copying(app.asgi_app)  # type: ignore[method-assign]
    Pavior(with_login(app))
    client = client_of(app)
    client.post("/login")
    assert init_of(client)["id"] == "7"


def test_an_app_mounted_inside_another_names_no_user_of_the_outer_app(app: Quart) -> None:
    inner = Quart("inner")
    inner.config.update(PAVIOR_TEAM_VANITY_ID="inner", PAVIOR_API_KEY="the-key-of-the-inner-app")

    @inner.get("/")
    async def home() -> str:
        return PAGE

    Pavior(inner)
    own = app.asgi_app

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/inner"):
            await inner(cast("Any", {**scope, "root_path": "/inner"}), receive, send)
        else:
            await own(scope, receive, send)

    app.asgi_app = dispatch  # type: ignore[method-assign]
    Pavior(with_login(app))
    client = client_of(app)
    client.post("/login")
    options = init_of(client, "/inner/")
    assert options["teamVanityId"] == "inner"
    assert "id" not in options
    assert init_of(client)["id"] == "7"


def test_concurrent_requests_of_two_users_name_their_own_users(app: Quart) -> None:
    Pavior(with_login(app))
    ada, visitor = client_of(app), client_of(app)
    ada.post("/login")
    assert "id" in init_of(ada)
    assert "id" not in init_of(visitor)


def test_a_template_places_the_script(app: Quart) -> None:
    @app.get("/template")
    async def template() -> str:
        return await quart.render_template_string("<!doctype html><p>A{{ pavior_snippet() }}</p>")

    Pavior(app)
    text = client_of(app).get("/template").text
    assert text.startswith("<!doctype html><p>A<script")


def test_a_websocket_knows_its_user_and_passes(app: Quart) -> None:
    with_login(app)

    @app.websocket("/ws")
    async def who() -> None:
        await quart.websocket.send(str(current_user.auth_id))

    Pavior(app)
    client = client_of(app)
    client.post("/login")
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "7"


def test_without_a_login_pages_are_anonymous(app: Quart) -> None:
    Pavior(app)
    assert "id" not in init_of(client_of(app))


def test_the_documented_lines_name_quart_auths_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUART_SECRET_KEY", "a secret")
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", TEAM)
    monkeypatch.setenv("PAVIOR_API_KEY", API_KEY)
    names: dict[str, Any] = {"__name__": "site"}
    exec(blocks("quart")[0], names)
    site: Quart = names["app"]
    site.add_url_rule("/", view_func=in_page)

    @site.post("/login")
    async def login() -> str:
        login_user(AuthUser("7"))
        return PAGE

    client = TestClient(site, base_url="https://testserver")  # type: ignore[arg-type]
    client.post("/login")
    assert init_of(client)["hmac"] == sign(API_KEY, "7")


def test_the_documented_callable_names_the_user_of_the_session(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAVIOR_TEAM_VANITY_ID", TEAM)
    monkeypatch.setenv("PAVIOR_API_KEY", API_KEY)
    exec(blocks("quart")[1], {"app": app, "Pavior": Pavior, "Settings": Settings})

    @app.post("/login")
    async def login() -> str:
        quart.session["user_id"] = 7
        return PAGE

    client = client_of(app)
    assert "id" not in init_of(client)
    client.post("/login")
    assert init_of(client)["id"] == "7"
