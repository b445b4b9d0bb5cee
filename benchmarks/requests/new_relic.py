"""A stand-in for the transaction that New Relic's agent has for each request."""

from __future__ import annotations

from types import SimpleNamespace

from .pages import EMAIL, USER_ID, by_hand


class Transaction:
    """The parts of a transaction that the agent's injectors use.

    They insert the script that an author writes by hand. It is signed for each request, as any
    injector would have to sign it. The agent's own bookkeeping for a request is left out.
    """

    enabled = True
    autorum_disabled = False
    rum_header_generated = False
    settings = SimpleNamespace(
        browser_monitoring=SimpleNamespace(content_type=["text/html"]),
        debug=SimpleNamespace(log_autorum_middleware=False),
    )

    def browser_timing_header(self) -> str:
        """Return the text to insert."""
        return by_hand(USER_ID, EMAIL).decode()
