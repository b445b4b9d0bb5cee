"""Blocks of shell commands, run with stand-ins for the programs that install, build or serve."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.code_blocks import Block
from tests.support.repository import ROOT

STAND_INS = (
    "docker",
    "git",
    "gunicorn",
    "make",
    "nox",
    "pavior",
    "pip",
    "python",
    "sha256sum",
    "uvicorn",
)
DOCUMENTED_BY_THEMSELVES = ("gunicorn", "uvicorn")
"""The programs that are installed here, so that their help has their options."""

# A stand-in writes the words of its call, each ended by a zero byte, on a line. Of the command
# `pavior`, what ends by itself and needs no site runs.
_STAND_IN = f"""\
#!/bin/sh
printf '%s\\0' "$(basename "$0")" "$@" >> "$CALLS"
printf '\\n' >> "$CALLS"
case "$(basename "$0") $1" in
  'pavior sign' | 'pavior verify' | 'pavior snippet' | 'pavior --version')
    PYTHONPATH='{ROOT}' exec '{sys.executable}' -m pavior_middleware "$@" ;;
esac
"""


@dataclass(frozen=True)
class Call:
    """A program that a block calls, with its arguments."""

    program: str
    arguments: Sequence[str]


@dataclass(frozen=True)
class Ran:
    """What a block calls, and what it prints."""

    calls: Sequence[Call]
    output: str


def run_in_shell(block: Block, folder: Path) -> Ran:
    """Run a block in bash, in an empty folder.

    Raises `subprocess.CalledProcessError` for a mistake of syntax or an unknown program.
    """
    programs, calls = folder / "programs", folder / "calls"
    programs.mkdir()
    calls.touch()
    for name in STAND_INS:
        stand_in = programs / name
        stand_in.write_text(_STAND_IN)
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    for name in ("basename", "bash"):
        (programs / name).symlink_to(str(shutil.which(name)))
    ran = subprocess.run(
        [str(programs / "bash"), "-euo", "pipefail", "-c", block.text],
        cwd=folder,
        env={"PATH": str(programs), "CALLS": str(calls), "LANG": "C.UTF-8"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    lines = [line.split("\0") for line in calls.read_text().split("\0\n")[:-1]]
    return Ran([Call(words[0], words[1:]) for words in lines], ran.stdout)


def documented_output(block: Block) -> list[str]:
    """Return how the lines that a block shows as its output, in comments, begin."""
    comments = re.findall(r"^# (.+)$", block.text, re.MULTILINE)
    return [re.split("…|, ", comment)[0].strip() for comment in comments]


def problems(call: Call) -> Iterator[str]:
    """Say what is wrong with a call of a program: each thing a sentence."""
    match call.program, call.arguments:
        case "pip", ["install", *words]:
            yield from _requirement_problems(word for word in words if "pavior" in word)
        case "make", targets:
            known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            yield from (f"there is no make {each}" for each in targets if each not in known)
        case "python", ["-m", module, *arguments]:
            yield from _option_problems((sys.executable, "-m", module), arguments)
        case "pavior", [verb, *arguments]:
            yield from _option_problems(
                (sys.executable, "-m", "pavior_middleware", verb), arguments
            )
        case program, arguments if program in DOCUMENTED_BY_THEMSELVES:
            yield from _option_problems((sys.executable, "-m", program), arguments)


def _requirement_problems(words: Iterator[str]) -> Iterator[str]:
    known = set(metadata("pavior-middleware").get_all("Provides-Extra") or [])
    for word in words:
        requirement = Requirement(word)
        if requirement.name != "pavior-middleware":
            yield f"the package is not called {requirement.name}"
        yield from (f"there is no extra {each}" for each in requirement.extras - known)


def _option_problems(command: tuple[str, ...], arguments: Sequence[str]) -> Iterator[str]:
    options = [each.partition("=")[0] for each in arguments if re.match(r"--?[a-z]", each)]
    if not options and command[2] in DOCUMENTED_BY_THEMSELVES:
        return
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", _help(command)))
    yield from (f"{' '.join(command[2:])} has no {each}" for each in options if each not in known)


@cache
def _help(command: tuple[str, ...]) -> str:
    answer = subprocess.run(
        [*command, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return answer.stdout
