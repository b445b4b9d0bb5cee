"""Users in JSON Lines: an object in each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from .lines import LONGEST, Lines, LineTooLong
from .row import BadRow, Row


class JsonRows:
    """The rows of a file; blank lines are skipped."""

    has_hmac = True  # each row may have an hmac

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def head(self) -> str:
        """Return what is before the rows: nothing."""
        return ""

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Yield each row."""
        while True:
            try:
                text = next(self._lines)
            except StopIteration:
                return
            except LineTooLong:
                yield BadRow(self._lines.number, f"it has more than {LONGEST:,} characters")
                continue
            if text.strip():
                yield read_row(self._lines.number, text)


def read_row(line: int, text: str) -> Row | BadRow:
    """Return the user of a line."""
    try:
        values = json.loads(text, object_pairs_hook=_unambiguous)
    except json.JSONDecodeError as error:
        return BadRow(line, f"it is not JSON: {error.msg} at character {error.colno}")
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"it is not JSON that can be read: {error}")
    if not isinstance(values, dict):
        return BadRow(line, f"it must be a JSON object, not {type(values).__name__}")
    with_hmac = partial(_replaced if "hmac" in values else _appended, text, values)
    return Row(line, values.get("id"), values.get("email"), values.get("hmac"), with_hmac)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises `ValueError` if a name is in it twice."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return values


def _appended(text: str, values: Mapping[str, object], hmac: str) -> str:
    """Return the line with an hmac added; the rest, such as numbers, is copied as written."""
    row = text.rstrip()
    separator = ", " if values else ""
    return f'{row[:-1].rstrip()}{separator}"hmac": "{hmac}"}}{text[len(row) :] or _END}'


def _replaced(text: str, values: Mapping[str, object], hmac: str) -> str:
    """Return the line with another hmac, written anew in ASCII."""
    return json.dumps({**values, "hmac": hmac}) + (text[len(text.rstrip()) :] or _END)


_END = "\n"
"""The line end that the last line gets if it has none."""
