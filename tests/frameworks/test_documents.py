"""The documents of the frameworks are short, and their table says what the tests find."""

from __future__ import annotations

import pytest

from tests.frameworks.recipes import DOCUMENTS, MOST_LINES, blocks
from tests.frameworks.table import BEGIN, parts, table

MOST_LINES_OF_A_DOCUMENT = 40

RECIPES = [
    *(("asgi", ""), ("blacksheep", ""), ("bottle", ""), ("cherrypy", ""), ("emmett", "")),
    *(("falcon", ""), ("falcon", "ASGI"), ("sanic", ""), ("wsgi", ""), ("wsgi", "REMOTE_USER")),
]


@pytest.mark.framework
@pytest.mark.slow  # to load all frameworks takes a while
def test_the_table_of_the_frameworks_is_up_to_date() -> None:
    assert parts()[1] == table(), "write it by: python -m tests.frameworks.table"


@pytest.mark.parametrize("document", sorted(path.name for path in DOCUMENTS.glob("*.md")))
def test_the_document_of_a_framework_is_short(document: str) -> None:
    text, _, _ = (DOCUMENTS / document).read_text().partition(BEGIN)
    assert len(text.splitlines()) <= MOST_LINES_OF_A_DOCUMENT


@pytest.mark.parametrize(("document", "heading"), RECIPES)
def test_a_recipe_is_short(document: str, heading: str) -> None:
    recipe = blocks(document, heading)[0]
    lines = [line for line in recipe.splitlines() if line and "import " not in line]
    assert len(lines) <= MOST_LINES
