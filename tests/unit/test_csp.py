"""Content-Security-Policy: extended by what the script needs, and by nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Identity, Settings, _assets
from pavior_middleware._assets.page_files import PAGE as PAGE_FILE
from pavior_middleware._model.paths import FRAME, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._page.snippet import SCRIPT, render
from tests.support.adapters import HTML_TYPE, PAGE, Fetch, Reply, Seen
from tests.support.pages import data_in_head, scripts_in_head
from tests.support.policies import extended as extended_policies
from tests.support.policies import read as read_policies
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

CSP, REPORT_ONLY = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
EMBED = "https://app.pavior.com"


def page_with(
    fetch: Fetch,
    *policies: str,
    name: str = CSP,
    settings: Settings = SETTINGS,
    identity: Identity | None = ADA,
) -> Seen:
    reply = Reply(headers=[HTML_TYPE, *((name, policy) for policy in policies)])
    return fetch(reply, settings, identity)


def hash_of(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def hash_of_script(seen: Seen) -> str:
    (script,) = scripts_in_head(seen.body)
    return hash_of(script)


def extended(policy: str, seen: Seen) -> str:
    """Return a policy with the hashes in place of HASH, and of FILE."""
    file = hash_of(_assets.read("borrower.js" if b"borrower-" in seen.body else "page.js"))
    policy = policy.replace("HASH", hash_of_script(seen)).replace("FILE", file)
    return policy.replace("EMBED", EMBED)


# Each policy as the app sends it, and as the page of a user has it; None where nothing is missing.
POLICIES = {
    "nothing about scripts": ("frame-ancestors 'self'", None),
    "empty": ("", None),
    "inline scripts and the embed": ("script-src 'unsafe-inline' https://app.pavior.com", None),
    "inline scripts and everything https": ("script-src 'unsafe-inline' https:", None),
    "inline scripts and everything": ("script-src * 'unsafe-inline'", None),
    "inline scripts and its own": (
        "script-src 'self' 'unsafe-inline'",
        "script-src 'self' 'unsafe-inline' EMBED",
    ),
    "inline scripts, switched off by a hash": (
        "script-src 'unsafe-inline' 'sha256-abc=' EMBED",
        "script-src 'unsafe-inline' 'sha256-abc=' EMBED HASH FILE",
    ),
    "inline scripts, switched off by strictness": (
        "script-src 'unsafe-inline' 'strict-dynamic'",
        "script-src 'unsafe-inline' 'strict-dynamic' HASH",
    ),
    "a nonce": ("script-src 'nonce-abc123=='", None),
    "a nonce for elements": ("script-src-elem 'nonce-abc'; script-src 'none'", None),
    "a nonce and strictness": ("script-src 'nonce-abc' 'strict-dynamic'", None),
    "a nonce by default": ("default-src 'nonce-abc'; connect-src *", None),
    "a nonce that is not in force": (
        "script-src-elem 'self'; script-src 'nonce-abc'",
        "script-src-elem 'self' HASH EMBED; script-src 'nonce-abc'",
    ),
    "its own": ("script-src 'self'", "script-src 'self' HASH EMBED"),
    "its own and the embed": (
        "script-src 'self' https://app.pavior.com/embed",
        "script-src 'self' https://app.pavior.com/embed HASH",
    ),
    "none": ("script-src 'none'", "script-src HASH FILE EMBED"),
    "none, by saying nothing": ("script-src ; img-src *", "script-src HASH FILE EMBED; img-src *"),
    "strict with a hash": (
        "script-src 'strict-dynamic' 'sha256-abc='",
        "script-src 'strict-dynamic' 'sha256-abc=' HASH",
    ),
    "by default": (
        "default-src 'self' *.cdn.example",
        "default-src 'self' *.cdn.example; script-src 'self' *.cdn.example HASH EMBED;"
        " connect-src 'self' *.cdn.example EMBED",
    ),
    "none by default": (
        "default-src 'none'; img-src 'self';",
        "default-src 'none'; img-src 'self'; script-src HASH FILE EMBED; connect-src EMBED 'self'",
    ),
    "inline by default": (
        "default-src 'self' 'unsafe-inline'",
        "default-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' EMBED;"
        " connect-src 'self' 'unsafe-inline' EMBED",
    ),
    "calls": ("connect-src 'self'", "connect-src 'self' EMBED"),
    "no calls": ("connect-src 'none'", "connect-src EMBED 'self'"),
    "calls to one page of the embed's": (
        "connect-src 'self' https://app.pavior.com/api",
        "connect-src 'self' https://app.pavior.com/api EMBED",
    ),
    "all calls": ("connect-src *", None),
    "odd writing": (
        "SCRIPT-SRC  'SELF' ;; Script-Src 'unsafe-inline'",
        "SCRIPT-SRC  'SELF' HASH EMBED;; Script-Src 'unsafe-inline'",
    ),
    "a directive that is not ASCII, which browsers ignore": (
        "script-src 'none' \xe9; script-src 'self'",
        "script-src 'none' \xe9; script-src 'self' HASH EMBED",
    ),
    "trusted types of others": (
        "trusted-types one two; require-trusted-types-for 'script'",
        "trusted-types one two pavior-middleware; require-trusted-types-for 'script'",
    ),
    "no trusted types": ("trusted-types 'none'", "trusted-types pavior-middleware"),
    "no trusted types, by saying nothing": ("trusted-types", "trusted-types pavior-middleware"),
    "all trusted types": ("trusted-types *", None),
    "our trusted types": ("trusted-types pavior-middleware", None),
    "trusted types unnamed": ("require-trusted-types-for 'script'", None),
}


@pytest.mark.parametrize("name", [CSP, REPORT_ONLY, CSP.upper()])
@pytest.mark.parametrize(("policy", "expected"), POLICIES.values(), ids=list(POLICIES))
def test_a_policy_gains_what_is_missing(
    fetch: Fetch, policy: str, expected: str | None, name: str
) -> None:
    policy = policy.replace("EMBED", EMBED)
    seen = page_with(fetch, policy, name=name)
    expected = extended(expected or policy, seen)
    assert seen.headers.getlist(name) == [expected]
    assert not seen.headers.getlist(REPORT_ONLY if name != REPORT_ONLY else CSP)


NONCE = re.compile(rb'<script nonce="([^"]*)"')


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        (["script-src 'nonce-abc'"], b"abc"),
        (["script-src 'NONCE-Ab+/_-9=='"], b"Ab+/_-9=="),
        (["script-src 'self'", "script-src 'self' 'nonce-abc'"], b"abc"),
        (["img-src *, default-src 'nonce-abc'"], b"abc"),
        (["script-src 'nonce-abc'", "script-src 'nonce-def'"], b"abc"),
        (["script-src-elem 'self'; script-src 'nonce-abc'"], None),
        (["style-src 'nonce-abc'; script-src 'self'"], None),
        (["script-src 'nonce-a\"b'"], None),
        (["script-src 'nonce-'"], None),
    ],
)
@pytest.mark.parametrize("mode", ["extend", "leave"])
def test_the_script_carries_the_nonce_in_force(
    fetch: Fetch, policies: list[str], nonce: bytes | None, mode: Literal["extend", "leave"]
) -> None:
    seen = page_with(fetch, *policies, settings=Settings(TEAM, API_KEY, csp=mode))
    found = NONCE.search(seen.body)
    assert (found and found[1]) == nonce


def test_an_enforced_nonce_goes_before_one_that_is_only_reported(fetch: Fetch) -> None:
    headers = [(REPORT_ONLY, "script-src 'nonce-reported'"), (CSP, "script-src 'nonce-enforced'")]
    seen = fetch(Reply(headers=[HTML_TYPE, *headers]), SETTINGS, ADA)
    assert b'nonce="enforced"' in seen.body
    assert seen.headers[CSP] == "script-src 'nonce-enforced'"
    assert seen.headers[REPORT_ONLY] == extended(
        "script-src 'nonce-reported' HASH FILE EMBED", seen
    )


def test_each_of_several_policies_gains_what_it_lacks(fetch: Fetch) -> None:
    seen = page_with(
        fetch, "script-src 'nonce-abc', script-src 'self'", "object-src 'none'", "script-src 'none'"
    )
    assert seen.headers.getlist(CSP) == [
        extended("script-src 'nonce-abc', script-src 'self' HASH EMBED", seen),
        "object-src 'none'",
        extended("script-src HASH FILE EMBED", seen),
    ]


@pytest.mark.parametrize(("policy", "_"), POLICIES.values(), ids=list(POLICIES))
def test_policies_stay_unchanged_where_the_setting_says_so(
    fetch: Fetch, policy: str, _: str | None
) -> None:
    seen = page_with(fetch, policy, settings=Settings(TEAM, API_KEY, csp="leave"))
    assert seen.headers.getlist(CSP) == [policy]
    assert scripts_in_head(seen.body)


NOT_ISOLATED = "sandbox allow-scripts allow-same-origin"


@pytest.mark.parametrize(
    "policies",
    [
        ["sandbox"],
        ["default-src *; SANDBOX allow-forms"],
        ["a, sandbox"],
        ["sandbox allow-same-origin"],
        ["sandbox allow-scripts"],
        ["default-src *;SandBox  Allow-Scripts  allow-popups"],
        [f"sandbox allow-scripts; {NOT_ISOLATED}"],
        [f"{NOT_ISOLATED}; sandbox allow-scripts"],
        [f"{NOT_ISOLATED}, sandbox allow-scripts"],
        [NOT_ISOLATED, "sandbox allow-scripts"],
        ["sandbox allow-scripts x\xa0allow-same-origin"],
        ["sandbox allow-scripts allow-same-origin-x"],
    ],
)
def test_a_page_that_a_sandbox_keeps_apart_from_the_site_stays_unchanged(
    fetch: Fetch, policies: list[str]
) -> None:
    seen = page_with(fetch, *policies)
    assert seen.body == PAGE
    assert seen.headers.getlist(CSP) == policies


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        (CSP, "SANDBOX ALLOW-SCRIPTS  Allow-Same-Origin"),
        (REPORT_ONLY, "sandbox"),
        (REPORT_ONLY, "sandbox allow-scripts"),
    ],
)
def test_a_page_in_any_other_sandbox_gains_the_script(fetch: Fetch, name: str, policy: str) -> None:
    assert scripts_in_head(page_with(fetch, policy, name=name).body)


def test_a_page_that_names_nobody_may_ask_its_site_too(fetch: Fetch) -> None:
    seen = page_with(fetch, "connect-src https://api.example", identity=None)
    assert seen.headers[CSP] == f"connect-src https://api.example {EMBED} 'self'"


@pytest.mark.parametrize(
    ("source", "embed_url", "allows"),
    [
        ("*", "https://app.pavior.com/embed", True),
        ("https:", "https://app.pavior.com/embed", True),
        ("HTTPS:", "https://app.pavior.com/embed", True),
        ("http:", "https://app.pavior.com/embed", True),
        ("https:", "http://localhost:8000/embed", False),
        ("data:", "https://app.pavior.com/embed", False),
        ("app.pavior.com", "https://app.pavior.com/embed", True),
        ("App.Pavior.com", "https://app.pavior.com/embed", True),
        ("*.pavior.com", "https://app.pavior.com/embed", True),
        ("*.pavior.com", "https://pavior.com/embed", False),
        ("*.app.pavior.com", "https://app.pavior.com/embed", False),
        ("pavior.com", "https://app.pavior.com/embed", False),
        ("evilapp.pavior.com", "https://app.pavior.com/embed", False),
        ("https://app.pavior.com:443", "https://app.pavior.com/embed", True),
        ("http://app.pavior.com:80", "https://app.pavior.com/embed", True),
        ("https://app.pavior.com:*", "https://app.pavior.com:8443/embed", True),
        ("https://app.pavior.com", "https://app.pavior.com:8443/embed", False),
        ("https://app.pavior.com:8443", "https://app.pavior.com:8443/embed", True),
        ("https://app.pavior.com/", "https://app.pavior.com/embed", True),
        ("https://app.pavior.com/embed", "https://app.pavior.com/embed", True),
        ("https://app.pavior.com/em", "https://app.pavior.com/embed", False),
        ("https://app.pavior.com/embed/", "https://app.pavior.com/embed", False),
        ("https://app.pavior.com/v1/", "https://app.pavior.com/v1/embed", True),
        ("https://app.pavior.com/Embed", "https://app.pavior.com/embed", False),
        ("http://[::1]:8000", "http://[::1]:8000/embed", True),
        (
            "localhost:8000",
            "http://localhost:8000/embed",
            False,
        ),  # on a page that is https, it is not
        ("'self'", "https://app.pavior.com/embed", False),
    ],
)
def test_the_embed_is_allowed_by_what_matches_it_on_every_page(
    fetch: Fetch, source: str, embed_url: str, allows: bool
) -> None:
    policy = f"script-src 'unsafe-inline' {source}"
    seen = page_with(fetch, policy, settings=Settings(TEAM, API_KEY, embed_url=embed_url))
    assert (seen.headers[CSP] == policy) == allows


@pytest.mark.parametrize("space", ["\x0b", "\x1c", "\x1f"])
def test_white_space_of_python_alone_separates_no_sources(space: str) -> None:
    one = f"a.example{space}https:"
    snippet = render(SETTINGS)
    ((_, policy),) = extended_policies([(CSP, f"default-src {one}")], snippet)
    assert policy == (
        f"default-src {one}; script-src {one} {hash_of(SCRIPT)} '{PAGE_FILE.integrity}' {EMBED};"
        f" connect-src {one} {EMBED} 'self'"
    )


policy_words = st.sampled_from(
    [
        *(
            "script-src",
            "script-src-elem",
            "default-src",
            "connect-src",
            "trusted-types",
            "sandbox",
        ),
        *("'self'", "'none'", "'unsafe-inline'", "'strict-dynamic'", "'nonce-a'", "'nonce-b'"),
        *("'sha256-x='", "*", "https:", "EMBED", "allow-scripts", "pavior-middleware"),
        *(";", ";", ";", ",", "\t"),
    ]
)
any_policy = st.lists(policy_words | st.text("abc-:/.*'; ,", max_size=6)).map(" ".join)


@given(policies=st.lists(any_policy, max_size=3))
def test_extending_a_policy_again_adds_nothing(policies: list[str]) -> None:
    snippet = render(SETTINGS, ADA)
    headers = [(CSP, policy.replace("EMBED", EMBED)) for policy in policies]
    once = extended_policies(headers, snippet)
    assert extended_policies(once, snippet) == once
    assert read_policies(once).nonce == read_policies(headers).nonce
    assert read_policies(once).is_isolated == read_policies(headers).is_isolated


# ── The page of a borrower, which loads a script of its lender, calls it and frames it ─────────

# As above; None where nothing is missing.
BORROWING = {
    "nothing about it": ("img-src 'self'; object-src 'none'", None),
    "its own scripts": ("script-src 'self'", "script-src 'self' HASH EMBED SHARE_JS"),
    "the lender's scripts": (
        "script-src 'self' 'unsafe-inline' EMBED LENDER/.well-known/pavior/",
        None,
    ),
    "all of the lender's": ("script-src 'self' 'unsafe-inline' EMBED LENDER", None),
    "another script of the lender's": (
        "script-src 'self' 'unsafe-inline' EMBED LENDER/app.js",
        "script-src 'self' 'unsafe-inline' EMBED LENDER/app.js SHARE_JS",
    ),
    "inline scripts, but none of its own files": (
        "script-src 'unsafe-inline' EMBED LENDER",
        "script-src 'unsafe-inline' EMBED LENDER 'self'",
    ),
    "a nonce": ("script-src 'nonce-abc'", None),
    "strict": ("script-src 'strict-dynamic'", "script-src 'strict-dynamic' HASH"),
    "its own calls": ("connect-src 'self'", "connect-src 'self' EMBED SHARE_AUTH"),
    "calls to another path of the lender's": (
        "connect-src EMBED SHARE_JS",
        "connect-src EMBED SHARE_JS SHARE_AUTH",
    ),
    "its own frames": ("frame-src 'self'", "frame-src 'self' FRAME"),
    "no frames": ("frame-src 'none'", "frame-src FRAME"),
    "no frames, by saying nothing": ("frame-src; img-src *", "frame-src FRAME; img-src *"),
    "frames of the lender": ("frame-src *.example.com", None),
    "all frames": ("frame-src *", None),
    "all frames by https": ("frame-src https:", None),
    "frames of one folder of the lender's": ("frame-src LENDER/.well-known/", None),
    "frames of another one": ("frame-src LENDER/help/", "frame-src LENDER/help/ FRAME"),
    "its own children, which workers are too": (
        "child-src 'self'",
        "child-src 'self'; frame-src 'self' FRAME",
    ),
    "no children": ("child-src 'none'", "child-src 'none'; frame-src FRAME"),
    "no frames, but children": (
        "child-src LENDER; frame-src 'none'",
        "child-src LENDER; frame-src FRAME",
    ),
    "frames, but no children": ("child-src 'none'; frame-src LENDER", None),
    "children go before the default": (
        "default-src *; child-src 'self'; script-src 'nonce-a'",
        "default-src *; child-src 'self'; script-src 'nonce-a'; frame-src 'self' FRAME",
    ),
    "its own by default": (
        "default-src 'self'",
        "default-src 'self'; script-src 'self' HASH EMBED SHARE_JS;"
        " connect-src 'self' EMBED SHARE_AUTH; frame-src 'self' FRAME",
    ),
    "nothing by default": (
        "default-src 'none'",
        "default-src 'none'; script-src HASH FILE EMBED SHARE_JS;"
        " connect-src EMBED SHARE_AUTH; frame-src FRAME",
    ),
    "the lender by default": (
        "default-src 'unsafe-inline' EMBED LENDER",
        "default-src 'unsafe-inline' EMBED LENDER; script-src 'unsafe-inline' EMBED LENDER 'self'",
    ),
}


def filled(text: str, lender: str) -> str:
    """Return a policy with the URLs of the embed and of a lender."""
    urls = {"SHARE_JS": SHARE_SCRIPT, "SHARE_AUTH": SHARE_AUTH, "FRAME": FRAME}
    for name, path in urls.items():
        text = text.replace(name, lender + path)
    return text.replace("EMBED", EMBED).replace("LENDER", lender)


@pytest.mark.parametrize("name", [CSP, REPORT_ONLY])
@pytest.mark.parametrize(("policy", "expected"), BORROWING.values(), ids=list(BORROWING))
@pytest.mark.parametrize(
    ("domain", "lender"),
    [
        ("auth.example.com", "https://auth.example.com"),
        ("auth.example.com:8443", "https://auth.example.com:8443"),
    ],
)
def test_a_borrowing_page_may_load_call_and_frame_its_lender(
    fetch: Fetch, policy: str, expected: str | None, name: str, domain: str, lender: str
) -> None:
    if ":8443" in domain and "*.example.com" in policy:
        policy = policy.replace("*.example.com", "*.example.com:*")
    policy = filled(policy, lender)
    seen = page_with(fetch, policy, name=name, settings=Settings(TEAM, share_auth=domain))
    expected = filled(expected or policy, lender)
    expected = extended(expected, seen)
    assert seen.headers.getlist(name) == [expected]


@pytest.mark.parametrize("domain", ["localhost:8001", "[::1]:8001", "127.0.0.1"])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("script-src 'self'", "script-src 'self' HASH EMBED SHARE_JS"),
        ("connect-src 'none'", "connect-src EMBED SHARE_AUTH"),
        ("frame-src 'none'", "frame-src FRAME"),
        ("frame-src *", None),
        ("frame-src http:", None),
        ("frame-src https:", "frame-src https: FRAME"),
        ("frame-src LENDER", None),
        ("frame-src LENDER/.well-known/", None),
        ("frame-src LENDER/help", "frame-src LENDER/help FRAME"),
        ("frame-src http://LENDER", None),
        ("frame-src https://LENDER", "frame-src https://LENDER FRAME"),
    ],
)
def test_a_lender_on_this_machine_is_allowed_by_the_pages_own_scheme(
    fetch: Fetch, domain: str, policy: str, expected: str | None
) -> None:
    policy = filled(policy, domain)
    seen = page_with(fetch, policy, settings=Settings(TEAM, share_auth=domain))
    expected = filled(expected or policy, domain)
    expected = extended(expected, seen)
    assert seen.headers[CSP] == expected


def test_the_policy_of_a_page_that_borrows_no_login_gains_no_frame_source(fetch: Fetch) -> None:
    lender = Settings(TEAM, API_KEY, shared_auth_domains=["help.example.com"], secret_key="a key")
    for settings in (SETTINGS, lender):
        assert page_with(fetch, "frame-src 'none'", settings=settings).headers[CSP] == (
            "frame-src 'none'"
        )


@given(policies=st.lists(any_policy, max_size=3))
def test_extending_a_borrowers_policy_again_adds_nothing(policies: list[str]) -> None:
    settings = Settings(TEAM, share_auth="auth.example.com")
    snippet = render(settings)
    headers = [(CSP, policy.replace("EMBED", EMBED)) for policy in policies]
    once = extended_policies(headers, snippet)
    assert extended_policies(once, snippet) == once


@pytest.mark.parametrize(
    ("policy", "checks"),
    [
        (None, False),
        ("img-src 'none'", False),
        ("script-src 'self'", False),
        ("script-src https: 'strict-dynamic' 'sha256-abc='", False),
        ("script-src 'nonce-abc'", False),
        ("script-src 'sha256-abc='", True),
        ("default-src 'none'", True),
        ("script-src 'self', script-src 'none'", True),
    ],
)
def test_the_script_gives_the_hashes_of_its_files_only_where_a_policy_wants_them(
    fetch: Fetch, policy: str | None, checks: bool
) -> None:
    """With hashes, a page that a CDN has stored gets no file of another release."""
    headers = [HTML_TYPE, *([(CSP, policy)] if policy else [])]
    (data,) = data_in_head(fetch(Reply(headers=headers), SETTINGS, ADA).body)
    assert ("hash" in data) is checks
