"""What axe-core says of a page, in the state in which the browser shows it."""

from __future__ import annotations

from playwright.sync_api import Page

from .node import JS

_AXE = JS / "node_modules" / "axe-core" / "axe.min.js"
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def violations(page: Page) -> list[str]:
    """Return the violations that axe-core finds, each with the elements in which it is."""
    page.evaluate(_AXE.read_text())
    return [
        f"{violation['id']}: {violation['help']}: {node['target']} {node['failureSummary']}"
        for violation in page.evaluate(_RUN)
        for node in violation["nodes"]
    ]
