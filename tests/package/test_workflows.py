"""The workflows run what a developer runs, and no action that somebody else can change."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT

WORKFLOWS = ROOT / ".github/workflows"
CI = (WORKFLOWS / "ci.yml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
NOXFILE = (ROOT / "noxfile.py").read_text()


def listed(name: str) -> list[str]:
    """Return the values of a list in the matrix of the workflow CI."""
    found = re.search(rf"^ +{name}: \[(.*)\]$", CI, re.MULTILINE)
    assert found is not None
    return found[1].split(", ")


def test_the_workflow_makes_what_ci_makes_and_every_combination() -> None:
    made = re.findall(r"^make (\S+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert listed("target") == [*made, "exhaustive"]


def test_every_target_of_the_workflow_is_in_the_makefile() -> None:
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert set(listed("target")) <= set(targets)


def pythons() -> list[str]:
    """Return the versions of Python that nox runs the tests with."""
    found = re.search(r"^PYTHONS = \[(.*)\]$", NOXFILE, re.MULTILINE)
    assert found is not None
    return re.findall(r'"([\d.]+)"', found[1])


def test_the_workflow_has_each_python_that_nox_has() -> None:
    sessions = re.findall(r'session: tests-(\S+), python: "(\S+)"', CI)
    assert [session for session, _ in sessions] == pythons()
    assert all(session == python for session, python in sessions)


def test_the_package_and_the_readme_name_each_python_that_nox_has() -> None:
    classifiers = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    assert classifiers == pythons()
    named = f"Python {pythons()[0]} to {pythons()[-1]}"
    assert named in (ROOT / "README.md").read_text()


def test_every_session_of_the_workflow_is_in_the_noxfile() -> None:
    sessions = set(re.findall(r"session: ([a-z]+)", CI))
    assert sessions == {"tests", "oldest", "newest"}
    assert sessions <= set(re.findall(r"^def ([a-z]+)\(", NOXFILE, re.MULTILINE))


@pytest.mark.parametrize("workflow", ["ci.yml", "release.yml"])
def test_every_action_of_a_workflow_is_pinned_to_a_commit(workflow: str) -> None:
    actions = re.findall(r"uses: (\S+)", (WORKFLOWS / workflow).read_text())
    assert actions
    assert [each for each in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each)] == []
