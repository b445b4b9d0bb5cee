"""Which cookies a browser sends after a response has set some (RFC 6265bis)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import NamedTuple

from werkzeug.http import parse_date

_LONGEST_PAIR = 4096  # characters of a name and a value; section 5.6
_LONGEST_ATTRIBUTE = 1024
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SECONDS = re.compile(r"-?[0-9]+")
_BLANKS = " \t"


class _Cookie(NamedTuple):
    """A cookie, and where it is sent.

    `path` and `domain` are None if the cookie is known from a request alone. `domain` is also None
    for a cookie of one host.
    """

    name: str
    value: str
    path: str | None = None
    domain: str | None = None


def cookies_after(
    cookies: str, set_cookies: Iterable[str], *, host: str, path: str, is_secure: bool
) -> str:
    """Return the `Cookie` field of the same request if a browser repeats it after a response.

    `cookies` is the `Cookie` field of the first request, '' for none, and `set_cookies` are the
    `Set-Cookie` fields of the response. `host` is the request's `Host` field, `path` the path of
    its URL, and `is_secure` tells whether it came by https. `SameSite` does not count, nor do
    public suffixes.

    A request does not tell the path and the domain of its cookies. So a new cookie replaces that of
    the same name. If there are several, it replaces the last one if its path is `/`, and else the
    first, since longer paths come first (section 5.8.3).
    """
    kept = [_pair(piece) for piece in cookies.split(";") if piece.strip(_BLANKS)]
    for field in set_cookies:
        found = _parsed(field, host, path, is_secure=is_secure)
        if found is not None:
            _put(kept, *found)
    return "; ".join(f"{each.name}={each.value}" if each.name else each.value for each in kept)


def _put(kept: list[_Cookie], cookie: _Cookie, is_expired: bool) -> None:
    """Store a cookie among those that are sent, and keep their order."""
    place = _place_of(kept, cookie)
    if place is not None:
        kept[place : place + 1] = [] if is_expired else [cookie]
    elif not is_expired:
        length = len(cookie.path or "/")
        shorter = (i for i, each in enumerate(kept) if len(each.path or "/") < length)
        kept.insert(next(shorter, len(kept)), cookie)


def _place_of(kept: list[_Cookie], cookie: _Cookie) -> int | None:
    """Return the index of the cookie that a new one replaces; None without such a cookie."""
    named = [place for place, each in enumerate(kept) if each.name == cookie.name]
    for place in named:
        if kept[place][2:] == cookie[2:]:
            return place
    unknown = [place for place in named if kept[place].path is None]
    if not unknown:
        return None
    return unknown[-1 if cookie.path == "/" else 0]


def _pair(text: str) -> _Cookie:
    """Return a cookie of which only name and value are known (section 5.6, step 3)."""
    name, equals, value = text.partition("=")
    if not equals:
        name, value = "", name
    return _Cookie(name.strip(_BLANKS), value.strip(_BLANKS))


def _parsed(field: str, host: str, path: str, *, is_secure: bool) -> tuple[_Cookie, bool] | None:
    """Return a cookie and whether it is expired; None if it is not sent with such a request.

    Sections 5.6 and 5.7.
    """
    pair, *rest = field.split(";")
    cookie = _pair(pair)
    length = len(cookie.name) + len(cookie.value)
    if _CONTROLS.search(field) or not 0 < length <= _LONGEST_PAIR:
        return None
    attributes = dict(_attributes(rest))
    domain = attributes.get("domain", "").removeprefix(".").lower() or None
    cookie_path = attributes.get("path", "")
    if not cookie_path.startswith("/"):
        cookie_path = path.rpartition("/")[0] if path.startswith("/") else ""
    cookie_path = cookie_path or "/"
    for_secure = "secure" in attributes
    prefixed = (cookie.name or cookie.value).lower()
    if prefixed.startswith(("__secure-", "__host-")) and not (cookie.name and for_secure):
        return None
    if prefixed.startswith("__host-") and (domain or attributes.get("path") != "/"):
        return None
    if (for_secure and not is_secure) or not _path_matches(path, cookie_path):
        return None
    if domain is not None and not _domain_matches(_hostname(host), domain):
        return None
    return cookie._replace(path=cookie_path, domain=domain), _is_expired(attributes)


def _attributes(pieces: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the names, in lower case, and values of the attributes that count."""
    for piece in pieces:
        name, _, value = piece.partition("=")
        name, value = name.strip(_BLANKS).lower(), value.strip(_BLANKS)
        if len(value) > _LONGEST_ATTRIBUTE:
            continue
        if name == "max-age" and not _SECONDS.fullmatch(value):
            continue
        if name == "expires" and _date(value) is None:
            continue
        yield name, value


def _is_expired(attributes: dict[str, str]) -> bool:
    if "max-age" in attributes:
        return int(attributes["max-age"]) <= 0
    expires = _date(attributes.get("expires", ""))
    return expires is not None and expires <= datetime.now(timezone.utc)


def _date(value: str) -> datetime | None:
    try:
        return parse_date(value)
    except OverflowError:  # the date's offset is too large
        return None


def _path_matches(path: str, cookie_path: str) -> bool:
    """Whether a path is at or below a cookie's path (section 5.1.4)."""
    folder = cookie_path if cookie_path.endswith("/") else f"{cookie_path}/"
    return path == cookie_path or path.startswith(folder)


def _domain_matches(host: str, domain: str) -> bool:
    """Whether a host is a cookie's domain or a subdomain of it (section 5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def _hostname(host: str) -> str:
    """Return a `Host` field without its port."""
    return re.sub(r":[0-9]*$", "", host).lower()


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
