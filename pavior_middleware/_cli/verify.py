"""`pavior verify`: whether the hmac of a user, or of each user in a file, is right."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .._model.identity import Identity
from .keys import add_key_options, given_api_key
from .output import CannotRun, ExitStatus, add_json_option, note, write, write_json
from .rows.options import add_file_options, report, takes_file
from .rows.progress import with_progress
from .rows.signing import hmac_problem, verified_rows
from .rows.source import opened


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "verify",
        help="tell whether the hmac of an id or an email is right, or those of a file of users",
        description="Tell whether an hmac is that of the id, or of the email if there is no id. The"
        " hmac of one user comes from stdin or a prompt; a file has them in the rows. The API key"
        " comes from --key-file, --env-file, PAVIOR_API_KEY in the environment, or a prompt.",
    )
    add_options(parser)
    add_key_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say whose hmac to verify."""
    add_file_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Verify one user's hmac or those of a file with the key that the options name."""
    return verify_given(options, partial(given_api_key, options))


def verify_given(options: argparse.Namespace, find_key: Callable[[], str]) -> int:
    """Verify what the options name; return the exit status. Raises `CannotRun`."""
    verify = _verify_file if takes_file(options) else _verify_user
    return verify(options, find_key())


def _verify_file(options: argparse.Namespace, api_key: str) -> int:
    right = wrong = 0
    with opened(options.file, options.format, options.encoding) as source:
        if not source.rows.has_hmac:
            raise CannotRun(f'{options.file}: line 1 names no column "hmac"')
        verdicts = verified_rows(api_key, source.rows)
        for bad in with_progress(verdicts, source.position, source.size, is_shown=True):
            if bad is None:
                right += 1
            else:
                wrong += 1
                report(bad, as_json=options.json)
    if options.json:
        write_json({"right": right, "wrong": wrong})
    else:
        write(f"right: {right}; wrong: {wrong}")
    return ExitStatus.PROBLEMS if wrong else ExitStatus.FINE


def _verify_user(options: argparse.Namespace, api_key: str) -> int:
    problem = hmac_problem(api_key, Identity(options.id, options.email), _given_hmac())
    if options.json:
        write_json({"right": problem is None, "problem": problem})
    elif problem is None:
        write(f"the hmac is that of the {'id' if options.id else 'email'}", "green")
    else:
        note(f"pavior: {problem}", "red")
    return ExitStatus.FINE if problem is None else ExitStatus.PROBLEMS


def _given_hmac() -> str:
    """Return the hmac of a prompt on a terminal, or the first line of stdin."""
    if sys.stdin.isatty():
        hmac = getpass.getpass("hmac (it is not shown): ", sys.stderr)
    else:
        hmac = sys.stdin.readline().rstrip("\r\n")
    if not hmac:
        raise CannotRun("there is no hmac: write it to stdin")
    return hmac
