"""What a page's markup says: its scripts, its policies, and the element of the middleware."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from .._page.element_data import options_of
from .._page.snippet import ATTRIBUTE


@dataclass(frozen=True)
class Element:
    """The middleware's element. `data` is None if its attribute cannot be read."""

    attributes: Mapping[str, str | None]
    text: str
    data: Mapping[str, Any] | None

    @property
    def site(self) -> Mapping[str, Any]:
        """The options of init that are the same for everybody."""
        return dict((self.data or {}).get("site", {}))

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of init, with the hmac."""
        return options_of(self.data) if self.data else {}

    @property
    def urls(self) -> list[str]:
        """The URLs of the embed, the page's file, the file for links, and the lender's script."""
        return list((self.data or {}).get("urls", []))

    @property
    def names_later(self) -> bool:
        """Whether the page's script asks who is logged in."""
        return bool((self.data or {}).get("ask"))

    @property
    def borrows(self) -> bool:
        """Whether another site tells who is logged in."""
        return "shareAuth" in self.site

    @property
    def nonce(self) -> str | None:
        """The nonce that it carries."""
        return self.attributes.get("nonce")


@dataclass(frozen=True)
class Script:
    """A script of the page that is not the middleware's."""

    attributes: Mapping[str, str | None]
    text: str

    @property
    def src(self) -> str | None:
        """Its URL as it is written."""
        return self.attributes.get("src")


@dataclass(frozen=True)
class MetaPolicy:
    """A policy in the markup, and how many elements of the middleware are before it."""

    text: str
    elements_before: int


@dataclass(frozen=True)
class Markup:
    """The parts of a page that matter."""

    elements: tuple[Element, ...] = ()
    scripts: tuple[Script, ...] = ()
    policies: tuple[MetaPolicy, ...] = ()
    base: str | None = field(default=None)


@lru_cache(maxsize=32)
def read_markup(page: bytes) -> Markup:
    """Read a page in any ASCII-compatible charset."""
    reader = _Reader()
    reader.feed(page.decode("latin-1"))
    reader.close()
    reader.end_script()
    return Markup(
        tuple(reader.elements), tuple(reader.scripts), tuple(reader.policies), reader.base
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.scripts: list[Script] = []
        self.policies: list[MetaPolicy] = []
        self.base: str | None = None
        self._open: Mapping[str, str | None] | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(reversed(attrs))  # of attributes with one name, the first counts
        if tag == "script":
            self.end_script()
            self._open = attributes
        elif tag == "base" and self.base is None:
            self.base = attributes.get("href")
        elif tag == "meta" and _is_policy(attributes):
            self.policies.append(MetaPolicy(attributes.get("content") or "", len(self.elements)))

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.end_script()

    def end_script(self) -> None:
        """Take the script that is open, if any."""
        if self._open is None:
            return
        attributes, text = self._open, "".join(self._text)
        self._open, self._text = None, []
        if ATTRIBUTE in attributes:
            self.elements.append(Element(attributes, text, _data(attributes[ATTRIBUTE] or "")))
        else:
            self.scripts.append(Script(attributes, text))


def _is_policy(attributes: Mapping[str, str | None]) -> bool:
    return (attributes.get("http-equiv") or "").strip().lower() == "content-security-policy"


def _data(text: str) -> Mapping[str, Any] | None:
    try:
        data = json.loads(text)
        options_of(data)  # raises if the rest cannot be read
        is_whole = isinstance(data["site"], dict) and all(isinstance(u, str) for u in data["urls"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return data if is_whole and data["urls"] else None
