"""Whether the page or its scripts hold one of the keys at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..._model.written_forms import written_forms
from ..evidence import Evidence, Exchange, answered
from ..findings import Finding, not_checked, problem

_SHORTEST = 8  # characters; a shorter text may be there by chance


def key_in_page(evidence: Evidence) -> Iterator[Finding]:
    """A key is in the page or in one of its scripts."""
    keys = evidence.keys
    if not keys.api_key:
        yield not_checked(
            "key-in-page",
            "Whether the API key is in the page.",
            "That takes the API key.",
            "Set PAVIOR_API_KEY, or pass --env-file or --app.",
        )
    for name, key, mend in (
        ("API key", keys.api_key, "get a new one on Pavior's settings page"),
        *(("secret key", key, "replace it") for key in keys.secret_keys),
    ):
        places = list(_places(evidence, key))
        if places:
            yield problem(
                "key-in-page",
                f"The {name} is in {' and '.join(places)}.",
                "Anybody who reads it can sign as any user, until the key is replaced.",
                f"Remove it from there, then {mend}: this one is known.",
            )


def _places(evidence: Evidence, key: str | bytes) -> Iterator[str]:
    forms = _forms(key)
    named = evidence.named
    pages = [evidence.page] + ([named.page] if named else [])
    if any(_holds(page, forms) for page in map(answered, pages) if page):
        yield "the page"
    for script in filter(None, map(answered, evidence.scripts)):
        if _holds(script, forms):
            yield script.url.partition("?")[0]


def _holds(exchange: Exchange, forms: Iterable[bytes]) -> bool:
    return any(form in exchange.body for form in forms)


def _forms(key: str | bytes) -> set[bytes]:
    """Return the key as it may be written in a page or a script."""
    text = key.decode(errors="replace") if isinstance(key, bytes) else key
    if len(text) < _SHORTEST:
        return set()
    return {form.encode(errors="replace") for form in written_forms(text)}


RULES = (key_in_page,)
