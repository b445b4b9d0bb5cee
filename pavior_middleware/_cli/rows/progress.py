"""A progress bar on a terminal's stderr, where Rich is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_ROWS_PER_UPDATE = 1000


def with_progress(
    rows: Iterable[T], position: Callable[[], int], size: int | None, *, is_shown: bool
) -> Iterator[T]:
    """Yield the rows, and show how many of the file's bytes have been read.

    Nothing is shown without Rich, or if stderr is not a terminal.
    """
    progress = _progress() if is_shown and sys.stderr.isatty() else None
    if progress is None:
        yield from rows
        return
    with progress:
        task = progress.add_task("", total=size)
        for number, row in enumerate(rows):
            if number % _ROWS_PER_UPDATE == 0:
                progress.update(task, completed=position(), description=f"{number:,} rows")
            yield row


def _progress() -> Progress | None:
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ModuleNotFoundError:
        return None
    # Another program may read stdout, so Rich must not redirect it.
    return Progress(console=Console(stderr=True), transient=True, redirect_stdout=False)
