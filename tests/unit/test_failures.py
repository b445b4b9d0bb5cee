"""What a site's callable raises: one traceback for each kind, then a count."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

import pytest

from pavior_middleware._model.events import Event, Reason
from pavior_middleware._model.failures import MOST_KINDS, REPEAT_SECONDS, Failures
from pavior_middleware._model.overdue import Overdue


@dataclass
class Site:
    """The failures of one callable, at a time that the test sets."""

    now: float = 1000.0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.failures = Failures("identity", "identity is left out", self.report, lambda: self.now)

    def report(self, event: Event) -> None:
        self.events.append(event)

    def fail(self, error: Exception) -> None:
        with self.failures:
            raise error


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_failure_that_goes_on_is_logged_with_one_traceback_and_then_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    for seconds in range(REPEAT_SECONDS + 1):
        site.now = 1000.0 + seconds
        for _ in range(10):
            site.fail(ConnectionError("no database"))
    first, second = caplog.records
    assert first.getMessage() == "Pavior's identity is left out: `identity` failed"
    assert first.exc_info
    assert second.exc_info is None
    assert second.levelno == logging.ERROR
    assert (
        f"failed {REPEAT_SECONDS * 10} more times in {REPEAT_SECONDS} seconds" in lines(caplog)[1]
    )
    assert f"ConnectionError in fail ({__file__}, line" in lines(caplog)[1]
    assert site.events == [Event("lookup_failed", Reason.FAILED)] * (REPEAT_SECONDS + 1) * 10


def test_the_line_that_counts_failures_shows_nothing_of_their_texts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    site.fail(ConnectionError("no ada@example.com"))
    site.now += REPEAT_SECONDS
    site.fail(ConnectionError("no ada@example.com"))
    assert "ada" not in lines(caplog)[1]
    assert "failed 1 more times" in lines(caplog)[1]


def test_errors_of_another_type_or_from_another_place_get_their_own_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    site.fail(ConnectionError())
    site.fail(TimeoutError())
    with site.failures:
        raise ConnectionError
    assert all(record.exc_info for record in caplog.records)
    assert len(caplog.records) == 3


def test_what_is_remembered_of_failures_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    for number in range(2 * MOST_KINDS):
        site.fail(type(f"Error{number}", (Exception,), {})())
    assert len(caplog.records) == MOST_KINDS + 1
    site.now += REPEAT_SECONDS
    site.fail(type("Another", (Exception,), {})())
    assert f"failed {MOST_KINDS} more times" in lines(caplog)[-1]
    assert "errors of many kinds" in lines(caplog)[-1]


def test_a_callable_that_is_overdue_has_a_reason_of_its_own() -> None:
    site = Site()
    site.fail(Overdue(2.0, is_running=True))
    assert site.events == [Event("lookup_failed", Reason.TIMEOUT)]


def test_what_is_no_exception_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    with pytest.raises(KeyboardInterrupt):
        partial(site.fail, KeyboardInterrupt())()  # type: ignore[arg-type]
    assert caplog.records == []
