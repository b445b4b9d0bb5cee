"""The forms that a text has in pages, scripts and messages, so that it can be found in them."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus


def written_forms(text: str) -> tuple[str, ...]:
    """Return a text itself, and as HTML, JSON, URLs and `repr` write it; each form once."""
    encodable = text.encode(errors="replace")
    forms = (
        text,
        html.escape(text),
        html.escape(text, quote=False),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(encodable),
        quote(encodable, safe=""),
        quote_plus(encodable),
        repr(text)[1:-1],
        repr(text.encode(errors="replace"))[2:-1],
    )
    return tuple(dict.fromkeys(forms))
