"""The wheel, and empty environments in which it is installed."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build_wheel(folder: Path) -> Path:
    """Build the wheel of what is committed; return its path."""
    source, wheels = folder / "source", folder / "wheels"
    run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source))
    wheel = ("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source))
    run(sys.executable, "-m", *wheel)
    (built,) = wheels.glob("*.whl")
    return built


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """Make a virtual environment with only the requirements; return its Python.

    Their versions are those of the tests.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    constraints = str(ROOT / "constraints.txt")
    install = ("pip", "install", "--quiet", "--constraint", constraints, *requirements)
    run(str(python), "-m", *install)
    return python


def run(*command: str, folder: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
    """Run a command in a folder, with an environment of its own or that of this process.

    Raises `CalledProcessError` if it fails.
    """
    subprocess.run(command, check=True, cwd=folder, env=environ)  # noqa: S603  # it is all ours
