"""Runs plain dependencies in threads that the app's own routes do not need."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Any

RunStep = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function without arguments in a thread."""

_ASYNC = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)


def run_in_own_threads(dependant: Any, run: RunStep) -> None:
    """Make `run` call the plain functions in a tree of FastAPI's `Dependant` objects.

    FastAPI calls them in threads that it shares with the routes of the app. It waits for them even
    if the request is cancelled. So a database that hangs would block those routes, too.
    """
    made: dict[int, Callable[..., Any]] = {}
    _change(dependant, run, made)


def _change(dependant: Any, run: RunStep, made: dict[int, Callable[..., Any]]) -> None:
    for each in dependant.dependencies:
        # FastAPI remembers results by their function, so each function has one replacement.
        each.call = made.setdefault(id(each.call), _awaitable(each.call, run))
        _change(each, run, made)


def _awaitable(function: Callable[..., Any], run: RunStep) -> Callable[..., Any]:
    if _is_any(function, *_ASYNC):
        return function
    if _is_any(function, inspect.isgeneratorfunction):
        return partial(_resource, function, run)

    async def called(**values: Any) -> Any:
        return await run(partial(function, **values))

    return called


def _is_any(function: Any, *predicates: Callable[[Any], bool]) -> bool:
    """Whether a predicate holds for a function, what it wraps, or the `__call__` of an object.

    A class counts as a plain function.
    """
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if inspect.isclass(function):
        return False
    method = getattr(function, "__call__", None)  # noqa: B004  # not whether there is one
    return any(predicate(each) for predicate in predicates for each in (function, method))


async def _resource(
    function: Callable[..., Any], run: RunStep, /, **values: Any
) -> AsyncIterator[Any]:
    """Enter and exit a plain dependency with `yield` by `run`."""
    async with _Steps(contextmanager(function)(**values), run) as value:
        yield value


class _Steps:
    """A context manager whose two steps are called by `run`."""

    def __init__(self, context: AbstractContextManager[Any], run: RunStep) -> None:
        self._context = context
        self._run = run

    async def __aenter__(self) -> Any:
        return await self._run(self._context.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        leave = partial(self._context.__exit__, kind, error, traceback)
        if error is None or isinstance(error, Exception):
            is_handled: bool | None = await self._run(leave)
            return is_handled
        # The request is cancelled, so this task may not wait any more.
        Thread(target=self._context.__exit__, args=(None, None, None), daemon=True).start()
        return None
