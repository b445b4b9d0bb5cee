"""The tests that docs/testing.md shows, as they test the example shop in Flask."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

import example_flask.app
from tests.support.code_blocks import run_code_blocks

IN_A_BROWSER = "test_a_visitor_writes_in_a_browser"


def create_app(config: Mapping[str, object]) -> Flask:
    return example_flask.app.create_app({"SECRET_KEY": "only for tests", **config})


@cache
def shown() -> dict[str, Any]:
    """Return what the page defines, by its names."""
    shop = ModuleType("shop")
    vars(shop)["create_app"] = create_app
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "shop", shop)
        return run_code_blocks("testing.md")
