"""Django's own tests under pytest, in the project that Django's `tests/runtests.py` sets up."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDERS = (
    *("middleware", "handlers", "asgi", "wsgi", "requests_tests", "responses"),
    "conditional_processing",
)
"""The folders of tests that are about requests and responses."""

PATHS = (
    *(f"tests/{folder}" for folder in FOLDERS),
    *("-o", "python_files=test*.py", "-c", "pyproject.toml"),  # a file without pytest settings
)


class DjangoProject:
    """A plugin of pytest that sets the project up before any test is imported."""

    def __init__(self) -> None:
        sys.path.insert(0, str(Path("tests").resolve()))
        self._folder = tempfile.TemporaryDirectory()
        tempfile.tempdir = os.environ["TMPDIR"] = self._folder.name
        os.environ["DJANGO_SETTINGS_MODULE"] = "test_sqlite"
        import runtests  # type: ignore[import-not-found]  # in Django's sources
        from django.conf import settings
        from django.test.utils import get_runner

        _, self._state = runtests.setup_run_tests(0, None, None, list(FOLDERS))
        settings.TEST_RUNNER = "django.test.runner.DiscoverRunner"
        self._runner: Any = get_runner(settings)(verbosity=0, interactive=False)
        self._runner.setup_test_environment()
        self._databases = self._runner.setup_databases()

    def pytest_unconfigure(self) -> None:
        """Take the project down; pytest calls this hook at the end."""
        import runtests

        self._runner.teardown_databases(self._databases)
        self._runner.teardown_test_environment()
        runtests.teardown_run_tests(self._state)
        self._folder.cleanup()
