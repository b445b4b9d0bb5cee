"""The app of Django's registry."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from . import _checks


class PaviorConfig(AppConfig):  # type: ignore[misc]  # Django is untyped
    """Registers the checks."""

    name = "pavior_middleware.django"
    label = "pavior"
    verbose_name = "Pavior"

    def ready(self) -> None:
        """Register the checks; Django calls this once all apps are loaded."""
        register(_checks.check_settings, _checks.TAG)
        register(_checks.check_middleware, _checks.TAG)
        register(_checks.check_deployment, _checks.TAG, Tags.security, deploy=True)
