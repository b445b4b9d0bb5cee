"""What `pavior check` prints for people ends with a verdict."""

from __future__ import annotations

import pytest

from pavior_middleware._check.findings import Finding
from pavior_middleware._check.report import Report
from pavior_middleware._cli.findings import print_lines


def test_the_last_line_is_the_verdict_and_counts_what_was_not_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = Finding("key-in-page", "not checked", "What.", "Why.", "Do.")
    print_lines(Report("https://www.example.com/", "fine", (), (finding,)), None)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "not checked [key-in-page] What. Why. Do.",
        "https://www.example.com/: no problem found; 1 not checked",
    ]
    assert printed.err == ""


def test_the_verdict_is_fine_if_all_was_checked(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(Report("https://www.example.com/", "fine", (), ()), None)
    assert capsys.readouterr().out == "https://www.example.com/: fine\n"
