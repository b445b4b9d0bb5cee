"""Runs tests with several versions of Python, and of the packages that this one works with.

`make test` runs the same tests, and all others, with one Python. Each session has its own virtual
environment, which is reused; `nox --no-venv` uses the current environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

nox.options.sessions = ["frameworks", "servers"]
nox.options.reuse_venv = "yes"
nox.needs_version = ">=2024.4.15"

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]

DJANGOS = [("3.10", "4.2"), ("3.12", "5.2"), ("3.13", "6.0")]
"""Versions of Django, each with a Python that it supports. Django 6 needs Python 3.12."""

PINNED = ("--constraint", "constraints.txt")
QUICK = ("--hypothesis-profile", "quick")
WITHOUT_BROWSERS = (*QUICK, "-m", "not browser and not cache and not slow and not thorough")
"""The arguments of pytest for all tests that need no browser and no proxy."""

MISTAKES_OF_OLD_VERSIONS = (
    # FastAPI does not resolve annotations of a callable object if they are text.
    "tests/frameworks/test_fastapi.py::"
    "test_a_dependency_of_any_kind_tells_the_user_of_each_page[OfInstance]",
    # Before 3.1.2, Flask cannot stream from an async view within its context.
    "tests/frameworks/test_flask.py::test_an_async_view_names_the_user_and_may_be_streamed",
)
"""Tests that the oldest versions fail without the package, too."""


def _install(session: nox.Session, *constraints: str) -> None:
    """Install the package and what its tests need; upgrade pip first, as the Makefile does."""
    if session.venv_backend != "none":
        session.install(*PINNED, "--upgrade", "pip")
        session.install(*constraints, "--editable", ".", "--group", "test")


def _pytest(session: nox.Session, *arguments: str) -> None:
    session.run("python", "-m", "pytest", *arguments, *session.posargs)


@nox.session
def frameworks(session: nox.Session) -> None:
    """Take the journey through the app of each framework; `-- -k django` through one of them."""
    _install(session, *PINNED)
    _pytest(session, "tests/frameworks")


@nox.session
def servers(session: nox.Session) -> None:
    """Run a Flask and a Starlette site under each server."""
    _install(session, *PINNED)
    _pytest(session, "tests/servers", "tests/http/test_head_on_servers.py")


@nox.session
@nox.parametrize("python,version", DJANGOS)
def django(session: nox.Session, version: str) -> None:
    """Run the tests of the Django adapter with each version of Django."""
    _install(session, *PINNED)
    if session.venv_backend != "none":
        session.install(f"django~={version}.0")
    paths = [str(path) for path in sorted(Path("tests/frameworks").glob("test_django*.py"))]
    _pytest(session, *paths)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests that need no browser and no proxy, with each Python."""
    _install(session, *PINNED)
    _pytest(session, *WITHOUT_BROWSERS)


@nox.session(python="3.10")
def oldest(session: nox.Session) -> None:
    """Run the tests that need no browser and no proxy, with the oldest versions allowed."""
    bounds = Path(session.create_tmp()) / "oldest.txt"
    project = nox.project.load_toml("pyproject.toml")["project"]
    bounds.write_text("\n".join(sorted(set(_lower_bounds(project)))))
    _install(session, "--constraint", str(bounds))
    _pytest(
        session, *WITHOUT_BROWSERS, *(f"--deselect={test}" for test in MISTAKES_OF_OLD_VERSIONS)
    )


@nox.session(python="3.13")
def newest(session: nox.Session) -> None:
    """Run the tests that need no browser and no proxy, with the newest versions of everything."""
    _install(session, "--upgrade", "--upgrade-strategy", "eager")
    _pytest(session, *WITHOUT_BROWSERS)


def _lower_bounds(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the oldest version of each dependency of the package and of its extras, as a pin."""
    extras: Mapping[str, list[str]] = project["optional-dependencies"]
    for text in [*project["dependencies"], *(each for extra in extras.values() for each in extra)]:
        requirement = Requirement(text)
        for clause in requirement.specifier:
            if clause.operator == ">=":
                yield f"{requirement.name}=={clause.version}"
