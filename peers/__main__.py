"""Run the suites of peers without the middleware and behind it, and compare.

The sources are fetched once, into `build/peers`. Exits with 1 if a test differs that is not about
an HTML page's own bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .known import KNOWN
from .suites import SUITES, Suite

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "peers"
CONFIGURATIONS = ("named", "navigation", "lending", "cacheable", "skipped")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites, print how they differ, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m peers", description=__doc__)
    names = [suite.name for suite in SUITES]
    parser.add_argument("suite", nargs="*", help=f"which to run: {', '.join(names)}; else all")
    parser.add_argument(
        "--repository",
        action="append",
        default=[],
        metavar="SUITE=PATH",
        help="a clone of a suite's repository, or its URL, that has the tag",
    )
    parser.add_argument(
        "--behind", action="append", choices=CONFIGURATIONS, help="which settings; else each"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.suite) - set(names):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    repositories = dict(each.split("=", 1) for each in options.repository)
    unexpected = 0
    for suite in SUITES:
        if suite.name in (options.suite or names):
            folder = _prepared(suite, repositories.get(suite.name, suite.repository))
            unexpected += _compare(suite, folder, options.behind or CONFIGURATIONS)
    return 1 if unexpected else 0


def _prepared(suite: Suite, repository: str | None) -> Path:
    """Return the folder with the sources of a suite and its environment, made if need be."""
    folder = FOLDER / f"{suite.name}-{suite.version}"
    if (folder / "installed").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / "source"
    if repository is None:
        requirement = f"{suite.name}=={suite.version}"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        _call(
            *pip,
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            requirement,
            "--dest",
            folder,
        )
        (archive,) = folder.glob("*.tar.gz")
        shutil.unpack_archive(archive, folder)
        (folder / archive.name.removesuffix(".tar.gz")).rename(source)
    else:
        git = ("git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth", "1")
        _call(*git, "--branch", suite.version, repository, source)
    venv.create(folder / "venv", with_pip=True)
    pip = [_python(folder), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    _call(*pip, "--editable", ROOT, *suite.requirements)
    _call(*pip, "--no-deps", "--force-reinstall", source)
    (folder / "installed").touch()
    return folder


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def _compare(suite: Suite, folder: Path, configurations: Sequence[str]) -> int:
    """Run one suite and print what differs; return how many tests differ that should not."""
    print(f"{suite.name} {suite.version}")
    without = _outcomes(suite, folder, None)
    print(f"  without     {_counts(without)}")
    unexpected, differing = 0, set()
    for configuration in configurations:
        behind = _outcomes(suite, folder, configuration)
        tests = [name for name in sorted(without | behind) if without.get(name) != behind.get(name)]
        unknown = [name for name in tests if _test(name) not in KNOWN[suite.name]]
        unexpected += len(unknown)
        differing |= {_test(name) for name in tests}
        print(
            f"  {configuration:11} {_counts(behind)}; about a page's bytes: {len(tests) - len(unknown)}"
        )
        for name in unknown:
            print(f"    {without.get(name)} -> {behind.get(name)}: {name}")
    for name in sorted(differing & KNOWN[suite.name].keys()):
        print(f"    about a page: {name} ({KNOWN[suite.name][name]})")
    return unexpected


def _test(name: str) -> str:
    return name.split("[")[0]


def _counts(outcomes: Mapping[str, str]) -> str:
    counts = Counter(outcomes.values())
    return ", ".join(f"{counts[each]} {each}" for each in ("passed", "failed", "skipped"))


def _outcomes(suite: Suite, folder: Path, configuration: str | None) -> dict[str, str]:
    """Run a suite, behind the middleware with a configuration; return the outcome of each test."""
    name = configuration or "without"
    outcomes = folder / f"{name}.json"
    outcomes.unlink(missing_ok=True)
    behind = [] if configuration is None else ["--behind", configuration]
    command = [
        *(_python(folder), "-m", "pytest", "-p", "peers.behind", "-p", "no:cacheprovider", "-q"),
        *("--peer", suite.name, "--outcomes", outcomes, *behind, *suite.arguments, "tests"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / f"{name}.log").open("w") as log:
        done = subprocess.run(
            command,
            cwd=folder / "source",
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode not in (0, 1):  # of which the latter says that a test has failed
        sys.exit(f"the suite of {suite.name} did not run: see {log.name}")
    return dict(json.loads(outcomes.read_text()))


if __name__ == "__main__":
    sys.exit(main())
