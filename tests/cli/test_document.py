"""docs/command.md says what the command has."""

from __future__ import annotations

import argparse
import re

import pytest

from pavior_middleware._cli import init, sign, snippet, verify
from pavior_middleware._cli.beginning.frameworks import FRAMEWORKS
from pavior_middleware._cli.output import ExitStatus
from pavior_middleware._cli.parser import Parser
from pavior_middleware._cli.rows.lines import LONGEST
from tests.cli.command import pavior
from tests.support.repository import ROOT

DOCUMENT = (ROOT / "docs" / "command.md").read_text()


@pytest.mark.parametrize("verb", [init, sign, snippet, verify], ids=lambda verb: verb.__name__)
def test_every_option_is_in_the_document(verb: object) -> None:
    commands = Parser().add_subparsers()
    verb.add_to(commands)  # type: ignore[attr-defined]  # each verb's module has it
    (parser,) = commands.choices.values()
    assert isinstance(parser, argparse.ArgumentParser)
    options = set(re.findall(r"--[a-z-]+", parser.format_help())) - {"--help"}
    assert {each for each in options if each not in DOCUMENT} == set()


def test_every_verb_is_in_the_document() -> None:
    usage = pavior("--help").stdout
    _, _, listed = usage.partition("COMMAND\n")
    verbs = re.findall(r"^    ([a-z]+) ", listed, re.MULTILINE)
    assert "sign" in verbs
    assert [each for each in verbs if f"| [`{each}`](" not in DOCUMENT] == []


def test_the_exit_statuses_are_those_of_the_document() -> None:
    found = re.findall(r"^\| ([0-9]) \|", DOCUMENT, re.MULTILINE)
    assert [int(each) for each in found] == list(ExitStatus)


def test_the_frameworks_and_limits_are_those_of_the_document() -> None:
    assert [each for each in FRAMEWORKS if f"`{each}`" not in DOCUMENT] == []
    assert f"{LONGEST:,} characters" in DOCUMENT


def test_the_version_is_printed() -> None:
    done = pavior("--version")
    assert re.fullmatch(r"pavior-middleware \d+\.\d+\.\d+\n", done.stdout)
    assert done.status == 0
