"""The texts that people read in the repository's files, and their sentences."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import PurePath

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCK_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_LINE_COMMENTS = re.compile(r"(?:^[ \t]*//[^\n]*\n)+", re.MULTILINE)
_HASH_COMMENTS = re.compile(r"(?:^[ \t]*#(?!!)[^\n]*\n)+", re.MULTILINE)
_TEMPLATE_COMMENT = re.compile(r"<!--(.*?)-->|\{#(.*?)#\}", re.DOTALL)

_FENCED = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?^---$", re.DOTALL | re.MULTILINE)
_LINK_TARGET = re.compile(r"^\[[^\]]+\]: \S+$", re.MULTILINE)
_TARGET = re.compile(r"\]\([^)\s]*\)")
_CODE = re.compile(r"`[^`]*`")
_NEW_PARAGRAPH = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*|#>:]|\d+\.)\s)|\n(?=[ \t]*@)|\|")
_END = re.compile(r"(?<=[.!?])[\"”')*_\]]*\s+(?=\S)")


def texts_of(path: str, source: str) -> list[str]:
    """Return what people read in a file.

    That is all of a page, or the docstrings, comments and messages of code.
    """
    match PurePath(path).suffix:
        case ".md":
            return [_without_code_blocks(source)]
        case ".py":
            return [*_docstrings(source), *_python_comments(source), *_messages(source)]
        case ".js" | ".css" | ".ts":
            return [_without_stars(text) for text in _comments_of_javascript(source)]
        case ".html":
            return [first or second for first, second in _TEMPLATE_COMMENT.findall(source)]
        case _:
            return [
                re.sub(r"^[ \t]*# ?", "", text, flags=re.MULTILINE)
                for text in _HASH_COMMENTS.findall(source)
            ]


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text; each piece of code in them counts as a word."""
    text = _CODE.sub("CODE", _TARGET.sub("]", text))
    for paragraph in _NEW_PARAGRAPH.split(text):
        yield from _END.split(" ".join(paragraph.split()))


def count_words(sentence: str) -> int:
    """Return the number of words of a sentence: what has a letter or digit between blanks."""
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


def _without_code_blocks(page: str) -> str:
    for pattern in (_FRONT_MATTER, _FENCED, _LINK_TARGET):
        page = pattern.sub("", page)
    return page


def _docstrings(source: str) -> Iterator[str]:
    """Yield all strings that are statements; of those, indented parts are code or tables."""
    for node in ast.walk(ast.parse(source)):
        for statement in node.body if isinstance(node, _DOCUMENTED) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    yield re.sub(r"^ {4}.*$", "", cleandoc(text), flags=re.MULTILINE)


def _messages(source: str) -> Iterator[str]:
    """Yield the strings of one line, which are messages if they have sentences.

    Strings of several lines are pages, scripts and SQL. What an f-string inserts is a piece of
    code.
    """
    tree = ast.parse(source)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "`…`" for part in values
                )
            case ast.Constant(value=str() as text) if id(node) not in parts:
                pass
            case _:
                continue
        if "\n" not in text:
            yield text


def _python_comments(source: str) -> Iterator[str]:
    """Yield the comments; those on lines of their own that follow each other are one."""
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("#").strip()
        if not token.line.lstrip().startswith("#"):
            yield text
            continue
        if token.start[0] != last + 1 and block:
            yield "\n".join(block)
            block = []
        block.append(text)
        last = token.start[0]
    yield "\n".join(block)


def _comments_of_javascript(source: str) -> Iterator[str]:
    yield from _BLOCK_COMMENT.findall(source)
    yield from _LINE_COMMENTS.findall(source)


def _without_stars(comment: str) -> str:
    """Take the marks of a comment's lines away; indented parts are code or tables."""
    text = re.sub(r"^[ \t]*(?:\*|//) ?", "", comment, flags=re.MULTILINE)
    return re.sub(r"^ {2,}.*$", "", text, flags=re.MULTILINE)
