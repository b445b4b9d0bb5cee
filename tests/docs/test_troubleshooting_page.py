"""docs/troubleshooting.md names reasons, warnings, outcomes and findings that there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import get_args

import pytest

from pavior_middleware import Settings
from pavior_middleware._model import events
from tests.support.repository import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text()

_REASONS = re.compile(r"`(passed|refused|lookup_failed)`, ((?:`\w+`(?: or )?)+)")
_LOGGED = sorted(set(re.findall(r'The log has (?:the warning )?"([^"]+)"', PAGE)))


def reasons() -> Iterator[tuple[str, str]]:
    """Yield the outcomes and reasons that the page names."""
    for outcome, words in _REASONS.findall(PAGE):
        for word in re.findall(r"`(\w+)`", words):
            yield outcome, word


def texts_of_the_package() -> Iterator[str]:
    """Yield the texts in the code of the package, each as a whole."""
    for path in (ROOT / "pavior_middleware").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(value=str(text)):
                    yield text


def test_the_outcomes_and_reasons_of_the_page_are_those_of_events() -> None:
    named = list(reasons())
    assert len(named) > 10
    assert {outcome for outcome, _ in named} <= set(get_args(events.Outcome))
    assert {reason for _, reason in named} <= {each.value for each in events.Reason}


def test_the_page_quotes_several_warnings() -> None:
    assert len(_LOGGED) >= 3


@pytest.mark.parametrize("warning", _LOGGED)
def test_the_package_logs_the_warning_that_the_page_quotes(warning: str) -> None:
    assert any(warning in text for text in texts_of_the_package())


def test_the_page_names_only_existing_settings() -> None:
    named = set(re.findall(r"PAVIOR_\w+", PAGE))
    assert len(named) > 5
    assert named <= {f"PAVIOR_{each.name.upper()}" for each in fields(Settings)}


@pytest.mark.parametrize("page", ["troubleshooting.md", "sharing.md"])
def test_the_findings_in_a_column_for_the_doctor_are_those_of_its_page(page: str) -> None:
    known = set(re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "check.md").read_text(), re.MULTILINE))
    named = {code for cell in doctors_cells(page) for code in re.findall("`([a-z][a-z-]+)`", cell)}
    assert len(named) > 2
    assert named <= known


def doctors_cells(page: str) -> Iterator[str]:
    """Yield what is in the columns below `pavior check`."""
    column: int | None = None
    for line in (DOCS / page).read_text().splitlines():
        cells = line.split(" | ")
        if not line.startswith("|"):
            column = None
        elif "`pavior check`" in cells:
            column = cells.index("`pavior check`")
        elif column is not None:
            yield cells[column]
