"""Every block of code in the README and the documentation is run, or says why not."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

import html5lib
import pytest
import yaml

from pavior_middleware import Settings
from tests.docs.names import names_of
from tests.docs.runs import run_elsewhere
from tests.docs.shell import Call, documented_output, problems, run_in_shell
from tests.support import node, programs
from tests.support.code_blocks import PAGES, Block, blocks
from tests.support.tls import certificate

BLOCKS = [block for page in PAGES for block in blocks(page)]


def read_ini(text: str) -> None:
    """Take an ini file, or a part of one, whose keys with the prefix `pavior.` are settings."""
    parser = configparser.ConfigParser()
    parser.read_string(text if "[" in text else f"[app:main]\n{text}")
    keys = {key for section in parser.values() for key in section if key.startswith("pavior.")}
    assert keys
    assert keys <= {f"pavior.{each.name}" for each in fields(Settings)}


def read_yaml(text: str) -> None:
    """Take YAML that says something."""
    assert yaml.safe_load(text)


def read_html(text: str) -> None:
    """Take a document or a part of one, without errors, whose scripts are JavaScript."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    is_document = text.lower().startswith("<!doctype")
    tree = parser.parse(text) if is_document else parser.parseFragment(text)
    for script in tree.iter("script"):
        command = [node.path(), "--check", "-"]
        subprocess.run(command, input=script.text or "", text=True, check=True, timeout=60)


def run_javascript(text: str) -> None:
    """Run a script with what it finds in a window."""
    subprocess.run([node.path(), "-e", WINDOW + text], check=True, timeout=60)


def read_dockerfile(text: str) -> None:
    """Take a Dockerfile of known instructions, whose command has options that there are."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "CMD", "ENV", "EXPOSE", "USER"}
    assert {instruction for instruction, _ in lines} <= known
    program, *arguments = json.loads(dict(lines)["CMD"])
    assert list(problems(Call(program, arguments))) == []


READERS: Mapping[str, Callable[[str], object]] = {
    "dockerfile": read_dockerfile,
    "html": read_html,
    "ini": read_ini,
    "js": run_javascript,
    "json": json.loads,
    "yaml": read_yaml,
}
"""What takes a block of a language, or raises."""

LANGUAGES = {"python", "sh", "nginx", *READERS, "", "text"}  # no program reads a text

WINDOW = """
const target = new EventTarget();
for (const name of ['addEventListener', 'dispatchEvent', 'removeEventListener'])
  globalThis[name] = target[name].bind(target);
globalThis.window = globalThis;
globalThis.Pavior = () => {};
"""
"""What a script of a page finds."""

NOT_RUN: Mapping[str, int] = {}
"""How many blocks of each page say that they are not run, and why: add to it what does."""

ELSEWHERE = run_elsewhere()


def in_language(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages and not block.not_run]


PYTHON_PAGES = sorted({block.page for block in set(in_language("python")) - ELSEWHERE})


def test_each_block_is_in_a_language_that_the_tests_run_or_says_why_it_is_not_run() -> None:
    unknown = [str(each) for each in BLOCKS if each.language not in LANGUAGES and not each.not_run]
    assert unknown == [], "run them, or put a comment above: <!-- not run: the reason -->"


def test_the_blocks_that_are_not_run_are_these() -> None:
    pages = [block.page for block in BLOCKS if block.not_run]
    assert {page: pages.count(page) for page in pages} == NOT_RUN


@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = names_of(page, monkeypatch)
    for block in in_language("python"):
        if block.page == page and block not in ELSEWHERE:
            exec(block.compiled(), names)


@pytest.mark.parametrize("block", in_language("sh"), ids=str)
def test_the_commands_of_a_block_are_known_and_print_what_it_shows(
    block: Block, tmp_path: Path
) -> None:
    ran = run_in_shell(block, tmp_path)
    assert [problem for call in ran.calls for problem in problems(call)] == []
    if ran.output:
        assert [line for line in documented_output(block) if line not in ran.output] == []


@pytest.mark.parametrize("block", in_language(*READERS), ids=str)
def test_a_block_is_valid_in_its_language(block: Block) -> None:
    READERS[block.language](block.text)


@pytest.mark.cache
@pytest.mark.parametrize("block", in_language("nginx"), ids=str)
def test_nginx_takes_a_block_of_its_configuration(block: Block, tmp_path: Path) -> None:
    configuration = block.text
    files = {"pem": certificate().cert_chain_pems[0], "key": certificate().private_key_pem}
    for name, content in files.items():
        content.write_to_path(str(tmp_path / f"site.{name}"))
        configuration = re.sub(rf"/\S+\.{name};", f"{tmp_path}/site.{name};", configuration)
    configuration = re.sub(r"listen \d+", f"listen unix:{tmp_path}/socket", configuration)
    if not re.search(r"^http \{", configuration, re.MULTILINE):
        configuration = f"events {{}} http {{ {configuration} }}"
    (tmp_path / "nginx.conf").write_text(configuration)
    at_folder = ["-p", str(tmp_path), "-e", "error.log", "-c", "nginx.conf", "-g", "pid pid;"]
    tested = subprocess.run(
        [programs.path("nginx"), "-t", *at_folder], capture_output=True, text=True, timeout=60
    )
    assert tested.returncode == 0, tested.stderr
