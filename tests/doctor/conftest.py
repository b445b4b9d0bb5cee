"""The machine on which the sites of a module run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pavior_middleware.testing import Emulator
from tests.support.sites import API_KEY, TEAM

from .serving import street
from .town import Machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Lead the names of the sites to nginx on this machine, and run an emulator."""
    folder = tmp_path_factory.mktemp("machine")
    with (
        Emulator(team_vanity_id=TEAM, api_key=API_KEY) as pavior,
        street(folder) as made,
    ):
        yield Machine(made, folder, pavior)
