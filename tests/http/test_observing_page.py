"""The code of docs/observing.md, in a site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from pavior_middleware import Settings
from pavior_middleware.opentelemetry import COUNTER
from tests.support.adapters import Fetch, Reply
from tests.support.code_blocks import run_code_blocks
from tests.support.repository import ROOT
from tests.support.sites import ADA, API_KEY

DATA = Reply([b"{}"], [("Content-Type", "application/json")])


@pytest.fixture
def shown() -> Iterator[dict[str, Any]]:
    """Run the page's code; what it registers is taken back."""
    names = run_code_blocks("observing.md", api_key=API_KEY)
    yield names
    REGISTRY.unregister(names["responses"])


def total(**labels: str) -> float | None:
    return REGISTRY.get_sample_value("pavior_responses_total", labels)


def test_prometheus_counts_responses_as_the_page_shows(shown: dict[str, Any], fetch: Fetch) -> None:
    settings: Settings = shown["settings"]
    for reply in (Reply(), Reply(), DATA):
        fetch(reply, settings, ADA)
    assert total(outcome="injected", reason="", named="True") == 2
    assert total(outcome="passed", reason="not_html", named="False") == 1


def test_the_queries_name_the_metric_and_labels_that_there_are(shown: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "observing.md").read_text()
    queries = re.findall(r"^\| `(.*pavior_responses_total.*)` \|", page, re.MULTILINE)
    assert len(queries) >= 4
    used = {name for query in queries for name in re.findall(r"(\w+)=|by \((\w+)\)", query)}
    assert {left or right for left, right in used} <= {"outcome", "reason", "named"}


def test_the_metric_of_opentelemetry_has_the_documented_name() -> None:
    assert f"The metric `{COUNTER}`" in (ROOT / "docs" / "observing.md").read_text()
