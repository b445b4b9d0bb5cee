"""Which origins may borrow the login."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..domains import is_loopback, split_port


def origins(domains: Iterable[str]) -> frozenset[str]:
    """Return the origins of the domains, each as a browser writes it in `Origin` (RFC 6454 6.2).

    An origin matches when it is equal to one of these, byte for byte, so nothing of what a request
    says is ever taken apart. Sites are https; those on this machine may be http.
    """
    return frozenset(origin for domain in domains for origin in _origins(domain))


def _origins(domain: str) -> Iterator[str]:
    host, port = split_port(domain)
    schemes = {"https": "443", "http": "80"} if is_loopback(host) else {"https": "443"}
    for scheme, default_port in schemes.items():
        yield f"{scheme}://{host}" if port in ("", default_port) else f"{scheme}://{domain}"
