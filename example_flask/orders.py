"""The orders on the workbench, which come in slowly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple


class Order(NamedTuple):
    """One line of the streamed page."""

    number: int
    what: str
    state: str


ORDERS = (
    Order(1041, "Cloud forest", "being planted"),
    Order(1042, "Desert dawn", "drying"),
    Order(1043, "Fern under a bell", "waiting for moss"),
    Order(1044, "Fern under a bell", "being planted"),
    Order(1045, "Desert dawn", "packed"),
    Order(1046, "Cloud forest", "on its way"),
)


def on_the_workbench(seconds_per_order: float) -> Iterator[Order]:
    """Yield the orders one by one, as a slow database would."""
    for order in ORDERS:
        time.sleep(seconds_per_order)
        yield order
