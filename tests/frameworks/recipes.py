"""The code in docs/frameworks, which the tests run as it is there."""

from __future__ import annotations

import re
from typing import Any

from tests.support.repository import ROOT

DOCUMENTS = ROOT / "docs" / "frameworks"
MOST_LINES = 8
"""Of a recipe, without imports and empty ones."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, heading: str = "") -> list[str]:
    """Return the Python below a heading of a document, or below its title; block by block."""
    text = (DOCUMENTS / f"{document}.md").read_text()
    _, found, section = text.partition(f"\n## {heading}\n" if heading else "# ")
    assert found, f"{document}.md has no heading {heading!r}"
    return _BLOCK.findall(section.split("\n## ")[0])


def run(document: str, heading: str = "", *, block: int = 0, **names: Any) -> dict[str, Any]:
    """Run a block of a document with what an app has; return all names that it leaves."""
    source = blocks(document, heading)[block]
    exec(compile(source, f"{document}.md", "exec", dont_inherit=True), names)
    return names
