"""A whitelist does not let in everybody: public suffixes are refused."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import publicsuffixlist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavior_middleware import Settings, SettingsError
from pavior_middleware._model.public_suffixes import TOO_WIDE, public_suffixes_in
from pavior_middleware._model.settings_checks import shared_auth_domains_warnings

KEY = "a-key-Of-twenty-chars"
LIST = publicsuffixlist.PublicSuffixList(accept_unknown=False)

labels = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
icann = st.sampled_from(["co.uk", "com.au", "k12.ca.us", "gov.br", "or.jp", "xn--55qx5d.cn"])
private = st.sampled_from(["github.io", "herokuapp.com", "s3.amazonaws.com", "web.app", "uk.com"])
unlisted = st.sampled_from(["localhost", "test", "internal", "example", "corp"])
ports = st.sampled_from(["", ":8443"])


def problems(domain: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings("acme", KEY, shared_auth_domains=["help.example.com", domain])
    (problem,) = caught.value.problems
    assert problem.startswith("shared_auth_domains (PAVIOR_SHARED_AUTH_DOMAINS): entry 2 is ")
    return problem


@pytest.mark.parametrize(
    "domain",
    ["*.co.uk", "*.github.io", "*.CO.UK:8443", "*.\u516c\u53f8.cn"]
    + ["*.kawasaki.jp", "*.platformsh.site"],
)
def test_all_subdomains_of_a_public_suffix_are_too_wide(domain: str) -> None:
    problem = problems(domain)
    assert "anyone can have a name below it" in problem
    assert "Name a domain of your own, like *.example.com" in problem
    assert domain.lower() not in problem


@pytest.mark.parametrize("domains", ["help.example,com", "help.example com:8443", "h.example,CN"])
def test_a_comma_or_a_space_in_place_of_a_dot_is_warned_of_with_the_dot(domains: str) -> None:
    lending = Settings.from_mapping(
        {
            "PAVIOR_TEAM_VANITY_ID": "acme",
            "PAVIOR_API_KEY": KEY,
            "PAVIOR_SHARED_AUTH_DOMAINS": domains,
        }
    )
    (line,) = shared_auth_domains_warnings(tuple(lending.shared_auth_domains))
    assert "entry 2 is a public suffix" in line
    assert "write the dot, like help.example.com" in line
    assert "h.example" not in line


@pytest.mark.parametrize("host", ["wiki", "help:8443", "\u4e2d\u56fd"])
def test_a_host_of_a_private_network_may_have_the_name_of_a_public_suffix(host: str) -> None:
    lending = Settings("acme", KEY, shared_auth_domains=[host])
    (line,) = shared_auth_domains_warnings(tuple(lending.shared_auth_domains))
    assert "entry 1 is a public suffix" in line


@given(st.lists(st.tuples(icann | private, ports, labels), min_size=20, max_size=60))
@settings(max_examples=3)  # reading the list takes longer than using it
def test_all_names_below_a_suffix_are_refused_and_one_name_or_those_of_one_owner_are_not(
    entries: list[tuple[str, str, str]],
) -> None:
    wide = [f"*.{suffix}{port}" for suffix, port, _ in entries]
    bare = [f"{suffix}{port}" for suffix, port, _ in entries]
    own = [f"{label}.{suffix}" for suffix, _, label in entries]
    own = [each for each in own if not LIST.is_public(each)]
    found = public_suffixes_in((*wide, *bare, *own, *(f"*.{each}" for each in own)))
    assert found.problems == dict.fromkeys(wide, TOO_WIDE)


def test_domains_with_public_suffixes_below_them_are_allowed_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    domains = ["*.muni.cz", "*.kuleuven.be", "*.rit.edu:8443", "*.amazonaws.com"]
    whitelist = ("help.example.com", *domains, "*.example.com")
    lending = Settings("acme", KEY, shared_auth_domains=whitelist)
    assert replace(lending, secret_key="a secret of the framework").shared_auth_domains == whitelist
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.findall(r"entry \d", line) == ["entry 2", "entry 3", "entry 4", "entry 5"]
    assert "entry 4 (such as git-pages.rit.edu)" in line
    assert "name the subdomains that are your own" in line


@given(st.lists(st.tuples(st.lists(labels, max_size=3), unlisted, ports), min_size=50))
@settings(max_examples=3)
def test_names_that_the_list_does_not_know_are_allowed(
    entries: list[tuple[list[str], str, str]],
) -> None:
    hosts = [".".join([*labels, top]) + port for labels, top, port in entries]
    assert public_suffixes_in((*hosts, *(f"*.{host}" for host in hosts))) == ({}, {}, frozenset())


@pytest.mark.parametrize(
    "domain",
    ["*.example.co.uk", "help.example.co.uk", "me.github.io", "*.me.github.io", "localhost:8000"]
    + [
        "*.localhost",
        "intranet",
        "127.0.0.1:8000",
        "[::1]:8000",
        "[2001:db8::1]",
        "*.city.kawasaki.jp",
    ]
    + ["a-tenant.platformsh.site", "*.example.com", "xn--bcher-kva.example"]
    + ["github.io", "github.io:8443", "gov.uk", "uk.com"]
    + ["*.home.arpa", "*.printer.home.arpa", "*.corp.internal", "*.mycompany.github.io"],
)
def test_a_domain_of_ones_own_is_allowed(domain: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Settings("acme", KEY, shared_auth_domains=[domain]).shared_auth_domains == (domain,)
    assert caplog.records == []


@pytest.mark.parametrize(
    "whitelist", [[], ["*.localhost", "help.example.com:8000", "127.0.0.1:81"]]
)
def test_the_list_is_not_loaded_for_a_site_without_names_that_it_may_hold(
    whitelist: list[str],
) -> None:
    program = (
        "import sys, logging; logging.disable(); from pavior_middleware import Settings;"
        f"Settings('acme', {KEY!r}, shared_auth_domains={whitelist!r});"
        "sys.exit('publicsuffixlist' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
