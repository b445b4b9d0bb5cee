"""The table of CONTRIBUTING.md that says what to run after a change."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import iter_modules

import pytest

import pavior_middleware
from tests.support.repository import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
PACKAGE = ROOT / "pavior_middleware"
BUILT = {"_assets/"}


def table() -> list[tuple[list[str], list[str]]]:
    """Return what was changed and what to run, of each row."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    _, _, rest = text.partition("| You changed | It holds | Run |\n")
    lines = rest.split("\n\n")[0].splitlines()[1:]
    cells = [line.strip("|").split(" | ") for line in lines]
    return [(re.findall("`(.*?)`", left), re.findall("`(.*?)`", right)) for left, _, right in cells]


ROWS = table()


@pytest.mark.parametrize("path", sorted({path for paths, _ in ROWS for path in paths}))
def test_every_path_of_the_table_is_one_file_or_folder_of_the_package_or_the_root(
    path: str,
) -> None:
    [found] = [each / path for each in (ROOT, PACKAGE) if (each / path).exists()]
    assert found.is_dir() == path.endswith("/")


@pytest.mark.parametrize("command", sorted({each for _, commands in ROWS for each in commands}))
def test_every_command_of_the_table_can_be_run(command: str) -> None:
    match command.split():
        case ["pytest", *paths]:
            assert paths
            assert [path for path in paths if not (ROOT / path).exists()] == []
        case ["make", target]:
            assert target in TARGETS
        case ["python", "-m", module, *_]:
            place = ROOT / module.replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
        case [script]:
            assert (ROOT / script).is_file()
        case _:
            pytest.fail(f"neither pytest nor make nor a program: {command}")


def test_the_table_has_a_row_for_each_public_module() -> None:
    changed = {Path(path).stem for paths, _ in ROWS for path in paths}
    modules = {each.name for each in iter_modules(pavior_middleware.__path__)}
    assert {name for name in modules if not name.startswith("_")} <= changed


def test_the_table_has_a_row_for_each_folder_of_the_package_and_of_the_sites() -> None:
    changed = {path for paths, _ in ROWS for path in paths}
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert (folders - BUILT) | {"js/src/", "demo/", "docs/"} <= changed
    assert all(commands for _, commands in ROWS)


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "docs/developing.md"])
def test_a_reader_learns_that_the_files_for_an_engine_are_linted_and_were_not_run(
    name: str,
) -> None:
    text = " ".join((ROOT / name).read_text().lower().split())
    assert "no engine ran" in text
    assert "`make lint`" in text
