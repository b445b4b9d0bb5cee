"""`pavior init`: print what a site needs to begin; it writes no file."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from shlex import quote
from typing import Any

from .beginning.frameworks import FRAMEWORKS
from .beginning.needs import EXAMPLE_TEAM, Needs
from .beginning.questions import ask_framework, ask_needs
from .beginning.steps import Steps, steps
from .output import CannotRun, ExitStatus, add_json_option, missing_package, write, write_json


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "init",
        help="print the lines and settings that an app needs to begin",
        description="Print what to install, the lines that an app of a framework gains, and its"
        " settings. Nothing is written to any file. Without a framework, on a terminal, it asks.",
    )
    parser.add_argument(
        "framework",
        nargs="?",
        choices=tuple(FRAMEWORKS),
        metavar="FRAMEWORK",
        help=", ".join(FRAMEWORKS),
    )
    parser.add_argument(
        "--team-vanity-id",
        metavar="ID",
        default=EXAMPLE_TEAM,
        help="the team's id, from Pavior's settings page",
    )
    parser.add_argument(
        "--lend-to",
        metavar="DOMAIN",
        action="append",
        default=[],
        help="a domain that borrows the site's login; may be given several times",
    )
    parser.add_argument(
        "--borrow-from",
        metavar="DOMAIN",
        help="the domain from which the site borrows its login",
    )
    parser.add_argument(
        "--email-confirmed",
        metavar="ATTRIBUTE",
        help="the attribute of a user that tells whether the email is confirmed",
    )
    parser.add_argument(
        "--consent", action="store_true", help="visitors have to consent to the chat"
    )
    parser.add_argument(
        "--cache", action="store_true", help="a CDN or another shared cache keeps the pages"
    )
    parser.add_argument("--emulator", action="store_true", help="begin with the emulator")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the steps."""
    try:
        import rich  # noqa: F401  # the extra
    except ModuleNotFoundError as error:
        raise missing_package("pavior init", error) from None
    found = steps(*_answers(options))
    if options.json:
        write_json(asdict(found))
    else:
        _print(found)
    return ExitStatus.FINE


def _answers(options: argparse.Namespace) -> tuple[str, Needs]:
    if options.framework is None:
        if options.json or not sys.stdin.isatty():
            raise CannotRun(f"there is no framework: pass one of {', '.join(FRAMEWORKS)}")
        framework = ask_framework()
        return framework, ask_needs(framework)
    return options.framework, Needs(
        team_vanity_id=options.team_vanity_id,
        lends_to=tuple(options.lend_to),
        borrows_from=options.borrow_from,
        email_confirmed=options.email_confirmed,
        consent=options.consent,
        cache=options.cache,
        emulator=options.emulator,
    )


def _print(found: Steps) -> None:
    write("# Install", "bold")
    write(found.install)
    write(f"\n# Add to {found.place}", "bold")
    write(found.lines.rstrip("\n"))
    is_shell = found.settings_place == ".env"
    if found.settings:
        write(f"\n# Write into {found.settings_place}", "bold")
        for name, value in found.settings.items():
            write(f"{name}={quote(value) if value else ''}" if is_shell else f"{name} = {value}")
    write("")
    for each in found.notes:
        write(f"- {each}")
