"""The command `pavior check`, run on real sites, and what it says of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from unittest.mock import patch

import httpx
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware.cli import main
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.servers import serving_http_1_1
from tests.support.sites import API_KEY, TEAM


@dataclass(frozen=True)
class Checked:
    """What the command has printed with `--json`, and its exit status."""

    status: int
    report: Mapping[str, Any]
    output: str

    @property
    def codes(self) -> list[str]:
        """The codes of the findings."""
        return [finding["code"] for finding in self.report["findings"]]

    @property
    def problems(self) -> list[str]:
        """The codes of the findings that are problems."""
        return [
            finding["code"] for finding in self.report["findings"] if finding["level"] == "problem"
        ]

    @property
    def not_checked(self) -> list[str]:
        """The codes of what was not checked."""
        return [finding["code"] for finding in self.report["not_checked"]]

    def finding(self, code: str) -> Mapping[str, str]:
        """Return the finding with a code, which must be there once."""
        (found,) = (each for each in self.report["findings"] if each["code"] == code)
        return dict(found)


def check(
    url: str, *arguments: str, cookie: str = "", api_key: str = "", **environ: str
) -> Checked:
    """Run the command with `--json` in this process, with a cookie and a key if there are any."""
    given = {"PAVIOR_CHECK_COOKIE": cookie, "PAVIOR_API_KEY": api_key, **environ}
    status, output, errors = run("check", url, "--json", *arguments, **given)
    assert "Traceback" not in errors, errors
    for secret in filter(None, (cookie.partition("=")[2], api_key)):
        assert secret not in output + errors
    return Checked(status, json.loads(output), output)


def run(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run the command with no settings but these; return its status, and what it printed."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PAVIOR_")}
    given = {name: value for name, value in environ.items() if value}
    with (
        patch.dict(os.environ, {**inherited, **given}, clear=True),
        redirect_stdout(StringIO()) as stdout,
        redirect_stderr(StringIO()) as stderr,
    ):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, stdout.getvalue(), stderr.getvalue()


PAGE = "<!doctype html><title>A page</title><p>Text</p>"
EMBED = "window.Pavior = () => {};"
USER = Identity("7", "ada@example.com")
LOGIN = "session=of-ada-who-is-logged-in"


def identity_by_cookie(environ: Mapping[str, Any]) -> Identity | None:
    """Return the user whose cookie is `LOGIN`."""
    return USER if LOGIN in environ.get("HTTP_COOKIE", "") else None


Wrap = Callable[[Any], Any]
"""Takes a WSGI app and returns it with something around it."""


def as_it_is(app: Any) -> Any:
    """Put nothing around an app."""
    return app


@dataclass(frozen=True)
class Site:
    """A site with the middleware: its page at every path, its embed, and what is around it.

    `inside` wraps the app within the middleware, `outside` around it. `files` are scripts by their
    paths.
    """

    page: str = PAGE
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    identity: Callable[[Any], Identity | None] = identity_by_cookie
    inside: Wrap = as_it_is
    outside: Wrap = as_it_is
    embed_path: str = "/embed"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def app(self, origin: str) -> Any:
        """Return the WSGI app of a site at an origin."""
        settings = Settings(
            TEAM, API_KEY, **{"embed_url": f"{origin}{self.embed_path}", **self.settings}
        )
        site = PaviorMiddleware(self.inside(self.answer), settings, identity=self.identity)
        return self.outside(site)

    def answer(self, environ: Any, start_response: Any) -> Any:
        """Answer as the app within."""
        path = environ["PATH_INFO"]
        scripts = {"/embed": EMBED, **self.files}
        if path in scripts:
            response = Response(scripts[path], mimetype="text/javascript")
        elif path.startswith("/.well-known/"):
            response = Response("Not here", 404)
        else:
            response = Response(self.page, mimetype="text/html", headers=dict(self.fields))
        return response(environ, start_response)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve a WSGI app; yield its origin."""
    (port,) = free_ports([0])
    with serving_http_1_1(app, port):
        yield f"http://{LOOPBACK}:{port}"


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """Serve a site; yield its origin."""
    (port,) = free_ports([0])
    origin = f"http://{LOOPBACK}:{port}"
    with serving_http_1_1(site.app(origin), port):
        yield origin


def checked(site: Site, *arguments: str, **given: str) -> Checked:
    """Serve a site and check its page, with the cookie of a login and the site's API key."""
    with serving(site) as origin:
        return check(f"{origin}/", *arguments, **{"cookie": LOGIN, "api_key": API_KEY, **given})


def with_fields(**fields: str | None) -> Wrap:
    """Return a wrapper that sets fields of each response; None removes a field."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}

    def wrap(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            def start(status: str, headers: Any, *rest: Any) -> Any:
                changed = Headers(headers)
                for name, value in named.items():
                    changed.pop(name, None)
                    if value is not None:
                        changed[name] = value
                return start_response(status, changed.to_wsgi_list(), *rest)

            return app(environ, start)

        return wrapped

    return wrap


def at_paths(paths: str, other: Any) -> Wrap:
    """Return a wrapper that makes another app answer the paths that contain a text."""

    def wrap(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            chosen = other if paths in environ["PATH_INFO"] else app
            return chosen(environ, start_response)

        return wrapped

    return wrap


def rewriting(change: Callable[[bytes], bytes]) -> Wrap:
    """Return a wrapper that changes each body."""

    def wrap(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            environ.pop("HTTP_ACCEPT_ENCODING", None)
            response = Response.from_app(app, environ)
            response.set_data(change(response.get_data()))
            return response(environ, start_response)

        return wrapped

    return wrap


def cookie_of_login(origin: str, path: str, form: Mapping[str, str]) -> str:
    """Log in by a form, and return the `Cookie` field of a browser that has done so."""
    with httpx.Client(base_url=origin, trust_env=False) as client:
        client.post(path, data=dict(form))
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())
