"""The fixtures `engine` and `window`, for a module of tests to import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from ..tls import proxying
from . import chromium, firefox, webkit
from .window import Engine, Window

# Those that are not tolerant block third-party cookies, or keep them apart for each site.
LOSES_INPUT = pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError", "BrowserError"])
"""For tests that drive browsers from outside, which lose a click or an answer now and then."""

ENGINES: dict[str, Callable[[int], AbstractContextManager[Engine]]] = {
    "chromium": chromium.running,
    "firefox": firefox.running,
    "webkit": webkit.running,
    "tolerant chromium": chromium.running_tolerant,
    "tolerant firefox": firefox.running_tolerant,
    "tolerant webkit": webkit.running_tolerant,
}


@pytest.fixture(scope="module", params=["chromium", "firefox", "webkit"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A browser as it comes; with `parametrize(..., indirect=True)`, those that a test names."""
    with proxying() as proxy, ENGINES[request.param](proxy) as engine:
        yield engine


@pytest.fixture
def window(engine: Engine) -> Iterator[Window]:
    """A window whose cookies are this test's alone."""
    with engine.window() as window:
        yield window
