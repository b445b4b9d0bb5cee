"""The time, in the forms in which it is stored and shown."""

from __future__ import annotations

from datetime import datetime, timezone

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def now() -> str:
    """Return the current time as ISO 8601 in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def readable(moment: str) -> str:
    """Return a stored time in this machine's time zone: `14:03`, or `21 Nov, 14:03`.

    The widget writes times in the same form (`js/src/embed/clock.js`).
    """
    local = datetime.fromisoformat(moment).astimezone()
    time = f"{local:%H:%M}"
    if local.date() == datetime.now().date():
        return time
    return f"{local.day} {_MONTHS[local.month - 1]}, {time}"
