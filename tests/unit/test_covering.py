"""What `make test` leaves to `make thorough`: repetitions, and never the only version of a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.covering import Version, covering, first_of

pytest_plugins = ["pytester"]

MARKS = """
[pytest]
markers =
    browser: is dear
    framework: is whole
    slow: is dear
    each_engine: stays in every engine
    thorough: repeats
    exhaustive: repeats what is thorough
"""
CONFTEST = """
import pytest
from tests.support.covering import mark_thorough

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    mark_thorough(items)
"""


values = st.frozensets(st.integers(0, 9))


@given(st.lists(st.builds(Version, values, values), min_size=1, max_size=12))
def test_the_versions_that_are_chosen_hold_every_value_of_all_versions(
    versions: list[Version],
) -> None:
    chosen = covering(versions, Counter())
    covered = frozenset[Hashable]().union(*(versions[place].own for place in chosen))
    assert covered == frozenset[Hashable]().union(*(version.own for version in versions))
    assert 1 <= len(chosen) <= max(1, len(covered))


def left_in(pytester: pytest.Pytester, test: str, mark: str = "thorough") -> list[str]:
    """Return the parameters of the versions of a test that do not have a mark."""
    pytester.makeini(MARKS)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"import pytest\n{dedent(test)}")
    items, _ = pytester.inline_genitems()
    left = [item for item in items if not item.get_closest_marker(mark)]
    return [item.name.partition("[")[2].rstrip("]") for item in left]


def test_each_value_stays_once_where_every_combination_takes_time(
    pytester: pytest.Pytester,
) -> None:
    left = left_in(
        pytester,
        """
        @pytest.mark.slow
        @pytest.mark.parametrize("a", [1, 2, 3])
        @pytest.mark.parametrize("b", ["x", "y"])
        def test(a, b): pass
        """,
    )
    assert sorted(left) == ["x-1", "x-3", "y-2"]


def test_one_version_of_a_test_in_a_browser_stays_with_values_in_turns(
    pytester: pytest.Pytester,
) -> None:
    left = left_in(
        pytester,
        """
        pytestmark = pytest.mark.browser
        @pytest.mark.parametrize("a", [1, 2])
        @pytest.mark.parametrize("b", ["x", "y"])
        def test_1(a, b): pass
        @pytest.mark.parametrize("a", [1, 2])
        def test_2(a): pass
        """,
    )
    assert left == ["x-1", "2"]


def test_a_test_that_takes_no_time_keeps_every_combination(pytester: pytest.Pytester) -> None:
    left = left_in(
        pytester,
        """
        @pytest.mark.parametrize("a", [1, 2])
        @pytest.mark.parametrize("b", ["x", "y"])
        def test(a, b): pass
        """,
    )
    assert len(left) == 4


def test_the_journey_of_a_framework_keeps_every_check(pytester: pytest.Pytester) -> None:
    left = left_in(
        pytester,
        """
        @pytest.mark.framework
        @pytest.mark.slow
        @pytest.mark.parametrize("app", [1, 2])
        @pytest.mark.parametrize("check", ["x", "y"])
        def test(app, check): pass
        """,
    )
    assert len(left) == 4


def test_values_that_are_set_together_stay_together(pytester: pytest.Pytester) -> None:
    left = left_in(
        pytester,
        """
        @pytest.mark.slow
        @pytest.mark.parametrize(("then", "now"), [(1, 1), (1, 2), (2, 1), (2, 2)])
        def test(then, now): pass
        """,
    )
    assert left == ["1-1", "1-2", "2-1", "2-2"]


def test_tests_take_the_values_of_a_fixture_in_turns(pytester: pytest.Pytester) -> None:
    left = left_in(
        pytester,
        """
        @pytest.fixture(params=["blocked", "allowed"])
        def cookies(request): pass

        pytestmark = pytest.mark.slow
        def test_1(cookies): pass
        def test_2(cookies): pass
        @pytest.mark.parametrize("a", [1, 2])
        def test_3(cookies, a): pass
        """,
    )
    assert left == ["blocked", "allowed", "blocked-1", "allowed-2"]


ENGINES = """
@pytest.fixture(params=["chromium", "firefox", "tolerant chromium"])
def engine(request): pass

@pytest.mark.browser{more}
def test(engine): pass
"""


def test_a_version_in_another_browser_than_chromium_is_thorough(
    pytester: pytest.Pytester,
) -> None:
    assert left_in(pytester, ENGINES.format(more="")) == ["chromium"]


def test_a_test_in_other_browsers_alone_stays_in_one(pytester: pytest.Pytester) -> None:
    test = ENGINES.format(more="").replace("chromium", "webkit")
    assert left_in(pytester, test) == ["webkit"]


def test_a_test_may_stay_in_each_browser(pytester: pytest.Pytester) -> None:
    left = left_in(pytester, ENGINES.format(more="\n@pytest.mark.each_engine"))
    assert left == ["chromium", "firefox", "tolerant chromium"]


def test_each_value_and_each_browser_is_in_make_thorough_once(pytester: pytest.Pytester) -> None:
    test = ENGINES.format(more='\n@pytest.mark.parametrize("a", [1, 2])').replace(
        "test(engine)", "test(engine, a)"
    )
    left = left_in(pytester, test, "exhaustive")
    assert {name.rpartition("-")[0] for name in left} == {
        "chromium",
        "firefox",
        "tolerant chromium",
    }
    assert {name.rpartition("-")[2] for name in left} == {"1", "2"}
    assert len(left) < 6


def test_each_value_of_a_fixture_is_in_make_thorough_once(pytester: pytest.Pytester) -> None:
    left = left_in(
        pytester,
        """
        @pytest.fixture(params=["blocked", "allowed"])
        def cookies(request): pass

        @pytest.mark.browser
        @pytest.mark.thorough
        def test(cookies): pass
        """,
        "exhaustive",
    )
    assert left == ["blocked", "allowed"]


def test_a_test_without_parameters_stays(pytester: pytest.Pytester) -> None:
    assert left_in(pytester, "@pytest.mark.browser\ndef test(): pass") == [""]


def test_only_the_first_of_some_values_is_not_thorough() -> None:
    marks = [[mark.name for mark in value.marks] for value in first_of("abc")]
    assert marks == [[], ["thorough"], ["thorough"]]
