"""A callable that has not returned in time, and where it waits."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType


class Overdue(TimeoutError):
    """The setting `identity_timeout` has passed; the traceback leads to where the callable waits.

    `is_running` tells that the callable was called. Otherwise no thread was free for it.
    """

    def __init__(self, seconds: float, *, is_running: bool) -> None:
        within = f"within {seconds:g} seconds (identity_timeout, PAVIOR_IDENTITY_TIMEOUT)"
        super().__init__(
            f"the callable has not returned {within}"
            if is_running
            else f"no thread was free {within}: all are held by calls that have not returned"
        )


def traceback_of_thread(ident: int | None) -> TracebackType | None:
    """Return where a thread is now, as a traceback; None if the thread has ended."""
    frame: FrameType | None = sys._current_frames().get(ident or 0)
    traceback = None
    while frame is not None:
        traceback = TracebackType(traceback, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return traceback
