"""Reads the data of a page's script elements: the reverse of `snippet`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from .snippet import ATTRIBUTE


def elements_data(page: str | bytes) -> list[dict[str, Any]]:
    """Return the data of each script element of a page that the middleware has made.

    A page as bytes may be in any ASCII-compatible charset.
    """
    reader = _Reader()
    reader.feed(page if isinstance(page, str) else page.decode("latin-1"))
    reader.close()
    return reader.found


def options_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the init options that the script makes from its data."""
    options = {**data.get("user", {}), **data["site"]}
    if "hmac" in data:
        options["hmac"] = unmasked(data["hmac"])
    return options


def unmasked(masked: str) -> str:
    """Return the hmac from an element's data, which holds a pad and then the hmac XORed with it."""
    pad, hmac = masked[: len(masked) // 2], masked[len(masked) // 2 :]
    return f"{int(pad, 16) ^ int(hmac, 16):0{len(hmac)}x}"


class _Reader(HTMLParser):
    """Collects the data of the elements, in the order of the document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a script's data, if it has any."""
        data = dict(attrs).get(ATTRIBUTE)
        if tag == "script" and data:
            self.found.append(json.loads(data))
