"""Builds the wheel and the source distribution from a copy of the committed files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .repository import ROOT

COMMIT_TIME = 1_700_000_000
"""The value of SOURCE_DATE_EPOCH, in seconds."""


class Built(NamedTuple):
    """The two files that are published."""

    wheel: Path
    source: Path


def committed() -> list[str]:
    """Return the paths of all files that git has, relative to the repository."""
    seen = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return sorted(name for name in seen.stdout.split("\0") if name and (ROOT / name).is_file())


def copy_of_the_repository(folder: Path, *, umask: int = 0o022) -> Path:
    """Copy the committed files into a new folder, as a clone under this umask has them."""
    for name in committed():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy)
        is_program = os.access(ROOT / name, os.X_OK)
        copy.chmod((0o777 if is_program else 0o666) & ~umask)
    return folder


def build(repository: Path, into: Path, *, umask: int = 0o022) -> Built:
    """Build the source distribution, and from it the wheel, as a release does."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into)]
    subprocess.run(
        command,
        cwd=repository,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(COMMIT_TIME)},
        check=True,
        capture_output=True,
        umask=umask,
        timeout=600,
    )
    return Built(one(into.glob("*.whl")), one(into.glob("*.tar.gz")))


def one(paths: Iterable[Path]) -> Path:
    """Return the only path; raise `ValueError` if there are more or less."""
    (path,) = paths
    return path


def members(distribution: Path) -> dict[str, bytes]:
    """Return the content of each file of a wheel or of a source distribution, by its path.

    The folder that a source distribution lies in is left out.
    """
    if distribution.suffix == ".whl":
        with zipfile.ZipFile(distribution) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    found = {}
    with tarfile.open(distribution) as archive:
        for member in archive.getmembers():
            if (file := archive.extractfile(member)) is not None:
                found[member.name.partition("/")[2]] = file.read()
    return found
