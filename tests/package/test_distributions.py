"""What is published: the wheel and the source distribution, built from the committed files."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support import node
from tests.support.distributions import (
    Built,
    build,
    committed,
    copy_of_the_repository,
    members,
    one,
)
from tests.support.repository import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

PACKAGE = "pavior_middleware"
MODULES = (f"{PACKAGE}/", "_pavior_pytest_plugin.py")
FROM_EARLIER = [
    f"build/lib/{PACKAGE}/gone.py",
    f"{PACKAGE}/__pycache__/gone.cpython-310.pyc",
    f"{PACKAGE}.egg-info/SOURCES.txt",
    "dist/pavior_middleware-0.0.1.tar.gz",
    "js/node_modules/gone/index.js",
    ".venv/lib/gone.py",
    ".env",
]
"""What earlier builds, installations and the developer's own runs leave in a work tree."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The files that a release publishes."""
    folder = tmp_path_factory.mktemp("release")
    return build(copy_of_the_repository(folder / "clone"), folder / "dist")


def test_wheel_and_source_are_the_same_bytes_whatever_the_umask(
    built: Built, tmp_path: Path
) -> None:
    repository = copy_of_the_repository(tmp_path / "elsewhere", umask=0o077)
    again = build(repository, tmp_path / "dist", umask=0o077)
    assert [path.name for path in again] == [path.name for path in built]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_the_wheel_holds_every_committed_file_of_the_package(built: Built) -> None:
    found = {name: text for name, text in members(built.wheel).items() if ".dist-info/" not in name}
    files = [name for name in committed() if name.startswith(MODULES)]
    assert found == {name: (ROOT / name).read_bytes() for name in files}


def test_the_source_holds_every_committed_file(built: Built) -> None:
    found = members(built.source)
    del found["PKG-INFO"]
    assert found == {name: (ROOT / name).read_bytes() for name in committed()}


def test_files_that_are_not_committed_are_not_packed(built: Built, tmp_path: Path) -> None:
    repository = copy_of_the_repository(tmp_path / "used")
    for name in FROM_EARLIER:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("gone")
    again = build(repository, tmp_path / "dist")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_pip_builds_the_same_wheel_from_a_used_work_tree(built: Built, tmp_path: Path) -> None:
    repository = copy_of_the_repository(tmp_path / "used")
    stale = repository / f"build/lib/{PACKAGE}/gone.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("gone")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(tmp_path / "wheels"), "."]
    subprocess.run(command, cwd=repository, check=True, timeout=600)
    assert members(one((tmp_path / "wheels").iterdir())) == members(built.wheel)


PART_OF_THE_SUITE = [
    "tests/unit/test_assets.py::test_every_script_is_what_its_source_builds",
    "tests/unit/test_public_names.py",
    "tests/http/test_wsgi.py",
]


def test_a_part_of_the_suite_runs_from_the_unpacked_source(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.source) as archive:
        archive.extractall(tmp_path, filter="data")
    source = one(tmp_path.iterdir())
    (source / "js/node_modules").symlink_to(node.JS / "node_modules")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PART_OF_THE_SUITE]
    seen = subprocess.run(
        command, cwd=source, capture_output=True, text=True, check=False, timeout=600
    )
    assert (seen.returncode, seen.stderr) == (0, ""), seen.stdout
    assert " passed" in seen.stdout
