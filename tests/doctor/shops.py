"""Small sites as their owners have set them up: what is in the environment, code and template.

A site is data, so that one with a mistake and one without differ in one field.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import brotli
import pytest
from werkzeug.wrappers import Request, Response

from pavior_middleware import Identity, Settings
from pavior_middleware._http import codings
from pavior_middleware._page import pages
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support.sites import API_KEY, SECRET_KEY, TEAM

SHOP, HELP, PAVIOR = "shop.example.test", "help.other.test", "pavior.example.test"
"""The names of a site where people log in, of one that borrows the login, and of Pavior itself."""

EMBED_URL = f"https://{PAVIOR}/embed"

SESSION = "b3f1c09ad2e47"
COOKIE = f"session={SESSION}"
"""The `Cookie` field of the browser in which Ada is logged in."""

ADA = Identity("7", "ada@example.com")

CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "br": brotli.compress,
}


def ada_by_id(request: Request) -> Identity | None:
    """Return who is logged in, as the code of most sites does."""
    return ADA if request.cookies.get("session") == SESSION else None


def _codings_without_brotli(names: Sequence[str]) -> list[codings.Coding]:
    """Look codings up as where Brotli is not installed."""
    with mock.patch.dict(sys.modules, brotli=None):
        codings._brotli.cache_clear()
        try:
            return codings.codings(names)
        finally:
            codings._brotli.cache_clear()


@dataclass(frozen=True)
class Shop:
    """One site: what its owner has written where, mistakes included.

    `head` is in the head of its template, `policy` is its own `Content-Security-Policy`, and
    `coding` the content coding of its pages. `extras` are the extras that are installed with the
    middleware. `server` and `location` are directives of nginx before it: of its server, and of the
    location of its pages.
    """

    settings: Mapping[str, str]
    identity: Callable[[Request], Identity | None] = ada_by_id
    head: str = ""
    policy: str = ""
    coding: str = ""
    extras: frozenset[str] = frozenset({"codings"})
    server: str = ""
    location: str = ""
    is_on_tls: bool = True

    def with_settings(self, **changes: str | None) -> Shop:
        """Return the same site with some settings changed; None removes one."""
        changed = {**self.settings, **changes}
        kept = {key: value for key, value in changed.items() if value is not None}
        return replace(self, settings=kept)

    def app(self) -> Any:
        """Make its WSGI app, as its server does at start-up; raise what stops the start."""
        settings = Settings.from_mapping(self.settings)
        return PaviorMiddleware(self._pages, settings, identity=self._identity)

    @contextmanager
    def as_installed(self) -> Iterator[None]:
        """Let its middleware find the libraries that are installed with it, and no others."""
        with pytest.MonkeyPatch.context() as patch:
            if "codings" not in self.extras:
                patch.setattr(pages, "codings", _codings_without_brotli)
            yield

    def _identity(self, environ: dict[str, Any]) -> Identity | None:
        return self.identity(Request(environ))

    def _pages(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._page(Request(environ))(environ, start_response)

    def _page(self, request: Request) -> Response:
        if request.path != "/":
            return Response("<!doctype html><title>Missing</title>", 404, mimetype="text/html")
        user = ada_by_id(request)
        text = (
            f'<!doctype html><html lang="en"><head><title>Shop</title>{self.head}</head>'
            f"<body><h1>{'Ada' if user else 'Nobody'}</h1></body></html>"
        )
        response = Response(text, mimetype="text/html")
        if self.policy:
            response.headers["Content-Security-Policy"] = self.policy
        return response if self.coding == "" else self._encoded(response, request)

    def _encoded(self, response: Response, request: Request) -> Response:
        response.headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings[self.coding]:
            response.set_data(CODINGS[self.coding](response.get_data()))
            response.headers["Content-Encoding"] = self.coding
        return response


USUAL = Shop(
    {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_EMBED_URL": EMBED_URL,
    }
)
"""A site without a mistake."""

LENDER = USUAL.with_settings(PAVIOR_SHARED_AUTH_DOMAINS=HELP, PAVIOR_SECRET_KEY=SECRET_KEY)

BORROWER = Shop(
    {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_EMBED_URL": EMBED_URL,
        "PAVIOR_SHARE_AUTH": SHOP,
    }
)

Shops = Mapping[str, Shop]
"""The sites that run at once, by their names."""


@dataclass(frozen=True)
class Town:
    """The sites that run at once, and which URL is checked as whom, with which key at hand.

    `cache` is where nginx keeps pages; under a new name there are no pages yet.
    """

    shops: Mapping[str, Shop] = field(default_factory=lambda: {SHOP: USUAL})
    url: str = f"https://{SHOP}/"
    cookie: str = COOKIE
    key_at_hand: str = API_KEY
    cache: str = "cache"

    def with_shop(self, shop: Shop, name: str = SHOP) -> Town:
        """Return the same town with one site in the place of that of its name."""
        return replace(self, shops={**self.shops, name: shop})
