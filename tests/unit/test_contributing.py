"""The table of CONTRIBUTING.md that says what to run after a change."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def table() -> list[tuple[list[str], list[str]]]:
    """Return what was changed and what to run, of each row that has both in code."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    _, _, rest = text.partition("| You changed | Run |\n")
    lines = rest.split("\n\n")[0].splitlines()[1:]
    cells = [line.strip("|").split(" | ") for line in lines]
    return [(re.findall("`(.*?)`", left), re.findall("`(.*?)`", right)) for left, right in cells]


ROWS = table()


@pytest.mark.parametrize("path", sorted({path for paths, _ in ROWS for path in paths}))
def test_every_path_of_the_table_exists(path: str) -> None:
    assert (ROOT / path).is_dir() == path.endswith("/")
    assert (ROOT / path).exists()


@pytest.mark.parametrize("command", sorted({each for _, commands in ROWS for each in commands}))
def test_every_command_of_the_table_can_be_run(command: str) -> None:
    match command.split():
        case ["pytest", *paths]:
            assert paths
            assert [path for path in paths if not (ROOT / path).exists()] == []
        case ["make", target]:
            assert target in TARGETS
        case ["python", "-m", module]:
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        case [script]:
            assert (ROOT / script).is_file()
        case _:
            pytest.fail(f"neither pytest nor make nor a program: {command}")


def test_the_table_has_a_row_for_each_folder_of_the_package_and_of_the_sites() -> None:
    changed = {path for paths, _ in ROWS for path in paths}
    package = {f"pavior_middleware/{name}/" for name in ("_model", "_http", "_page", "_share")}
    assert package | {"js/src/", "demo/", "docs/"} <= changed
    assert all(commands for _, commands in ROWS)
