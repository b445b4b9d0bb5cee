"""Domains below which anyone can have a name, by the Public Suffix List of publicsuffix.org.

The list comes with the package `publicsuffixlist`, with both its ICANN and its private section.
Nothing is fetched. Reading the list takes some 0.1 seconds and 2 MB of memory. So it is read only
for a whitelist, and only the results for that whitelist are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import idna

from .domains import is_loopback, split_port

_ANY = "*."
_HOME = "home.arpa"
"""The domain of home networks (RFC 8375): the list has it, and outside it leads nowhere."""

TOO_WIDE = (
    "is too wide: anyone can have a name below it, so anyone's site could ask who is logged in."
    " Name a domain of your own, like *.example.com"
)


class Found(NamedTuple):
    """What the list says of each entry of a whitelist; the keys are the entries."""

    problems: Mapping[str, str]
    """The problem of each entry that covers all subdomains of a public suffix."""

    suffixes_below: Mapping[str, str]
    """For each other entry `*.host` that has one, a public suffix among its subdomains."""

    single_labels: Set[str]
    """Entries that are a public suffix without a dot, such as `com`."""


@lru_cache(maxsize=64)
def public_suffixes_in(domains: tuple[str, ...]) -> Found:
    """Return which normalized domains of a whitelist cover names that anyone can register.

    A name without `*` is one host, so it is allowed even if it is a public suffix. A domain that
    the list does not know, such as one of this machine or of a private network, is allowed, too.
    """
    hosts = {domain: split_port(domain)[0] for domain in domains}
    parents = {domain: host[len(_ANY) :] for domain, host in hosts.items() if _ANY in host}
    asked = {domain: parent for domain, parent in parents.items() if _may_be_listed(parent)}
    single = {
        domain: host for domain, host in hosts.items() if "." not in host and not is_loopback(host)
    }
    if not (asked or single):
        return Found({}, {}, frozenset())
    has_punycode = any("xn--" in host for host in (*asked.values(), *single.values()))
    suffixes = _Suffixes(has_punycode=has_punycode)
    wide = {domain for domain, parent in asked.items() if suffixes.has(parent)}
    single_labels = {domain for domain, host in single.items() if suffixes.has(host)}
    below = {
        domain: suffix
        for domain, parent in asked.items()
        if domain not in wide and (suffix := suffixes.one_below(parent))
    }
    return Found(dict.fromkeys(wide, TOO_WIDE), below, single_labels)


def _may_be_listed(host: str) -> bool:
    """Whether a host is a name with a dot, and not of this machine or a home network."""
    return "." in host and host != _HOME and not is_loopback(host)


class _Suffixes:
    """The list, loaded when it is made."""

    def __init__(self, *, has_punycode: bool) -> None:
        # Sites without a whitelist, which most are, need not load this.
        import publicsuffixlist

        self._text = Path(publicsuffixlist.PSLFILE).read_text(encoding="utf-8")
        self._list = publicsuffixlist.PublicSuffixList(
            self._text, accept_unknown=False, accept_encoded_idn=has_punycode
        )

    def has(self, host: str) -> bool:
        """Whether a host is a suffix, by its own name or by a wildcard for or below it."""
        return bool(self._list.is_public(host))

    def one_below(self, host: str) -> str | None:
        """Return a suffix below a host as the list has it; None without one."""
        ending = f".{_unicode(host)}"
        rules = (line.partition("//")[0].strip() for line in self._text.splitlines())
        below = (rule.removeprefix(_ANY) for rule in rules if not rule.startswith("!"))
        return next((suffix for suffix in below if suffix.endswith(ending)), None)


def _unicode(host: str) -> str:
    """Return a host in Unicode, which the list is in."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host
