"""Which blocks of Python the tests of frameworks and pages run, read from these tests' own code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.frameworks import recipes
from tests.support.code_blocks import PAGES, Block, blocks
from tests.support.repository import ROOT

FOLDER = "docs/frameworks"
IMPORTED_TO_RUN = ("code_blocks", "recipes")
_MARK = re.compile(r"^# Here: ([a-z]+)\.md, block ([0-9]+)$", re.MULTILINE)


def run_elsewhere() -> set[Block]:
    """Return the blocks that other tests, or the first steps, run."""
    found: set[Block] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        if any(name in text for name in IMPORTED_TO_RUN):  # to parse all takes some seconds
            found |= set(_run_by_a_test(ast.parse(text)))
    for path in (ROOT / "first_steps" / "sites").rglob("*.py"):
        for name, number in _MARK.findall(path.read_text()):
            found.add(blocks(f"{FOLDER}/{name}.md", "python")[int(number) - 1])
    return found


def _run_by_a_test(tree: ast.Module) -> Iterator[Block]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)):
                yield from _blocks_of_call(name, node, parents.get(node))


def _blocks_of_call(name: str, call: ast.Call, parent: ast.AST | None) -> Iterator[Block]:
    """Return which blocks a call of one of the functions that run blocks is about."""
    match name, _texts(call):
        case "run_code_blocks", [page]:
            yield from blocks(f"docs/{page}", "python")
        case "run_block", [page]:
            match call.args[1]:
                case ast.Constant(value=int(number)):
                    yield blocks(page, "python")[number]
                case _:
                    yield from blocks(page, "python")
        case "run" | "blocks", [document, *rest] if f"{FOLDER}/{document}.md" in PAGES:
            numbers = [_number(call)] if name == "run" else _subscript(parent)
            below = recipes.blocks(document, *rest)
            texts = [below[number] for number in numbers] if numbers else below
            all_blocks = blocks(f"{FOLDER}/{document}.md", "python")
            yield from (block for block in all_blocks if block.text in texts)


def _texts(call: ast.Call) -> list[str]:
    found = [each.value for each in call.args if isinstance(each, ast.Constant)]
    return [each for each in found if isinstance(each, str)]


def _number(call: ast.Call) -> int:
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg="block", value=ast.Constant(value=int(number))):
                return number
    return 0


def _subscript(parent: ast.AST | None) -> list[int]:
    match parent:
        case ast.Subscript(slice=ast.Constant(value=int(number))):
            return [number]
    return []
