"""The orders in the workshop, which come in slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple


class Order(NamedTuple):
    """One line of the streamed page."""

    number: int
    what: str
    state: str


ORDERS = (
    Order(2071, "Evening star", "being wired"),
    Order(2072, "Paper moon", "shade is drying"),
    Order(2073, "Little comet", "being tested"),
    Order(2074, "Paper moon", "being folded"),
    Order(2075, "Evening star", "packed"),
    Order(2076, "Little comet", "on its way"),
)


async def in_the_workshop(seconds_per_order: float) -> AsyncIterator[Order]:
    """Yield the orders one by one, as a slow database would."""
    for order in ORDERS:
        await asyncio.sleep(seconds_per_order)
        yield order
