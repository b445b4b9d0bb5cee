"""The options of verbs that work through a file of users, and how they report its rows."""

from __future__ import annotations

import argparse

from ..output import CannotRun, note, write_json
from .row import BadRow


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name one user or a file of many."""
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a CSV or JSON Lines file with a user in each row, which has an id, an email or both;"
        " - for stdin",
    )
    parser.add_argument("--id", help="the id of one user")
    parser.add_argument("--email", help="the email of one user")
    parser.add_argument(
        "--format",
        choices=("csv", "jsonl"),
        help="of FILE; default: what the end of its name says, or its first character",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of FILE, such as cp1252; default: UTF-8, or what its byte order mark says",
    )


def takes_file(options: argparse.Namespace) -> bool:
    """Whether the options name a file. Raises `CannotRun` if they name nothing, or both."""
    names_user = bool(options.id or options.email)
    if names_user and options.file is not None:
        raise CannotRun("pass a file or one user's --id and --email, not both")
    if not names_user and options.file is None:
        raise CannotRun("there is no user: pass --id or --email, or a file of users")
    return options.file is not None


def report(bad: BadRow, *, as_json: bool) -> None:
    """Say which row is left out, and why."""
    if as_json:
        write_json({"line": bad.line, "problem": bad.problem})
    else:
        note(f"line {bad.line}: {bad.problem}", "yellow")
