"""Where the verbs find settings: first in the `.env` file of an option, then in the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from .env_file import EnvFileError, parse
from .output import CannotRun


def add_env_file_option(parser: argparse.ArgumentParser) -> None:
    """Add `--env-file`."""
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="a file with lines like PAVIOR_API_KEY=…, which come before the environment's",
    )


def given_environ(options: argparse.Namespace) -> Mapping[str, str]:
    """Return the environment's variables, and in front of them those of `--env-file`."""
    return {**os.environ, **(read_env_file(options.env_file) if options.env_file else {})}


def read_env_file(path: Path) -> Mapping[str, str]:
    """Return the variables of a `.env` file in UTF-8. Raises `CannotRun` if it cannot be read."""
    try:
        return parse(read_text(path))
    except EnvFileError as error:
        raise CannotRun(f"{path}: {error}") from None


def read_text(path: Path) -> str:
    """Return a file's text in UTF-8, without a byte order mark. Raises `CannotRun`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotRun(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        message = f"{path} is not in UTF-8: save it in that encoding"
    raise CannotRun(message)  # outside of `except`, since that error holds the file's bytes
