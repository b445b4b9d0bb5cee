"""The scripts are what their sources build."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import pavior_middleware
from tests.support import node

pytestmark = pytest.mark.slow

PACKAGE = Path(pavior_middleware.__file__).parent


def check(js: Path) -> subprocess.CompletedProcess[str]:
    """Ask `build.js` whether the scripts beside a copy of `js` are those that it builds."""
    command = [node.path(), "build.js", "--check"]
    return subprocess.run(command, cwd=js, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the folder of a copy of the sources and of the package."""
    leave_out = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(node.JS, tmp_path / "js", ignore=leave_out)
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=leave_out)
    (tmp_path / "js/node_modules").symlink_to(node.JS / "node_modules")
    return tmp_path


def test_every_script_is_what_its_source_builds() -> None:
    seen = check(node.JS)
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "", "")


def test_a_script_that_was_changed_by_hand_is_noticed(copy: Path) -> None:
    script = copy / PACKAGE.name / "_assets/frame.js"
    script.write_text(script.read_text("ascii") + ";", "ascii")
    seen = check(copy / "js")
    assert seen.returncode == 1
    assert seen.stderr == "_assets/frame.js is not what js/src/frame.js builds: run `make js`\n"


def test_a_script_that_was_not_built_after_a_change_of_a_module_is_noticed(copy: Path) -> None:
    module = copy / "js/src/embed/visitor.js"
    module.write_text(module.read_text("utf-8").replace("emulator-visitor", "visitor"), "utf-8")
    assert "emulator/static/embed.js is not what" in check(copy / "js").stderr


def test_a_script_without_a_source_is_noticed(copy: Path) -> None:
    (copy / PACKAGE.name / "_assets/old.js").touch()
    seen = check(copy / "js")
    assert seen.returncode == 1
    assert seen.stderr.startswith("_assets/old.js has no source")


@pytest.mark.parametrize("text", ["<!--", "</script>"])
def test_no_script_ends_its_own_element(copy: Path, text: str) -> None:
    source = copy / "js/src/frame.js"
    source.write_text(f"{source.read_text('utf-8')}console.log('{text}');", "utf-8")
    built = subprocess.run([node.path(), "build.js"], cwd=copy / "js", check=False, timeout=60)
    script = (copy / PACKAGE.name / "_assets/frame.js").read_text("ascii")
    assert built.returncode == (text == "<!--")
    assert text not in script


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((node.JS / "package-lock.json").read_text("utf-8"))
    folders = {
        package["resolved"] for package in lock["packages"].values() if "resolved" in package
    }
    assert folders == {"test/react18"}


@pytest.mark.parametrize("tool", ["@biomejs/biome", "esbuild", "typescript"])
def test_the_lock_has_every_platform_of_a_tool(tool: str) -> None:
    packages = json.loads((node.JS / "package-lock.json").read_text("utf-8"))["packages"]
    platforms = packages[f"node_modules/{tool}"]["optionalDependencies"]
    assert len(platforms) > 5
    assert {f"node_modules/{platform}" for platform in platforms} <= packages.keys()
