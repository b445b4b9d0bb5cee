"""The text box "Shared Authentication Domains": one domain a line, `host` or `host:port`."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PORT = re.compile(r":([0-9]{1,5})$")


class DomainsError(ValueError):
    """Lines that are not domains; `problems` says of each what to write instead."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def parse_domains(text: str) -> tuple[str, ...]:
    """Return the text box's domains in lower case, each once. Raises `DomainsError`."""
    lines = [line.strip() for line in text.splitlines()]
    problems = [problem for line in lines if line and (problem := _problem(line))]
    if problems:
        raise DomainsError(problems)
    return tuple(dict.fromkeys(line.lower() for line in lines if line))


def domain_of(origin: str | None) -> str | None:
    """Return the domain in a browser's `Origin` header, or None if it tells none."""
    if origin is None:
        return None
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _problem(line: str) -> str | None:
    if "://" in line:
        return f"“{line}” is a URL: write only the domain, like help.example.com"
    if "/" in line:
        return f"“{line}” has a path: write only the domain, like help.example.com"
    if "*" in line:
        return f"“{line}” has a wildcard: name each domain in full"
    if not line.isascii():
        return f"“{line}” is not ASCII: write it in Punycode (xn--…), as browsers send it"
    if not _is_domain(line.lower()):
        return f"“{line}” is not a domain: write it like help.example.com or localhost:8000"
    return None


def _is_domain(text: str) -> bool:
    port = _PORT.search(text)
    if port and not 0 < int(port[1]) < 65536:
        return False
    host = text[: port.start()] if port else text
    if host.startswith("[") and host.endswith("]"):
        return _is_ipv6(host[1:-1])
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
