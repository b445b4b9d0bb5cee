"""Reads requests from the environ of WSGI (PEP 3333)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from .._model.identity_key import SCOPE_KEY as SCOPE_KEY
from .._page.conditions import CONDITIONAL, FIELDS
from .._page.request import PageRequest
from .._share import FIELDS as SHARING_FIELDS
from .._share import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Fields(Mapping[str, str]):
    """The request fields that matter, read from the environ."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        # The app may change the environ, so this is a copy. A reference to the environ itself would
        # also be a cycle, as the environ refers to the `PageRequest`. Copying all keys takes less
        # time than choosing.
        self._environ = environ.copy()
        self.are_conditional = not environ.keys().isdisjoint(_CONDITIONAL_KEYS)
        """Whether one of them may make the request conditional."""

    def __getitem__(self, name: str) -> str:
        value: str | None = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in _KEYS if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return bool(self._environ.get(_KEYS.get(name)))  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field; `default` if the field is absent or empty."""
        return self._environ.get(_KEYS[name]) or default


def outer_of(key: str, environ: WSGIEnvironment) -> Any:
    """Return what an outer middleware has left under the key; None without such a middleware."""
    return environ.get(key) or environ.get(SCOPE_KEY, {}).get(key)


def text(path: str) -> str:
    """Return a path of the environ, which holds bytes as latin-1, decoded as UTF-8.

    A path that is not UTF-8 is returned unchanged, as Django puts decoded text into the environ.
    """
    try:
        return path if path.isascii() else path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return path


def paths_of(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Return the whole path, and the part of it below which the app stands, as text."""
    root_path, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
    if not (root_path.isascii() and path.isascii()):
        root_path, path = text(root_path), text(path)
    return root_path + path, root_path


def for_app(environ: WSGIEnvironment, request: PageRequest) -> WSGIEnvironment:
    """Return the environ for the app."""
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
    """Return a request's content; if it is longer than `longest` bytes, its beginning."""
    stream = get_input_stream(environ)
    content = b""
    with suppress(ClientDisconnected):  # nobody waits for an answer then
        while len(content) < longest and (piece := stream.read(longest - len(content))):
            content += piece
    return content


def _key(name: str) -> str:
    return ("" if name == "content-length" else "HTTP_") + name.upper().replace("-", "_")


_KEYS = {name: _key(name) for name in FIELDS}

FIELD_KEYS = frozenset(_KEYS.values())

_CONDITIONAL_KEYS = frozenset(_KEYS[name] for name in CONDITIONAL)
