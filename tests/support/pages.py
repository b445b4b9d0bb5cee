"""Reads the contents of a rendered page."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import Element

import html5lib

from pavior_middleware._page.element_data import options_of
from pavior_middleware._page.snippet import ATTRIBUTE, Snippet

HTML = "{http://www.w3.org/1999/xhtml}"


def parse(page: str | bytes) -> Element:
    """Return the page's DOM, parsed as a browser with scripting does."""
    tree: Element = html5lib.HTMLParser().parse(page, scripting=True)
    return tree


def elements_in_head(page: str | bytes) -> list[Element]:
    head = parse(page).find(f"{HTML}head")
    assert head is not None
    return list(head.iter(f"{HTML}script"))


def scripts_in_head(page: str | bytes) -> list[str]:
    return [script.text or "" for script in elements_in_head(page)]


def data_in_head(page: str | bytes) -> list[dict[str, Any]]:
    """Return the data of each script that the middleware put into the page's head."""
    return [
        json.loads(script.attrib[ATTRIBUTE])
        for script in elements_in_head(page)
        if ATTRIBUTE in script.attrib
    ]


def data_of(snippet: Snippet) -> dict[str, Any]:
    """Return the data of a snippet's element."""
    (data,) = data_in_head(b"<!doctype html><title>A</title>" + snippet.element())
    return data


def masked(hmac: str) -> str:
    """Return an hmac as it is in the pages of the tests, whose pads are all zeros."""
    return "0" * len(hmac) + hmac


def init_calls(page: str | bytes) -> list[dict[str, Any]]:
    """Return the options of each init call that the middleware put into the page's head."""
    return [options_of(data) for data in data_in_head(page)]


def init_call(page: str | bytes) -> dict[str, Any]:
    """Return the options of the page's only init call."""
    (options,) = init_calls(page)
    return options
