"""The header fields of Django's responses (RFC 9110 section 5)."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

from .._http.headers import HeaderList

_COOKIE = "set-cookie"


def fields_of(response: Any) -> HeaderList:
    """Return the fields that Django will send."""
    fields = list(response.items())
    return fields + cookies_of(response) if response.cookies else fields


def cookies_of(response: Any) -> HeaderList:
    """Return the fields by which a response sets cookies."""
    return [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]


def set_fields(response: Any, before: HeaderList, after: HeaderList) -> None:
    """Turn a response's fields into others; `before` are those it has."""
    known = set(before)
    new = [field for field in after if field not in known]
    for name, value in new:
        if name.lower() == _COOKIE:
            _set_cookie(response, value)
        else:
            response.headers[name] = value
    gone = known.difference(after)
    names = {name for name, _ in new} if gone else ()
    for name, _ in gone:
        if name not in names and name.lower() != _COOKIE:
            response.headers.pop(name, None)


def _set_cookie(response: Any, value: str) -> None:
    """Set our cookie where Django's test client finds it, too."""
    for name, morsel in SimpleCookie(value).items():
        response.cookies[name] = morsel
