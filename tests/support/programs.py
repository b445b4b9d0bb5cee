"""Find the programs that the tests need; as a command, install those that are missing.

    python -m tests.support.programs

Looks on the PATH, then where Debian keeps servers and WebKitGTK's browser, which are not on every
user's PATH. Installing takes Debian's packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGES = {
    "nginx": "nginx-light",
    "varnishd": "varnish",
    "firefox-esr": "firefox-esr",
    "WebKitWebDriver": "webkit2gtk-driver",
    "MiniBrowser": "webkit2gtk-driver",
    "Xvfb": "xvfb",
}
"""The programs, and the Debian package of each."""

INSTALL_SECONDS = 600


def _folders() -> list[str]:
    of_webkit = map(str, sorted(Path("/usr/lib").glob("*/webkit2gtk-4*"), reverse=True))
    return ["/usr/local/sbin", "/usr/sbin", "/sbin", *of_webkit]


def find(name: str) -> str | None:
    """Return the path of a program, or None."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_folders()))


def path(name: str) -> str:
    """Return the path of a program; raise `FileNotFoundError` if it is absent."""
    found = find(name)
    if found is None:
        raise FileNotFoundError(
            f"no {name}: run `python -m tests.support.programs`, or install what Debian has"
            f" in its package {PACKAGES[name]}"
        )
    return found


def missing() -> list[str]:
    """Return the names of the programs that are not there."""
    return [name for name in PACKAGES if find(name) is None]


def install_packages(packages: Sequence[str]) -> None:
    """Install Debian packages, where there is apt-get and we may use it."""
    if shutil.which("apt-get"):
        root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        run([*root, "apt-get", "update"])
        run([*root, "apt-get", "install", "--yes", "--no-install-recommends", *packages])


def run(command: Sequence[str]) -> None:
    """Run a command that installs something; the caller then looks whether it is there."""
    sys.stderr.write(f"Running: {' '.join(command)}\n")
    try:
        subprocess.run(command, check=False, timeout=INSTALL_SECONDS, stdout=sys.stderr)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{error}\n")


def main() -> int:
    """Say where the programs are, or how to get them."""
    wanted = sorted({PACKAGES[name] for name in missing()})
    if wanted:
        sys.stderr.write(f"Not found: {', '.join(missing())}.\n")
        install_packages(wanted)
    if missing():
        sys.stderr.write(
            f"The tests need {' and '.join(missing())}, which could not be installed."
            f" Install them (Debian: apt-get install {' '.join(wanted)}), put them on the PATH,"
            " and run again.\n"
        )
        return 1
    for name in PACKAGES:
        sys.stdout.write(f"{name}: {path(name)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
