"""What hears of the events: OpenTelemetry, and a callable of the site's own beside it."""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider

from pavior_middleware import Event, Settings
from pavior_middleware.opentelemetry import record_events


def hear(event: Event) -> None: ...


def right(meter_provider: MeterProvider) -> list[Settings]:
    return [
        Settings("acme", "a key", on_event=record_events()),
        Settings("acme", "a key", on_event=record_events(hear)),
        Settings("acme", "a key", on_event=record_events(meter_provider=meter_provider)),
    ]


def mistakes(meter_provider: MeterProvider) -> None:
    Settings("acme", "a key", on_event=record_events)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    record_events(meter_provider)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    record_events(hear, meter_provider)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
