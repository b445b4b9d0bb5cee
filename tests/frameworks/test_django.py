"""Django: settings from `settings.py`, the user from the request, pages through all its layers."""

from __future__ import annotations

import gzip
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from typing import Any

import django
import pytest
from asgiref.sync import iscoroutinefunction
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.views import View

from pavior_middleware import Identity, SettingsError, identify, sign
from pavior_middleware.django import PaviorMiddleware, SkipMixin, skip
from tests.frameworks.conftest import Overriding
from tests.frameworks.django_browsers import Browser
from tests.support.pages import elements_in_head, init_call, init_calls
from tests.support.sites import API_KEY, TEAM

PAGE = "<!doctype html><html><head><title>A</title></head><body><h1>Hello</h1></body></html>"
ADAS = {"id": "7", "hmac": sign(API_KEY, "7")}
OURS = "pavior_middleware.django.PaviorMiddleware"
Routes = Callable[..., None]


def page(request: Any) -> Any:
    return HttpResponse(PAGE)


async def page_async(request: Any) -> Any:
    return HttpResponse(PAGE)


def identity(request: Any) -> Identity:
    return Identity("9", attributes={"firstName": request.path})


async def identity_async(request: Any) -> Identity:
    return identity(request)


def lead(request: Any) -> Identity:
    from django.contrib.auth.models import User

    return Identity(email=User.objects.get(username="bob").email, authenticated=False)


def refuses(request: Any) -> bool:
    return False


async def refuses_async(request: Any) -> bool:
    return False


def middleware_with(*paths: str, behind: str = OURS) -> list[str]:
    """Return `MIDDLEWARE` with others behind ours, or behind another one."""
    from tests.frameworks.django_site import OF_STARTPROJECT

    listed = [*OF_STARTPROJECT["MIDDLEWARE"], OURS]
    place = listed.index(behind) + 1
    return [*listed[:place], *paths, *listed[place:]]


# ── Settings ───────────────────────────────────────────────────────────────────────────────────


def test_a_setting_that_a_test_overrides_holds_until_its_end(
    browser: Browser, overriding: Overriding
) -> None:
    from django.test import override_settings

    assert init_call(browser.get().body)["teamVanityId"] == TEAM
    with override_settings(PAVIOR_TEAM_VANITY_ID="other", PAVIOR_DO_CHAT=False):
        options = init_call(browser.get().body)
    assert (options["teamVanityId"], options["doChat"]) == ("other", False)
    assert init_call(browser.get().body)["teamVanityId"] == TEAM


def test_bad_settings_stop_django_when_it_loads_the_middleware(overriding: Overriding) -> None:
    from django.core.handlers.wsgi import WSGIHandler

    overriding(PAVIOR_API_KEY="", PAVIOR_IDENTITY="no.such.callable", PAVIOR_SKIP_ADMIN="no")
    with pytest.raises(SettingsError) as raised:
        WSGIHandler()
    settings = [problem.split()[0] for problem in raised.value.problems]
    assert settings == ["api_key", "PAVIOR_IDENTITY", "PAVIOR_SKIP_ADMIN"]


def test_nothing_changes_where_pavior_is_not_enabled(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    overriding(PAVIOR_ENABLED=False)
    routes(home=page)
    seen = browser.log_in("ada").get()
    assert seen.body == PAGE.encode()
    assert "Vary" not in seen.headers
    assert browser.get("/.well-known/pavior/share-auth").status == 404


def test_the_newest_of_djangos_fallback_keys_is_read_after_its_secret_key(
    overriding: Overriding,
) -> None:
    from pavior_middleware.django._settings import read_settings

    overriding(
        PAVIOR_SECRET_KEY=None,
        SECRET_KEY="the newest secret key",
        SECRET_KEY_FALLBACKS=["the second secret key", "the oldest secret key"],
    )
    keys = (b"the oldest secret key", b"the second secret key", b"the newest secret key")
    assert read_settings().settings.secret_keys == keys


# ── The user ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/", "/async", "/stream", "/boom", "/missing", "/gzip"])
def test_each_kind_of_page_names_the_user_of_the_session(browser: Browser, path: str) -> None:
    assert "id" not in init_call(_decoded(browser.get(path)))
    seen = browser.log_in("ada").get(path)
    assert init_call(_decoded(seen)).items() >= ADAS.items()
    assert seen.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in seen.headers["Vary"]


def _decoded(seen: Any) -> bytes:
    is_coded = seen.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(seen.body) if is_coded else bytes(seen.body)


def test_the_user_who_logs_in_while_a_page_is_made_is_named_there(
    browser: Browser, routes: Routes
) -> None:
    from django.contrib.auth import login, logout
    from django.contrib.auth.models import User

    def log_in(request: Any) -> Any:
        assert not request.user.is_authenticated
        login(request, User.objects.get(username="ada"))
        return page(request)

    def log_out(request: Any) -> Any:
        logout(request)
        return page(request)

    routes(login=log_in, logout=log_out)
    assert init_call(browser.get("/login").body)["id"] == "7"
    assert "id" not in init_call(browser.get("/logout").body)


def test_an_email_goes_out_if_the_site_says_that_it_is_confirmed(
    browser: Browser, overriding: Overriding
) -> None:
    browser.log_in("ada")
    assert "email" not in init_call(browser.get().body)
    overriding(PAVIOR_EMAIL_CONFIRMED="is_active")
    assert init_call(browser.get().body)["email"] == "ada@example.com"
    overriding(PAVIOR_EMAIL_CONFIRMED=lambda user: user.groups.exists())  # which queries
    assert "email" not in init_call(browser.get().body)


@pytest.mark.parametrize("given", [identity, identity_async, f"{__name__}.identity"])
def test_a_callable_names_the_user_by_the_request(
    browser: Browser, overriding: Overriding, given: Any
) -> None:
    overriding(PAVIOR_IDENTITY=given)
    options = init_call(browser.log_in("ada").get("/async").body)
    assert (options["id"], options["firstName"]) == ("9", "/async")


def test_a_plain_callable_may_query_the_database(browser: Browser, overriding: Overriding) -> None:
    overriding(PAVIOR_IDENTITY=lead)
    assert init_call(browser.get("/async").body)["email"] == "bob@example.com"


def test_a_plain_callable_runs_in_the_thread_of_the_view(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    threads: list[int] = []

    def view(request: Any) -> Any:
        threads.append(threading.get_ident())
        return page(request)

    routes(home=view)
    overriding(PAVIOR_IDENTITY=view_identity(threads))
    browser.get()
    assert len(threads) == 2
    assert len(set(threads)) == 1


def view_identity(threads: list[int]) -> Callable[[Any], None]:
    return lambda request: threads.append(threading.get_ident())


def test_a_callable_that_fails_makes_an_anonymous_page(
    browser: Browser, overriding: Overriding, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(request: Any) -> Identity:
        raise LookupError("no such user")

    overriding(PAVIOR_IDENTITY=fails)
    assert "id" not in init_call(browser.log_in("ada").get().body)
    assert "`identity` failed" in caplog.text


def set_key(request: Any) -> None:
    request.META["pavior.identity"] = Identity("10")


def identify_in_meta(request: Any) -> None:
    identify(request.META, Identity("10"))


def identify_in_scope_or_environ(request: Any) -> None:
    identify(getattr(request, "scope", None) or request.environ, Identity("10"))


@pytest.mark.parametrize("say", [set_key, identify_in_meta, identify_in_scope_or_environ])
def test_an_identity_in_the_request_comes_before_the_user(
    browser: Browser, routes: Routes, say: Callable[[Any], None]
) -> None:
    def view(request: Any) -> Any:
        say(request)
        return page(request)

    routes(home=view)
    assert init_call(browser.log_in("ada").get().body)["id"] == "10"


@pytest.mark.parametrize("given", [refuses, refuses_async])
def test_without_consent_a_page_has_no_chat(
    browser: Browser, overriding: Overriding, given: Any
) -> None:
    overriding(PAVIOR_CONSENT=given)
    assert init_calls(browser.log_in("ada").get().body) == []


def test_a_site_without_users_says_once_that_it_names_nobody(
    browser: Browser, overriding: Overriding, routes: Routes, caplog: pytest.LogCaptureFixture
) -> None:
    routes(home=page)
    overriding(MIDDLEWARE=[OURS])
    for _ in range(2):
        assert "id" not in init_call(browser.get().body)
    assert caplog.text.count("put pavior_middleware.django.PaviorMiddleware behind") == 1


class LazyUser:
    """A middleware of the site's own, which finds the user by a header field."""

    sync_capable = async_capable = True

    def __new__(cls, get_response: Any) -> Any:
        from django.contrib.auth.models import User
        from django.utils.functional import SimpleLazyObject

        def set_user(request: Any) -> Any:
            request.user = SimpleLazyObject(
                lambda: User.objects.get(username=request.headers["X-User"])
            )
            return get_response(request)

        if iscoroutinefunction(get_response):

            async def set_user_async(request: Any) -> Any:
                return await set_user(request)

            return set_user_async
        return set_user


def test_a_lazy_user_of_the_sites_own_is_looked_up(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    routes(home=page_async)
    overriding(MIDDLEWARE=middleware_with(f"{__name__}.LazyUser"))
    assert init_call(browser.log_in("ada").get(x_user="bob").body)["id"] == "8"


@pytest.mark.parametrize(
    ("middleware", "session"),
    [
        ("hijack.middleware.HijackUserMiddleware", {"hijack_history": ["8"]}),
        ("impersonate.middleware.ImpersonateMiddleware", {"_impersonate": 8}),
    ],
)
@pytest.mark.parametrize("is_inside", [True, False])
def test_somebody_who_acts_as_another_user_is_anonymous(
    browser: Browser,
    overriding: Overriding,
    middleware: str,
    session: dict[str, Any],
    is_inside: bool,
) -> None:
    users = "django.contrib.auth.middleware.AuthenticationMiddleware"
    listed = middleware_with(middleware, behind=OURS if is_inside else users)
    overriding(MIDDLEWARE=listed, HIJACK_INSERT_BEFORE=None)  # without a notice in the page
    kept = browser.log_in("ada").client.session
    kept.update(session)
    kept.save()
    for path in ("/", "/async"):
        assert "id" not in init_call(browser.get(path).body)
    assert b'"id"' not in browser.get("/.well-known/pavior/share-auth").body
    overriding(PAVIOR_IMPERSONATION="lead")
    options = init_call(browser.get("/").body)
    assert options["id"] in ("7", "8")
    assert "hmac" not in options


# ── Pages that get no chat ─────────────────────────────────────────────────────────────────────


def test_the_admin_has_no_chat_unless_the_site_wants_it(
    browser: Browser, overriding: Overriding
) -> None:
    for path in ("/admin/login/", "/admin/no-such-page/"):
        assert init_calls(browser.get(path).body) == []
    overriding(PAVIOR_SKIP_ADMIN=False)
    assert init_calls(browser.get("/admin/login/").body) != []


class Skipped(SkipMixin, View):  # type: ignore[misc]  # Django is untyped
    def get(self, request: Any) -> Any:
        return page(request)


class SkippedAsync(SkipMixin, View):  # type: ignore[misc]  # Django is untyped
    async def get(self, request: Any) -> Any:
        return page(request)


@pytest.mark.parametrize(
    "view", [skip(page), skip(page_async), Skipped.as_view(), SkippedAsync.as_view()]
)
def test_a_skipped_view_has_no_chat(browser: Browser, routes: Routes, view: Any) -> None:
    routes(home=view)
    seen = browser.get()
    assert seen.body == PAGE.encode()
    assert "Pavior-Skip" not in seen.headers


def test_data_is_left_unchanged_without_a_look_at_the_session(
    browser: Browser, routes: Routes
) -> None:
    routes(home=lambda request: JsonResponse({"a": 1}))
    seen = browser.log_in("ada").get(sec_fetch_dest="empty")
    assert seen.body == b'{"a": 1}'
    assert "Vary" not in seen.headers
    assert not seen.cookies


# ── Templates and policies ─────────────────────────────────────────────────────────────────────

TEMPLATE = (
    "{% load pavior %}<!doctype html><html><head><title>A</title>"
    '<link rel="stylesheet" href="/a.css">{% pavior_snippet %}<meta name="last"></head></html>'
)


def rendered(request: Any, given: Any) -> Any:
    return HttpResponse(engines["django"].from_string(TEMPLATE).render({}, given and request))


def test_a_template_places_the_script(browser: Browser, routes: Routes) -> None:
    routes(home=lambda request: rendered(request, True))
    body = browser.log_in("ada").get().body
    assert b'href="/a.css"><script' in body
    assert b'</script><meta name="last">' in body
    assert init_call(body)["id"] == "7"


def test_a_template_without_the_request_leaves_the_script_at_its_usual_place(
    browser: Browser, routes: Routes
) -> None:
    routes(home=lambda request: rendered(request, False))
    body = browser.get().body
    assert b'href="/a.css"><meta name="last">' in body
    assert len(init_calls(body)) == 1


NONCES = {"csp.middleware.CSPMiddleware": "csp_nonce"}
if django.VERSION >= (6, 0):
    NONCES["django.middleware.csp.ContentSecurityPolicyMiddleware"] = "_csp_nonce"
"""The attribute of the request that holds the nonce."""


def policy_settings(middleware: str) -> dict[str, Any]:
    if middleware.startswith("csp."):
        from csp.constants import NONCE

        return {"CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": ["'self'", NONCE]}}}
    from django.utils.csp import CSP

    return {"SECURE_CSP": {"script-src": [CSP.SELF, CSP.NONCE]}}


@pytest.mark.parametrize("middleware", NONCES)
@pytest.mark.parametrize("uses_nonce", [True, False])
def test_a_policy_lets_the_script_run(
    browser: Browser, overriding: Overriding, routes: Routes, middleware: str, uses_nonce: bool
) -> None:
    nonce = "{{ nonce }}" if uses_nonce else ""
    template = f'<!doctype html><title>A</title><script nonce="{nonce}"></script>'

    def view(request: Any) -> Any:
        context = {"nonce": getattr(request, NONCES[middleware])}
        return HttpResponse(engines["django"].from_string(template).render(context, request))

    routes(home=view)
    overriding(MIDDLEWARE=middleware_with(middleware), **policy_settings(middleware))
    seen = browser.get()
    policy = seen.headers["Content-Security-Policy"]
    *_, ours = (each for each in elements_in_head(seen.body) if "data-pavior" in each.attrib)
    if uses_nonce:
        assert f"'nonce-{ours.attrib['nonce']}'" in policy
    else:
        assert "'sha256-" in policy
        assert "https://app.pavior.com" in policy


# ── Bodies ─────────────────────────────────────────────────────────────────────────────────────

PIECES = [PAGE[:20].encode(), PAGE[20:].encode()]


async def awaited_pieces() -> AsyncIterator[bytes]:
    for piece in PIECES:
        yield piece


def sync_only(get_response: Any) -> Any:
    """Return a middleware that makes Django run those before it in sync mode."""
    return lambda request: get_response(request)


@pytest.mark.parametrize("destination", ["document", "empty"])
@pytest.mark.parametrize(
    "inner", [[], [f"{__name__}.sync_only"]], ids=["without another middleware", "with a sync one"]
)
def test_a_streamed_page_is_named(
    browser: Browser,
    overriding: Overriding,
    routes: Routes,
    mode: str,
    destination: str,
    inner: list[str],
) -> None:
    def stream(request: Any) -> Any:
        return StreamingHttpResponse(awaited_pieces() if mode == "async" else iter(PIECES))

    routes(stream=stream)
    overriding(MIDDLEWARE=middleware_with(*inner))
    seen = browser.log_in("ada").get("/stream", sec_fetch_dest=destination)
    assert init_call(seen.body)["id"] == "7"
    assert seen.body.endswith(PAGE[-40:].encode())
    assert "Content-Length" not in seen.headers


def test_nothing_of_a_stream_is_read_before_it_goes_out(overriding: Overriding) -> None:
    from django.test import RequestFactory

    read: list[int] = []

    def pieces() -> Iterator[bytes]:
        for place, piece in enumerate(PIECES):
            read.append(place)
            yield piece

    middleware = PaviorMiddleware(lambda request: StreamingHttpResponse(pieces()))
    response = middleware(RequestFactory().get("/", HTTP_SEC_FETCH_DEST="document"))
    assert read == []
    body = iter(response.streaming_content)
    assert next(body).startswith(b"<!doctype html>")
    assert read == [0]


def test_the_resources_of_a_stream_are_closed_with_the_response(overriding: Overriding) -> None:
    from django.test import RequestFactory

    class File(BytesIO):
        closes = 0

        def close(self) -> None:
            self.closes += 1
            super().close()

    file = File(PAGE.encode())
    middleware = PaviorMiddleware(lambda request: FileResponse(file, content_type="text/html"))
    response = middleware(RequestFactory().get("/"))
    assert len(init_calls(b"".join(response))) == 1
    response.close()
    assert file.closes >= 1


def test_a_file_that_is_a_page_tells_its_new_length(browser: Browser, routes: Routes) -> None:
    def file(request: Any) -> Any:
        return FileResponse(BytesIO(PAGE.encode()), content_type="text/html; charset=utf-8")

    routes(file=file)
    seen = browser.log_in("ada").get("/file")
    assert init_call(seen.body)["id"] == "7"
    assert seen.headers["Content-Length"] == str(len(seen.body))


@pytest.mark.parametrize("stream", [False, True])
def test_no_body_answers_a_head_request(overriding: Overriding, stream: bool) -> None:
    from django.test import RequestFactory

    kind = StreamingHttpResponse if stream else HttpResponse
    middleware = PaviorMiddleware(lambda request: kind(PIECES))
    head, page = (middleware(getattr(RequestFactory(), name)("/")) for name in ("head", "get"))
    assert b"".join(head) == b""
    length = None if stream else str(len(page.content))
    assert head.headers.get("Content-Length") == length


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_a_head_request_gets_the_fields_of_the_page_and_nothing_else(
    browser: Browser, path: str
) -> None:
    browser.log_in("ada")
    page, head = browser.get(path), browser.head(path)
    assert head.body == b""
    length = page.headers.get("Content-Length")
    assert head.headers.get("Content-Length") == length
    assert dict(head.headers) == dict(page.headers)


def test_a_page_compressed_below_the_middleware_is_named(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    routes(home=lambda request: HttpResponse(PAGE + "x" * 500))
    overriding(MIDDLEWARE=middleware_with("django.middleware.gzip.GZipMiddleware"))
    seen = browser.log_in("ada").get(accept_encoding="gzip")
    assert init_call(gzip.decompress(seen.body))["id"] == "7"


def test_the_login_cookie_is_set_where_djangos_client_finds_it(
    browser: Browser, overriding: Overriding
) -> None:
    overriding(PAVIOR_SHARED_AUTH_DOMAINS=["help.example.com"])
    cookie = browser.log_in("ada").get().cookies["__Host-pavior-share"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "None")
    browser.client.logout()
    browser.client.cookies["__Host-pavior-share"] = cookie.value
    assert browser.get().cookies["__Host-pavior-share"]["max-age"] in (0, "0")


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_a_middleware_around_django_leaves_its_pages_alone(
    overriding: Overriding, interface: str
) -> None:
    import asyncio

    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from httpx2 import ASGITransport, AsyncClient
    from webtest import TestApp

    from pavior_middleware import asgi, wsgi
    from tests.support.sites import SETTINGS

    def other(_: Any) -> Identity:
        return Identity("other")

    path = "/.well-known/pavior/share-auth"
    if interface == "wsgi":
        client = TestApp(wsgi.PaviorMiddleware(WSGIHandler(), SETTINGS, identity=other))
        page, answer = client.get("/"), client.get(path)
        body, options, fields = page.body, answer.json, page.headers
    else:

        async def ask() -> tuple[bytes, Any, Any]:
            app = asgi.PaviorMiddleware(ASGIHandler(), SETTINGS, identity=other)
            transport = ASGITransport(app)
            async with AsyncClient(transport=transport, base_url="http://a.test") as client:
                page, answer = await client.get("/"), await client.get(path)
            return page.content, answer.json(), page.headers

        body, options, fields = asyncio.run(ask())
    assert "id" not in init_call(body)
    assert options == {}
    assert "Pavior-Inner" not in fields


# ── What the user's attributes need ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("setting", ["PAVIOR_USER_ATTRIBUTES", "PAVIOR_EMAIL_CONFIRMED"])
def test_a_property_of_the_user_may_query_the_database(
    browser: Browser, overriding: Overriding, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    from django.contrib.auth.models import User

    in_no_group = property(lambda user: user.groups.count() == 0)
    monkeypatch.setattr(User, "in_no_group", in_no_group, raising=False)
    is_email = setting == "PAVIOR_EMAIL_CONFIRMED"
    overriding(**{setting: "in_no_group" if is_email else ["in_no_group"]})
    options = init_call(browser.log_in("ada").get().body)
    expected = {"email": "ada@example.com"} if is_email else {"in_no_group": True}
    assert options.items() >= {"id": "7", **expected}.items()


def test_a_request_whose_user_is_missing_names_nobody(
    browser: Browser, routes: Routes, caplog: pytest.LogCaptureFixture
) -> None:
    def without_user(request: Any) -> Any:
        request.user = None
        return HttpResponse(PAGE)

    routes(home=without_user)
    assert "id" not in init_call(browser.log_in("ada").get().body)
    assert not caplog.records
