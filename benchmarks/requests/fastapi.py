"""FastAPI: pages that name the user of a dependency, and JSON, driven in process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from pavior_middleware import Identity

from .asgi import (
    BARE,
    HAND_WRITTEN,
    NAMED,
    PASS_THROUGH,
    App,
    Check,
    PassThrough,
    scope_of,
    serving,
)
from .measuring import Serve, Table, Unavailable
from .pages import (
    EMAIL,
    FETCH,
    NAVIGATION,
    ORDERS,
    PATH,
    SETTINGS,
    USER_ID,
    Answer,
    by_hand,
    check_script,
    check_text,
    page_of,
    user,
)


async def current_user(request: Request) -> Identity | None:
    """Return the user by the cookie of the request; a dependency of the app."""
    return user() if request.cookies else None


def tables() -> list[Table]:
    """Return the tables of FastAPI."""
    return [_pages(), _json()]


def _pages() -> Table:
    page = page_of(10_000)
    scope = scope_of(NAVIGATION)
    names = partial(check_script, page=page, user=user())

    def is_bare(answer: Answer) -> None:
        check_text(answer, page.without_element())

    def contender(make: Callable[[], App], check: Check = names) -> Callable[[], Serve]:
        return lambda: serving(make(), scope, check)

    def bare() -> FastAPI:
        return _app(lambda: HTMLResponse(page.without_element()))

    def by_author() -> FastAPI:
        return _app(lambda: HTMLResponse(page.with_element(by_hand(USER_ID, EMAIL))), current_user)

    return Table(
        "ASGI, FastAPI, page of 10 kB",
        HAND_WRITTEN,
        {
            BARE: contender(bare, is_bare),
            HAND_WRITTEN: contender(by_author),
            PASS_THROUGH: contender(lambda: PassThrough(by_author())),
            NAMED: contender(lambda: _with_chat(bare(), current_user)),
            "ours, named, by a dependency of the route, too": contender(
                lambda: _with_once(lambda: HTMLResponse(page.without_element()))
            ),
        },
    )


def _json() -> Table:
    scope = scope_of(FETCH)

    def answer() -> Response:
        return JSONResponse(ORDERS)

    def contender(make: Callable[[], App]) -> Callable[[], Serve]:
        return lambda: serving(make(), scope, _is_json)

    return Table(
        "ASGI, FastAPI, JSON",
        PASS_THROUGH,
        {
            "bare JSON": contender(lambda: _app(answer)),
            PASS_THROUGH: contender(lambda: PassThrough(_app(answer))),
            "ours": contender(lambda: _with_chat(_app(answer), current_user)),
        },
    )


def _is_json(answer: Answer) -> None:
    assert answer.header("content-type") == "application/json"


def _app(answer: Callable[[], Response], dependency: Callable[..., Any] | None = None) -> FastAPI:
    """Return an app with a route, which has a dependency."""
    app = FastAPI()

    @app.get(PATH, dependencies=[Depends(dependency)] if dependency else [])
    async def view() -> Response:
        return answer()

    return app


def _with_chat(app: FastAPI, dependency: Callable[..., Any]) -> FastAPI:
    try:
        from pavior_middleware.fastapi import Pavior
    except ModuleNotFoundError as error:
        raise Unavailable("this version has no adapter for FastAPI") from error
    Pavior(app, SETTINGS, user=dependency)
    return app


def _with_once(answer: Callable[[], Response]) -> FastAPI:
    try:
        from pavior_middleware.fastapi import once
    except ModuleNotFoundError as error:
        raise Unavailable("this version has no adapter for FastAPI") from error
    dependency = once(current_user)
    return _with_chat(_app(answer, dependency), dependency)
