"""Pyramid: settings, user and transaction as the app has them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.interfaces import IExecutionPolicy
from pyramid.response import Response
from pyramid.router import default_execution_policy
from webtest import TestApp

from pavior_middleware import Identity, SettingsError, sign
from tests.frameworks.recipes import blocks
from tests.support.pages import init_call, init_calls
from tests.support.sites import API_KEY, HELP, SECRET_KEY, TEAM

KEYS = {"pavior.team_vanity_id": TEAM, "pavior.api_key": API_KEY}
PAGE = "<!doctype html><title>Home</title><h1>Home</h1>"
SHARE_AUTH = "/.well-known/pavior/share-auth"


class Policy:
    """A security policy that authenticates one user."""

    def __init__(self, user: Any, user_id: Any = "7") -> None:
        self._user, self._user_id = user, user_id

    def identity(self, request: Any) -> Any:
        return self._user(request) if callable(self._user) else self._user

    def authenticated_userid(self, request: Any) -> Any:
        return self._user_id


def page(request: Any) -> Response:
    return Response(PAGE)


def fail(request: Any) -> Response:
    raise RuntimeError


def failed(error: Exception, request: Any) -> Response:
    return Response(PAGE, 500)


def configured(policy: Any = None, **more: Any) -> Configurator:
    """Return a site's configuration; `more` are keys, without their prefix."""
    given = {f"pavior.{name}": value for name, value in more.items()}
    config = Configurator(settings={**KEYS, **given})
    if policy is not None:
        config.set_security_policy(policy)
    config.include("pavior_middleware.pyramid")
    for path, view in {"/": page, "/fail": fail}.items():
        config.add_route(path, path)
        config.add_view(view, route_name=path)
    config.add_exception_view(failed, context=RuntimeError)
    return config


def init_of(config: Configurator, path: str = "/", **arguments: Any) -> dict[str, Any]:
    return init_call(TestApp(config.make_wsgi_app()).get(path, **arguments).body)


def test_the_settings_are_the_apps_with_a_prefix() -> None:
    expected = {"teamVanityId": TEAM, "doChat": False, "doTimeTravel": True}
    assert init_of(configured(do_chat="false")) == expected


def test_bad_settings_stop_the_app_at_start_up() -> None:
    with pytest.raises(SettingsError, match="PAVIOR_API_KEY"):
        configured(api_key="")


def test_a_disabled_app_is_left_unchanged() -> None:
    app = configured(enabled="false").make_wsgi_app()
    assert TestApp(app).get("/").text == PAGE
    assert app.execution_policy is default_execution_policy


@pytest.mark.parametrize("path", ["/", "/fail"])
def test_the_user_of_the_security_policy_is_named(path: str) -> None:
    user = SimpleNamespace(id=7, email="ada@example.com", is_confirmed=True)
    options = init_of(configured(Policy(user), email_confirmed="is_confirmed"), path, status="*")
    assert options["hmac"] == sign(API_KEY, "7")
    assert options["email"] == "ada@example.com"


@pytest.mark.parametrize(
    "user", [{"userid": "9"}, "the name", SimpleNamespace(email="ada@example.com")]
)
def test_a_user_without_an_id_has_that_of_the_security_policy(user: Any) -> None:
    assert init_of(configured(Policy(user)))["id"] == "7"


def test_a_user_who_is_not_authenticated_is_not_named() -> None:
    assert "id" not in init_of(configured(Policy(SimpleNamespace(id=8), None)))
    assert "id" not in init_of(configured(Policy(None)))
    assert "id" not in init_of(configured())


def from_query(request: Any) -> Identity:
    return Identity(request.GET["user"])


@pytest.mark.parametrize("identity", [from_query, f"{__name__}.from_query"])
def test_a_callable_comes_before_the_security_policy(identity: Any) -> None:
    assert init_of(configured(Policy("8"), identity=identity), "/?user=9")["id"] == "9"


def test_without_consent_there_is_no_chat() -> None:
    app = configured(consent=lambda request: "no" not in request.GET).make_wsgi_app()
    assert init_calls(TestApp(app).get("/").body)
    assert TestApp(app).get("/?no").text == PAGE


def test_a_user_is_read_within_the_transaction() -> None:
    """Afterwards, what the session of a database has loaded can be read no more."""

    def user(request: Any) -> Any:

        assert request.environ["tm.active"]
        return SimpleNamespace(id=7)

    config = configured(Policy(user))
    config.include("pyramid_tm")
    for path in ("/", "/fail"):
        assert init_of(config, path, status="*")["id"] == "7"


def make_policy(seen: list[str]) -> Callable[[Any, Any], Any]:
    def policy(environ: Any, router: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return default_execution_policy(environ, router)

    return policy


def test_the_apps_own_execution_policy_runs_within() -> None:
    seen: list[str] = []
    config = configured(Policy("7"))
    config.set_execution_policy(make_policy(seen))
    assert init_of(config)["id"] == "7"
    assert seen == ["/"]
    assert config.registry.queryUtility(IExecutionPolicy) is not None


def outer_tween(handler: Any, registry: Any) -> Any:
    return lambda request: Response(PAGE, 503)


def test_a_page_of_a_tween_further_out_names_the_user() -> None:
    config = configured(Policy("7"))
    config.add_tween(f"{__name__}.outer_tween")
    assert init_of(config, status=503)["id"] == "7"


def test_the_login_is_shared_with_a_whitelisted_site() -> None:
    app = configured(Policy("7"), shared_auth_domains="help.example.com").make_wsgi_app()
    client = TestApp(app)
    assert client.get(SHARE_AUTH, headers={"Origin": HELP}).json["id"] == "7"
    client.get(SHARE_AUTH, headers={"Origin": "https://evil.test"}, status=403)


class CookiePolicy:
    """A security policy that has the user's id in a cookie, with a method of the app's requests."""

    def identity(self, request: Any) -> Any:
        return request.user_of_cookie()

    def authenticated_userid(self, request: Any) -> Any:
        return request.user_of_cookie()


def set_user(request: Any) -> Response:
    response = HTTPSeeOther("/") if request.params.get("redirects") else Response(PAGE)
    response.set_cookie("user", request.params["user"] or None)
    return response


def client_that_sets_users() -> TestApp:
    """Return a client, logged in as 7, of a site where `/set` logs in and out."""
    keys = {"shared_auth_domains": "help.example.com", "secret_key": SECRET_KEY}
    config = configured(CookiePolicy(), **keys)
    config.add_request_method(lambda request: request.cookies.get("user"), "user_of_cookie")
    config.add_route("set", "/set")
    config.add_view(set_user, route_name="set")
    client = TestApp(config.make_wsgi_app(), extra_environ={"wsgi.url_scheme": "https"})
    client.set_cookie("user", "7")
    return client


@pytest.mark.parametrize("user", ["8", ""])
def test_a_page_names_the_user_whom_its_own_response_logs_in_or_nobody(user: str) -> None:
    response = client_that_sets_users().post("/set", {"user": user})
    assert init_call(response.body).get("id", "") == user


def test_a_redirect_that_logs_out_takes_the_login_cookie_away() -> None:
    client = client_that_sets_users()
    session = client.get("/").headers["Set-Cookie"].partition(";")[0]
    headers = {"Sec-Fetch-Dest": "document", "Cookie": f"user=7; {session}"}
    response = client.post("/set", {"user": "", "redirects": "1"}, headers=headers)
    (field,) = (each for each in response.headers.getall("Set-Cookie") if "__Host-" in each)
    assert field.startswith("__Host-pavior-share=;")


def test_the_documented_lines_add_the_script() -> None:
    names: dict[str, Any] = {}
    exec(compile(blocks("pyramid")[0], "pyramid.md", "exec", dont_inherit=True), names)
    app = names["main"]({}, **KEYS)
    response = TestApp(app).get("/", status=404, headers={"Accept": "text/html"})
    assert init_calls(response.body)
