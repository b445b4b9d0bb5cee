"""Domains as Pavior's settings page and our settings write them: `host` or `host:port`."""

from __future__ import annotations

import ipaddress
import re

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PORT = re.compile(r":([1-9][0-9]{0,4})$")


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


def domain_problem(domain: str) -> str | None:
    """Say what is wrong with a domain, in lower case, and the mend; None if nothing is."""
    if "://" in domain:
        return f"{domain!r} is a URL: write only the domain, like help.example.com"
    if "/" in domain:
        return f"{domain!r} has a path: write only the domain, like help.example.com"
    if "*" in domain:
        return f"{domain!r} has a wildcard: name each domain in full"
    if not domain.isascii():
        return f"{domain!r} is not ASCII: write it in Punycode (xn--…), as browsers send it"
    host, port = split_port(domain)
    if not _is_host(host) or (port and int(port) > 65535):
        return f"{domain!r} is not a domain: write it like help.example.com or localhost:8000"
    return None


def _is_host(host: str) -> bool:
    if host.startswith("["):
        return host.endswith("]") and _is_ipv6(host[1:-1])
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).compressed == text  # as browsers write it
    except ValueError:
        return False
