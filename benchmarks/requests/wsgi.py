"""WSGI: a plain app, a Flask app and a Django app, driven in process."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from gzip import compress, decompress
from importlib import import_module
from json import dumps
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Flask, Response, jsonify
from newrelic.api.wsgi_application import _WSGIApplicationMiddleware as NewRelicInjector

import pavior_middleware
from pavior_middleware import Identity, Settings
from pavior_middleware.flask import Pavior
from pavior_middleware.wsgi import PaviorMiddleware

from .asgi import (
    ANONYMOUS,
    BARE,
    COPIED,
    HAND_WRITTEN,
    IN_EVERY_SIZE,
    NAMED,
    NEW_RELIC,
    PASS_THROUGH,
    Check,
    Fields,
    copied,
    login_cookie,
    with_cookie,
)
from .measuring import Serve, Table, Unavailable, repeated
from .new_relic import Transaction
from .pages import (
    EMAIL,
    FETCH,
    LENDING,
    NAVIGATION,
    NOBODY,
    NONCE_POLICY,
    ORDERS,
    PATH,
    POLICY,
    SECRET_KEY,
    SETTINGS,
    USER_ID,
    Answer,
    Page,
    by_hand,
    check_policy,
    check_script,
    check_text,
    check_whole,
    page_of,
    user,
)

App = Callable[[dict[str, Any], Any], Iterable[bytes]]
Body = Callable[[], bytes]
Write = Callable[[bytes], object]


# ── The driver ─────────────────────────────────────────────────────────────────────────────────


def environ_of(fields: Fields, scheme: str = "http") -> dict[str, Any]:
    """Return the environ of a GET as gunicorn makes it."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "RAW_URI": PATH,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_SOFTWARE": "gunicorn",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields},
    }


def _fresh(environ: dict[str, Any]) -> dict[str, Any]:
    return {**environ, "wsgi.input": io.BytesIO()}


def answer_of(app: App, environ: dict[str, Any]) -> Answer:
    """Return what an app answers."""
    begun: list[Any] = []

    def start_response(*arguments: Any) -> Write:
        begun.append(arguments)
        return _write

    body = app(_fresh(environ), start_response)
    sent = b"".join(body)
    _close(body)
    status, headers = begun[-1][:2]
    return Answer(int(status[:3]), headers, sent)


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _write(piece: bytes) -> None:  # noqa: ARG001
    raise AssertionError("no contender uses the callable that start_response returns")


def _start_response(status: str, headers: Fields, exc_info: Any = None) -> Write:  # noqa: ARG001
    return _write


def serving(app: App, environ: dict[str, Any], check: Check) -> Serve:
    """Check an app's answer; return a function that serves requests by the app."""
    check(answer_of(app, environ))

    def serve_one() -> None:
        body = app(_fresh(environ), _start_response)
        for _ in body:
            pass
        _close(body)

    return repeated(serve_one)


# ── The apps ───────────────────────────────────────────────────────────────────────────────────


def plain(body: Body, headers: Callable[[], Fields] = list) -> App:
    """Return an app that is a function."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ARG001
        sent = body()
        length = ("Content-Length", str(len(sent)))
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), length, *headers()])
        return [sent]

    return app


def plain_json(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ARG001
    """Answer with JSON."""
    body = dumps(ORDERS).encode()
    length = ("Content-Length", str(len(body)))
    start_response("200 OK", [("Content-Type", "application/json"), length])
    return [body]


def flask_app(body: Body, headers: Callable[[], Fields] = list) -> Flask:
    """Return a Flask app with a route to the page, and one to JSON."""
    app = Flask("shop")
    app.secret_key = SECRET_KEY

    @app.get(PATH)
    def order() -> Response:
        return Response(body(), headers=headers(), mimetype="text/html")

    return app


def flask_json() -> Flask:
    """Return a Flask app that answers with JSON."""
    app = Flask("shop")
    app.secret_key = SECRET_KEY
    app.get(PATH)(lambda: jsonify(ORDERS))
    return app


def by_author(page: Page) -> Body:
    """Return a function that makes the page with the script that its author has written."""
    return lambda: page.with_element(by_hand(USER_ID, EMAIL))


# ── Middleware ─────────────────────────────────────────────────────────────────────────────────


def pass_through(app: App) -> App:
    """Return an app with a middleware for responses that does the least possible."""

    def passing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: Fields, *exc_info: Any) -> Any:
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return passing


def new_relic(app: App) -> App:
    """Return an app with New Relic's injector around each request."""
    transaction = Transaction()

    def injecting(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        injector: Iterable[bytes] = NewRelicInjector(app, environ, start_response, transaction)
        return injector

    return injecting


def _known(environ: dict[str, Any]) -> Identity:  # noqa: ARG001
    return user()


def ours(app: App, settings: Settings = SETTINGS, identity: Any = None) -> App:
    """Return an app with this package's middleware."""
    return PaviorMiddleware(app, settings, identity=identity)


def _extended(app: Flask, settings: Settings = SETTINGS, identity: Any = None) -> App:
    """Return a Flask app with this package's extension."""
    Pavior(app, settings, identity=identity)
    return app


Wrap = Callable[..., App]
"""Takes an app, settings and the callable for the identity."""


# ── The tables ─────────────────────────────────────────────────────────────────────────────────


def pages(title: str, size: int, app_of: Callable[..., Any], wrap: Wrap) -> Table:
    """Return the table that has all contenders."""
    page = page_of(size)
    environ = environ_of(NAVIGATION)
    names = partial(check_script, page=page, user=user())
    names_nobody = partial(check_script, page=page, user=None)

    def is_bare(answer: Answer) -> None:
        check_text(answer, page.without_element())

    def allows(answer: Answer) -> None:
        names(answer)
        check_policy(answer)

    def contender(make: Callable[[], App], check: Check = names) -> Callable[[], Serve]:
        return lambda: serving(make(), environ, check)

    def bare(headers: Callable[[], Fields] = list) -> Any:
        return app_of(page.without_element, headers)

    def hand_written() -> Any:
        return app_of(by_author(page))

    def known(headers: Callable[[], Fields] = list) -> App:
        return wrap(bare(headers), identity=_known)

    return Table(
        title,
        HAND_WRITTEN,
        {
            BARE: contender(bare, is_bare),
            HAND_WRITTEN: contender(hand_written),
            COPIED: contender(lambda: app_of(lambda: copied(by_author(page)()))),
            PASS_THROUGH: contender(lambda: pass_through(hand_written())),
            NEW_RELIC: contender(lambda: new_relic(bare())),
            ANONYMOUS: lambda: serving(wrap(bare()), {**environ, **NOBODY}, names_nobody),
            NAMED: contender(known),
            "ours, every user new": lambda: _every_user_new(page, app_of, wrap),
            "ours, lending, first visit": lambda: _lending(page, app_of, wrap, returns=False),
            "ours, lending, returning visitor": lambda: _lending(page, app_of, wrap, returns=True),
            "ours, policy": contender(lambda: known(_policy), allows),
            "ours, policy with a fresh nonce": contender(lambda: known(_fresh_nonces()), allows),
            "ours, every head different": contender(lambda: known(_different_heads()), allows),
        },
    )


def _policy() -> Fields:
    return [("Content-Security-Policy", POLICY)]


def _fresh_nonces() -> Callable[[], Fields]:
    numbers = itertools.count(1)

    def headers() -> Fields:
        nonce = f"{next(numbers):022x}"
        return [("Content-Security-Policy", NONCE_POLICY.format(nonce=nonce))]

    return headers


def _different_heads() -> Callable[[], Fields]:
    numbers = itertools.count(1)

    def headers() -> Fields:
        number = next(numbers)
        return [
            ("Content-Security-Policy", f"{POLICY}; report-uri /csp/{number:016x}"),
            ("Cache-Control", f"private, max-age={number}"),
        ]

    return headers


def _every_user_new(page: Page, app_of: Callable[..., Any], wrap: Wrap) -> Serve:
    environ, numbers = environ_of(NAVIGATION), itertools.count(1)

    def identity(environ: dict[str, Any]) -> Identity:  # noqa: ARG001
        number = next(numbers)
        return Identity(str(number), f"{number}@example.com")

    served = wrap(app_of(page.without_element), identity=identity)
    for number in (1, 2):
        expected = Identity(str(number), f"{number}@example.com")
        check_script(answer_of(served, environ), page, expected)
    return serving(served, environ, lambda answer: None)  # noqa: ARG005


def _lending(page: Page, app_of: Callable[..., Any], wrap: Wrap, *, returns: bool) -> Serve:
    served = wrap(app_of(page.without_element), LENDING, _known)
    environ = environ_of(NAVIGATION, "https")
    if returns:
        cookie = login_cookie(answer_of(served, environ).header("set-cookie"))
        environ = environ_of(with_cookie(NAVIGATION, cookie), "https")
    return serving(served, environ, partial(check_script, page=page, user=user()))


def large_pages(title: str, size: int, app_of: Callable[..., Any], wrap: Wrap) -> Table:
    """Return the table of a large page."""
    table = pages(title, size, app_of, wrap)
    return Table(title, table.baseline, {name: table.contenders[name] for name in IN_EVERY_SIZE})


def gzipped(title: str, app_of: Callable[..., Any], wrap: Wrap) -> Table:
    """Return the table of a page that the app compresses."""
    page = page_of(10_000)
    environ = environ_of(NAVIGATION)

    def coded(body: Body) -> Any:
        return app_of(lambda: compress(body(), 6, mtime=0), lambda: [("Content-Encoding", "gzip")])

    def names(answer: Answer) -> None:
        check_whole(answer)
        fields = [field for field in answer.headers if field[0].lower() != "content-length"]
        check_script(Answer(answer.status, fields, decompress(answer.body)), page, user())

    return Table(
        title,
        HAND_WRITTEN,
        {
            HAND_WRITTEN: lambda: serving(coded(by_author(page)), environ, names),
            NAMED: lambda: serving(
                wrap(coded(page.without_element), identity=_known), environ, names
            ),
        },
    )


def json(title: str, make: Callable[[], Any], wrap: Wrap) -> Table:
    """Return the table of an answer that is not a page."""
    environ = environ_of(FETCH)

    def is_same(answer: Answer) -> None:
        expected = answer_of(make(), environ)
        check_text(answer, expected.body)
        assert answer.headers == expected.headers, "other header fields"

    def lending() -> Serve:
        page = ours(plain(page_of(10_000).without_element), LENDING, _known)
        first = answer_of(page, environ_of(NAVIGATION, "https"))
        with_login = with_cookie(FETCH, login_cookie(first.header("set-cookie")))
        served = wrap(make(), LENDING, _known)
        return serving(served, environ_of(with_login, "https"), is_same)

    return Table(
        title,
        PASS_THROUGH,
        {
            "bare JSON": lambda: serving(make(), environ, is_same),
            PASS_THROUGH: lambda: serving(pass_through(make()), environ, is_same),
            NEW_RELIC: lambda: serving(new_relic(make()), environ, is_same),
            "ours": lambda: serving(wrap(make(), identity=_known), environ, is_same),
            "ours, lending, returning visitor": lending,
        },
    )


# ── Django ─────────────────────────────────────────────────────────────────────────────────────


_DATABASE_USERS = "django.contrib.auth.backends.ModelBackend"
_DATABASE_SESSIONS = "django.contrib.sessions.backends.db"
_SESSIONS_IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"


def _has_django_adapter() -> bool:
    """Whether the package that is measured, which may be an older one, is an app of Django."""
    return (Path(pavior_middleware.__file__).parent / "django").is_dir()


@cache
def _django_urls() -> ModuleType:
    """Configure Django, which a process can do once; return the module with the app's URLs."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.urls import include, path

    urls = ModuleType("benchmarks.requests.django_urls")
    settings.configure(
        ALLOWED_HOSTS=["shop.example"],
        SECRET_KEY=SECRET_KEY,
        ROOT_URLCONF=urls,
        STATIC_URL="/static/",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"),
            *("django.contrib.sessions", "django.contrib.staticfiles", "django_browser_reload"),
            *(["pavior_middleware.django"] if _has_django_adapter() else []),
        ],
        MIDDLEWARE=[],
        AUTHENTICATION_BACKENDS=[_DATABASE_USERS, f"{__name__}.DjangoUsers"],
        PAVIOR_TEAM_VANITY_ID=SETTINGS.team_vanity_id,
        PAVIOR_API_KEY=SETTINGS.api_key,
        PAVIOR_EMAIL_CONFIRMED="is_active",
    )
    django.setup()
    call_command("migrate", verbosity=0)
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("__reload__/", include("django_browser_reload.urls")),
    ]
    return urls


def _django_app(
    view: Callable[[Any], bytes], *middleware: str, sessions: str = _DATABASE_SESSIONS
) -> App:
    """Return a Django app; `view` makes the body of each page from the request."""
    urls = _django_urls()
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.test import override_settings
    from django.urls import path

    name = f"order{len(urls.urlpatterns)}"
    route = path(f"{name}/", lambda request: HttpResponse(view(request)))
    urls.urlpatterns.append(route)
    with override_settings(MIDDLEWARE=list(middleware), SESSION_ENGINE=sessions):
        handler = WSGIHandler()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = f"/{name}/"
        answered: Iterable[bytes] = handler(environ, start_response)
        return answered

    return app


_OF_NEW_PROJECT = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)


class DjangoUsers:
    """A backend of Django that makes users in memory."""

    def get_user(self, user_id: int) -> Any:
        """Return the user of a session."""
        from django.contrib.auth.models import User

        return User(pk=user_id, username="ada", email=EMAIL)


def _with_session(environ: dict[str, Any], sessions: str) -> dict[str, Any]:
    """Return the environ with the cookie of a session in which the user is logged in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    in_database = sessions == _DATABASE_SESSIONS
    user: Any = DjangoUsers().get_user(int(USER_ID))
    if in_database:
        user.save()
    session = import_module(sessions).SessionStore()
    session[SESSION_KEY] = USER_ID
    session[BACKEND_SESSION_KEY] = (
        _DATABASE_USERS if in_database else f"{__name__}.{DjangoUsers.__name__}"
    )
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {**environ, "HTTP_COOKIE": f"sessionid={session.session_key}"}


def django_project_pages(kind: str, sessions: str) -> Table:
    """Return the table of a Django app with the middleware of a new project, and its own users."""
    page = page_of(10_000)
    names = partial(check_script, page=page, user=user())

    def contender(view: Callable[[Any], bytes], check: Check, *middleware: str) -> Serve:
        app = _django_app(view, *_OF_NEW_PROJECT, *middleware, sessions=sessions)
        return serving(app, _with_session(environ_of(NAVIGATION), sessions), check)

    def bare(request: Any) -> bytes:  # noqa: ARG001
        return page.without_element()

    def hand_written(request: Any) -> bytes:
        return page.with_element(by_hand(str(request.user.pk), request.user.email))

    def is_bare(answer: Answer) -> None:
        check_text(answer, page.without_element())

    def named() -> Serve:
        if not _has_django_adapter():
            raise Unavailable("this version is no app of Django")
        return contender(bare, names, "pavior_middleware.django.PaviorMiddleware")

    return Table(
        f"WSGI, Django with {kind}, page of 10 kB",
        HAND_WRITTEN,
        {
            BARE: lambda: contender(bare, is_bare),
            HAND_WRITTEN: lambda: contender(hand_written, names),
            NAMED: named,
        },
    )


class _Debugging:
    """The settings of Django that django-browser-reload looks at."""

    DEBUG = True


def django_pages() -> Table:
    """Return the table of a Django app."""
    page = page_of(10_000)
    environ = environ_of(NAVIGATION)
    names = partial(check_script, page=page, user=user())

    def has_reload_script(answer: Answer) -> None:
        before, end, after = page.without_element().partition(b"</body>")
        assert answer.body.startswith(before + b"<script src=")
        assert answer.body.endswith(b"defer></script>" + end + after)

    def reloading() -> App:
        _django_urls()
        from django_browser_reload import jinja, middleware

        # Without it, they do nothing; in Django's own settings, all rows would cost more.
        for module in (jinja, middleware):
            vars(module)["settings"] = _Debugging
        return _django_app(
            lambda _: page.without_element(),
            "django_browser_reload.middleware.BrowserReloadMiddleware",
        )

    return Table(
        "WSGI, Django, page of 10 kB",
        HAND_WRITTEN,
        {
            BARE: lambda: serving(
                _django_app(lambda _: page.without_element()),
                environ,
                lambda answer: check_text(answer, page.without_element()),
            ),
            HAND_WRITTEN: lambda: serving(_django_app(lambda _: by_author(page)()), environ, names),
            "django-browser-reload": lambda: serving(reloading(), environ, has_reload_script),
            NAMED: lambda: serving(
                ours(_django_app(lambda _: page.without_element()), identity=_known), environ, names
            ),
        },
    )


def tables() -> list[Table]:
    """Return all tables of WSGI."""
    flask = (flask_app, _extended)
    return [
        pages("WSGI, plain app, page of 10 kB", 10_000, plain, ours),
        large_pages("WSGI, plain app, page of 100 kB", 100_000, plain, ours),
        large_pages("WSGI, plain app, page of 1 MB", 1_000_000, plain, ours),
        gzipped("WSGI, plain app, gzipped page of 10 kB", plain, ours),
        json("WSGI, plain app, JSON", lambda: plain_json, ours),
        pages("Flask, page of 10 kB", 10_000, *flask),
        large_pages("Flask, page of 100 kB", 100_000, *flask),
        large_pages("Flask, page of 1 MB", 1_000_000, *flask),
        gzipped("Flask, gzipped page of 10 kB", *flask),
        json("Flask, JSON", flask_json, _extended),
        django_pages(),
        django_project_pages("its users", _SESSIONS_IN_COOKIES),
        django_project_pages("users and sessions in SQLite", _DATABASE_SESSIONS),
    ]
