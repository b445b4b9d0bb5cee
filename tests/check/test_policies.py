"""The doctor names what a policy lacks, wherever the policy is set."""

from __future__ import annotations

import re

import pytest

from tests.support.doctor import Site, checked, with_fields

HASH = "'sha256-"


def with_meta(policy: str) -> str:
    """Return a page with a policy in its head."""
    return (
        f'<!doctype html><head><meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<title>A page</title></head>"
    )


def outside(policy: str) -> Site:
    return Site(outside=with_fields(Content_Security_Policy=policy))


def left(policy: str) -> Site:
    return Site(fields={"Content-Security-Policy": policy}, settings={"csp": "leave"})


@pytest.mark.parametrize("place", [outside, left])
@pytest.mark.parametrize(
    ("policy", "lacking"),
    [
        ("default-src 'self'", "script-src 'sha256-"),
        ("script-src 'self' 'unsafe-inline'; connect-src 'none'", "connect-src http://127.0.0.1"),
        ("script-src 'unsafe-inline'", "script-src http://127.0.0.1"),
    ],
)
def test_a_policy_that_blocks_the_chat_is_found_with_what_it_lacks(
    place: object, policy: str, lacking: str
) -> None:
    found = checked(place(policy))  # type: ignore[operator]
    assert found.problems == ["policy-blocks"]
    assert lacking in found.finding("policy-blocks")["what"]


def test_a_nonce_that_is_set_outside_of_the_middleware_does_not_reach_its_script() -> None:
    policy = "script-src 'self' 'nonce-abc'"
    assert checked(outside(policy)).problems == ["policy-blocks"]
    assert checked(left(policy)).codes == []


@pytest.mark.parametrize("place", [outside, left])
@pytest.mark.parametrize(
    "policy",
    [
        "img-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "default-src * 'unsafe-inline'",
        "frame-src 'none'; object-src 'none'",
    ],
)
def test_a_policy_that_allows_the_chat_gives_no_finding(place: object, policy: str) -> None:
    assert checked(place(policy)).codes == []  # type: ignore[operator]


def test_the_sources_that_the_finding_names_are_enough() -> None:
    before = checked(left("script-src 'none'"))
    lacking = before.finding("policy-blocks")["what"].partition("it lacks ")[2].rstrip(".")
    sources = lacking.removeprefix("script-src ")
    origin = next(each for each in sources.split() if each.startswith("http"))
    with_hash = [each for each in sources.split() if each != origin]
    # The site gets another port when it is served again.
    after = checked(left(f"script-src {' '.join(with_hash)} http://127.0.0.1:*"))
    assert after.codes == []


def test_the_complete_directive_of_the_advice_keeps_what_default_src_allows() -> None:
    policy = "default-src 'self' https://fonts.example"
    advice = checked(left(policy)).finding("policy-blocks")["do"]
    directives = advice.partition("Write the complete directive: ")[2]
    assert "script-src 'self' https://fonts.example 'sha256-" in directives
    # The site gets another port when it is served again.
    written = re.sub(r"(http://127\.0\.0\.1):[0-9]+", r"\1:*", directives)
    assert checked(left(f"{policy}; {written}")).codes == []


def test_a_directive_that_is_there_gains_sources_and_nothing_is_repeated() -> None:
    advice = checked(left("script-src 'none'; default-src 'self'; connect-src *"))
    assert "complete directive" not in advice.finding("policy-blocks")["do"]


def test_a_policy_that_only_reports_gives_no_finding() -> None:
    site = Site(outside=with_fields(Content_Security_Policy_Report_Only="default-src 'none'"))
    assert checked(site).codes == []


def test_a_policy_that_blocks_only_a_file_gets_advice() -> None:
    policy = "script-src http://127.0.0.1:*/embed 'unsafe-inline'; connect-src *"
    found = checked(left(policy))
    assert found.codes == []  # an ordinary page view needs no file
    with_hash = checked(left("script-src 'none'")).finding("policy-blocks")["what"]
    inline = next(each for each in with_hash.split() if each.startswith(HASH))
    found = checked(left(f"script-src {inline} http://127.0.0.1:*/embed"))
    assert found.codes == ["policy-blocks-file"]
    assert found.status == 0


def test_a_policy_in_the_markup_before_the_script_is_found() -> None:
    found = checked(Site(page=with_meta("default-src 'self'"), settings={"csp": "leave"}))
    assert found.problems == ["policy-blocks"]
    assert "<meta" in found.finding("policy-blocks")["what"]


def test_a_policy_in_the_markup_behind_the_script_has_to_allow_what_is_called_later() -> None:
    page = with_meta("script-src 'self'; connect-src 'none'")
    found = checked(Site(page=page))
    assert found.problems == ["policy-blocks"]
    what = found.finding("policy-blocks")["what"]
    assert "connect-src" in what
    assert "script-src" not in what
    allowing = page.replace("connect-src 'none'", "connect-src 'self'")
    assert checked(Site(page=allowing)).codes == []


def test_trusted_types_block_the_chat_where_they_are_required() -> None:
    required = "trusted-types other; require-trusted-types-for 'script'"
    assert checked(left(required)).problems == ["policy-blocks"]
    assert checked(left("trusted-types other")).codes == []
