"""Settings and sites that the tests share."""

from __future__ import annotations

import hypothesis
import pytest

from pavior_middleware import Identity, Settings, snippet

# Pages of one user are the same bytes in all tests but those of the masks.
snippet.new_pad = bytes

API_KEY = "an api key for the tests only"
TEAM = "acme"

# How long an example takes says more of what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def settings() -> Settings:
    return Settings(TEAM, API_KEY)


@pytest.fixture
def user() -> Identity:
    return Identity(email="user@example.com")
