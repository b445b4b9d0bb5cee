"""The screenshots of the README and the documentation, which a script takes from the demo."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.code_blocks import PAGES
from tests.support.repository import ROOT

FOLDER = ROOT / "docs" / "pictures"


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the width and height of each PNG in a folder, which are in its first chunk."""
    return {
        path.name: struct.unpack(">II", path.read_bytes()[16:24]) for path in folder.glob("*.png")
    }


def test_each_screenshot_is_in_a_page_for_light_and_for_dark() -> None:
    texts = [(ROOT / page).read_text() for page in PAGES]
    names = {name.removesuffix("-light.png").removesuffix("-dark.png") for name in sizes(FOLDER)}
    assert names
    for name in names:
        for scheme in ("light", "dark"):
            assert any(f"pictures/{name}-{scheme}.png" in text for text in texts)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.thorough
def test_the_script_takes_the_screenshots_that_the_pages_show(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "docs_site.pictures", "--folder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert sizes(tmp_path) == sizes(FOLDER)
