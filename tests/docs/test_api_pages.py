"""The reference of the API has a page for each public module."""

from __future__ import annotations

from pkgutil import iter_modules

import pavior_middleware
from tests.support.repository import ROOT

OF_THEIR_OWN = {"cli", "emulator"}
"""The modules of commands, which have pages of their own."""


def test_each_public_module_has_a_page_in_the_reference_of_the_api() -> None:
    modules = {each.name for each in iter_modules(pavior_middleware.__path__)}
    public = {name for name in modules if not name.startswith("_")} - OF_THEIR_OWN
    documented = {path.stem: path.read_text() for path in (ROOT / "docs" / "api").glob("*.md")}
    assert public | {"pavior_middleware"} == set(documented)
    for name in public:
        assert f"\n::: pavior_middleware.{name}\n" in documented[name]
