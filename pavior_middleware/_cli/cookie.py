"""Reads the cookie of somebody who is logged in, but never from the command line."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from .environ import read_text
from .output import CannotRun

COOKIE = "PAVIOR_CHECK_COOKIE"


def add_cookie_options(parser: argparse.ArgumentParser) -> None:
    """Add `--cookie-file` and `--ask-cookie`."""
    parser.add_argument(
        "--cookie-file",
        type=Path,
        metavar="FILE",
        help="a file that holds the value of the Cookie field of somebody who is logged in;"
        f" default: {COOKIE} from the environment",
    )
    parser.add_argument(
        "--ask-cookie", action="store_true", help="ask for that value at a prompt, which hides it"
    )


def given_cookie(options: argparse.Namespace) -> str:
    """Return the value of a `Cookie` field, or '' without one. Raises `CannotRun`."""
    is_asked_for = bool(options.cookie_file or options.ask_cookie)
    if options.cookie_file:
        text = read_text(options.cookie_file)
    elif options.ask_cookie:
        text = _prompted()
    else:
        text = os.environ.get(COOKIE, "")
    cookie = _value(text.strip())
    if not (cookie.isascii() and cookie.isprintable()):
        raise CannotRun("the cookie must be one line of ASCII: the value of a Cookie field")
    if is_asked_for and not cookie:
        raise CannotRun("the cookie is empty: pass the value of a Cookie field")
    if cookie and "=" not in cookie:
        raise CannotRun("the cookie has no name: pass it as name=value")
    return cookie


def _value(text: str) -> str:
    """Return the value of a field, which may have been copied with its name."""
    name, colon, value = text.partition(":")
    return value.strip() if colon and name.lower() == "cookie" else text


def _prompted() -> str:
    try:
        return getpass.getpass("Value of the Cookie field (it is not shown): ", sys.stderr)
    except EOFError:
        raise CannotRun(f"there is no cookie: pass --cookie-file, or set {COOKIE}") from None
