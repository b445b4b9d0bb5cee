"""How many bytes a page grows by, and how large the files are that its script loads."""

from __future__ import annotations

import gzip
import random
import re

import pytest

from pavior_middleware import Identity, Settings, _assets
from pavior_middleware._assets.page_files import ALL
from pavior_middleware._page.snippet import render
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "page-script.md"
README_EXAMPLE = Settings("YOUR_TEAM_ID", "ladygaga")
LENDER = Settings(
    "YOUR_TEAM_ID", "ladygaga", shared_auth_domains=["help.example.com"], secret_key="a test key"
)
USER = Identity("4711", "ada@example.com")

Size = tuple[int, int]
"""Bytes, and bytes after gzip -6."""


def size(content: bytes) -> Size:
    return len(content), len(gzip.compress(content, 6, mtime=0))


def size_of_element(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Size:
    """Return the largest size that an element has with any of 100 pads."""
    monkeypatch.setattr("pavior_middleware._page.snippet.new_pad", random.Random(1).randbytes)
    sizes = [size(render(settings, USER).element()) for _ in range(100)]
    return max(raw for raw, _ in sizes), max(gzipped for _, gzipped in sizes)


def documented() -> dict[str, Size]:
    """Return the limits in the document's table."""
    rows = re.findall(
        r"^\| ([^|]+) \| ([\d,]+) \| ([\d,]+) \|$", DOCUMENT.read_text(), re.MULTILINE
    )
    return {
        name: (int(raw.replace(",", "")), int(gzipped.replace(",", "")))
        for name, raw, gzipped in rows
    }


@pytest.mark.parametrize(
    ("name", "settings"),
    [("element", README_EXAMPLE), ("element on a site that lends its login", LENDER)],
)
def test_the_element_is_as_small_as_documented(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, gzipped = size_of_element(settings, monkeypatch)
    most_raw, most_gzipped = documented()[name]
    assert most_raw - 20 < raw <= most_raw
    assert most_gzipped - 20 < gzipped <= most_gzipped


@pytest.mark.parametrize("name", ["share.js", "share-without-handoff.js"])
def test_what_a_borrower_loads_from_the_lender_is_as_small_as_documented(name: str) -> None:
    raw, gzipped = size(_assets.read(name).encode())
    most_raw, most_gzipped = documented()[f"`{name}`"]
    assert most_raw - 20 < raw <= most_raw
    assert most_gzipped - 20 < gzipped <= most_gzipped <= 3500


@pytest.mark.parametrize("name", ALL)
def test_a_file_is_as_small_as_documented(name: str) -> None:
    raw, gzipped = size(ALL[name].content)
    most_raw, most_gzipped = documented()[f"`{name}`"]
    assert most_raw - 20 < raw <= most_raw
    assert most_gzipped - 20 < gzipped <= most_gzipped <= 2000
