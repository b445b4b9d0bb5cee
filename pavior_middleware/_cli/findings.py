"""Prints the results of `pavior check`: as lines for people, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import __version__
from .output import ExitStatus, write, write_json

if TYPE_CHECKING:
    from .._check.effective import Shown
    from .._check.findings import Finding
    from .._check.report import Report

STATUSES = {
    "fine": ExitStatus.FINE,
    "problems": ExitStatus.PROBLEMS,
    "could not check": ExitStatus.FAILED,
}

_STYLES = {"problem": "red", "advice": "yellow", "not checked": "dim"}
_VERDICT_STYLES = {"fine": "bold green", "problems": "bold red", "could not check": "bold red"}


def print_json(report: Report | None, settings: Sequence[Shown] | None, **more: object) -> None:
    """Print one JSON object: the report of a page, the settings, if there are any, and `more`."""
    printed: dict[str, object] = {"version": __version__}
    printed |= {} if report is None else asdict(report)
    if settings is not None:
        printed["settings"] = [asdict(each) for each in settings]
    write_json({**printed, **more})


def print_lines(report: Report | None, settings: Sequence[Shown] | None) -> None:
    """Print the settings, what was seen, a line for each finding, and a verdict."""
    for each in settings or ():
        write(_setting(each))
    if report is None:
        return
    for fact in report.facts:
        write(fact)
    for finding in (*report.findings, *report.not_checked):
        write(_line(finding), _STYLES[finding.level])
    write(f"{report.url}: {_verdict(report)}", _VERDICT_STYLES[report.verdict])


def _setting(shown: Shown) -> str:
    fingerprints = f" [{', '.join(shown.fingerprints)}]" if shown.fingerprints else ""
    return f"{shown.name} = {shown.value}{fingerprints} ({shown.origin})"


def _line(finding: Finding) -> str:
    return f"{finding.level} [{finding.code}] {finding.what} {finding.why} {finding.do}"


def _verdict(report: Report) -> str:
    if report.verdict == "fine" and report.not_checked:
        return f"no problem found; {len(report.not_checked)} not checked"
    if report.verdict != "problems":
        return report.verdict
    count = sum(finding.level == "problem" for finding in report.findings)
    return f"{count} problem{'' if count == 1 else 's'}"
