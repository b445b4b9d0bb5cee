"""A lender through each adapter, and a clock for its tokens."""

from __future__ import annotations

from functools import partial

import pytest

from pavior_middleware._share import sharing
from pavior_middleware._share.tokens import Tokens
from tests.support.lender import Clock, Lender


@pytest.fixture
def lender(adapter: str) -> Lender:
    """A site that lends its login, asked through the adapter of this test."""
    return Lender(adapter)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the lender's tokens."""
    shown = Clock()
    monkeypatch.setattr(sharing, "Tokens", partial(Tokens, clock=shown))
    return shown
