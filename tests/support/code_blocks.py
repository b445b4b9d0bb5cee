"""The code in the README and the documentation, as it is there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from tests.support.repository import ROOT

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>.+?) -->\n+)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)

PAGES: Sequence[str] = sorted(
    str(path.relative_to(ROOT))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "js" / "README.md"]
)
"""The pages that readers see, by their paths in the repository."""


@dataclass(frozen=True)
class Block:
    """A block of code: the page where it stands, its first line there, and what it says.

    `not_run` is the reason of a comment `<!-- not run: … -->` above it, or None.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None

    def __str__(self) -> str:
        """Return where it stands and in which language it is."""
        return f"{self.page}:{self.line} {self.language}"

    def compiled(self) -> CodeType:
        """Return Python as code, in which an error shows the line of the page."""
        source = "\n" * (self.line - 1) + self.text
        return compile(source, ROOT / self.page, "exec", dont_inherit=True)


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Return the blocks of a page, given by its path in the repository: all, or in a language."""
    found = _parse(page, (ROOT / page).read_text())
    return [block for block in found if language in (None, block.language)]


def _parse(page: str, text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("text")) + 1,
            language=found["language"],
            text=textwrap.dedent(found["text"]),
            not_run=found["why"],
        )


def run_block(page: str, number: int, **names: Any) -> dict[str, Any]:
    """Run one of a page's blocks of Python, counted from 0; return all names that it leaves."""
    exec(blocks(page, "python")[number].compiled(), names)
    return names


def run_code_blocks(page: str, **names: Any) -> dict[str, Any]:
    """Run the Python of a page of docs/, one block after another, with some names.

    Return all names that it leaves.
    """
    for block in blocks(str(Path("docs") / page), "python"):
        exec(block.compiled(), names)
    return names
