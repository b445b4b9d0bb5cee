"""A site whose pages the libraries of `js/node_modules` show, and what reaches its server."""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware._assets import page_files
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware.wsgi import PaviorMiddleware

from . import node
from .embeds import QUIET_SECONDS
from .servers import serving_wsgi
from .sites import API_KEY, TEAM

ADA, BOB = "ada@example.com", "bob@example.com"
EMBEDS = ["body", "root"]  # where the bubble is

SOURCES = node.JS / "test/libraries"
MODULES = node.JS / "node_modules"
PATIENCE = 10  # seconds


@dataclass(frozen=True)
class Library:
    """What a page needs for a library: elements in the head, and attributes."""

    head: str
    link: str = ""
    form: str = ""
    body: str = ""
    main: str = ""
    fragments: Callable[[Headers], bool] = lambda headers: False
    """Whether a request with these fields is only for the main part of a page."""


def script(path: str, attributes: str = "") -> str:
    return f'<script src="/modules/{path}" {attributes}></script>'


def listening(event: str) -> str:
    """Return the line that a site adds for a library that the script does not notice."""
    line = f"addEventListener('{event}', () => dispatchEvent(new Event('pavior:refresh')))"
    return f"<script>{line}</script>"


def fetching(query: str) -> Library:
    return Library(script("idiomorph/dist/idiomorph.js") + script(f"fetching.js{query}"))


TURBO = script("@hotwired/turbo/dist/turbo.es2017-umd.js")
HTMX = script("htmx.org/dist/htmx.js")
HEAD_SUPPORT = script("htmx-ext-head-support/head-support.js")
HTMX_MORPH = script("idiomorph/dist/idiomorph-ext.js")
SWUP = (
    "<script>addEventListener('DOMContentLoaded', () => new Swup({containers: ['#main']}))</script>"
)
PJAX = """<script>$(() => {
    $(document).pjax('a', '#main');
    $(document).on('submit', 'form', event => $.pjax.submit(event, '#main'));
})</script>"""
ALPINE = script("@imacrayon/alpine-ajax/dist/cdn.js", "defer") + script(
    "alpinejs/dist/cdn.js", "defer"
)
ASTRO = '<meta name="astro-view-transitions-enabled" content="true">'

LIBRARIES = {
    "Turbo": Library(TURBO),
    "Turbo, morph": Library(TURBO + '<meta name="turbo-refresh-method" content="morph">'),
    "Turbo frames": Library(
        TURBO + listening("turbo:submit-end"),
        link='data-turbo-frame="frame" data-turbo-action="advance"',
        form='data-turbo-frame="frame"',
        main="turbo-frame",
    ),
    "htmx, `hx-boost`": Library(HTMX, body='hx-boost="true"'),
    "htmx, `hx-boost`, head-support": Library(
        HTMX + HEAD_SUPPORT, body='hx-boost="true" hx-ext="head-support"'
    ),
    "htmx, `hx-boost`, morph": Library(
        HTMX + HTMX_MORPH, body='hx-boost="true" hx-ext="morph" hx-swap="morph:innerHTML"'
    ),
    "htmx, `hx-get` and `hx-post`": Library(
        HTMX,
        link='hx-get hx-target="#main" hx-push-url="true"',
        form='hx-post hx-target="#main"',
        fragments=lambda headers: (
            "HX-Request" in headers and "HX-History-Restore-Request" not in headers
        ),
    ),
    "Unpoly": Library(script("unpoly/unpoly.js"), link="up-follow", form="up-submit"),
    'Unpoly, `up-target="body"`': Library(
        script("unpoly/unpoly.js"),
        link='up-follow up-target="body"',
        form='up-submit up-target="body"',
    ),
    "swup": Library(script("swup/dist/Swup.umd.js") + SWUP),
    "pjax": Library(
        script("jquery/dist/jquery.js") + script("jquery-pjax/jquery.pjax.js") + PJAX,
        fragments=lambda headers: "X-PJAX" in headers,
    ),
    "Astro": Library(ASTRO + script("astro.js", "type=module")),
    "alpine-ajax": Library(
        ALPINE + listening("ajax:success"),
        link='x-target="main"',
        form='x-target="main"',
        body="x-data",
    ),
    "alpine-ajax that pushes": Library(
        ALPINE, link='x-target.push="main"', form='x-target.push="main"', body="x-data"
    ),
    "fetch": fetching("?tells"),
    "fetch that pushes": fetching("?pushes"),
    "Idiomorph": fetching("?morphs"),
}


def astro_router(folder: Path) -> bytes:
    """Bundle the script of Astro's ClientRouter as Astro does for a site's pages."""
    component = (MODULES / "astro/components/ClientRouter.astro").read_text()
    found = re.search(r"<script>\n(.*)</script>", component, re.DOTALL)
    assert found is not None
    source, config, built = folder / "router.ts", folder / "config.js", folder / "astro.js"
    source.write_text(found[1])
    config.write_text("export const internalFetchHeaders = {};")
    virtual = MODULES / "astro/dist/virtual-modules"
    aliases = {
        "astro:transitions/client": virtual / "transitions-router.js",
        "astro/virtual-modules/prefetch.js": virtual / "prefetch.js",
        "virtual:astro:adapter-config/client": config,
    }
    constants = {
        "import.meta.env.SSR": "false",
        "import.meta.env.DEV": "false",
        "__PREFETCH_DISABLED__": "false",
        "__PREFETCH_PREFETCH_ALL__": "undefined",
        "__PREFETCH_DEFAULT_STRATEGY__": "undefined",
        "__EXPERIMENTAL_CLIENT_PRERENDER__": "false",
    }
    subprocess.run(
        [
            *(node.path(), MODULES / "esbuild/bin/esbuild", source, "--bundle"),
            *("--format=iife", f"--outfile={built}", "--log-level=warning"),
            *(f"--alias:{name}={path}" for name, path in aliases.items()),
            *(f"--define:{name}={value}" for name, value in constants.items()),
        ],
        check=True,
        timeout=60,
    )
    return built.read_bytes()


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
{head}
</head>
<body {body}>
<nav><a {link} href="/one">One</a> <a {link} href="/two">Two</a></nav>
<main id="main">{main}</main>
</body>
</html>
"""
MAIN = """<h1>{title}</h1>
<p id="user">{user}</p>
<form {form} method="post" action="/login">
<input type="hidden" name="as" value="{ada}"><button>Log in as Ada</button>
</form>
<form {form} method="post" action="/login">
<input type="hidden" name="as" value="{bob}"><button>Log in as Bob</button>
</form>
<form {form} method="post" action="/logout"><button>Log out</button></form>
"""


@dataclass
class LibrarySite:
    """A site with a login by cookie, the Pavior of its pages, and what both have seen."""

    library: Library
    policy: str = ""
    is_bare: bool = False
    astro: bytes = b""
    origin: str = ""
    users: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[float, str | None]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def identity(self, environ: dict[str, Any]) -> Identity | None:
        email = self.user(Request(environ))
        return None if email is None else Identity(email=email)

    def user(self, request: Request) -> str | None:
        return self.users.get(request.cookies.get("session", ""))

    def app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        directory, _, name = request.path.strip("/").partition("/")
        if directory == "modules":
            return self.module(name)
        session = request.cookies.get("session") or secrets.token_hex()
        if request.path == "/login":
            self.users[session] = request.form["as"]
            response = redirect("/account", 303)
            response.set_cookie("session", session, httponly=True)
            return response
        if request.path == "/logout":
            self.users.pop(session, None)
            return redirect(request.referrer or "/", 303)
        return self.page(request)

    def page(self, request: Request) -> Response:
        library = self.library
        title = request.path.strip("/").title() or "Home"
        form, link = library.form, library.link
        main = MAIN.format(
            title=title, user=self.user(request) or "nobody", form=form, ada=ADA, bob=BOB
        )
        main = re.sub(r'hx-post (.*) method="post" action="(.*?)"', r'hx-post="\2" \1', main)
        if library.fragments(request.headers):
            response = Response(f"<title>{title}</title>{main}", mimetype="text/html")
            response.headers["X-PJAX-URL"] = request.url
            return response
        if library.main:
            main = f'<{library.main} id="frame">{main}</{library.main}>'
        page = PAGE.format(title=title, head=library.head, body=library.body, link=link, main=main)
        page = re.sub(r'hx-get (.*?) href="(.*?)"', r'hx-get="\2" \1 href="\2"', page)
        nonce = secrets.token_hex(8)
        response = Response(page.replace("NONCE", nonce), mimetype="text/html")
        if self.policy:
            response.headers["Content-Security-Policy"] = self.policy.replace("NONCE", nonce)
        return response

    def module(self, path: str) -> Response:
        if path == "astro.js":
            return Response(self.astro, mimetype="text/javascript")
        for folder in (SOURCES, MODULES):
            if (folder / path).is_file():
                return Response((folder / path).read_bytes(), mimetype="text/javascript")
        return NotFound().get_response()

    def recorded(self, app: Any) -> Any:
        def record(environ: Any, start_response: Any) -> Any:
            path = environ["PATH_INFO"]
            if not path.startswith("/modules/") and path != "/favicon.ico":
                with self.changed:
                    self.requests.append(path)
                    self.changed.notify_all()
            return app(environ, start_response)

        return record

    def pavior(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/call":
            when, _, email = request.get_data(as_text=True).partition(" ")
            with self.changed:
                self.calls.append((float(when), email or None))
                self.changed.notify_all()
        text = (SOURCES / "embed.js").read_bytes()
        response = Response(b"(() => {%s})()" % text, mimetype="text/javascript")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response(environ, start_response)

    @property
    def named(self) -> list[str | None]:
        """The users whom the calls of init have named."""
        with self.changed:
            return [email for _, email in sorted(self.calls, key=lambda call: call[0])]

    def has_seen(self, calls: int, questions: int) -> bool:
        return len(self.calls) >= calls and self.requests.count(SHARE_AUTH) >= questions

    def count(self, path: str) -> int:
        with self.changed:
            return self.requests.count(path)

    @property
    def questions(self) -> int:
        return self.count(SHARE_AUTH)

    @property
    def files(self) -> int:
        return self.count(page_files.PAGE.path)

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, PATIENCE)

    def stays_quiet(self, seconds: float = QUIET_SECONDS) -> bool:
        """Whether no further call of init and no further request comes in this time."""
        with self.changed:
            before = len(self.calls), len(self.requests)
            return not self.changed.wait_for(
                lambda: (len(self.calls), len(self.requests)) != before, seconds
            )

    def settle(self) -> None:
        """Wait until all effects of a step have come: no timer of the script is this long."""
        while not self.stays_quiet(0.3):
            pass


@contextmanager
def serving(site: LibrarySite, embed: str = "body", **settings: Any) -> Iterator[LibrarySite]:
    port, pavior = free_ports([0, 0])
    site.origin = f"http://shop.localhost:{port}"
    embed_url = f"http://pavior.localhost:{pavior}/embed-{embed}.js"
    configured = Settings(TEAM, API_KEY, embed_url=embed_url, **settings)
    app: Any = PaviorMiddleware(site.app, configured, identity=site.identity)
    app = site.recorded(site.app if site.is_bare else app)
    with serving_wsgi(site.pavior, pavior), serving_wsgi(app, port):
        yield site
