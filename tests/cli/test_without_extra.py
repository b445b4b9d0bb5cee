"""The command where the package is installed alone, without the extra `cli`."""

from __future__ import annotations

import re
import sys
import venv
from functools import partial
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from pavior_middleware import sign
from tests.cli.command import API_KEY, pavior
from tests.support.repository import ROOT


def needed(name: str) -> dict[str, Distribution]:
    """Return a distribution's own requirements, and theirs."""
    found: dict[str, Distribution] = {}
    for requirement in distribution(name).requires or ():
        package, _, marker = requirement.partition(";")
        if "extra ==" in marker or ("python_version" in marker and sys.version_info >= (3, 11)):
            continue
        required = re.split(r"[^A-Za-z0-9_.-]", package, maxsplit=1)[0]
        found |= {required: distribution(required), **needed(required)}
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the package and its requirements, and no others."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/*/site-packages")
    for package in needed("pavior-middleware").values():
        for name in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            (site / name).symlink_to(Path(str(package.locate_file(name))))
    (site / "pavior.pth").write_text(str(ROOT))
    return folder / "bin" / "python"


def test_sign_verify_and_snippet_work(python: Path, tmp_path: Path) -> None:
    command = (python, "-m", "pavior_middleware")
    pavior_alone = partial(pavior, command=command, PAVIOR_API_KEY=API_KEY)
    done = pavior_alone("sign", "--id", "7")
    assert (done.stdout, done.stderr, done.status) == (sign(API_KEY, "7") + "\n", "", 0)
    users = tmp_path / "users.csv"
    users.write_text("id\n7\n")
    assert pavior_alone("sign", users, "--output", users).status == 0
    assert pavior_alone("verify", users).stdout == "right: 1; wrong: 0\n"
    done = pavior(
        *("snippet", "--share-auth", "a.example"), command=command, PAVIOR_TEAM_VANITY_ID="acme"
    )
    assert done.stdout.startswith("<script ")


def test_init_says_what_to_install(python: Path) -> None:
    done = pavior("init", "flask", command=(python, "-m", "pavior_middleware"))
    assert (done.stdout, done.status) == ("", 2)
    assert done.stderr == (
        'pavior: pavior init needs rich: install it with pip install "pavior-middleware[cli]"\n'
    )


def test_the_emulator_says_what_to_install(python: Path) -> None:
    done = pavior("emulator", command=(python, "-m", "pavior_middleware"))
    assert (done.stdout, done.status) == ("", 2)
    assert 'pip install "pavior-middleware[emulator]"' in done.stderr
