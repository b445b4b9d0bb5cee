"""Opens a file of users: finds its encoding and format, and counts the bytes read."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from ..output import CannotRun
from .csv_rows import CsvRows
from .json_rows import JsonRows
from .lines import Lines

Format = Literal["csv", "jsonl"]

STDIN = "-"

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


@dataclass(frozen=True)
class Source:
    """An open file of users.

    Its text, encoded with `encoding` and `errors`, gives the same bytes again. `head` is the text
    before the rows: the byte order mark and the header. `size` is the number of its bytes, or None
    if that is unknown. `position` returns the number of bytes read.
    """

    rows: CsvRows | JsonRows
    head: str
    encoding: str
    errors: str
    size: int | None
    position: Callable[[], int]


@contextmanager
def opened(name: str, format_: Format | None, encoding: str | None) -> Iterator[Source]:
    """Open a file by its name, or stdin for `-`. Raises `CannotRun`, in the body, too.

    Without a `format_`, the extension of the name decides, or else the first character: `{` begins
    JSON. A byte order mark decides the encoding. Without it, the encoding is the given one, or
    UTF-8.
    """
    try:
        file = open(0 if name == STDIN else name, "rb", closefd=name != STDIN)  # noqa: SIM115
    except OSError as error:
        raise CannotRun(f"{name} cannot be read: {error.strerror}") from None
    with file:
        start = file.peek(64)
        format_ = format_ or _FORMATS.get(Path(name).suffix.lower()) or _guessed(start)
        mark = next((each for each in _MARKS if start.startswith(each)), b"")
        file.read(len(mark))
        encoding = _MARKS.get(mark) or encoding or "utf-8"
        errors = _error_handler(encoding)
        try:
            text = TextIOWrapper(file, encoding, errors, newline="")
            lines = Lines(text)
            rows = CsvRows(lines) if format_ == "csv" else JsonRows(lines)
            head = ("\ufeff" if mark else "") + rows.head()
            yield Source(rows, head, encoding, errors, _size(file.fileno()), file.tell)
        except LookupError as error:
            raise CannotRun(f"--encoding: {error}") from None
        except UnicodeError as error:
            raise CannotRun(
                f"{name} is not in {encoding}, pass another --encoding: {error}"
            ) from None


def _guessed(start: bytes) -> Format:
    return "jsonl" if start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").startswith(b"{") else "csv"


def _error_handler(encoding: str) -> str:
    """Return the error handler that keeps undecodable bytes, so that they are written unchanged."""
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    return "surrogatepass" if wide else "surrogateescape"


def _size(descriptor: int) -> int | None:
    found = os.fstat(descriptor)
    return found.st_size if stat.S_ISREG(found.st_mode) else None
