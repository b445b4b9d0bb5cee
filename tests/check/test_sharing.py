"""The doctor looks at a shared login from the borrower's side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.wrappers import Response

from demo.ports import LOOPBACK, free_ports
from pavior_middleware._assets.page_files import FOLDER
from tests.support.doctor import LOGIN, Checked, Site, as_it_is, at_paths, check, with_fields
from tests.support.servers import serving_http_1_1
from tests.support.sites import API_KEY

SECRET = "s" * 40


@contextmanager
def two_sites(
    whitelist: str = "{borrower}", outside: Any = as_it_is, **lent: Any
) -> Iterator[tuple[str, str]]:
    """Serve a lender and a borrower of its login; yield the origins of both."""
    ports = free_ports([0, 0])
    lender, borrower = (f"http://{LOOPBACK}:{port}" for port in ports)
    domain = whitelist.format(borrower=borrower.partition("//")[2])
    lending = Site(
        outside=outside,
        settings={"shared_auth_domains": domain, "secret_key": SECRET, **lent},
    )
    borrowing = replace(
        lending, outside=as_it_is, settings={"share_auth": lender.partition("//")[2]}
    )
    with (
        serving_http_1_1(lending.app(lender), ports[0]),
        serving_http_1_1(borrowing.app(borrower), ports[1]),
    ):
        yield lender, borrower


def checked_borrower(**given: Any) -> Checked:
    with two_sites(**given) as (_, borrower):
        return check(f"{borrower}/")


def test_a_borrower_that_its_lender_lists_gives_no_finding() -> None:
    found = checked_borrower()
    assert found.codes == []
    assert found.status == 0


def test_a_borrower_that_its_lender_does_not_list_is_found() -> None:
    found = checked_borrower(whitelist="help.example.com")
    assert found.problems == ["not-whitelisted"]
    assert "PAVIOR_SHARED_AUTH_DOMAINS" in found.finding("not-whitelisted")["do"]


def test_a_lender_that_lends_nothing_is_found() -> None:
    found = checked_borrower(outside=at_paths(FOLDER, Response("Not Found", 404)))
    assert found.problems == ["lender-not-routed"]
    for name in ("share.js (404)", "share-auth (404)", "frame (404)", "handoff (404)"):
        assert name in found.finding("lender-not-routed")["what"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Access_Control_Allow_Origin": None},
        {"Access_Control_Allow_Origin": "*"},
        {"Access_Control_Allow_Credentials": None},
    ],
    ids=["removed", "any", "no credentials"],
)
def test_cors_fields_that_were_changed_are_found(fields: dict[str, str | None]) -> None:
    found = checked_borrower(outside=with_fields(**fields))
    assert found.problems == ["cors-lost"]


def test_a_frame_that_may_not_be_framed_is_found() -> None:
    denied = checked_borrower(outside=with_fields(X_Frame_Options="DENY"))
    assert denied.problems == ["frame-blocked"]
    policy = "frame-ancestors 'self'"
    forbidden = checked_borrower(outside=with_fields(Content_Security_Policy=policy))
    assert forbidden.problems == ["frame-blocked"]
    assert policy in forbidden.finding("frame-blocked")["what"]


def test_a_handoff_that_leads_elsewhere_is_found() -> None:
    def leading(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            response = Response.from_app(app, environ)
            if "handoff" in environ["PATH_INFO"]:
                response.location = "http://shop.internal/"
                response.autocorrect_location_header = False
            return response(environ, start_response)

        return wrapped

    found = checked_borrower(outside=leading)
    assert found.problems == ["handoff-leads-elsewhere"]


def test_a_lender_can_be_asked_for_any_borrower() -> None:
    with two_sites() as (lender, borrower):
        known = check(f"{lender}/", "--borrower", borrower, api_key=API_KEY)
        unknown = check(f"{lender}/", "--borrower", "https://hlep.example.com", api_key=API_KEY)
    assert known.codes == []
    assert unknown.problems == ["not-whitelisted"]
    assert "hlep.example.com" in unknown.finding("not-whitelisted")["do"]


def test_a_borrower_with_the_login_cookie_gets_the_user_of_the_page() -> None:
    with two_sites() as (lender, borrower):
        found = check(f"{lender}/", "--borrower", borrower, cookie=LOGIN, api_key=API_KEY)
    assert found.codes == []


def test_a_login_cookie_that_the_lender_does_not_read_is_found() -> None:
    def without_login_cookie(app: Any) -> Any:
        def wrapped(environ: Any, start_response: Any) -> Any:
            if "of-ada" not in environ.get("HTTP_COOKIE", ""):
                environ.pop("HTTP_COOKIE", None)
            return app(environ, start_response)

        return wrapped

    with two_sites(outside=without_login_cookie) as (lender, borrower):
        found = check(f"{lender}/", "--borrower", borrower, cookie=LOGIN, api_key=API_KEY)
    assert found.problems == ["borrower-gets-another"]


def test_a_page_with_the_pasted_element_is_checked_as_a_borrower() -> None:
    with two_sites() as (lender, _):
        pasted = f"<!doctype html><title>.</title><script async src={lender}{FOLDER}share.js>"
        (port,) = free_ports([0])
        page = Response(f"{pasted}</script>", mimetype="text/html")
        with serving_http_1_1(page, port):
            found = check(f"http://{LOOPBACK}:{port}/")
    assert found.problems == ["not-whitelisted"]
