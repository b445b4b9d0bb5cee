"""The command `pavior`: a verb for each thing that it does."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from . import __version__
from ._cli import check, emulator, init, sign, snippet, verify
from ._cli.output import CannotRun, ExitStatus, note, write_json
from ._cli.parser import Parser, WrongUse
from ._model.identity import IdentityRefused
from ._model.settings import SettingsError

_VERBS = (init, check, sign, verify, snippet, emulator)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `sys.argv`'s arguments, or those given; return its exit status."""
    _replace_closed_streams()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except OSError:  # stderr does not take the message either
        return ExitStatus.FAILED
    finally:
        _drop_unwritten(sys.stdout)
        _drop_unwritten(sys.stderr)


def _run(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        options = _parser().options(arguments)
        status: int = options.run(options)
        sys.stdout.flush()
    except WrongUse as error:
        return _failed(str(error), error.usage.rstrip(), as_json=as_json)
    except (CannotRun, IdentityRefused, SettingsError) as error:
        return _failed(str(error), as_json=as_json)
    except BrokenPipeError:  # who reads stdout has enough
        return ExitStatus.FAILED
    except OSError as error:
        return _failed(str(error), as_json=as_json)
    except KeyboardInterrupt:
        return _failed("it was stopped", as_json=as_json)
    return status


def _failed(message: str, usage: str = "", *, as_json: bool) -> int:
    _drop_unwritten(sys.stdout)
    if as_json:
        with suppress(OSError):  # the message still goes to stderr
            write_json({"error": message})
    if usage:
        note(usage)
    note(f"pavior: {message}", "red")
    return ExitStatus.FAILED


def _replace_closed_streams() -> None:
    """Have nothing read and written where a standard stream is closed, which Python shows as None.

    In this order, each file gets the number of its stream, so no other file gets it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode)  # noqa: SIM115  # for the rest of the process
            setattr(sys, name, nowhere)


def _drop_unwritten(stream: TextIO) -> None:
    """Have nothing written to a stream that takes no more.

    Python writes what is left at its exit. If that fails, the exit status is another one.
    """
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _parser() -> Parser:
    parser = Parser(
        prog="pavior",
        description="Begin with Pavior, check a site, sign and verify users, and emulate Pavior for"
        " development.",
        epilog="Exit statuses: 0 all is well, 1 there are problems, 2 it could not be done.",
    )
    parser.add_argument("--version", action="version", version=f"pavior-middleware {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for verb in _VERBS:
        verb.add_to(commands)
    return parser
