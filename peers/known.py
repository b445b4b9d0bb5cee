"""The tests that are about the bytes or the header fields of an HTML page, and why each is."""

from __future__ import annotations

from collections.abc import Mapping

KNOWN: Mapping[str, Mapping[str, str]] = {
    "starlette": {},
    "flask": {},
    "werkzeug": {},
    "whitenoise": {},
    "quart": {},
}
"""By suite: the name of a test, without its parameters, and what in it the script changes."""
