"""Run the suites of peers without the middleware and behind it, and compare the outcomes."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from .behind import CONFIGURATIONS, INSTALLED, INSTALLERS, SKIPPED
from .known import KNOWN
from .suites import SUITES, Suite

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "peers"
DESCRIPTION = """\
Run the test suites of peers without the middleware and behind it, and compare the outcomes. The
sources and environments are made once, in build/peers, which also has the logs. The exit status is
1 if a test differs that is not in peers/known.py, or if no response reached the middleware.
"""


def main() -> int:
    """Run the suites, print how they differ, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m peers", description=DESCRIPTION)
    suites = {suite.name: suite for suite in SUITES}
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(suites)}; else all")
    parser.add_argument(
        "--behind", action="append", choices=list(CONFIGURATIONS), help="the settings; else each"
    )
    parser.add_argument(
        "--repository",
        action="append",
        default=[],
        metavar="SUITE=WHERE",
        help="path or URL of a repository of the suite that has the tag of the version",
    )
    options = parser.parse_args()
    if unknown := set(options.suites) - set(suites):
        parser.error(
            f"SUITE: there is no suite named {', '.join(sorted(unknown))}:"
            f" choose from {', '.join(suites)}"
        )
    repositories = dict(each.split("=", 1) for each in options.repository)
    unexpected = 0
    for name in options.suites or suites:
        suite = suites[name]
        folder = _prepared(suite, repositories.get(name, suite.repository))
        unexpected += _compare(suite, folder, options.behind or list(CONFIGURATIONS))
    return 1 if unexpected else 0


def _compare(suite: Suite, folder: Path, configurations: Sequence[str]) -> int:
    """Run one suite, print what differs, and return the number of unexpected differences.

    The tests of one function count as one, whatever their parameters. Settings with which no
    response reached the middleware count as a difference, too.
    """
    _say(f"{suite.name} {suite.version}")
    without = _run(suite, folder, None).tests
    _say(f"  {'without':10}  {_counts(without.values())}")
    unexpected = 0
    known: dict[str, list[str]] = {}
    for configuration in configurations:
        if configuration == INSTALLED and suite.name not in INSTALLERS:
            continue
        run = _run(suite, folder, configuration)
        behind = run.tests
        differ = [
            test for test in sorted(without | behind) if without.get(test) != behind.get(test)
        ]
        events = ", ".join(f"{count} {event}" for event, count in sorted(run.events.items()))
        _say(
            f"  {configuration:10}  {_counts(behind.values())}, {len(differ)} differ"
            f" (responses: {events or 'none reached the middleware'})"
        )
        unexpected += not events
        for name, tests in groupby(differ, key=lambda test: test.split("[")[0]):
            if name in KNOWN[suite.name] and configuration != SKIPPED:
                known.setdefault(name, []).append(configuration)
                continue
            unexpected += 1
            changes = Counter(f"{without.get(test)} -> {behind.get(test)}" for test in tests)
            _say(f"    {name}: {', '.join(f'{n} {change}' for change, n in changes.items())}")
    for name, where in sorted(known.items()):
        _say(f"  known: {name} ({', '.join(where)})")
        _say(f"         {KNOWN[suite.name][name]}")
    return unexpected


def _counts(outcomes: Iterable[str]) -> str:
    counts = Counter(outcomes)
    return ", ".join(f"{counts[each]} {each}" for each in ("passed", "failed", "skipped"))


class _Run(NamedTuple):
    """The outcome of each test, and the number of the middleware's events by outcome."""

    tests: dict[str, str]
    events: dict[str, int]


def _run(suite: Suite, folder: Path, configuration: str | None) -> _Run:
    """Run a suite: behind the middleware with these settings, or without it for None."""
    name = configuration or "without"
    outcomes = folder / f"{name}.json"
    outcomes.unlink(missing_ok=True)
    command = [
        *(str(_python(folder)), "-m", "pytest", "-p", "peers.behind", "-p", "no:cacheprovider"),
        *("--peer", suite.name, "--outcomes", str(outcomes), *suite.arguments, *suite.paths),
    ]
    if configuration is not None:
        command += ["--behind", configuration]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / f"{name}.log").open("w") as log:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=folder / "source",
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode not in (0, 1):  # 1: a test has failed
        sys.exit(f"The suite of {suite.name} did not run: see {log.name}")
    return _Run(**json.loads(outcomes.read_text()))


def _prepared(suite: Suite, repository: str | None) -> Path:
    """Return the folder with a suite's sources and environment; make both if they are missing."""
    folder = FOLDER / f"{suite.name}-{suite.version}"
    if (folder / "installed").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder / "venv", with_pip=True)
    pip = (_python(folder), "-m", "pip", "--quiet", "--disable-pip-version-check")
    source = folder / "source"
    if repository is None:
        _call(
            *(*pip, "download", "--no-deps", "--no-binary", suite.name, "--dest", folder),
            f"{suite.name}=={suite.version}",
        )
        (archive,) = folder.glob("*.tar.gz")
        shutil.unpack_archive(archive, folder)
        (folder / archive.name.removesuffix(".tar.gz")).rename(source)
    else:
        git = ("git", "-c", "advice.detachedHead=false", "clone", "--quiet")
        _call(*git, "--branch", suite.version, repository, source)
    _call(*pip, "install", "--editable", ROOT, *suite.requirements)
    _call(*pip, "install", "--no-deps", "--force-reinstall", source)
    (folder / "installed").touch()
    return folder


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _call(*command: str | Path) -> None:
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        sys.exit(f"This command failed: {' '.join(map(str, command))}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
