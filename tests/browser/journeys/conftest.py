"""The sites between which people go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.journeys import Sites, serving_sites


@pytest.fixture(scope="module", params=["localhost over TLS", "example.test over TLS"])
def sites(request: pytest.FixtureRequest) -> Iterator[Sites]:
    """A shop that lends a login for the `LOAN_SECONDS` of the module of tests, and its friends."""
    with serving_sites(request.param, request.module.LOAN_SECONDS) as sites:
        yield sites
