"""The suites that are run, with the place of their sources and what their tests need."""

from __future__ import annotations

from dataclasses import dataclass

from .django_suite import PATHS as DJANGO_PATHS


@dataclass(frozen=True)
class Suite:
    """The test suite of one project.

    `repository` is the repository that has its tests; None if its source distribution has them.
    `version` is also the name of a tag in the repository. `requirements` are the packages that its
    tests need. pytest gets `arguments` and `paths`.
    """

    name: str
    version: str
    requirements: tuple[str, ...]
    repository: str | None = None
    arguments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ("tests",)


SUITES = (
    Suite(
        "starlette",
        "1.7.0",
        (
            *("starlette[full]==1.7.0", "httpx2[zstd]==2.14.0", "blockbuster==1.5.29"),
            *("opentelemetry-sdk==1.45.2", "trio==0.35.0", "pytest==9.2.0"),
        ),
    ),
    Suite(
        "flask",
        "3.1.3",
        (
            *("flask==3.1.3", "werkzeug==3.1.9", "asgiref==3.12.1", "greenlet==3.5.6"),
            *("python-dotenv==1.2.4", "pytest==8.4.2"),
        ),
    ),
    Suite(
        "werkzeug",
        "3.1.9",
        (
            *("werkzeug==3.1.9", "cryptography==50.0.2", "ephemeral-port-reserve==1.1.4"),
            *("pytest==8.4.2", "pytest-timeout==2.4.0", "watchdog==6.0.0"),
        ),
        # Tests with the mark `dev_server` run their apps in a process without the middleware.
        arguments=("-m", "not dev_server"),
    ),
    Suite(
        "whitenoise",
        "6.12.0",
        (
            *("whitenoise==6.12.0", "werkzeug==3.1.9", "brotli==1.2.1", "django==5.2.19"),
            *("requests==2.34.2", "pytest==8.4.2"),
        ),
        repository="https://github.com/evansd/whitenoise",
    ),
    Suite(  # needs Python 3.11 or later
        "quart",
        "0.21.0",
        (
            *("quart==0.21.0", "flask==3.1.3", "werkzeug==3.1.9", "hypercorn==0.18.0"),
            *("python-dotenv==1.2.4", "hypothesis==6.168.5", "pytest==8.4.2"),
            *("pytest-asyncio==1.2.0", "pytest-cov==7.1.0"),
        ),
        repository="https://github.com/pallets/quart",
    ),
    Suite(
        "django",
        "5.2.19",
        ("django==5.2.19", "jinja2==3.1.6", "pytest==8.4.2"),
        paths=DJANGO_PATHS,
    ),
)
