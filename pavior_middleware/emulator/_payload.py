"""Reads a request's body, up to a limit and only with values that can be stored."""

from __future__ import annotations

import json
import math
import re
from typing import TypeGuard
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST_BODY = 64 * 1024  # bytes
DEEPEST_NESTING = 32
LARGEST_NUMBER = 10**18  # SQLite takes 64 bits

_NUMBER = re.compile(r"[0-9]{1,18}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


async def read_json(request: Request) -> dict[str, object]:
    """Return the body's JSON object, its numbers finite and its text valid Unicode.

    Raises `HTTPException`: 413 for a body that is too large, 400 for one that is no JSON object.
    """
    body = await _read(request)
    try:
        value = _repaired(json.loads(body, parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return value


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded form. Raises `HTTPException`: 413, or 400 for no form."""
    body = await _read(request)
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    except ValueError:
        raise HTTPException(400, "the body is not a form") from None


def is_number(value: object) -> TypeGuard[int]:
    """Whether a JSON value can be the number of a row."""
    return isinstance(value, int) and 0 <= value < LARGEST_NUMBER and not isinstance(value, bool)


def number_in(text: str | None) -> int | None:
    """Return the number of a row that a URL names; None for any other text."""
    return int(text) if text and _NUMBER.fullmatch(text) else None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, f"the body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _repaired(value: object, depth: int = 0) -> object:
    """Replace halves of surrogate pairs, which JSON can spell but neither UTF-8 nor SQLite can."""
    if depth > DEEPEST_NESTING:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_repaired(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {
            _LONE_SURROGATE.sub("\ufffd", key): _repaired(each, depth + 1)
            for key, each in value.items()
        }
    return value
