"""A site and a doctor that lack the same library, as they do in one environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest

from pavior_middleware._http import codings

from .mistakes import of_shop
from .shops import USUAL
from .town import Machine, Observer

pytestmark = pytest.mark.cache


@pytest.fixture
def no_brotli() -> Iterator[None]:
    """Let nothing in this process find Brotli, as if the extra `codings` were not installed."""
    with mock.patch.dict(sys.modules, brotli=None):
        codings._brotli.cache_clear()
        yield
    codings._brotli.cache_clear()


@pytest.mark.usefixtures("no_brotli")
def test_a_page_in_a_coding_that_nobody_can_open_is_found(machine: Machine) -> None:
    seen = Observer(machine).see(of_shop(replace(USUAL, coding="br")))
    assert list(seen.findings) == ["page-not-decoded"]
    for text in (seen.findings["page-not-decoded"], seen.log):
        assert 'pip install "pavior-middleware[codings]"' in text
