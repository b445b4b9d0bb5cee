"""Removes secrets from the doctor's output, which may quote texts of the site."""

from __future__ import annotations

import re
from collections.abc import Callable

from .._model.written_forms import written_forms
from .evidence import Evidence

_HIDDEN = "(hidden)"
_LONGEST = 2000  # characters
_SHORTEST = 6  # characters; a shorter text may be in others by chance


def hider(evidence: Evidence, cookie: str) -> Callable[[str], str]:
    """Return a function that replaces the keys, the hmacs and the cookie's values in a text.

    It also cuts a text that is too long for a line, since the site may have written it.
    """
    keys = evidence.keys
    options = (evidence.named_options, evidence.element.options if evidence.element else {})
    secrets = {
        keys.api_key,
        *(
            key if isinstance(key, str) else key.decode(errors="replace")
            for key in keys.secret_keys
        ),
        *(str(each["hmac"]) for each in options if each.get("hmac")),
        *(pair.partition("=")[2].strip().strip('"') for pair in cookie.split(";")),
    }
    forms = {form for each in secrets if len(each) >= _SHORTEST for form in written_forms(each)}
    # The longest first, since one may be in another.
    found = sorted(forms, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, found)) or r"(?!)")

    def hidden(text: str) -> str:
        safe = pattern.sub(_HIDDEN, text)
        return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}…"

    return hidden
