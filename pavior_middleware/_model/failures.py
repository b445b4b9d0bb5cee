"""What a site's callable raises: logged, instead of failing the request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from types import TracebackType

from .events import Event, Reason
from .log import logger
from .overdue import Overdue

Report = Callable[[Event], None]

REPEAT_SECONDS = 60
"""The shortest time between two log lines about failures of one kind."""

MOST_KINDS = 64
"""The number of kinds of failures that are counted apart; all others count as one."""


@dataclass(frozen=True)
class _Kind:
    """The type of an error, and the place where it was raised."""

    error: type[BaseException]
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """Return a text without the error's own message, which may name somebody."""
        return f"{self.error.__name__} in {self.function} ({self.file}, line {self.line})"


@dataclass
class _Count:
    """How many failures of a kind no line has reported yet, and when the last line came."""

    unreported: int
    reported_at: float


class Failures:
    """Logs what one callable raises. Use it as a context manager around the call.

    The first failure of a kind is logged with its traceback. Those that follow are counted: a line
    tells how many came, once in `REPEAT_SECONDS` at most. Each is reported.

    What is no `Exception` is raised, except for the cancellation of any task but the request's.
    """

    def __init__(
        self,
        name: str,
        outcome: str,
        report: Report | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._outcome = outcome
        self._report = report
        self._clock = clock
        self._counts: dict[_Kind | None, _Count] = {}
        self._lock = Lock()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None or not (isinstance(error, Exception) or _is_of_another_task(error)):
            return False
        self.log(error)
        if self._report is not None:
            reason = Reason.TIMEOUT if isinstance(error, Overdue) else Reason.FAILED
            self._report(Event("lookup_failed", reason))
        return True

    def log(self, error: BaseException) -> None:
        """Log an error, or count it."""
        kind: _Kind | None = _kind_of(error)
        with self._lock:
            now = self._clock()
            if kind not in self._counts and len(self._counts) >= MOST_KINDS:
                kind = None
            count = self._counts.get(kind)
            if count is None:
                self._counts[kind] = _Count(0, now)
            else:
                count.unreported += 1
                if now - count.reported_at < REPEAT_SECONDS:
                    return
                times, seconds = count.unreported, round(now - count.reported_at)
                count.unreported, count.reported_at = 0, now
        outcome, name = self._outcome, self._name
        if count is None:
            logger.error("Pavior's %s: `%s` failed", outcome, name, exc_info=error)
        else:
            logger.error(
                "Pavior's %s: `%s` failed %d more times in %d seconds: %s. The first traceback of"
                " the kind was logged",
                *(outcome, name, times, seconds, kind or "errors of many kinds"),
            )


def _kind_of(error: BaseException) -> _Kind:
    traceback = error.__traceback__
    if traceback is None:
        return _Kind(type(error), "", 0, "")
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return _Kind(type(error), code.co_filename, traceback.tb_lineno, code.co_name)


def _is_of_another_task(error: BaseException) -> bool:
    """Whether an error is the cancellation of a task that the request's own task has awaited.

    Before Python 3.11 a task cannot tell whether it is cancelled itself, so there it is not.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        own = asyncio.current_task()
    except RuntimeError:  # no event loop runs here, so the callable has run one
        return True
    cancelling: Callable[[], int] | None = getattr(own, "cancelling", None)
    return cancelling is not None and not cancelling()
