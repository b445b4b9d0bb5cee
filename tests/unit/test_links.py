"""The links between the documents lead somewhere, and the README or the site's menu to each."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT

DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
# The README is also shown by the package index, so its links to files name the repository.
_REPOSITORY = re.compile(r"https://github\.com/pavior/pavior-middleware/(?:blob|raw|tree)/main/")
_DEFINITION = re.compile(r"^\[[^\]]+\]: (\S+)$", re.MULTILINE)  # to which `[text][name]` leads
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(path: Path) -> set[tuple[Path, str]]:
    """Return the files to which a document links, each with the anchor of a heading or ''."""
    text = _REPOSITORY.sub(f"{os.path.relpath(ROOT, path.parent)}/", path.read_text())
    found = _LINK.findall(_CODE.sub("", _DEFINITION.sub(r"](\1)", text)))
    return {((path.parent / to).resolve() if to else path, anchor) for to, anchor in found}


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    headings = _HEADING.findall(_CODE.sub("", path.read_text()))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_links_of_a_document_lead_to_files_and_headings(document: str) -> None:
    for path, anchor in links(ROOT / document):
        assert path.exists(), path
        assert not anchor or anchor in anchors(path), f"{path}#{anchor}"


def menu() -> set[Path]:
    """Return the documents to which the menu of the documentation's site leads."""
    found = re.findall(r"^ +- [^#\n]*: (.+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    return {ROOT / "docs" / each for each in found}


def test_the_readme_or_the_menu_of_the_site_leads_to_each_document() -> None:
    reached, waiting = set(), {ROOT / "README.md", *menu()}
    while waiting:
        path = waiting.pop()
        reached.add(path)
        waiting |= {to for to, _ in links(path) if to.suffix == ".md"} - reached
    assert {ROOT / document for document in DOCUMENTS} <= reached
