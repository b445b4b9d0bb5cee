"""The whitelist: what it may hold, how it is read, and that nothing else is ever allowed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Settings
from pavior_middleware._model.domains import Whitelist, covers, domain_problem, normalized
from tests.support.origin_tricks import ACCEPTED, ORIGIN_TRICKS, WHITELISTED
from tests.support.sites import API_KEY, TEAM

LONG_LABEL = "a" * 63


def whitelist(*domains: str) -> Whitelist:
    """Return a whitelist as a site's settings make it."""
    return Whitelist(Settings(TEAM, API_KEY, shared_auth_domains=domains).shared_auth_domains)


# ── Domains, as they are written ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("help.example.com", "help.example.com"),
        ("HELP.Example.COM:8443", "help.example.com:8443"),
        ("*.Example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example:8443", "xn--bcher-kva.example:8443"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("*.bücher.example:8443", "*.xn--bcher-kva.example:8443"),
        ("\uff45\uff58ample\uff0ecom", "example.com"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("straße.example", "xn--strae-oqa.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("[::1]:8003", "[::1]:8003"),
    ],
)
def test_a_domain_is_kept_as_browsers_write_it(written: str, expected: str) -> None:
    assert normalized(written) == expected
    assert domain_problem(expected, allows_subdomains=True) is None


@pytest.mark.parametrize("domain", ["Bücher..example", "-ü.example", "ü_b.example", "ü:x.example"])
def test_a_domain_without_a_punycode_form_is_reported(domain: str) -> None:
    assert normalized(domain) == domain.lower()
    assert "write it in Punycode" in (domain_problem(normalized(domain)) or "")


@given(domain=st.text("aß*.:-_[]8Ü。\uff45/", max_size=12) | st.text(max_size=12))
def test_normalizing_a_domain_twice_changes_nothing(domain: str) -> None:
    assert normalized(normalized(domain)) == normalized(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "localhost",
        "localhost:8003",
        "a.b-c.0.example.com",
        f"{LONG_LABEL}.example.com",
        ".".join([LONG_LABEL] * 3 + ["a" * 61]),
        "127.0.0.1:8003",
        "[::1]",
        "[2001:db8::1]:8443",
        "help.example.com:65535",
    ],
)
def test_a_domain_is_a_host_with_or_without_a_port(domain: str) -> None:
    assert domain_problem(domain) is None
    assert domain_problem(domain, allows_subdomains=True) is None


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("https://help.example.com", "is a URL"),
        ("help.example.com/", "has a path"),
        ("bücher.example", "write it in Punycode"),
        ("", "is not a domain"),
        (".", "is not a domain"),
        ("a..example.com", "is not a domain"),
        ("help.example.com.", "is not a domain"),
        ("-a.example.com", "is not a domain"),
        ("a-.example.com", "is not a domain"),
        ("a_b.example.com", "is not a domain"),
        ("Help.example.com", "is not a domain"),
        ("user@example.com", "is not a domain"),
        ("help.example.com:", "is not a domain"),
        ("help.example.com:0", "is not a domain"),
        ("help.example.com:08", "is not a domain"),
        ("help.example.com:65536", "is not a domain"),
        (f"{LONG_LABEL}a.example.com", "is not a domain"),
        (".".join([LONG_LABEL] * 3 + ["a" * 62]), "is not a domain"),
        ("[::1", "is not a domain"),
        ("[0:0:0:0:0:0:0:1]", "is not a domain"),
        ("[example.com]", "is not a domain"),
        ("::1", "is not a domain"),
        ("help.example.com\n", "is not a domain"),
    ],
)
def test_a_text_that_is_no_domain_is_reported(domain: str, problem: str) -> None:
    assert problem in (domain_problem(domain) or "")
    assert problem in (domain_problem(domain, allows_subdomains=True) or "")


@pytest.mark.parametrize("domain", ["*.example.com", "*.a.b.example.com:8443", "*.localhost"])
def test_a_wildcard_is_allowed_in_whitelists_alone(domain: str) -> None:
    assert domain_problem(domain, allows_subdomains=True) is None
    assert "name one domain" in (domain_problem(domain) or "")


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("*", "write *.example.com for its subdomains"),
        ("*.*.example.com", "write *.example.com for its subdomains"),
        ("a.*.example.com", "write *.example.com for its subdomains"),
        ("a*.example.com", "write *.example.com for its subdomains"),
        ("*example.com", "write *.example.com for its subdomains"),
        ("example.*", "write *.example.com for its subdomains"),
        ("*.com", "too wide"),
        ("*.", "too wide"),
        ("*.*", "too wide"),
        ("*.com:8443", "too wide"),
        ("*.0.0.1", "too wide"),
        ("*.127.0.0.1", "too wide"),
        ("*.[::1]", "too wide"),
        ("*..example.com", "is not a domain"),
        ("*.-a.example.com", "is not a domain"),
    ],
)
def test_a_wildcard_for_anything_but_subdomains_of_one_domain_is_reported(
    domain: str, problem: str
) -> None:
    assert problem in (domain_problem(domain, allows_subdomains=True) or "")


WHITELIST = ("help.example.com", "*.example.org", "xn--bcher-kva.example:8443", "localhost:8003")
LISTS = {
    "list": [" Help.example.com ", "*.example.org", "", "bücher.example:8443", "localhost:8003"],
    "text": "help.example.com\n*.example.org\nbücher.example:8443\nlocalhost:8003",
    "commas": "help.example.com, *.example.org,bücher.example:8443 ,, localhost:8003,",
    "comments in a list": [
        "# Who may borrow",
        "help.example.com # the help center",
        "*.example.org#cards",
        "bücher.example:8443",
        "localhost:8003",
        "#old.example.com",
        "   ",
    ],
    "comments in a text": """
        # Who may borrow: the help center, and all cards
        help.example.com# no.example.com
        *.example.org   # any of them, b.example.com

        bücher.example:8443
        #old.example.com
        localhost:8003
    """,
    "twice": "help.example.com\nHELP.example.com *.example.org bücher.example:8443\n"
    "xn--bcher-kva.example:8443 localhost:8003",
}


@pytest.mark.parametrize("written", LISTS.values(), ids=list(LISTS))
def test_a_whitelist_is_a_list_or_lines_with_comments(written: str | list[str]) -> None:
    settings = Settings(TEAM, API_KEY, shared_auth_domains=written)
    assert settings.shared_auth_domains == WHITELIST


@pytest.mark.parametrize("written", ["", "# nobody", [], ["# nobody", " "], "\n,\n"])
def test_a_whitelist_may_be_empty(written: str | list[str]) -> None:
    assert Settings(TEAM, API_KEY, shared_auth_domains=written).shared_auth_domains == ()


# ── Origins ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("domain", "whitelisted"),
    [
        ("help.example.com", {"https://help.example.com"}),
        ("help.example.com:443", {"https://help.example.com"}),
        ("help.example.com:80", {"https://help.example.com:80"}),
        ("help.example.com:8443", {"https://help.example.com:8443"}),
        ("bücher.example", {"https://xn--bcher-kva.example"}),
        ("*.example.com", {"https://*.example.com"}),
        ("*.example.com:8443", {"https://*.example.com:8443"}),
        ("localhost", {"https://localhost", "http://localhost"}),
        ("localhost:80", {"https://localhost:80", "http://localhost"}),
        ("localhost:443", {"https://localhost", "http://localhost:443"}),
        ("*.localhost:8003", {"https://*.localhost:8003", "http://*.localhost:8003"}),
        ("a.localhost:8003", {"https://a.localhost:8003", "http://a.localhost:8003"}),
        ("127.0.0.2", {"https://127.0.0.2", "http://127.0.0.2"}),
        ("[::1]:8003", {"https://[::1]:8003", "http://[::1]:8003"}),
        ("[::1]", {"https://[::1]", "http://[::1]"}),
        ("evil-localhost", {"https://evil-localhost"}),
        ("localhost.example", {"https://localhost.example"}),
        ("192.168.0.1", {"https://192.168.0.1"}),
    ],
)
def test_a_whitelisted_domain_becomes_its_origins(domain: str, whitelisted: set[str]) -> None:
    assert set(whitelist(domain).patterns) == whitelisted


@given(origin=st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_no_other_text_is_a_whitelisted_origin(origin: str) -> None:
    allowed = {"https://help.example.com", "http://localhost:8003", "https://localhost:8003"}
    assert whitelist("help.example.com", "localhost:8003").allows(origin) == (origin in allowed)


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.cards.example.com",
        "https://a.b.c.cards.example.com",
        "https://0-9.xn--bcher-kva.cards.example.com",
        f"https://{LONG_LABEL}.cards.example.com",
        f"https://{'a.' * 117}a.cards.example.com"[: len("https://") + 253],
    ],
)
def test_a_wildcard_allows_subdomains_of_any_depth(origin: str) -> None:
    assert whitelist("*.cards.example.com").allows(origin)
    assert not whitelist("cards.example.com").allows(origin)


def long_host(length: int, *, end: str) -> str:
    """Return a host of this number of characters."""
    labels = "a." * length
    return (labels[: length - len(end) - 1] + "." + end).replace("..", "b.")


@pytest.mark.parametrize("port", ["", ":8443"])
def test_a_wildcard_allows_no_host_of_more_than_253_characters(port: str) -> None:
    pattern = f"https://*.cards.example.com{port}"
    for length in range(240, 260):
        host = long_host(length, end="cards.example.com")
        assert len(host) == length
        # A port counts as if it were a part of the host, which is on the safe side.
        assert covers(pattern, f"https://{host}{port}") == (length + len(port) <= 253)


@pytest.mark.parametrize(
    "origin",
    [
        "https://cards.example.com",
        "https://.cards.example.com",
        "https://..cards.example.com",
        "https://a..cards.example.com",
        "https://.a.cards.example.com",
        "https://evilcards.example.com",
        "https://-a.cards.example.com",
        "https://a-.cards.example.com",
        "https://a_b.cards.example.com",
        "https://A.cards.example.com",
        "https://b\xfccher.cards.example.com",
        f"https://{LONG_LABEL}a.cards.example.com",
        "https://*.cards.example.com",
        "https://a.cards.example.com:8443",
        "https://a.cards.example.com.",
        "https://a.cards.example.com/",
        "https://a.cards.example.com\n",
        "https://a\n.cards.example.com",
        "http://a.cards.example.com",
        "https://evil.test/.cards.example.com",
        "https://evil.test?.cards.example.com",
        "https://evil.test#.cards.example.com",
        "https://evil.test\\.cards.example.com",
        "https://evil.test:443.cards.example.com",
        "https://user@a.cards.example.com",
        "https://evil.test@.cards.example.com",
        "https:a.cards.example.com",
        "a.cards.example.com",
    ],
)
def test_a_wildcard_allows_nothing_but_subdomains(origin: str) -> None:
    assert not whitelist("*.cards.example.com").allows(origin)


def test_a_wildcard_allows_its_own_port_alone() -> None:
    cards = whitelist("*.cards.example.com:8443")
    assert cards.allows("https://a.b.cards.example.com:8443")
    assert not cards.allows("https://a.cards.example.com")
    assert not cards.allows("https://a.cards.example.com:443")
    assert not cards.allows("https://cards.example.com:8443")
    assert not cards.allows("https://a.cards.example.com:8443:8443")


def test_an_empty_whitelist_allows_no_origin() -> None:
    for origin in ("", "null", "https://", "https://example.com"):
        assert not Whitelist([]).allows(origin)


@pytest.mark.parametrize("origin", ACCEPTED)
def test_every_listed_origin_is_allowed(origin: str) -> None:
    assert whitelist(*WHITELISTED).allows(origin)


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_form_of_another_origin_is_allowed(kind: str) -> None:
    ours = whitelist(*WHITELISTED)
    assert [origin for origin in ORIGIN_TRICKS[kind] if ours.allows(origin)] == []


LABELS = r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+"
EXPECTED = re.compile(
    rf"https://(?:help\.example\.com(?::8443)?|{LABELS}cards\.example\.com(?::444)?)"
    rf"|https?://(?:localhost:8003|{LABELS}localhost)"
)
pieces = st.sampled_from(
    [
        *("https://", "http://", "help.example.com", "cards.example.com", "localhost", "example"),
        *(":8443", ":444", ":8003", ":443", ":", ".", ".", ".", "-", "a", "a.", "0", "xn--a"),
        *("A", "_", "*", "/", "\\", "@", "#", "?", "%2e", "\n", "\0", "\xfc", LONG_LABEL, "com"),
    ]
)
almost = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["https://", "http://"]),
        st.lists(pieces, max_size=4).map("".join),
        st.sampled_from(["", ".", "a."]),
        st.sampled_from(["help.example.com", "cards.example.com", "localhost"]),
        st.sampled_from(["", ":444", ":8443", ":8003", ":443", "/"]),
    ),
)


@given(origin=almost | st.lists(pieces, max_size=8).map("".join))
def test_nothing_but_the_listed_forms_is_allowed(origin: str) -> None:
    ours = whitelist(
        *("help.example.com", "help.example.com:8443", "localhost:8003", "*.localhost"),
        *("*.cards.example.com", "*.cards.example.com:444"),
    )
    is_short = len(origin.partition("://")[2]) <= 253
    assert ours.allows(origin) == (EXPECTED.fullmatch(origin) is not None and is_short)
