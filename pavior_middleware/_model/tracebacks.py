"""Keeps keys out of tracebacks: debug pages and error mails print the locals of each frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_OURS = (str(Path(__file__).parents[1]), "<string>")
"""The beginnings of the file names of the package's frames, and of code that it generates."""


def keeping_keys_from_tracebacks(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function raise from a frame that holds none of its arguments.

    The traceback of what it raises keeps the frames of other packages behind our last frame.
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as raised:  # noqa: BLE001  # it is raised again below
            error = raised.with_traceback(_behind_ours(raised.__traceback__))
        del args, kwargs
        raise error

    return called


def _behind_ours(traceback: TracebackType | None) -> TracebackType | None:
    behind = traceback
    while traceback is not None:
        following = traceback.tb_next
        if traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            behind = following
        traceback = following
    return behind
