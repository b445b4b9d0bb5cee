"""The model of docs/responses.md finds a wrong decision: each mutation makes its test fail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.covering import first_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TEST = "tests/http/test_any_response.py"
CONFTEST = """
from hypothesis import Phase, settings

settings.register_profile(
    "mutations", phases=[Phase.generate], derandomize=True, database=None, deadline=None
)
settings.load_profile("mutations")
"""


@dataclass(frozen=True)
class Mutation:
    """A text of a module of the package, and the text that takes its place."""

    module: str
    right: str
    wrong: str


MUTATIONS = {
    "a named page may be stored by shared caches": Mutation(
        "_page/edit_kind.py",
        "return self.is_personal or self.has_cookie or not self.may_store",
        "return self.has_cookie or not self.may_store",
    ),
    "a page in a frame gains the script": Mutation(
        "_page/request.py",
        "is_in_frame = destination in FRAMES and not rules.injects_in_frames",
        "is_in_frame = False",
    ),
    "the tag of a page with a masked hmac is strong": Mutation(
        "_page/response.py",
        "is_strong = is_strong and not (payload.is_masked or ",
        "is_strong = is_strong and not (",
    ),
    "a head goes before the markup tells": Mutation(
        "_page/plan.py", "waits = request.may_be_fragment or ", "waits = "
    ),
    "a part of a page is passed on": Mutation(
        "_page/plan.py", "return Retry(Reason.PART_OF_PAGE)", "return Pass(Reason.PART)"
    ),
    "a policy's nonce is ignored": Mutation(
        "_page/response.py", "element = snippet.element(nonce, ", "element = snippet.element(None, "
    ),
}


def run(folder: Path, mutation: Mutation | None) -> subprocess.CompletedProcess[str]:
    """Run the test of the model against a copy of the package, the same examples each time."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pavior_middleware", folder / "pavior_middleware", ignore=ignored)
    shutil.copytree(ROOT / "tests" / "support", folder / "tests" / "support", ignore=ignored)
    (folder / "tests" / "http").mkdir()
    shutil.copy(ROOT / TEST, folder / TEST)
    for package in ("tests", "tests/http"):
        (folder / package / "__init__.py").touch()
    (folder / "tests" / "conftest.py").write_text(CONFTEST)
    if mutation is not None:
        module = folder / "pavior_middleware" / mutation.module
        source = module.read_text()
        assert source.count(mutation.right) == 1, mutation.right
        module.write_text(source.replace(mutation.right, mutation.wrong))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-qx",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        TEST,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.thorough
def test_the_model_agrees_with_the_package(tmp_path: Path) -> None:
    ended = run(tmp_path, None)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", first_of(MUTATIONS))
def test_the_model_notices_if(name: str, tmp_path: Path) -> None:
    ended = run(tmp_path, MUTATIONS[name])
    assert ended.returncode == 1, ended.stdout
    # It is the comparison that fails, and not the mutated module.
    assert re.search(r"^E +AssertionError: (?:\[|\('requests')", ended.stdout, re.MULTILINE)
