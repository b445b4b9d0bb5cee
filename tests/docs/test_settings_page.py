"""The reference of the settings in docs/settings.md is generated from the code."""

from __future__ import annotations

from dataclasses import fields

import pytest

from docs_site import settings_page
from docs_site.settings_page import docstrings, parts, reference
from pavior_middleware import Settings


def test_the_reference_of_the_settings_is_up_to_date() -> None:
    assert parts()[1] == reference(), "write it by: python -m docs_site.settings_page"


def test_each_setting_has_a_docstring_that_begins_with_a_sentence_on_a_line() -> None:
    described = docstrings()
    assert set(described) == {each.name for each in fields(Settings)}
    first_lines = {name: text.splitlines()[0] for name, text in described.items()}
    assert {name for name, line in first_lines.items() if not line.endswith(".")} == set()


def test_a_setting_without_a_heading_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(settings_page.GROUPS, "The widget")
    with pytest.raises(ValueError, match="embed_url"):
        reference()


def test_a_docstring_links_to_a_heading_by_its_title() -> None:
    more = settings_page.linked("Text.\n\nMore: `docs/events.md#what-an-event-says`.")
    assert more == "Text. More: [What an event says](events.md#what-an-event-says)."


def test_a_docstring_that_names_a_heading_which_is_absent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"events\.md#nowhere, which is absent"):
        settings_page.linked("More: `docs/events.md#nowhere`.")
