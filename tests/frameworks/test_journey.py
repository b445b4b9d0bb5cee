"""The app of each framework passes each check of the journey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.frameworks.journey import CHECKS, Site
from tests.frameworks.serving import NAMES, lacks, module_of
from tests.frameworks.sites import site_of

pytestmark = [pytest.mark.framework, pytest.mark.slow]


@pytest.fixture(scope="module")
def framework(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, dict[str, str]]]:
    """Serve the app of a framework; give its site, and why it cannot pass a check."""
    name: str = request.param
    with site_of(name, tmp_path_factory.mktemp("logs")) as site:
        yield site, dict(lacks(module_of(name)))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("framework", NAMES, indirect=True)
def test_each_framework_passes_the_journey(
    framework: tuple[Site, dict[str, str]], check: str
) -> None:
    site, lacking = framework
    try:
        if check in lacking:
            with pytest.raises(AssertionError):  # or the app does not lack it any more
                CHECKS[check](site)
        else:
            CHECKS[check](site)
    finally:
        site.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_check_that_an_app_lacks_is_one_of_the_journey(name: str) -> None:
    assert set(lacks(module_of(name))) <= set(CHECKS)
