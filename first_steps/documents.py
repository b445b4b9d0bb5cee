"""Reads the steps in the documents of the frameworks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .wheels import ROOT

DOCUMENTS = ROOT / "docs" / "frameworks"
_INSTALLED = re.compile(r"pip install \"pavior-middleware(\[[a-z,]+\])\"")
_MARK = re.compile(r"^# Here: ([a-z]+)\.md, block ([0-9]+)\n", re.MULTILINE)
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def extras(name: str) -> str:
    """Return the extras that a framework's document installs the package with, in brackets.

    Raises `ValueError` if it installs it nowhere.
    """
    found = _INSTALLED.search(_text(name))
    if found is None:
        raise ValueError(f"{name}.md does not say how to install the package")
    return found[1]


def copy_site(site: Path, folder: Path) -> None:
    """Copy the files of an app; replace a comment `# Here: …` by a document's block of Python."""
    for file in _files(site):
        target = folder / file.relative_to(site)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_MARK.sub(_block, file.read_text()))


def _files(site: Path) -> Iterator[Path]:
    return (each for each in site.rglob("*") if each.is_file() and each.suffix != ".pyc")


def _block(mark: re.Match[str]) -> str:
    blocks: list[str] = _BLOCK.findall(_text(mark[1]))
    return blocks[int(mark[2]) - 1]


def _text(name: str) -> str:
    return (DOCUMENTS / f"{name}.md").read_text()
