"""Reading what stands in a rendered page."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree.ElementTree import Element

import html5lib

HTML = "{http://www.w3.org/1999/xhtml}"
ARGUMENTS = re.compile(r"\(\.\.\.(\[.*\])\);\}\)\(\);\s*\Z", re.DOTALL)
"""What the server gives to the script of a page, as JSON, at the end of its text."""


def parse(page: str | bytes) -> Element:
    """Return the page's DOM, parsed as a browser with scripting does."""
    tree: Element = html5lib.HTMLParser().parse(page, scripting=True)
    return tree


def scripts_in_head(page: str | bytes) -> list[str]:
    head = parse(page).find(f"{HTML}head")
    assert head is not None
    return [script.text or "" for script in head.iter(f"{HTML}script")]


def init_calls(page: str | bytes) -> list[dict[str, Any]]:
    """Return the options of each init call that the middleware put into the page's head."""
    return [init_arguments(text)[1] for text in scripts_in_head(page) if ARGUMENTS.search(text)]


def init_arguments(script: str) -> tuple[str, dict[str, Any]]:
    """Return the embed's URL and the init options that stand in the text of a script."""
    found = ARGUMENTS.search(script)
    assert found is not None, script
    url, options, identity, *_ = json.loads(found[1])
    return url, {**options, **identity}


def init_call(page: str | bytes) -> dict[str, Any]:
    """Return the options of the page's only init call."""
    (options,) = init_calls(page)
    return options
