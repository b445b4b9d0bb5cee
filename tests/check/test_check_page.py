"""The page about `pavior check` has each code of a finding, and no other."""

from __future__ import annotations

import ast
import re

from tests.support.repository import ROOT

RULES = ROOT / "pavior_middleware" / "_check" / "rules"
LEVELS = {"problem", "advice", "not_checked"}


def codes_in_rules() -> set[str]:
    """Return the first argument of each call that makes a finding."""
    calls = (
        node
        for path in RULES.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LEVELS
    )
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_the_page_has_each_code_with_what_it_means_and_what_to_do() -> None:
    page = (ROOT / "docs" / "check.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \| .+ \|$", page, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == codes_in_rules()
