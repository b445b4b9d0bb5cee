"""The time, as it is stored and as it is read."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> str:
    """Return the present moment as ISO 8601 in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def readable(moment: str) -> str:
    """Return a stored moment in this machine's time zone: `14:03`, or `21 Nov, 14:03`."""
    local = datetime.fromisoformat(moment).astimezone()
    time = f"{local:%H:%M}"
    return time if local.date() == datetime.now().date() else f"{local.day} {local:%b}, {time}"
