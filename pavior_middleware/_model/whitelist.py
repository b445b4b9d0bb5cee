"""Which origins may borrow the login."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .domains import covers, is_loopback, split_port


class Whitelist:
    """The origins of some domains, each as a browser writes it in `Origin` (RFC 6454 section 6.2).

    Nothing of what a request says is ever taken apart: it equals an origin, byte for byte, or has
    labels of a domain name in the place of the `*` of one. Sites are https; those on this machine
    may be http.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        self.patterns = tuple(origin for domain in domains for origin in _origins(domain))
        """The origins, such as `https://help.example.com` and `https://*.example.com:8443`."""

    def allows(self, origin: str) -> bool:
        """Whether a text is one of the origins."""
        return any(covers(pattern, origin) for pattern in self.patterns)


def _origins(domain: str) -> Iterator[str]:
    host, port = split_port(domain)
    schemes = {"https": "443", "http": "80"} if is_loopback(host) else {"https": "443"}
    for scheme, default_port in schemes.items():
        yield f"{scheme}://{host}" if port in ("", default_port) else f"{scheme}://{domain}"
