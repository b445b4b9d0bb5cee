"""Find a Chromium for the tests; as a command, install one if it is absent.

    python -m tests.support.chromium

Looks at `CHROMIUM_PATH`, then for Playwright's own, then for the system's. Installing tries
Playwright's download first, then Debian's package.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from .programs import install_packages, run

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find(playwright: Playwright) -> str | None:
    """Return the path of a Chromium's program, or None."""
    chosen = os.environ.get("CHROMIUM_PATH")
    if chosen:
        if not Path(chosen).exists():
            raise FileNotFoundError(f"CHROMIUM_PATH names {chosen}, which is not there: unset it")
        return chosen
    own = playwright.chromium.executable_path
    if Path(own).exists():
        return own
    return next(filter(None, map(shutil.which, SYSTEM_NAMES)), None)


def path(playwright: Playwright) -> str:
    """Return the path of a Chromium's program; raise `FileNotFoundError` if it is absent."""
    found = find(playwright)
    if found is None:
        raise FileNotFoundError(
            "no Chromium: run `python -m tests.support.chromium`, or set CHROMIUM_PATH"
        )
    return found


def install(playwright: Playwright) -> None:
    """Install a Chromium by the first way that works."""
    own = [sys.executable, "-m", "playwright"]
    run([*own, "install", "chromium"])
    if find(playwright):
        run([*own, "install-deps", "chromium"])
    else:
        install_packages(["chromium"])


def main() -> int:
    """Say where the Chromium is, or how to get one."""
    with sync_playwright() as playwright:
        if not find(playwright):
            sys.stderr.write("No Chromium found.\n")
            install(playwright)
        found = find(playwright)
    if found is None:
        sys.stderr.write(
            "The tests need a Chromium, and none could be installed. Install one and run again;"
            " if it is not on the PATH, set CHROMIUM_PATH to its program.\n"
        )
        return 1
    sys.stdout.write(f"Chromium: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
