"""Ten healthy sites: one of each adapter, with what may be around it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

from pavior_middleware._page.snippet import SCRIPT_INTEGRITY

from .shops import PAVIOR

Cache = Literal["", "nginx", "varnish"]
Policy = Literal["", "inside", "outside"]
Coding = Literal["", "inside", "outside"]

POLICY = (
    f"default-src 'self'; script-src '{SCRIPT_INTEGRITY}' 'self' https://{PAVIOR};"
    f" connect-src 'self' https://{PAVIOR}"
)
"""A policy of nginx that lets the script run, as docs/responses.md has it."""


@dataclass(frozen=True)
class Healthy:
    """A site and what is around its app. `app` is a module of `tests.frameworks.apps`.

    `policy` and `coding` say on which side of the middleware there is one. A `cache` keeps pages
    for a minute whose app says nothing of caches.
    """

    app: str
    policy: Policy = ""
    coding: Coding = ""
    cache: Cache = ""

    @property
    def path(self) -> str:
        """The path of the page that is checked; no app has one that is both."""
        if self.policy == "inside":
            return "/nonce"
        return "/gzip" if self.coding == "inside" else "/"

    @property
    def location(self) -> str:
        """What nginx has for it."""
        directives = {
            f'add_header Content-Security-Policy "{POLICY}" always;': self.policy == "outside",
            "gzip on; gzip_min_length 1;": self.coding == "outside",
            "proxy_cache pages; proxy_cache_valid 200 1m;": self.cache == "nginx",
            "add_header X-Cache $upstream_cache_status always;": self.cache == "nginx",
        }
        # The apps also run over plain http in other tests, so that they cannot ask for `Secure`.
        return " ".join(
            ["proxy_cookie_flags ~ secure;", *(text for text, is_so in directives.items() if is_so)]
        )

    def __str__(self) -> str:
        """Return what is around the app, in words."""
        around = {
            "policy": self.policy,
            "coding": self.coding,
            "cache": self.cache,
        }
        parts = [f"{name} {value}" for name, value in around.items() if value]
        return ", ".join([self.app, *parts])


TEN = (
    Healthy("flask", cache="nginx"),
    Healthy("starlette", policy="inside", coding="outside", cache="nginx"),
    Healthy("django", coding="inside", cache="nginx"),
    Healthy("fastapi", policy="outside"),
    Healthy("litestar", policy="inside", coding="outside"),
    Healthy("quart", coding="outside"),
    Healthy("pyramid", policy="outside", coding="inside"),
    Healthy("aiohttp", policy="inside", cache="varnish"),
    Healthy("wsgi"),
    Healthy("asgi", policy="outside", coding="outside", cache="varnish"),
)

APPS = tuple(each.app for each in TEN)

_AROUND: tuple[tuple[Policy, Coding], ...] = (
    *(("", ""), ("", "inside"), ("", "outside"), ("inside", ""), ("inside", "outside")),
    *(("outside", ""), ("outside", "inside"), ("outside", "outside")),
)
_CACHES: tuple[Cache, ...] = ("", "nginx", "varnish")

ALL = tuple(
    Healthy(app, policy, coding, cache)
    for app, (policy, coding), cache in product(APPS, _AROUND, _CACHES)
)
"""Each app with everything around it, in each combination."""
