"""What the tests of Django share: the project, and a browser that asks it in either mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pavior_middleware._model.settings import NAMES
from tests.support.sites import API_KEY, SECRET_KEY, TEAM

Overriding = Callable[..., None]


@pytest.fixture
def overriding() -> Iterator[Overriding]:
    """What overrides settings of Django until the end of a test."""
    from django.test import override_settings

    from tests.frameworks.django_site import configured

    configured()
    stack: list[Any] = []

    def override(**values: Any) -> None:
        stack.append(override_settings(**values))
        stack[-1].enable()

    keys = {"TEAM_VANITY_ID": TEAM, "API_KEY": API_KEY, "SECRET_KEY": SECRET_KEY}
    given = {f"PAVIOR_{name}": value for name, value in keys.items()}
    override(**{**dict.fromkeys([*NAMES, "PAVIOR_CONSENT"]), **given})
    yield override
    while stack:
        stack.pop().disable()


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    """How Django answers: under WSGI or under ASGI."""
    return str(request.param)


@pytest.fixture
def browser(overriding: Overriding, mode: str) -> Any:
    """A visitor of the Django project."""
    from tests.frameworks.django_browsers import Browser

    return Browser(mode)


@pytest.fixture
def routes(overriding: Overriding) -> Callable[..., None]:
    """What gives the Django project views of a test's own, by their paths."""
    from types import ModuleType

    from django.urls import path

    def set_routes(*more: Any, **views: Any) -> None:
        module = ModuleType("routes")
        named = [path("" if name == "home" else name, view) for name, view in views.items()]
        module.urlpatterns = [*named, *more]  # type: ignore[attr-defined]
        overriding(ROOT_URLCONF=module)

    return set_routes
