"""Domains as Pavior's settings page and our settings write them.

They are `host` or `host:port`. A whitelist may also hold `*.host`, which covers all subdomains.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

import idna

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PORT = re.compile(r":([1-9][0-9]{0,4})$")
_LONGEST_HOST = 253
_ANY = "*."


def normalized(domain: str) -> str:
    """Return a domain as browsers write it: in lower case and in Punycode (UTS #46).

    Text that has no such form is returned in lower case; `domain_problem` tells what is wrong.
    """
    host, port = split_port(domain.lower())
    if host.isascii():
        return domain.lower()
    any_, host = (_ANY, host[len(_ANY) :]) if host.startswith(_ANY) else ("", host)
    try:
        ascii_host = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()
    return any_ + ascii_host + (f":{port}" if port else "")


def split_port(domain: str) -> tuple[str, str]:
    """Split `host`, `host:port` or `[IPv6]:port` into host and port ('' if none)."""
    port = _PORT.search(domain)
    return (domain[: port.start()], port[1]) if port else (domain, "")


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine: `localhost`, a name under it, a loopback IP.

    (RFC 6761 section 6.3.) IPv6 addresses come with or without their brackets.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def covers(pattern: str, text: str) -> bool:
    """Whether a domain or an origin matches the pattern, in which `*.` means any subdomains."""
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    labels = text[len(before) : -len(after)].split(".")
    return (
        text.startswith(before)
        and text.endswith(after)
        and len(text) > len(pattern) - len(star)
        and len(text) <= len(before) + _LONGEST_HOST
        and all(map(_LABEL.fullmatch, labels))
    )


def domain_problem(domain: str, *, allows_subdomains: bool = False) -> str | None:
    """Say what is wrong with a normalized domain, and how to correct it; None if nothing is.

    The text begins with a verb, and its subject is the domain. It does not show the domain, which
    may be a key that was pasted into the wrong setting. `allows_subdomains` permits `*.host`.
    """
    if "://" in domain:
        return "is a URL: write only the domain, like help.example.com"
    if "/" in domain:
        return "has a path: write only the domain, like help.example.com"
    if not domain.isascii():
        return "is not a domain name: write it in Punycode (xn--…), as browsers send it"
    host, port = split_port(domain)
    if allows_subdomains and host.startswith(_ANY):
        host = host[len(_ANY) :]
        if not _may_have_subdomains(host):
            return "is too wide: name a domain of your own, like *.example.com"
    if "*" in host:
        mend = "write *.example.com for its subdomains" if allows_subdomains else "name one domain"
        return f"has a wildcard where none may be: {mend}"
    if not _is_host(host) or (port and int(port) > 65535):
        return "is not a domain: write it like help.example.com or localhost:8000"
    return None


class Whitelist:
    """The origins of some domains, each as a browser writes it in `Origin` (RFC 6454 section 6.2).

    The `Origin` of a request is never parsed. It must equal an allowed origin byte for byte, or
    have labels of a domain name in the place of the `*`. All origins are https, except that those
    on this machine may be http.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        self.patterns = tuple(origin for domain in domains for origin in _origins(domain))
        """The origins, such as `https://help.example.com` and `https://*.example.com:8443`."""

    def allows(self, origin: str) -> bool:
        """Whether a text is one of the origins."""
        return any(covers(pattern, origin) for pattern in self.patterns)


def _may_have_subdomains(host: str) -> bool:
    is_name = not host.rpartition(".")[2].isdecimal() and not host.startswith("[")
    return is_name and (host == "localhost" or "." in host)


def _is_host(host: str) -> bool:
    if host.startswith("["):
        return host.endswith("]") and _is_ipv6(host[1:-1])
    return len(host) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, host.split(".")))


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).compressed == text  # as browsers write it
    except ValueError:
        return False


def _origins(domain: str) -> Iterator[str]:
    host, port = split_port(domain)
    schemes = {"https": "443", "http": "80"} if is_loopback(host) else {"https": "443"}
    for scheme, default_port in schemes.items():
        yield f"{scheme}://{host}" if port in ("", default_port) else f"{scheme}://{domain}"
