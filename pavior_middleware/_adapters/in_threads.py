"""Plain functions of a site that may block, called from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

from .._model.failures import Failures
from .._model.settings import Settings
from .._model.threads import Threads


class InThreads:
    """Makes a plain function of one argument awaitable. The function runs in its own threads.

    If the setting `identity_may_block` is False, it runs in the event loop. If the function has not
    returned within `identity_timeout`, the call raises `Overdue`. What the function raises later is
    logged as a failure of the callable `name`.
    """

    def __init__(self, function: Callable[[Any], Any], name: str, settings: Settings) -> None:
        self._function = function
        self._seconds = settings.identity_timeout
        self._threads: Threads | None = None
        if settings.identity_may_block:
            failures = Failures(name, "late answer is left out", None)
            self._threads = Threads(function, self._seconds, failures.log)

    async def __call__(self, argument: Any) -> Any:
        """Return what the function returns, or raise what it raises."""
        if self._threads is None:
            return self._function(argument)
        return await self._threads.call(argument, anyio.current_time() + self._seconds)
