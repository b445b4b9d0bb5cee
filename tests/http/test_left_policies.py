"""A policy that is left unchanged and blocks the chat is logged, with what it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from pavior_middleware import Settings, wsgi
from pavior_middleware._http import csp
from pavior_middleware._page.snippet import render
from tests.support.adapters import HTML_TYPE, Fetch, Reply
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

CSP, REPORT_ONLY = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
EMBED = "https://app.pavior.com"
LEAVING = Settings(TEAM, API_KEY, csp="leave")
NEEDS = render(LEAVING, ADA).needs

ALLOWING = [
    [],
    ["img-src 'none'"],
    [f"script-src 'nonce-abc'; connect-src 'self' {EMBED}"],
    [f"default-src 'self' {EMBED} 'unsafe-inline'"],
]
BLOCKING = [
    (["script-src 'self'"], [f"script-src {NEEDS.script_hash} {EMBED}"]),
    ([f"script-src 'unsafe-inline' {EMBED}; connect-src 'self'"], [f"connect-src {EMBED}"]),
    (["img-src *, script-src 'nonce-a'", f"script-src {EMBED} 'unsafe-inline' 'nonce-b'"], None),
]

words = st.sampled_from(
    ["script-src", "default-src", "connect-src", "'self'", "'none'", "'nonce-1'", "https:", "*"]
    + ["'unsafe-inline'", "'strict-dynamic'", EMBED, "trusted-types", ";", ",", NEEDS.script_hash]
)
policies = st.lists(words, max_size=12).map(" ".join)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(("sent", "lacking"), BLOCKING)
def test_a_policy_that_is_left_and_blocks_the_chat_is_logged(
    fetch: Fetch, sent: list[str], lacking: list[str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    seen = fetch(Reply(headers=[HTML_TYPE, *((CSP, policy) for policy in sent)]), LEAVING, ADA)
    assert seen.headers.getlist(CSP) == sent
    (line,) = lines(caplog)
    assert 'csp (PAVIOR_CSP) is "leave": allow in the policy what it lacks, or set csp' in line
    if lacking is not None:
        assert line.endswith(f"It lacks: {'; '.join(lacking)}")


def test_a_policy_that_blocks_the_chat_on_each_page_is_logged_once_for_all_nonces(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        policy = f"script-src 'nonce-{environ['PATH_INFO'][1:]}'; connect-src 'self'"
        start_response("200 OK", [HTML_TYPE, (CSP, policy)])
        return [b"<!doctype html><title>A</title>"]

    client = Client(wsgi.PaviorMiddleware(app, LEAVING))
    assert all(b"nonce=" in client.get(f"/{nonce}").data for nonce in range(3))
    (line,) = (line for line in lines(caplog) if "Policy" in line)
    assert line.endswith(f"It lacks: connect-src {EMBED}")


@pytest.mark.parametrize("sent", ALLOWING)
def test_a_policy_that_allows_the_chat_is_not_logged(
    fetch: Fetch, sent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply(headers=[HTML_TYPE, *((CSP, policy) for policy in sent)]), LEAVING, ADA)
    assert lines(caplog) == []


def test_a_policy_that_only_reports_is_not_logged(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply(headers=[HTML_TYPE, (REPORT_ONLY, "script-src 'none'")]), LEAVING, ADA)
    assert lines(caplog) == []


def test_a_policy_that_is_extended_is_not_logged(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply(headers=[HTML_TYPE, (CSP, "script-src 'none'")]), SETTINGS, ADA)
    assert lines(caplog) == []


@given(policy=policies, nonce=st.sampled_from([None, "1"]))
def test_a_policy_lacks_something_if_and_only_if_it_would_be_extended(
    policy: str, nonce: str | None
) -> None:
    extended = csp.extended(policy, nonce, NEEDS)
    assert bool(csp.lacking(policy, nonce, NEEDS)) is (extended != policy)
    assert csp.lacking(extended, nonce, NEEDS) == ()
