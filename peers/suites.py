"""Which suites are run: where their sources are, and what their tests need."""

from __future__ import annotations

from dataclasses import dataclass

from .django_suite import PATHS as DJANGO_PATHS


@dataclass(frozen=True)
class Suite:
    """The test suite of one project.

    `repository` is where its tests are; None where its source distribution has them. The version is
    also the tag there. `requirements` are what its tests need. `arguments` and `paths` are given to
    pytest.
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
        # Those run their apps in another process, where this middleware is not.
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
