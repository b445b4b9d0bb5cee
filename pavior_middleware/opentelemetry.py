"""OpenTelemetry: what happened to each response as a metric, and on the span of its request.

Needs the extra `opentelemetry`. See `docs/observing.md`.
"""

from __future__ import annotations

from opentelemetry import metrics, trace

from . import __version__
from ._model.events import Event, EventHook

COUNTER = "pavior.responses"
"""The name of the metric: how many events there were, by the attributes of `attributes`."""

_OF_RESPONSES = frozenset({"injected", "passed", "shared"})


def record_events(
    on_event: EventHook | None = None, *, meter_provider: metrics.MeterProvider | None = None
) -> EventHook:
    """Return a callable for `Settings(on_event=…)` that records each event.

    The counter `pavior.responses` counts it. What became of the response is set as attributes of
    the current span, which with the usual instrumentations is the request's. What happened on the
    way there, as a lookup that failed, is an event of that span. None of this holds a key, an id,
    an email or a URL.

    `on_event` is a callable of the site's own, which gets each event next. Without a
    `meter_provider`, the counter is made by the global one.
    """
    meter = metrics.get_meter("pavior_middleware", __version__, meter_provider)
    counter = meter.create_counter(
        COUNTER, unit="{event}", description="What Pavior's middleware did with responses."
    )

    def record(event: Event) -> None:
        recorded = attributes(event)
        counter.add(1, recorded)
        span = trace.get_current_span()
        if event.outcome in _OF_RESPONSES:
            span.set_attributes(recorded)
        else:
            span.add_event(f"pavior.{event.outcome}", recorded)
        if on_event is not None:
            on_event(event)

    return record


def attributes(event: Event) -> dict[str, str | bool]:
    """Return an event's attributes: words of a fixed list, and whether a user was named.

    There is no `pavior.reason` where nothing needs one.
    """
    recorded: dict[str, str | bool] = {
        "pavior.outcome": event.outcome,
        "pavior.named": event.is_named,
    }
    if event.reason:
        recorded["pavior.reason"] = event.reason.value
    return recorded
