"""MkDocs' hooks: the site's version, links to files outside of it, and accessibility."""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Protocol

import pavior_middleware

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<=\]\()(?!\w+:|[#/])([^)#\s]+)(?=[)#\s])")
_EMPTY_HEADER = re.compile(r"<th((?: [^>]*)?)></th>")

log = logging.getLogger("mkdocs.hooks.docs_site")


class Config(Protocol):
    """The parts of MkDocs' configuration that are read and set."""

    site_name: str
    copyright: str | None
    extra: dict[str, str]


class Source(Protocol):
    """The path of a page below docs/."""

    src_uri: str


class Page(Protocol):
    """A page of the site."""

    file: Source


def on_config(config: Config) -> Config:
    """Name the version for which the site is built, at the top and at the end of each page."""
    version = pavior_middleware.__version__
    config.site_name = f"pavior-middleware {version}"
    config.copyright = f"The documentation of pavior-middleware {version}"
    return config


def on_page_markdown(markdown: str, *, page: Page, config: Config, files: object) -> str:
    """Make links to files that are not pages of the site lead to the repository."""
    del files
    release = f"{config.extra['repository']}/blob/v{pavior_middleware.__version__}"
    return with_links_outside(markdown, page.file.src_uri, release)


def on_post_page(output: str, *, page: Page, config: Config) -> str:
    """Name the dialog of the search, and make a table's empty corner a plain cell."""
    del page, config
    named = output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)
    return _EMPTY_HEADER.sub(r"<td\1></td>", named)


def with_links_outside(markdown: str, page: str, release: str) -> str:
    """Return a page whose relative links to files outside of docs/ lead to `release`.

    `page` is its path below docs/, and `release` is the URL of the repository's files of a release.
    A link to a missing file stays, and is logged as a warning, which fails a strict build.
    """

    def led(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link[1]))
        if path.startswith("docs/") and path != "docs/style.md":
            return link[1]
        if not (ROOT / path).exists():
            log.warning("%s links to %s, which the repository lacks", page, link[1])
            return link[1]
        return f"{release}/{path}"

    return _LINK.sub(led, markdown)
