"""axe-core, which finds accessibility problems of a page."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any, Literal

from playwright.sync_api import Page, ViewportSize

from tests.support import node

SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

_SCRIPT = node.JS / "node_modules/axe-core/axe.min.js"

# What axe cannot decide is left to people, unless it is about markup alone.
_DECIDED = {"aria-prohibited-attr", "aria-valid-attr-value", "duplicate-id-aria", "label"}

_RUN = """async decided => {
  const {violations, incomplete} = await axe.run();
  const found = [...violations, ...incomplete.filter(({id}) => decided.includes(id))];
  return found.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) =>
    `${id}: ${target.flat().join(' ')}: ${failureSummary}`));
}"""


@cache
def _script() -> str:
    return _SCRIPT.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on a page: in light and dark, on a desktop and on a phone."""
    found = []
    for size, scheme in product((DESKTOP, PHONE), SCHEMES):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}, {size['width']} pixels: {each}" for each in _found(page)]
    return found


def _found(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script())
    found: list[Any] = page.evaluate(_RUN, sorted(_DECIDED))
    return [str(each) for each in found]
