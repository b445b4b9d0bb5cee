"""`cacheable_pages`: one page for everyone, as cacheable as the app made it."""

from __future__ import annotations

import pytest

from pavior_middleware import Identity, Settings
from tests.support.adapters import HTML_TYPE, PAGE, Fetch, Reply, Seen
from tests.support.pages import data_in_head, init_calls
from tests.support.sites import ADA, API_KEY, TEAM

SETTINGS = Settings(TEAM, API_KEY, cacheable_pages=True)
CACHEABLE = [
    ("Cache-Control", "public, max-age=60, s-maxage=600"),
    ("Surrogate-Control", "max-age=600"),
    ("Last-Modified", "Tue, 24 Nov 2026 06:00:00 GMT"),
    ("Expires", "Tue, 24 Nov 2026 07:00:00 GMT"),
]


def page(fetch: Fetch, identity: Identity | None, destination: str | None, **more: object) -> Seen:
    headers = {} if destination is None else {"Sec-Fetch-Dest": destination}
    reply = Reply(headers=[HTML_TYPE, *CACHEABLE, ("ETag", '"1"')])
    return fetch(reply, SETTINGS, identity, headers=headers, **more)


@pytest.mark.parametrize("destination", ["document", "iframe", "empty", "image", None])
@pytest.mark.parametrize("identity", [ADA, None])
@pytest.mark.parametrize("consent", [True, False, None])
def test_a_cacheable_page_is_the_same_for_every_user_and_destination(
    fetch: Fetch, destination: str | None, identity: Identity | None, consent: bool | None
) -> None:
    seen = page(fetch, identity, destination, consent=consent)
    plain = page(fetch, None, None, consent=None if consent is None else True)
    assert init_calls(seen.body) == [{"teamVanityId": TEAM, "doChat": True, "doTimeTravel": True}]
    assert (seen.body, seen.headers) == (plain.body, plain.headers)


def test_a_cacheable_page_stays_as_cacheable_as_the_app_made_it(fetch: Fetch) -> None:
    headers = page(fetch, ADA, "document").headers
    assert {(name.lower(), value) for name, value in CACHEABLE} <= {
        (name.lower(), value) for name, value in headers
    }
    assert "Vary" not in headers
    assert headers["ETag"].startswith('"pavior.')


def test_a_copy_of_a_cacheable_page_is_valid_for_every_user(fetch: Fetch) -> None:
    def app(fields: dict[str, str]) -> Reply:
        if fields.get("if-none-match") == '"1"':
            return Reply([], [("ETag", '"1"')], status=304)
        return Reply([PAGE], [HTML_TYPE, ("ETag", '"1"')])

    etag = fetch(app, SETTINGS, ADA).headers["ETag"]
    for identity in (ADA, None):
        seen = fetch(app, SETTINGS, identity, headers={"If-None-Match": etag})
        assert (seen.status, seen.headers["ETag"]) == (304, etag)


def test_a_cacheable_page_is_revalidated_by_date(fetch: Fetch) -> None:
    asked: list[dict[str, str]] = []

    def app(fields: dict[str, str]) -> Reply:
        asked.append(fields)
        return Reply([], [], status=304)

    date = "Tue, 24 Nov 2026 06:00:00 GMT"
    headers = {"If-Modified-Since": date, "Sec-Fetch-Dest": "document"}
    assert fetch(app, SETTINGS, ADA, headers=headers).status == 304
    assert asked[0]["if-modified-since"] == date


def test_a_cacheable_page_does_not_call_the_identity_callable(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    page(fetch, "not an identity", "document")  # type: ignore[arg-type]
    assert caplog.records == []


def test_a_fragment_of_a_cacheable_site_stays_unchanged(fetch: Fetch) -> None:
    assert fetch(Reply([b"<tr><td>"]), SETTINGS, headers={"Sec-Fetch-Dest": "empty"}).body == (
        b"<tr><td>"
    )


def test_a_cacheable_page_of_a_borrowing_site_asks_its_lender(fetch: Fetch) -> None:
    settings = Settings(TEAM, share_auth="auth.example.com", cacheable_pages=True)
    seen = fetch(Reply(), settings)
    (data,) = data_in_head(seen.body)
    assert data["site"]["shareAuth"] == "auth.example.com"
    assert data["urls"][3].startswith("https://auth.example.com/")
    assert "Vary" not in seen.headers


def test_the_policy_of_a_cacheable_page_allows_its_request_to_share_auth(fetch: Fetch) -> None:
    policy = ("Content-Security-Policy", "connect-src 'none'")
    seen = fetch(Reply(headers=[HTML_TYPE, policy]), SETTINGS)
    assert seen.headers[policy[0]] == "connect-src https://app.pavior.com 'self'"
