"""The fixtures for pytest that come with `pavior_middleware`.

pytest imports this module in each run. It is outside the package, so a run without these fixtures
does not import the package. A measurement of coverage can then begin before that import.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pavior_middleware.testing import Emulator


@pytest.fixture(scope="session")
def emulator_server() -> Iterator[Emulator]:
    """A Pavior to test against: one server on a port of this machine for the whole run."""
    from pavior_middleware.testing import Emulator

    with Emulator() as running:
        yield running


@pytest.fixture
def emulator(emulator_server: Emulator) -> Emulator:
    """The server of `emulator_server`, with an empty inbox."""
    emulator_server.clear()
    return emulator_server
