"""A row of a file of users, and one that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..._model.identity import Identity


@dataclass(frozen=True)
class Row:
    """A user in a file; `line` is the row's first line, counted from 1.

    The values are those of the file, which in JSON may have any type. `with_hmac` returns the row's
    text, including its line end, with an hmac.
    """

    line: int
    id: Any
    email: Any
    hmac: Any
    with_hmac: Callable[[str], str]

    def identity(self) -> Identity:
        """Return the user. Raises `TypeError` for a value that cannot be an id or an email."""
        return Identity(self.id, self.email)


@dataclass(frozen=True)
class BadRow:
    """A row that is left out; `problem` says why, and shows no value of the row."""

    line: int
    problem: str
