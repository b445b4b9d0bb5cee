"""Calls the site's `on_event` with what happens."""

from __future__ import annotations

from .events import Event, EventHook
from .failures import Failures


class Reporter:
    """Calls the site's `on_event`, if there is one."""

    def __init__(self, hook: EventHook | None) -> None:
        self._hook = hook
        self._failures = Failures("on_event", "event is left out", None)

    @property
    def is_heard(self) -> bool:
        """Whether the site has an `on_event`."""
        return self._hook is not None

    def __call__(self, event: Event) -> None:
        """Report an event; an error of the hook is logged."""
        if self._hook is not None:
            with self._failures:
                self._hook(event)
