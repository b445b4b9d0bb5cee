"""The emulator's answers to requests that fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ._database import StorageError

FOR_PROGRAMS = ("/widget/", "/api/")
"""The beginnings of the paths for programs, whose errors are plain text."""

_log = logging.getLogger(__name__)


def exception_handlers(page: Callable[[int, str], Response]) -> Mapping[Any, Any]:
    """Return handlers for Starlette. `page` takes a status and a text and returns a page."""

    def answer(request: Request, status: int, text: str) -> Response:
        if request.url.path.startswith(FOR_PROGRAMS):
            return PlainTextResponse(text, status)
        return page(status, text)

    async def on_http_error(request: Request, error: HTTPException) -> Response:
        response = answer(request, error.status_code, error.detail)
        response.headers.update(error.headers or {})
        return response

    async def on_storage_error(request: Request, error: StorageError) -> Response:
        _log.error("%s", error)
        return answer(request, 503, f"Nothing was saved: {error}")

    return {HTTPException: on_http_error, StorageError: on_storage_error}
