"""Reads the API key, but never from the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Mapping
from pathlib import Path

from .._model.settings import NAMES, Settings
from .._model.settings_checks import is_emulator
from .._model.tracebacks import keeping_keys_from_tracebacks
from .environ import add_env_file_option, given_environ, read_text
from .output import CannotRun

API_KEY = "PAVIOR_API_KEY"
EMBED_URL = "PAVIOR_EMBED_URL"


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add `--key-file` and `--env-file`, which say where the API key is."""
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="a file that holds the API key and no more"
    )
    add_env_file_option(parser)


def given_api_key(options: argparse.Namespace) -> str:
    """Return the API key of `--key-file`, of `--env-file`, of the environment, or of a prompt.

    The first of these with a key counts; a prompt appears only on a terminal. Raises `CannotRun`
    for a file that cannot be read, and `SettingsError` if the key is missing or cannot work.
    """
    environ = _environ_with_key_file(options)
    if not (options.key_file or environ.get(API_KEY)) and sys.stdin.isatty():
        environ[API_KEY] = _prompted()
    return checked_api_key(environ)


@keeping_keys_from_tracebacks
def api_key_at_hand(options: argparse.Namespace) -> str:
    """Return the API key of `--key-file`, of `--env-file` or of the environment; '' without one.

    Raises `CannotRun` for a file that cannot be read, and `SettingsError` for a key that cannot
    work, such as one with quotes around it.
    """
    environ = _environ_with_key_file(options)
    return checked_api_key(environ) if options.key_file or environ.get(API_KEY) else ""


@keeping_keys_from_tracebacks
def checked_api_key(environ: Mapping[str, str]) -> str:
    """Return the API key of an environment; no other setting is needed.

    A key that can be guessed is logged, unless the embed of that environment is an emulator's, for
    which the example key is right. Raises `SettingsError` if the key is missing or cannot work, or
    if a name looks like a misspelt one.
    """
    read = {API_KEY, EMBED_URL} if is_emulator(environ.get(EMBED_URL)) else {API_KEY}
    others = NAMES.keys() - read
    given = {name: value for name, value in environ.items() if name not in others}
    return Settings.from_mapping({**given, "PAVIOR_TEAM_VANITY_ID": "unused"}).api_key


def _environ_with_key_file(options: argparse.Namespace) -> dict[str, str]:
    """Return the variables at hand, in front of which is the key of `--key-file`."""
    environ = dict(given_environ(options))
    if options.key_file:
        environ[API_KEY] = read_text(options.key_file).rstrip("\r\n")
    return environ


def _prompted() -> str:
    try:
        return getpass.getpass("API key (it is not shown): ", sys.stderr)
    except EOFError:
        raise CannotRun(f"there is no API key: set {API_KEY}, or pass --key-file") from None
