"""What all verbs share: exit statuses, errors, and lines of text or JSON on stdout and stderr."""

from __future__ import annotations

import argparse
import json
import sys
from enum import IntEnum
from typing import TextIO


class ExitStatus(IntEnum):
    """The exit statuses of the command; docs/command.md describes them."""

    FINE = 0
    PROBLEMS = 1
    FAILED = 2


class CannotRun(Exception):
    """Why a verb cannot do its work; the message says what to do, and shows no key."""


def missing_package(work: str, error: ModuleNotFoundError, extra: str = "cli") -> CannotRun:
    """Return the error for work that needs a package which is not installed."""
    return CannotRun(
        f'{work} needs {error.name}: install it with pip install "pavior-middleware[{extra}]"'
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, which every verb has; `options.json` says whether it is given."""
    parser.add_argument("--json", action="store_true", help="report as JSON, one object a line")


def write(text: str, style: str = "") -> None:
    """Write a line to stdout; `style` is one of Rich's, such as "bold red"."""
    _write(sys.stdout, text, style)


def write_json(value: object) -> None:
    """Write a JSON value to stdout, as one line of ASCII. Raises `ValueError` for NaN."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
    sys.stdout.flush()


def note(text: str, style: str = "") -> None:
    """Write a line to stderr; `style` is one of Rich's."""
    _write(sys.stderr, text, style)


def printable(text: str) -> str:
    """Return a text with escaped control characters, so that they have no effect on a terminal."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def _write(stream: TextIO, text: str, style: str) -> None:
    encoding = stream.encoding or "utf-8"
    shown = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    if not (style and stream.isatty() and _styled(stream, shown, style)):
        stream.write(shown + "\n")
    stream.flush()


def _styled(stream: TextIO, text: str, style: str) -> bool:
    """Write a line in colors; return whether Rich, which does that, is installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ModuleNotFoundError:
        return False
    Console(file=stream).print(Text(text, style=style), soft_wrap=True)
    return True
