"""The text box "Shared Authentication Domains", and the pages that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pavior_middleware._model.domains import covers, domain_problem, normalized

_DEFAULT_PORTS = {"https": "443", "http": "80"}


class DomainsError(ValueError):
    """Lines that are not domains; `problems` says what to write instead of each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def parse_domains(text: str) -> tuple[str, ...]:
    """Return the text box's domains as browsers write them, each once. Raises `DomainsError`.

    It takes what the setting `shared_auth_domains` takes: `host` or `host:port`, one a line, with
    `*.` for all subdomains, and comments after `#`.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    written = [each for line in lines for each in re.split(r"[\s,]+", line) if each]
    domains = dict.fromkeys(map(normalized, written))
    problems = [
        f"{each!r} {problem}"
        for each in domains
        if (problem := domain_problem(each, allows_subdomains=True))
    ]
    if problems:
        raise DomainsError(problems)
    return tuple(domains)


def domain_of(origin: str | None) -> str | None:
    """Return the domain in a browser's `Origin` header, or None without a domain."""
    if origin is None:
        return None
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def is_among(origin: str | None, domains: Sequence[str]) -> bool:
    """Whether one of the text box's domains names the page with this `Origin` header."""
    page = domain_of(origin)
    if origin is None or page is None:
        return False
    # An origin omits the default port of its scheme (RFC 6454 section 6.2), but a line may have it.
    default_port = _DEFAULT_PORTS.get(urlsplit(origin).scheme)
    return any(
        covers(domain, name) for domain in domains for name in (page, f"{page}:{default_port}")
    )
