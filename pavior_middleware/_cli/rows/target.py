"""Where signed rows go: stdout, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

from ..output import CannotRun


@contextmanager
def stdout(encoding: str, errors: str) -> Iterator[TextIO]:
    """Yield a text file that writes to stdout."""
    with (
        open(1, "wb", closefd=False) as file,
        TextIOWrapper(file, encoding, errors, newline="") as text,
    ):
        yield text


@contextmanager
def whole_file(path: Path, encoding: str, errors: str) -> Iterator[TextIO]:
    """Yield a text file that replaces `path` when the body ends, but not if the body raises.

    Until then it is in the same folder under another name. Only the owner may read a new file,
    since it holds hmacs. A file that is replaced keeps its permissions. Raises `CannotRun` if the
    file cannot be written.
    """
    place = path.resolve()  # a symbolic link stays; the file behind it is replaced
    if place.exists() and not place.is_file():
        raise CannotRun(f"{path} is no file: pass a file's name with --output")
    try:
        file = NamedTemporaryFile("wb", dir=place.parent, prefix=f".{place.name}.", delete=False)  # noqa: SIM115
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}") from None
    temporary = Path(file.name)
    try:
        with file, TextIOWrapper(file, encoding, errors, newline="") as text:
            yield text
            text.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, temporary)
        temporary.replace(place)
    except BaseException:
        temporary.unlink()
        raise
