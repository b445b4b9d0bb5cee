"""`record_events`: metrics and spans of OpenTelemetry, as its SDK collects them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pavior_middleware import Event, Identity, Settings
from pavior_middleware._model.events import Reason
from pavior_middleware.flask import Pavior
from pavior_middleware.opentelemetry import COUNTER, attributes, record_events
from pavior_middleware.starlette import PaviorMiddleware
from tests.http.test_events import CASES
from tests.support.sites import ADA, API_KEY, SETTINGS

PAGE = "<!doctype html><title>A</title><h1>Hello</h1>"
SHARE_AUTH = "/.well-known/pavior/share-auth"

Get = Callable[[str], object]
Site = Callable[[Settings, Callable[[Any], Any], Tracer], Get]


class Recorded:
    """What an SDK of the test's own has collected."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._exporter = InMemorySpanExporter()
        self.meters = MeterProvider([self._reader])
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = tracers.get_tracer("tests")

    def counts(self) -> Counter[tuple[object, ...]]:
        """Return how often there was each outcome, with its reason and whether it was named."""
        data = self._reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == COUNTER
            for point in metric.data.data_points
        ]
        names = ("pavior.outcome", "pavior.reason", "pavior.named")
        return Counter(
            {
                tuple((point.attributes or {}).get(name) for name in names): point.value  # type: ignore[union-attr, misc]
                for point in points
            }
        )

    def span(self) -> ReadableSpan:
        (span,) = self._exporter.get_finished_spans()
        return span


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def flask_site(settings: Settings, identity: Callable[[Any], Any], tracer: Tracer) -> Get:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE)
    app.add_url_rule("/data", "data", view_func=lambda: {"a": 1})
    Pavior(app, settings, identity=identity)
    inner = app.wsgi_app

    def traced(environ: Any, start_response: Any) -> Any:
        with tracer.start_as_current_span("request"):
            return inner(environ, start_response)

    app.wsgi_app = traced  # type: ignore[method-assign]
    return app.test_client().get


def starlette_site(settings: Settings, identity: Callable[[Any], Any], tracer: Tracer) -> Get:
    class Traced:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            with tracer.start_as_current_span("request"):
                await self.app(scope, receive, send)

    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    def data(request: Request) -> JSONResponse:
        return JSONResponse({"a": 1})

    app = Starlette(
        routes=[Route("/", page), Route("/data", data)],
        middleware=[
            Middleware(Traced),
            Middleware(PaviorMiddleware, settings=settings, identity=identity),
        ],
    )
    return TestClient(app).get


of_each_framework = pytest.mark.parametrize(
    "site", [flask_site, starlette_site], ids=["flask", "starlette"]
)


def observed(recorded: Recorded, site: Site, identity: Any, **settings: Any) -> Get:
    hook = record_events(meter_provider=recorded.meters)
    return site(replace(SETTINGS, on_event=hook, **settings), identity, recorded.tracer)


def refuse(_: object) -> Identity:
    return Identity("boss@bank.example")


def fail(_: object) -> Identity:
    raise RuntimeError("no database")


@of_each_framework
def test_responses_are_counted_by_outcome_and_reason(recorded: Recorded, site: Site) -> None:
    get = observed(recorded, site, lambda _: ADA)
    for path in ("/", "/", "/data", SHARE_AUTH):
        get(path)
    assert recorded.counts() == {
        ("injected", None, True): 2,
        ("passed", "not_html", False): 1,
        ("shared", None, True): 1,
    }


@of_each_framework
@pytest.mark.parametrize(
    ("path", "identity", "expected"),
    [
        ("/", lambda _: ADA, {"outcome": "injected", "named": True}),
        ("/", lambda _: None, {"outcome": "injected", "named": False}),
        ("/data", lambda _: ADA, {"outcome": "passed", "named": False, "reason": "not_html"}),
        (SHARE_AUTH, lambda _: ADA, {"outcome": "shared", "named": True}),
    ],
)
def test_the_span_of_a_request_has_the_outcome_of_its_response(
    recorded: Recorded, site: Site, path: str, identity: Any, expected: dict[str, object]
) -> None:
    observed(recorded, site, identity)(path)
    span = recorded.span()
    assert span.attributes == {f"pavior.{name}": value for name, value in expected.items()}
    assert not span.events


@of_each_framework
@pytest.mark.parametrize(
    ("identity", "name", "reason"),
    [(refuse, "pavior.refused", "identity"), (fail, "pavior.lookup_failed", "failed")],
)
def test_what_went_wrong_on_the_way_is_an_event_of_the_span(
    recorded: Recorded, site: Site, identity: Any, name: str, reason: str
) -> None:
    observed(recorded, site, identity)("/")
    span = recorded.span()
    (event,) = span.events
    assert (event.name, (event.attributes or {})["pavior.reason"]) == (name, reason)
    assert (span.attributes or {})["pavior.outcome"] == "injected"
    assert recorded.counts()[(name.removeprefix("pavior."), reason, False)] == 1


@of_each_framework
def test_the_sites_own_callable_gets_each_event_too(recorded: Recorded, site: Site) -> None:
    heard: list[Event] = []
    hook = record_events(heard.append, meter_provider=recorded.meters)
    site(replace(SETTINGS, on_event=hook), lambda _: ADA, recorded.tracer)("/")
    assert heard == [Event("injected", is_named=True)]
    assert recorded.counts() == {("injected", None, True): 1}


@of_each_framework
def test_an_event_is_recorded_although_the_sites_own_callable_fails(
    recorded: Recorded, site: Site
) -> None:
    def own(event: Event) -> None:
        raise RuntimeError("no log")

    hook = record_events(own, meter_provider=recorded.meters)
    site(replace(SETTINGS, on_event=hook), lambda _: ADA, recorded.tracer)("/")
    assert recorded.counts() == {("injected", None, True): 1}


@of_each_framework
def test_neither_a_key_nor_a_user_is_recorded(recorded: Recorded, site: Site) -> None:
    email = Identity("boss@bank.example", "mallory@evil.test")
    get = observed(recorded, site, lambda _: email)
    get("/")
    shown = recorded.span().to_json() + repr(recorded.counts())
    for secret in (API_KEY, "boss@bank.example", "mallory@evil.test"):
        assert secret not in shown


def test_attributes_have_few_values() -> None:
    events = {event for case in CASES.values() for event in case.events}
    recorded = [attributes(event) for event in events]
    assert {name for each in recorded for name in each} == {
        "pavior.outcome",
        "pavior.named",
        "pavior.reason",
    }
    reasons = {each.get("pavior.reason") for each in recorded}
    assert reasons <= {reason.value for reason in Reason if reason} | {None}
    assert all(type(each.get("pavior.reason", "")) is str for each in recorded)


def test_without_an_sdk_nothing_is_recorded_and_nothing_fails() -> None:
    record_events()(Event("injected"))
    record_events()(Event("refused", Reason.IDENTITY))
