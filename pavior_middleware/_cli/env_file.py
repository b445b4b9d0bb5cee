"""The syntax of `.env` files, as python-dotenv and shells read it, without substitution."""

from __future__ import annotations

import re

_LINE = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)?
    (?P<name>[^=\#\s'"\0][^=\#\s\0]*)
    [^\S\n]*=
    (?:
        [^\S\n]*'(?P<single>(?:[^'\\]|\\.)*)'
      | [^\S\n]*"(?P<double>(?:[^"\\]|\\.)*)"
      | (?P<bare>(?![^\S\n]*['"])[^\n]*)
    )
    [^\S\n]* (?:\#[^\n]*)? (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_NOTHING = re.compile(r"[^\S\n]*(?:\#[^\n]*)?(?:\n|\Z)")
_COMMENT = re.compile(r"\s+#.*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


class EnvFileError(ValueError):
    """A line that is not an assignment. The message has its number, but not its text."""


def parse(text: str) -> dict[str, str]:
    r"""Return the variables of a `.env` file.

    A line is `NAME=value`, may begin with `export`, and ends at a `#` behind white space. Names
    that shells refuse, such as `FOO-BAR`, are accepted, since other programs may read the same
    file. A value may be in single or double quotes, and may have several lines then. `\"` and `\n`
    are escapes in double quotes, and `\'` is one in single quotes. `$NAME` is plain text. Raises
    `EnvFileError`.
    """
    text = text.replace("\r\n", "\n")
    variables: dict[str, str] = {}
    at = 0
    while at < len(text):
        if found := _NOTHING.match(text, at):
            at = found.end()
        elif found := _LINE.match(text, at):
            variables[found["name"]] = _value(found)
            at = found.end()
        else:
            number = text.count("\n", 0, at) + 1
            raise EnvFileError(f"line {number} is no assignment: write NAME=value")
    return variables


def _value(line: re.Match[str]) -> str:
    if line["single"] is not None:
        return re.sub(r"\\(['\\])", r"\1", line["single"])
    if line["double"] is not None:
        return _ESCAPE.sub(_unescaped, line["double"])
    return _COMMENT.sub("", line["bare"]).strip()


def _unescaped(escape: re.Match[str]) -> str:
    letter = escape[1]
    if letter in "\"'\\":
        return letter
    return _CONTROLS.get(letter, escape[0])
