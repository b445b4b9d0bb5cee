"""A request as the environ of WSGI has it (PEP 3333)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from .._page.conditions import CONDITIONAL, FIELDS
from .._page.request import PageRequest
from .._share import FIELDS as SHARING_FIELDS
from .._share import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SCOPE_KEY = "asgi.scope"
"""Where an adapter from ASGI to WSGI, such as a2wsgi, keeps the scope in the environ."""


class Fields(Mapping[str, str]):
    """The request fields that matter, as the environ has them."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        # No reference to the environ, which holds the request: it would never be freed by itself.
        self._by_key = {
            key: value for key in environ.keys() & FIELD_KEYS if (value := environ[key])
        }

    @property
    def are_conditional(self) -> bool:
        """Whether one of them makes the request conditional."""
        return not _CONDITIONAL_KEYS.isdisjoint(self._by_key)

    def __getitem__(self, name: str) -> str:
        value: str = self._by_key[_KEYS[name]]
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name, key in _KEYS.items() if key in self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, name: object) -> bool:
        return _KEYS.get(name) in self._by_key  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or `default`."""
        return self._by_key.get(_KEYS[name], default)


def outer_of(key: str, environ: WSGIEnvironment) -> Any:
    """Return what a middleware around this one has left under the key; None without such a one."""
    return environ.get(key) or environ.get(SCOPE_KEY, {}).get(key)


def text(path: str) -> str:
    """Return a path of the environ, whose bytes stand there as latin-1, as the UTF-8 they are.

    What is no UTF-8 stays, as Django writes the text itself into the environ.
    """
    try:
        return path if path.isascii() else path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return path


def for_app(environ: WSGIEnvironment, request: PageRequest) -> WSGIEnvironment:
    """Return the environ as the app is to see it."""
    if request.conditions.changes:
        environ = dict(environ)
        change(environ, request.conditions.changes)
    environ[PageRequest.KEY] = request
    return environ


def change(environ: WSGIEnvironment, changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        environ.pop(_KEYS[name], None)
        if value is not None:
            environ[_KEYS[name]] = value


def sharing_request(environ: WSGIEnvironment, path: str) -> Request:
    keys = {name: _key(name) for name in SHARING_FIELDS}
    fields = {name: [environ[key]] for name, key in keys.items() if key in environ}
    query = environ.get("QUERY_STRING", "")
    whole_path = text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
    return Request(environ["REQUEST_METHOD"], path, query, fields, whole_path)


def content(environ: WSGIEnvironment, longest: int) -> bytes:
    """Return a request's content, or its beginning where it is longer."""
    stream = get_input_stream(environ)
    content = b""
    with suppress(ClientDisconnected):  # then there is nobody to answer
        while len(content) < longest and (piece := stream.read(longest - len(content))):
            content += piece
    return content


def _key(name: str) -> str:
    return ("" if name == "content-length" else "HTTP_") + name.upper().replace("-", "_")


_KEYS = {name: _key(name) for name in FIELDS}

FIELD_KEYS = frozenset(_KEYS.values())

_CONDITIONAL_KEYS = frozenset(_KEYS[name] for name in CONDITIONAL)
