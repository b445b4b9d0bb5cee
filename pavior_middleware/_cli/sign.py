"""`pavior sign`: the hmac of a user's id or email, or of each user in a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from .._model.identity import Identity, signed_options
from .keys import add_key_options, given_api_key
from .output import CannotRun, ExitStatus, add_json_option, note, write, write_json
from .rows.options import add_file_options, report, takes_file
from .rows.progress import with_progress
from .rows.row import BadRow
from .rows.signing import signed_rows
from .rows.source import Source, opened
from .rows.target import stdout, whole_file


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "sign",
        help="print the hmac of an id or an email, or sign a file of users",
        description="Print the hmac of the id, or of the email if there is no id. With a file,"
        " print it with an hmac in each row. The API key comes from --key-file, --env-file,"
        " PAVIOR_API_KEY in the environment, or a prompt.",
    )
    add_options(parser)
    add_key_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say whom to sign."""
    add_file_options(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the signed rows go, once all are done; default: stdout",
    )
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Sign one user or a file of them with the key that the options name."""
    return sign_given(options, partial(given_api_key, options))


def sign_given(options: argparse.Namespace, find_key: Callable[[], str]) -> int:
    """Sign what the options name; return the exit status. Raises `CannotRun`."""
    if not takes_file(options):
        return _sign_user(options, find_key())
    if options.json and options.output is None:
        raise CannotRun("--json reports on stdout: pass a file for the signed rows with --output")
    return _sign_file(options, find_key())


def _sign_file(options: argparse.Namespace, api_key: str) -> int:
    with (
        opened(options.file, options.format, options.encoding) as source,
        _target(options.output, source) as target,
    ):
        target.write(source.head)
        rows = with_progress(
            signed_rows(api_key, source.rows),
            source.position,
            source.size,
            is_shown=options.output is not None or not sys.stdout.isatty(),
        )
        signed, refused = _write_signed(rows, target, as_json=options.json)
    if options.json:
        write_json({"signed": signed, "refused": refused, "output": str(options.output)})
    else:
        note(f"signed: {signed}; left out: {refused}")
    return ExitStatus.PROBLEMS if refused else ExitStatus.FINE


def _sign_user(options: argparse.Namespace, api_key: str) -> int:
    if options.output is not None:
        raise CannotRun("--output is for a file of users: the hmac of one user goes to stdout")
    identity = Identity(options.id, options.email)
    signed = signed_options(api_key, identity)
    if options.json:
        write_json(signed)
    else:
        write(signed["hmac"])
    return ExitStatus.FINE


def _target(output: Path | None, source: Source) -> AbstractContextManager[TextIO]:
    if output is None:
        return stdout(source.encoding, source.errors)
    return whole_file(output, source.encoding, source.errors)


def _write_signed(
    rows: Iterable[str | BadRow], target: TextIO, *, as_json: bool
) -> tuple[int, int]:
    """Write the signed rows, report the others, and return the number of each."""
    signed = refused = 0
    for row in rows:
        if isinstance(row, BadRow):
            refused += 1
            report(row, as_json=as_json)
        else:
            signed += 1
            target.write(row)
    return signed, refused
