"""For frameworks whose middleware gets a response object, with head and body, and returns it.

An adapter gets a `PageResponse` from `Pages.begin`. If its state is ASKING, it calls `decide`. If
its state is EDITED or HELD, it calls one of the other functions.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import AnyStr

from .._model.visitor import Visitor
from .._page.request import PageRequest
from .._page.response import PageResponse, State
from .site import Site
from .turns import next_turn

Headers = list[tuple[AnyStr, AnyStr]]


def decide(
    site: Site[AnyStr],
    request: PageRequest,
    response: PageResponse[AnyStr],
    visitor: Visitor,
    session_cookies: Callable[[], Sequence[str]],
) -> None:
    """Decide what a response in the state ASKING becomes.

    `session_cookies` returns names of the app's session cookie, for a site whose settings have
    none.
    """
    cookie = None
    if site.sharing.cookie is not None:
        cookie = site.login_cookie(request, response, visitor, session_cookies)
    response.visitor(visitor, cookie)


def whole(response: PageResponse[AnyStr], body: bytes) -> tuple[Headers[AnyStr], bytes]:
    """Return the new head and body of a response whose body is in one piece.

    If the state is DROPPED afterwards, the head is that of the earlier answer, without a body.
    """
    if response.changes_body:
        body = b"".join(response.feed(body, is_last=True))
    headers = response.head()
    return headers, body if response.state is not State.DROPPED else b""


def streamed(
    response: PageResponse[AnyStr], pieces: Iterable[bytes]
) -> tuple[Headers[AnyStr], Iterator[bytes]]:
    """Return the new head and body of a page (state HELD) that comes in pieces.

    Pieces are taken from the app until one may be sent, unless the head may be sent before the
    body.
    """
    changed = _changed(response, pieces)
    begun = b"" if response.head_is_first else next(changed, b"")
    headers = response.head()
    if response.state is State.DROPPED:
        return headers, iter(())
    return headers, chain((begun,), changed) if begun else changed


async def streamed_async(
    response: PageResponse[AnyStr], pieces: AsyncIterable[bytes]
) -> tuple[Headers[AnyStr], AsyncIterator[bytes]]:
    """Do what `streamed` does, for pieces that have to be awaited."""
    changed = _changed_async(response, pieces)
    begun = b"" if response.head_is_first else await anext(changed, b"")
    headers = response.head()
    if response.state is State.DROPPED:
        await _close(changed)
        return headers, changed
    return headers, _chained(begun, changed) if begun else changed


def streamed_later(
    response: PageResponse[AnyStr], pieces: AsyncIterable[bytes]
) -> tuple[Headers[AnyStr], AsyncIterator[bytes]]:
    """Do what `streamed` does, for pieces that cannot be awaited yet.

    So the head has no length and no strong entity tag.
    """
    return response.head(), _changed_async(response, pieces)


def _changed(response: PageResponse[AnyStr], pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if response.changes_body:
            yield from filter(None, response.feed(piece))  # pauses have no use here
        else:  # the app sends more than it has declared
            yield piece
    if response.changes_body:
        yield from filter(None, response.feed(b"", is_last=True))


async def _changed_async(
    response: PageResponse[AnyStr], pieces: AsyncIterable[bytes]
) -> AsyncIterator[bytes]:
    iterator = aiter(pieces)
    try:
        async for piece in iterator:
            if response.changes_body:
                async for changed in _with_turns(response.feed(piece)):
                    yield changed
            else:
                yield piece
        if response.changes_body:
            async for changed in _with_turns(response.feed(b"", is_last=True)):
                yield changed
    finally:
        await _close(iterator)


async def _with_turns(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces, and let other tasks run at each pause (`body.PAUSE`)."""
    for piece in pieces:
        if piece:
            yield piece
        else:
            await next_turn()


async def _chained(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for piece in pieces:
            yield piece
    finally:
        await _close(pieces)


async def _close(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
