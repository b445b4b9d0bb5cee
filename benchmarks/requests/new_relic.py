"""A stand-in for the transaction that New Relic's agent has for each request."""

from __future__ import annotations

from types import SimpleNamespace

from .pages import EMAIL, USER_ID, by_hand


class Transaction:
    """What the agent's injectors ask of a transaction.

    The text that they insert is there already, so what they cost is the injection alone: the
    agent's own bookkeeping for a request is left out.
    """

    enabled = True
    autorum_disabled = False
    rum_header_generated = False
    settings = SimpleNamespace(
        browser_monitoring=SimpleNamespace(content_type=["text/html"]),
        debug=SimpleNamespace(log_autorum_middleware=False),
    )

    def __init__(self) -> None:
        self._element = by_hand(USER_ID, EMAIL).decode()

    def browser_timing_header(self) -> str:
        """Return the text to insert."""
        return self._element
