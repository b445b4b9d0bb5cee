"""What the middleware costs a whole request, beside other ways to put a script into a page.

    python -m benchmarks.requests                     # in process, then behind real servers
    python -m benchmarks.requests --only "10 kB"      # tables and rows whose names hold a text
    python -m benchmarks.requests --against ../other  # beside another checkout of the package
    python -m benchmarks.requests --servers           # behind real servers only; also --against

It writes Markdown. docs/performance.md says how it measures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from .measuring import Figures, Table, markdown, measure

if TYPE_CHECKING:
    from .servers import Rates

PACKAGES = (
    "starlette",
    "fastapi",
    "uvicorn",
    "h11",
    "uvloop",
    "httptools",
    "flask",
    "gunicorn",
    "django",
    "newrelic",
    "werkzeug",
)
MISSING_H2LOAD = (
    "h2load is missing, so nothing ran behind a server: install it"
    " (Debian: apt install nghttp2-client)"
)


def main() -> None:
    """Measure what the command line says."""
    options = _parser().parse_args()
    if options.package is not None:
        sys.path.insert(0, str(options.package))
    if options.against is not None and not options.servers:
        from .against import compare

        compare(options.against, options.only, options.rounds or 20)
        return
    if not options.quiet:
        sys.stdout.write(f"{_circumstances()}\n\n")
    in_process: list[Figures] = []
    if not options.servers:
        for table in _tables():
            if not any(_is_wanted(options.only, f"{table.title}: {n}") for n in table.contenders):
                continue
            figures = measure(
                table, options.rounds or 60, lambda name: _is_wanted(options.only, name)
            )
            in_process.append(figures)
            if not options.quiet:
                for name, lack in figures.left_out.items():
                    sys.stderr.write(f"left out: {figures.title}: {name}: {lack}\n")
                sys.stdout.write(_table_of(figures) + "\n")
                sys.stdout.flush()
    behind_servers: list[Rates] = []
    if options.servers or not (options.only or options.quiet):
        behind_servers = _measure_servers(options)
    if options.json is not None:
        figures_of_all = {
            "measured": _circumstances(),
            "in process": [asdict(each) for each in in_process],
            "behind servers": [asdict(each) for each in behind_servers],
        }
        options.json.write_text(json.dumps(figures_of_all, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.requests", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, help="60 in process, 12 behind servers, 20 against another"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="measure tables, rows and servers whose names hold this text; may be repeated",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures in a file")
    parser.add_argument("--servers", action="store_true", help="measure behind real servers only")
    parser.add_argument(
        "--against", type=Path, metavar="PATH", help="another checkout to compare this one with"
    )
    parser.add_argument(
        "--package", type=Path, metavar="PATH", help="measure the package of another checkout"
    )
    parser.add_argument("--quiet", action="store_true", help="in process only, and no tables")
    return parser


def _circumstances() -> str:
    """Return what the figures depend on: the day, the machine and the versions."""
    processors = Path("/proc/cpuinfo")
    models = processors.read_text().split("\n") if processors.exists() else []
    model = next((line.partition(": ")[2] for line in models if line.startswith("model name")), "")
    packages = (f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{date.today()}, {os.cpu_count()} cores, {model or platform.machine()},"
        f" {platform.system()}, Python {platform.python_version()}, {', '.join(packages)}"
    )


def _tables() -> list[Table]:
    # Not before this point, so that the package of another checkout can be chosen.
    from . import asgi, fastapi, wsgi

    return [*asgi.tables(), *fastapi.tables(), *wsgi.tables()]


def _is_wanted(texts: list[str], name: str) -> bool:
    return not texts or any(text in name for text in texts)


def _table_of(figures: Figures) -> str:
    rows = [
        [name, f"{time:,.1f}", f"{figures.ratio(name):.2f}"]
        for name, time in figures.microseconds.items()
    ]
    return markdown(figures.title, ["", "µs", f"ratio to {figures.baseline}"], rows)


def _measure_servers(options: argparse.Namespace) -> list[Rates]:
    if shutil.which("h2load") is None:
        if options.servers:
            sys.exit(MISSING_H2LOAD)
        sys.stderr.write(MISSING_H2LOAD + "\n")
        return []
    from .servers import measure_servers

    return measure_servers(
        options.rounds or 12, options.against, lambda title: _is_wanted(options.only, title)
    )


if __name__ == "__main__":
    main()
