"""What an app has, for the blocks of Python that show a part of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from litestar import Request

from pavior_middleware import Identity
from tests.support.sites import API_KEY


@dataclass(frozen=True)
class User:
    """A user of an app."""

    id: int
    confirmed_email: str | None


def app_names() -> dict[str, Any]:
    """Return the names that any page may use."""
    return {
        "__name__": __name__,
        "api_key": API_KEY,
        "app": Flask("shop"),
        "environ": {},
        "scope": {},
        "user": User(4711, "ada@example.com"),
    }


def deployment_names(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have a secret in a file, as Docker puts it there."""
    secrets = {Path("/run/secrets/pavior_api_key"): f"{API_KEY}\n"}
    patch.setattr(Path, "read_text", lambda path: secrets[path])
    return app_names()


def lookups_names(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return those of a page that names users in a scope."""
    del patch
    return {**app_names(), "Identity": Identity}


def litestar_names(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return those of a page that has an identity of its own in Litestar."""
    return {**lookups_names(patch), "Request": Request}


NAMES: Mapping[str, Callable[[pytest.MonkeyPatch], dict[str, Any]]] = {
    "docs/deployment.md": deployment_names,
    "docs/frameworks/litestar.md": litestar_names,
    "docs/lookups.md": lookups_names,
}
"""The pages whose blocks use further names, or files."""


def names_of(page: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the blocks of a page find; `patch` puts files there."""
    return NAMES[page](patch) if page in NAMES else app_names()
