"""The text box "Shared Authentication Domains": one domain a line, `host` or `host:port`."""

from __future__ import annotations

from urllib.parse import urlsplit

from pavior_middleware.domains import domain_problem


class DomainsError(ValueError):
    """Lines that are not domains; `problems` says of each what to write instead."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def parse_domains(text: str) -> tuple[str, ...]:
    """Return the text box's domains in lower case, each once. Raises `DomainsError`."""
    lines = [line for line in map(str.strip, text.lower().splitlines()) if line]
    problems = [problem for line in lines if (problem := domain_problem(line))]
    if problems:
        raise DomainsError(problems)
    return tuple(dict.fromkeys(lines))


def domain_of(origin: str | None) -> str | None:
    """Return the domain in a browser's `Origin` header, or None if it tells none."""
    if origin is None:
        return None
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
