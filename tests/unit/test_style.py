"""The texts avoid patterns that docs/style.md forbids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT

FOLDERS = ["pavior_middleware", "tests", "docs", "js/src", "js/test", "benchmarks", "demo", "peers"]
SUFFIXES = {".py", ".md", ".js", ".css", ".html"}
EXEMPT = {ROOT / "docs" / "style.md", Path(__file__)}

FORBIDDEN = [
    "who is told",
    "is told",
    "of ours",
    "of theirs",
    "is none",
    "none is",
    "whoever",
    "whatever it is",
    "said that",
]


def texts() -> dict[str, str]:
    """Return the texts that people read, by their paths."""
    paths = [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES
        and path not in EXEMPT
        and not {"node_modules", "_assets", "static"} & set(path.parts)
    ]
    return {str(path.relative_to(ROOT)): path.read_text() for path in [*paths, *ROOT.glob("*.md")]}


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_text_has_a_pattern_that_the_style_guide_forbids(pattern: str) -> None:
    wanted = re.compile(rf"\b{pattern}\b", re.IGNORECASE)
    found = [
        f"{path}: {line.strip()}"
        for path, text in texts().items()
        if wanted.search(text)
        for line in text.splitlines()
        if wanted.search(line.replace("is None", ""))  # that is Python
    ]
    assert found == []
