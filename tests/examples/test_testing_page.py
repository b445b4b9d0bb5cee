"""The tests that docs/testing.md shows, except for the one in a browser."""

from __future__ import annotations

from tests.support.testing_page import IN_A_BROWSER, shown

client = shown()["client"]
TESTS = {name: each for name, each in shown().items() if name.startswith("test_")}
globals().update({name: each for name, each in TESTS.items() if name != IN_A_BROWSER})


def test_the_page_of_documentation_shows_tests_with_and_without_a_browser() -> None:
    assert len(TESTS) >= 4
    assert IN_A_BROWSER in TESTS
