"""`pavior emulator`: run a Pavior to develop against."""

from __future__ import annotations

import argparse
import sqlite3
import threading
import webbrowser
from collections.abc import Mapping
from typing import Any

from .._model.settings_checks import EXAMPLE_API_KEY
from .environ import add_env_file_option, given_environ
from .keys import API_KEY, EMBED_URL, checked_api_key
from .output import CannotRun, ExitStatus, add_json_option, missing_package, note, write, write_json

DEFAULT_PORT = 8990
"""The emulator's own default, repeated here: the emulator is imported only with its extra."""

_TEAM = "PAVIOR_TEAM_VANITY_ID"


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "emulator",
        help="run a Pavior to develop against",
        description="Serve the embed and an inbox that tells what each page's init was worth."
        f" Prints where the inbox is and the settings for a site. Reads {API_KEY} from the"
        " environment; without it, the key is the example of Pavior's documentation.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="default: %(default)s; 0 is any free one"
    )
    parser.add_argument(
        "--team-vanity-id", help=f"default: {_TEAM} from the environment, else YOUR_TEAM_ID"
    )
    parser.add_argument(
        "--database",
        default=":memory:",
        metavar="FILE",
        help="an SQLite file that keeps the inbox; default: memory",
    )
    parser.add_argument(
        "--demo", action="store_true", help="fill an empty inbox with a visitor of each kind"
    )
    parser.add_argument(
        "--open", action="store_true", help="open the inbox in the browser of this machine"
    )
    add_env_file_option(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve the emulator until it is stopped."""
    try:
        from .. import emulator
    except ModuleNotFoundError as error:
        raise missing_package("the emulator", error, "emulator") from None
    environ = given_environ(options)
    try:
        app = emulator.create_app(
            team_vanity_id=options.team_vanity_id or environ.get(_TEAM) or "YOUR_TEAM_ID",
            api_key=_api_key(environ),
            database=options.database,
            key_origin=f"from {API_KEY} in {options.env_file or 'the environment'}",
        )
        if options.demo and not emulator.fill_with_demo(app):
            note("The inbox is not empty, so --demo adds nothing.")

        def announce(origin: str) -> None:
            if options.json:
                write_json({"inbox": f"{origin}/", "settings": emulator.settings_of(app, origin)})
            else:
                write(emulator.start_text(app, origin))
            if options.open:
                # A browser in the terminal blocks this thread, so the server could not answer it.
                threading.Thread(target=_open, args=(f"{origin}/",), daemon=True).start()

        emulator.serve(app, host=options.host, port=options.port, on_start=announce)
    except (ValueError, OSError, sqlite3.Error) as error:
        raise CannotRun(str(error)) from None
    return ExitStatus.FINE


def _api_key(environ: Mapping[str, str]) -> str:
    if not environ.get(API_KEY):
        return EXAMPLE_API_KEY
    return checked_api_key({**environ, EMBED_URL: "http://localhost/embed"})  # it is the emulator


def _open(url: str) -> None:
    if not webbrowser.open(url):
        note(f"No browser was found: open {url} yourself.")
