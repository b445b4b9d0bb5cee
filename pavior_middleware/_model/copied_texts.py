"""What goes wrong when a key or an id is copied: predicates that show nothing of the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

BYTE_ORDER_MARKS = ("\ufeff", "\xef\xbb\xbf")
"""The byte order mark of a file in UTF-8, and the same bytes read as Latin-1 or Windows-1252."""

_SAME_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb"
_PAIRS = """\
`\u00b4 \u2018\u2019 \u201a\u2018 \u201b\u2019 \u201c\u201d \u201e\u201c \u201e\u201d \u201f\u201d
\u2039\u203a \u203a\u2039 \u00ab\u00bb \u00bb\u00ab"""
_QUOTE_PAIRS = frozenset([*(quote * 2 for quote in _SAME_QUOTES), *_PAIRS.split()])
_BEARER = re.compile(r"(?:authorization\s*:\s*)?bearer(?:\s|:)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\$\(.*\)|\{\{.*\}\}|%\(.*\)s", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[^\W\d][^{}]*\}")
_LINE_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # those of `str.splitlines`

# Unicode's default ignorable code points that are neither controls nor formats (`Cc`, `Cf`).
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def credential_problem(text: str) -> str | None:
    """Return what is wrong with the copy of a Pavior key or id, and what to do; None if nothing is.

    Only the first problem is returned.
    """
    return next(_credential_problems(text), None)


def secret_problem(text: str) -> str | None:
    """Return a problem if a secret is an unreplaced variable, such as `${KEY}`; None if it is not.

    The names of variables are no secret. Any other text is accepted.
    """
    return _NOT_REPLACED if _VARIABLE.fullmatch(text) or _PLACEHOLDER.fullmatch(text) else None


def secret_warning(text: str) -> str | None:
    """Return a likely mistake in a secret, which another machine may not have; None without one."""
    return _MARKED if text.startswith(BYTE_ORDER_MARKS) else _QUOTED if _is_quoted(text) else None


def _credential_problems(text: str) -> Iterator[str]:
    yield from _hidden_problems(text)
    if _VARIABLE.match(text) or _PLACEHOLDER.fullmatch(text):
        yield _NOT_REPLACED
    if _is_quoted(text):
        yield _QUOTED
    if _BEARER.match(text):
        yield "begins with Bearer, which belongs to an HTTP field: remove the word and the space"
    if _LINE_BREAK.search(text):
        yield "has a line break in it: write it in one line"
    if any(map(str.isspace, text)):
        yield "has white space in it: copy it again from Pavior's settings page, whole and alone"


def _hidden_problems(text: str) -> Iterator[str]:
    if text.startswith(BYTE_ORDER_MARKS):
        yield _MARKED
    hidden = next(filter(_is_hidden, text), None)
    if hidden is not None:
        yield f"has an invisible character in it (U+{ord(hidden):04X}): copy it again as plain text"


def _is_hidden(character: str) -> bool:
    """Whether a character shows as nothing; white space does not count."""
    if character.isspace():
        return False
    is_format = unicodedata.category(character) in ("Cc", "Cf")
    return is_format or _IGNORABLE.match(character) is not None


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] + text[-1] in _QUOTE_PAIRS


_MARKED = "begins with a byte order mark: save the file that holds it as UTF-8 without BOM"
_QUOTED = "has quotes around it: remove them"
_NOT_REPLACED = (
    "holds a variable, as ${…}, that nothing has replaced: set the variable where the app starts,"
    " or write the value"
)
