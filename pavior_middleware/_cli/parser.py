"""A parser of the command line whose messages show no value, since it may be a key."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

_SECRET = re.compile(r"--?(api|hmac|key|cookie|secret|password|token)(?!-file\b)", re.IGNORECASE)


class WrongUse(Exception):
    """A command line that cannot be understood; the message says why."""

    def __init__(self, message: str, usage: str) -> None:
        self.usage = usage
        super().__init__(message)


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that does not accept abbreviated options, and raises `WrongUse`."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise `WrongUse`."""
        raise WrongUse(message, self.format_usage())

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write the help or the version. Raises `OSError`, which argparse would not show."""
        (file or sys.stderr).write(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the program, once the help is written. Raises `OSError` if it cannot be written."""
        sys.stdout.flush()  # at the exit of Python, an error would give another status
        super().exit(status, message)

    def options(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what `arguments` say. Raises `WrongUse`."""
        options, unknown = self.parse_known_args(arguments)
        unknown = list(filter(_is_secret, arguments)) or unknown
        if unknown:
            self.error(_unknown(unknown))
        return options


def _is_secret(argument: str) -> bool:
    """Whether this is an option that holds a secret, and not the name of a file with one."""
    return _SECRET.match(argument) is not None


def _unknown(arguments: Sequence[str]) -> str:
    """Say which arguments are unknown, without values: a key may have been passed by mistake."""
    names = [each.partition("=")[0] for each in arguments if each.startswith("-")]
    if any(map(_is_secret, names)):
        return (
            f"there is no option {', '.join(names)}: other users see the command line and the shell"
            " keeps it. The API key comes from --key-file or PAVIOR_API_KEY, an hmac from stdin"
        )
    if names:
        return f"there is no option {', '.join(names)}: --help lists those that there are"
    return "there are too many arguments: --help lists those that there are"
