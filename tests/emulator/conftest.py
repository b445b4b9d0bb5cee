"""An emulator in this process, with its inbox in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pavior_middleware.emulator import create_app

from .site import API_KEY, TEAM, Site


@pytest.fixture
def app() -> Starlette:
    return create_app(team_vanity_id=TEAM, api_key=API_KEY)


@pytest.fixture
def site(app: Starlette) -> Iterator[Site]:
    with TestClient(app) as client:  # one event loop for all requests
        yield Site(client)
