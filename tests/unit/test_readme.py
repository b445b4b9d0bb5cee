"""The README is short, and its links work where it is shown outside of the repository."""

from __future__ import annotations

import re

from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text()
MOST_WORDS = 800
REPOSITORY = "https://github.com/pavior/pavior-middleware/"

_CODE = re.compile(r"```.*?```", re.DOTALL)
_DEFINITION = re.compile(r"^\[([^\]]+)\]: (\S+)$", re.MULTILINE)
_REFERENCE = re.compile(r"\]\[([^\]]+)\]")
_INLINE = re.compile(r"\]\(([^)\s]+)\)")
TEXT = _CODE.sub("", README)


def test_the_readme_has_at_most_800_words() -> None:
    assert len(README.split()) <= MOST_WORDS


def test_each_link_of_the_readme_works_in_the_package_index() -> None:
    targets = [*_INLINE.findall(TEXT), *(url for _, url in _DEFINITION.findall(TEXT))]
    assert len(targets) > 10
    assert [each for each in targets if not each.startswith(REPOSITORY)] == []


def test_each_reference_of_the_readme_is_defined_and_used() -> None:
    assert {name for name, _ in _DEFINITION.findall(TEXT)} == set(_REFERENCE.findall(TEXT))


def test_the_readme_shows_the_emulator_right_after_which_id_to_pass() -> None:
    headings = re.findall(r"^(?:> )?#+ (.+)$", TEXT, re.MULTILINE)
    at = headings.index("Which id and email to pass")
    assert headings[at + 1] == "See that it works"
    assert "pavior emulator" in README.partition("## See that it works")[2]


def test_the_readme_says_who_takes_text_for_a_flag() -> None:
    (sentence,) = re.findall(r'Text such as "false" for a flag [^.]+\.', TEXT)
    assert "`from_env`" in sentence
    assert "`from_mapping`" in sentence
    assert "takes a bool" in sentence
