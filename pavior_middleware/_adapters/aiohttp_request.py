"""Reads requests of aiohttp."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._http.headers import AIOHTTP_FORM, latin1
from .._page.conditions import CONDITIONAL, FIELDS
from .._share import FIELDS as SHARING_FIELDS
from .._share import Request

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping


_BYTES = re.compile("[\udc80-\udcff]")
"""Surrogates, which replace bytes that are not UTF-8 (PEP 383)."""


class Fields(Mapping[str, str]):
    """The request fields that matter; fields of one name are joined (RFC 9110 section 5.3)."""

    def __init__(self, headers: MultiMapping[str]) -> None:
        self._headers = headers

    @property
    def are_conditional(self) -> bool:
        """Whether one of them makes the request conditional."""
        return any(name in self._headers for name in CONDITIONAL)

    def __getitem__(self, name: str) -> str:
        return _joined(name, self._headers.getall(name))

    def __iter__(self) -> Iterator[str]:
        return (name for name in FIELDS if name in self._headers)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._headers

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or `default`."""
        return self[name] if name in self._headers else default


def _joined(name: str, values: list[str]) -> str:
    if len(values) == 1:
        return latin1(values[0])
    return latin1(("; " if name == "cookie" else ", ").join(values))


def copy(request: web.Request, changes: Mapping[str, str | None]) -> web.Request:
    """Return a request with some header fields changed.

    Its state is a copy of the request's state.
    """
    lower_case = {name.lower() for name in changes}
    kept = [field for field in request.headers.items() if field[0].lower() not in lower_case]
    added = [
        (name.title(), AIOHTTP_FORM.encode(value))
        for name, value in changes.items()
        if value is not None
    ]
    # aiohttp cannot copy a request that holds bytes other than UTF-8.
    fields = ((name, latin1(value) if _BYTES.search(value) else value) for name, value in kept)
    return request.clone(headers=[*fields, *added])


def sharing_request(request: web.Request, path: str) -> Request:
    fields = {
        name: [latin1(value) for value in request.headers.getall(name)]
        for name in SHARING_FIELDS
        if name in request.headers
    }
    return Request(request.method, path, request.raw_path.partition("?")[2], fields, request.path)


async def content(request: web.Request, longest: int) -> bytes:
    """Return a request's content; if it is longer than `longest` bytes, its beginning."""
    content = b""
    while len(content) < longest and (piece := await request.content.readany()):
        content += piece
    return content[:longest]


def root_path(request: web.Request, app: web.Application) -> str:
    """Return the path below which an app is mounted; empty for an app that is not mounted."""
    apps = request.match_info.apps
    place = apps.index(app)
    if place == 0:
        return ""
    infos = (resource.get_info() for resource in apps[place - 1].router.resources())
    return next((info.get("prefix", "") for info in infos if info.get("app") is app), "")
