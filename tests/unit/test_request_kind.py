"""The kind of a request: what decides about its response, and nothing that clients invent."""

from __future__ import annotations

from pavior_middleware._page.request import PageRequest, RequestKind
from pavior_middleware._page.rules import site_rules
from tests.support.sites import SETTINGS

RULES = site_rules(SETTINGS, asks_consent=False)


def kind_of(method: str, destination: str) -> RequestKind:
    return PageRequest(RULES, method, "https", "/", "", {"sec-fetch-dest": destination}, False).kind


def test_no_method_or_destination_that_a_client_invents_is_remembered() -> None:
    assert kind_of("A", "a") is kind_of("B" * 8000, "b" * 8000)
