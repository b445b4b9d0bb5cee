"""Whether the site runs with the settings at hand."""

from __future__ import annotations

from collections.abc import Iterator

from ..._model.init_options import site_options
from ..evidence import Evidence
from ..findings import Finding, problem


def differ(evidence: Evidence) -> Iterator[Finding]:
    """The page was made with other settings."""
    settings, element = evidence.settings, evidence.element
    if settings is None or element is None or element.data is None:
        return
    wanted = {**site_options(settings), "embed": settings.embed_url}
    had = {**element.site, "embed": next(iter(element.urls), None)}
    differing = [name for name in {**wanted, **had} if wanted.get(name) != had.get(name)]
    if differing:
        yield problem(
            "settings-differ",
            "The page was made with other settings than those at hand: "
            + "; ".join(
                f"{name} is {had.get(name)!r} there, and {wanted.get(name)!r} here"
                for name in differing
            )
            + ".",
            "The server has not read these settings, or has been running since before they were"
            " changed.",
            "Restart the server, and see from where it reads its settings.",
        )


RULES = (differ,)
