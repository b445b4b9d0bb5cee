"""The lines of a text, with their numbers. A line that is too long is never held whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TextIO

LONGEST = 1_000_000
"""The most characters that a line may have, or a row of several lines."""


class LineTooLong(Exception):
    """A line of more than `LONGEST` characters, which was skipped."""


class Lines(Iterator[str]):
    """An iterator over lines with their ends, which may take lines back.

    `number` is that of the latest line, counted from 1. `next` raises `LineTooLong` for such a
    line; the next call returns the line after it.
    """

    def __init__(self, text: TextIO) -> None:
        self.number = 0
        self._text = text
        self._returned: deque[str] = deque()

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._text.readline(LONGEST + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) <= LONGEST:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(LONGEST)
        raise LineTooLong

    def take_back(self, lines: list[str]) -> None:
        """Put the latest lines back, so that `next` returns them again."""
        self.number -= len(lines)
        self._returned.extendleft(reversed(lines))
