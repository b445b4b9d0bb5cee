"""Reads requests of ASGI: a scope, and messages with the content."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from .._page.conditions import CONDITIONAL, FIELDS
from .._share import FIELDS as SHARING_FIELDS
from .._share import Request

Scope = MutableMapping[str, Any]

Message = MutableMapping[str, Any]

Receive = Callable[[], Awaitable[Message]]

Send = Callable[[Message], Awaitable[None]]

RawHeaders = list[tuple[bytes, bytes]]

_RAW_NAMES = {name: name.encode("ascii") for name in FIELDS}

CONDITIONAL_NAMES = frozenset(name.encode("ascii") for name in CONDITIONAL)


class Fields(Mapping[str, str]):
    """The request fields that matter; fields of one name are joined (RFC 9110 section 5.3).

    HTTP/2 may send `Cookie` as several fields, which a semicolon joins (RFC 9113 section 8.2.3). A
    field is decoded when it is read, since few are read.
    """

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.by_name = dict(headers)
        if len(self.by_name) < len(headers):
            self.by_name = _joined(headers)

    def __getitem__(self, name: str) -> str:
        return self.by_name[_RAW_NAMES[name]].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name for name, raw in _RAW_NAMES.items() if raw in self.by_name)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return _RAW_NAMES.get(name) in self.by_name  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or `default`."""
        value = self.by_name.get(_RAW_NAMES[name])
        return default if value is None else value.decode("latin-1")


def paths_of(scope: Mapping[str, Any]) -> tuple[str, str]:
    """Return the whole path, and the part of it below which the app stands, as text."""
    return scope["path"], scope.get("root_path", "")


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {
        name: (b"; " if name == b"cookie" else b", ").join(each) for name, each in values.items()
    }


def changed(
    headers: Sequence[tuple[bytes, bytes]], changes: Mapping[str, str | None]
) -> RawHeaders:
    kept = [(name, value) for name, value in headers if name.decode("latin-1") not in changes]
    added = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in changes.items()
        if value is not None
    ]
    return kept + added


def sharing_request(scope: Scope, path: str) -> Request:
    fields: dict[str, list[str]] = {}
    for raw_name, value in scope["headers"]:
        name = raw_name.decode("latin-1")
        if name in SHARING_FIELDS:
            fields.setdefault(name, []).append(value.decode("latin-1"))
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], path, query, fields, scope["path"])


async def content(receive: Receive, longest: int) -> bytes:
    """Return a request's content; if it is longer than `longest` bytes, its beginning."""
    content = b""
    more_body = True
    while more_body and len(content) < longest:
        message = await receive()
        content += message.get("body", b"")
        more_body = message.get("more_body", False)
    return content[:longest]


def without_content(receive: Receive) -> Receive:
    """Return a `receive` that says once more that a request without content is complete."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive_again() -> Message:
        if messages:
            return messages.pop()
        message = await receive()
        while message["type"] == "http.request":  # the app's first answer did not read it
            message = await receive()
        return message

    return receive_again
