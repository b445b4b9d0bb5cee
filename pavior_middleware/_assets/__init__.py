"""The scripts that pages run, built from the sources in the repository's folder `js`."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """Return the text of a script, such as `frame.js`; all of it is ASCII."""
    return files(__name__).joinpath(name).read_text("ascii")
