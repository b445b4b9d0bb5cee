"""What was fetched of a site: immutable, and complete before a rule looks at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from .._model.settings import Settings
from .markup import Element, Markup, read_markup

FailureKind = Literal["name", "connection", "timeout", "tls", "redirects", "protocol", "cookie"]


@dataclass(frozen=True)
class Exchange:
    """An answered request.

    `url` is the URL that answered, and `redirects` are the URLs before it. `fields` are those of
    the response, with names in lower case, in latin-1. `body` is decoded; if that failed,
    `undecoded` says why. `is_cut` tells that more bytes would have come. `tls_problem` says why the
    server's certificate must not be trusted. `certificate_ends` is when a good certificate expires,
    in seconds since 1970. `seen_at` is the time of this machine's clock when the response began.
    """

    url: str
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    redirects: tuple[str, ...] = ()
    undecoded: str = ""
    is_cut: bool = False
    tls_problem: str = ""
    certificate_ends: float | None = None
    seen_at: float = 0.0

    def values(self, name: str) -> list[str]:
        """Return the values of each field of a name in lower case."""
        return [value for each, value in self.fields if each == name]

    def field(self, name: str) -> str:
        """Return all values of a field as one list; '' if it is absent."""
        return ", ".join(self.values(name))

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.field("content-type").partition(";")[0].strip().lower()

    @property
    def parts(self) -> SplitResult:
        """The URL in its parts."""
        return urlsplit(self.url)


@dataclass(frozen=True)
class Failed:
    """A request without an answer; `reason` is the error that this machine got."""

    url: str
    kind: FailureKind
    reason: str


Fetched = Exchange | Failed

LOGIN_COOKIE = "__Host-pavior-share"


@dataclass(frozen=True)
class Named:
    """The pages fetched with the cookie of somebody who is logged in, and requests after them.

    `page` has a fresh query. `kept` is the answer of the same address afterwards, without the
    cookie. `share_auth` and `share_auth_kept` are the same for the site's `share-auth`.
    `after_nobody` is the page, with the cookie, of an address that was fetched without it before.
    """

    page: Fetched
    kept: Fetched | None = None
    after_nobody: Fetched | None = None
    share_auth: Fetched | None = None
    share_auth_kept: Fetched | None = None


@dataclass(frozen=True)
class Keys:
    """The keys at hand. No key is ever shown."""

    api_key: str = field(default="", repr=False)
    secret_keys: tuple[str | bytes, ...] = field(default=(), repr=False)


NO_KEYS = Keys()


@dataclass(frozen=True)
class Borrowing:
    """The answers that one borrower gets from the lender.

    `named_share_auth` is the answer to the login cookie that the named page set, if it set one.
    """

    lender: str
    borrower: str
    script: Fetched
    share_auth: Fetched
    frame: Fetched
    handoff: Fetched
    named_share_auth: Fetched | None = None


@dataclass(frozen=True)
class Violation:
    """A policy's directive that has blocked something, and what."""

    directive: str
    blocked: str


@dataclass(frozen=True)
class Init:
    """A call of init in a browser, without its hmac."""

    id: str | None
    email: str | None
    is_signed: bool


@dataclass(frozen=True)
class Opened:
    """What a browser has reported about the page. `failure` says why it did not open the page.

    `refusal` says why the emulator does not accept the user as authenticated.
    """

    is_named: bool
    errors: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    inits: tuple[Init, ...] = ()
    refusal: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that was fetched of a site.

    `settings` are those at hand, which the site should have. `page` is the page without a cookie.
    `plain_page` is the page without a content coding; it is fetched if `page` has no element.
    `probed` is the page for a cookie that the site does not know. `files` are the answers of the
    site's own paths, by their URLs. `scripts` are those that the page loads from elsewhere.
    `unread_codings` are content codings that browsers accept, but that cannot be decoded here.
    `cookie_names` are those of the cookies with which `named` was fetched.
    """

    url: str
    page: Fetched
    keys: Keys = NO_KEYS
    settings: Settings | None = None
    plain_page: Fetched | None = None
    probed: Fetched | None = None
    files: Mapping[str, Fetched] = field(default_factory=dict)
    share_auth: Fetched | None = None
    scripts: tuple[Fetched, ...] = ()
    embed: Fetched | None = None
    named: Named | None = None
    borrowing: tuple[Borrowing, ...] = ()
    opened: tuple[Opened, ...] = ()
    unread_codings: tuple[str, ...] = ()
    cookie_names: tuple[str, ...] = ()

    @property
    def answered(self) -> Exchange | None:
        """The page as nobody gets it, if it came."""
        return answered(self.page)

    @property
    def named_page(self) -> Exchange | None:
        """The page as somebody gets it, if it came."""
        return answered(self.named.page) if self.named else None

    @cached_property
    def markup(self) -> Markup:
        """The page as nobody gets it, read; empty if it did not come."""
        return markup_of(self.page)

    @cached_property
    def named_markup(self) -> Markup:
        """The page as somebody gets it, read; empty if it did not come."""
        return markup_of(self.named.page) if self.named else Markup()

    @property
    def named_options(self) -> Mapping[str, Any]:
        """The init options of the cookie's page; those of `share-auth` if the page asks there."""
        element = next(iter(self.named_markup.elements), None)
        if element is None:
            return {}
        return self.shared_options or {} if element.names_later else element.options

    @property
    def shared_options(self) -> Mapping[str, Any] | None:
        """What `share-auth` answers the site's own page with the cookie; None without an answer."""
        return json_object(self.named.share_auth) if self.named else None

    @property
    def element(self) -> Element | None:
        """The middleware's element in the page; of several, the one that a browser runs first."""
        return next(iter(self.markup.elements), None)


def answered(fetched: Fetched | None) -> Exchange | None:
    """Return the exchange, if there is one."""
    return fetched if isinstance(fetched, Exchange) else None


def markup_of(fetched: Fetched | None) -> Markup:
    """Return the markup of a page; that of an empty page if it did not come."""
    exchange = answered(fetched)
    return Markup() if exchange is None else read_markup(exchange.body)


def json_object(fetched: Fetched | None) -> Mapping[str, Any] | None:
    """Return the JSON object that is the content of a response with status 200; else None."""
    exchange = answered(fetched)
    if exchange is None or exchange.status != HTTPStatus.OK:
        return None
    try:
        value = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
