"""The questions that `pavior init` asks on a terminal."""

from __future__ import annotations

import re

from ..output import missing_package
from .frameworks import FRAMEWORKS
from .needs import EXAMPLE_TEAM, Needs


def ask_framework() -> str:
    """Return the name of a framework. Raises `CannotRun` without Rich."""
    return _ask_text("Which framework?", choices=list(FRAMEWORKS))


def ask_needs(framework: str) -> Needs:
    """Return what a site needs. Raises `CannotRun` without Rich."""
    team = _ask_text("Your team's id, from Pavior's settings page?", default=EXAMPLE_TEAM)
    borrows_from = _ask_text("From which domain does this site borrow its login? (none: Enter)")
    lends_to = (
        ""
        if borrows_from
        else _ask_text("Which domains, such as a help center, borrow its login? (none: Enter)")
    )
    email_confirmed = (
        _ask_text("Which attribute of a user tells that the email is confirmed? (none: Enter)")
        if FRAMEWORKS[framework].reads_users and not borrows_from
        else ""
    )
    return Needs(
        team_vanity_id=team,
        borrows_from=borrows_from or None,
        lends_to=tuple(filter(None, re.split(r"[\s,]+", lends_to))),
        email_confirmed=email_confirmed or None,
        consent=_ask("Do visitors have to consent to the chat?"),
        cache=_ask("Does a CDN or another shared cache keep the pages?"),
        emulator=_ask("Do you begin with the emulator, a Pavior on this machine?"),
    )


def _ask_text(question: str, *, choices: list[str] | None = None, default: str = "") -> str:
    try:
        from rich.console import Console
        from rich.prompt import Prompt
    except ModuleNotFoundError as error:
        raise missing_package("asking", error) from None
    console = Console(stderr=True)
    if choices:
        return Prompt.ask(question, console=console, choices=choices)
    return Prompt.ask(question, console=console, default=default, show_default=bool(default))


def _ask(question: str) -> bool:
    from rich.console import Console
    from rich.prompt import Confirm

    return Confirm.ask(question, console=Console(stderr=True), default=False)
