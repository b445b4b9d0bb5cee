"""The texts of the whole repository are written by docs/style.md, as far as a program can tell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePath

import pytest

from tests.support.distributions import committed
from tests.support.prose import count_words, sentences, texts_of
from tests.support.repository import ROOT

MOST_WORDS = 30
"""The number of words that a sentence may have; a piece of code counts as one."""

NOT_OURS = {"LICENSE", "constraints.txt", "js/package-lock.json"}
BUILT = {"pavior_middleware/_assets", "pavior_middleware/emulator/static"}
NOT_PROSE = {".png", ".svg", ".dict"}
NAMES_THE_PATTERNS = {"docs/style.md", "tests/unit/test_style.py"}

FORBIDDEN = [
    *("who is told", "is told", "are told", "was told", "were told", "be told", "been told"),
    *("of ours", "of theirs", "is none", "are none", "none is", "whoever", "whatever it is"),
    *("said that", "the one of", "the ones of", "but for", "no sooner", "let to", "lest"),
    *("stand in", "stands in", "stands before", "stands behind", "stands outside"),
    *("stand on", "stands on", "stand repeatedly", "stand several times"),
    *("is to be", "are to be", "was to be", "were to be", "be had", "so many", "so often"),
    *("at the most", "at the least", "at the latest", "come by", "comes by"),
    *("stay as they are", "stays as it is", "left as it is", "leave as it is", "leaves as it is"),
    *("pass as they are", "passes as it is", "pass as it is"),
]

_LINE_MARKS = re.compile(r"^[ \t]*(?:#|//|\*)[ \t]", re.MULTILINE)

_NAME = re.compile(r"\bdef \w+")

FORBIDDEN_NAMES = {
    *("utils", "helpers", "common", "manager", "flag", "tmp"),
    *("told", "said", "held", "asker"),
}


@cache
def sources() -> dict[str, str]:
    """Return the texts of the files that are written here, by their paths."""
    return {
        path: (ROOT / path).read_text()
        for path in committed()
        if path not in NOT_OURS
        and PurePath(path).suffix not in NOT_PROSE
        and not (path.endswith(".js") and str(PurePath(path).parent) in BUILT)
    }


@cache
def running_texts() -> dict[str, str]:
    """Return the texts in small letters, each in one line, without Python's `None`.

    The name of a function is read as its words.
    """
    return {
        path: " ".join(_NAME.sub(_as_words, _without_marks(text)).lower().split())
        for path, text in sources().items()
        if path not in NAMES_THE_PATTERNS
    }


def _without_marks(text: str) -> str:
    return _LINE_MARKS.sub(" ", text).replace("None", "")


def _as_words(name: re.Match[str]) -> str:
    return name[0].replace("_", " ")


@pytest.mark.parametrize("phrase", FORBIDDEN)
def test_no_text_has_a_phrase_that_the_style_guide_forbids(phrase: str) -> None:
    wanted = re.compile(rf".{{0,40}}\b{phrase}\b.{{0,40}}")
    found = [
        f"{path}: {around}"
        for path, text in running_texts().items()
        if phrase in text
        for around in wanted.findall(text)
    ]
    assert found == []


@pytest.mark.not_quick
def test_no_sentence_of_a_page_docstring_comment_or_message_is_too_long() -> None:
    found = [
        f"{path}: {count_words(sentence)} words: {sentence}"
        for path, source in sources().items()
        for text in texts_of(path, source)
        for sentence in sentences(text)
        if count_words(sentence) > MOST_WORDS
    ]
    assert found == []


def test_no_module_function_class_or_variable_has_a_name_that_says_nothing() -> None:
    found = [
        f"{path}: {name}"
        for path, source in sources().items()
        for name in [*Path(path).with_suffix("").parts, *names_in(path, source)]
        if name.strip("_") in FORBIDDEN_NAMES
    ]
    assert found == []


def names_in(path: str, source: str) -> Iterator[str]:
    """Yield the names that a file gives to things."""
    if path.endswith(".py"):
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    yield name
                case ast.ClassDef(name=name) | ast.arg(arg=name):
                    yield name
                case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    yield name
    if path.endswith(".js"):
        yield from re.findall(r"\b(?:const|let|var|function|class) (\w+)", source)
