"""What the responses of test clients have in common: a status, two header fields and a body.

No client is imported. A response is read by the attributes that its client documents.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any

from .._http.codings import Coding, CodingError, Unsupported, codings, names


@dataclass(frozen=True)
class Received:
    """A response as far as it matters to the chat; a body alone has neither status nor fields.

    `problem` says why the body could not be decoded.
    """

    body: str | bytes
    status: int | None = None
    fields: Mapping[str, str] | None = None
    problem: str = ""

    def field(self, name: str) -> str:
        """Return a header field's value, by its name in lower case; '' if it is absent."""
        return (self.fields or {}).get(name) or ""


def received(response: object) -> Received:
    """Read a client's response, or take a body as it is.

    Raises `TypeError` for what is neither, and for a response whose body has to be awaited.
    """
    if isinstance(response, str | bytes):
        return Received(response)
    fields: Mapping[str, str] | None = getattr(response, "headers", None)
    if not hasattr(fields, "get"):
        raise TypeError(
            f"{type(response).__name__} is no response of a client that is known here: pass the"
            " body, as bytes or text"
        )
    coded = Received(_body(response), _status(response), fields)
    return _decoded(coded)


def _status(response: Any) -> int | None:
    values = (getattr(response, name, None) for name in ("status_code", "status"))
    return next((value for value in values if isinstance(value, int)), None)


def _body(response: Any) -> str | bytes:
    if getattr(response, "streaming", False) is True and hasattr(response, "streaming_content"):
        return _joined(response)
    # requests, httpx, Starlette, Django, Falcon; Werkzeug, Quart; WebTest
    for name in ("content", "data", "body"):
        value = getattr(response, name, None)
        if iscoroutine(value):
            value = _result(value)
        if isinstance(value, str | bytes):
            return value
    raise TypeError(
        f"{type(response).__name__} has no body that can be read without a wait: pass the body, as"
        " bytes or text, as await response.read() returns it (aiohttp)"
    )


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that has nothing to wait for; None for others."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    return None


def _joined(response: Any) -> bytes:
    """Return the body of a Django response that streams, which stays to be read again."""
    if response.is_async:
        raise TypeError(
            f"{type(response).__name__} streams asynchronously: pass"
            ' b"".join([part async for part in response])'
        )
    body = b"".join(response.streaming_content)
    response.streaming_content = [body]
    return body


def _decoded(coded: Received) -> Received:
    """Open the content codings, unless the client has done so: most leave the field as it was."""
    body = coded.body
    try:
        for coding in reversed(codings(names([coded.field("content-encoding")]))):
            body = _opened(coding, body if isinstance(body, bytes) else body.encode())
    except CodingError:
        return coded
    except Unsupported as error:
        return Received(coded.body, coded.status, coded.fields, problem=str(error))
    return Received(body, coded.status, coded.fields)


def _opened(coding: Coding, body: bytes) -> bytes:
    decoder = coding.decoder()
    opened = b"".join(decoder.decode(body))
    if not decoder.has_ended:
        raise CodingError("the body ends before its coding does")
    return opened
