"""Reads addresses as pages write them. Text that is not an address becomes ''."""

from __future__ import annotations

import secrets
from urllib.parse import SplitResult, urljoin, urlsplit

from .._model.domains import is_loopback, normalized

FRESH = "pavior-check"
"""The name of the random parameter by which a URL is new to all caches."""

_LONGEST_LABEL = 63
_DEFAULT_PORTS = {"http": 80, "https": 443}


def joined(base: str, text: str) -> str:
    """Return the http or https URL of a link in a page at `base`, without fragment; else ''."""
    try:
        url = urljoin(base, text.strip()).partition("#")[0]
    except ValueError:
        return ""
    return with_ascii_host(url) if _parts(url) is not None else ""


def with_ascii_host(url: str) -> str:
    """Return a URL that has a host with the host in Punycode; '' if that cannot be a host."""
    parts = urlsplit(url)
    user, at, domain = parts.netloc.rpartition("@")
    domain = domain if domain.isascii() else normalized(domain)
    labels = domain.removesuffix(".").partition(":")[0].split(".")
    is_host = domain.isascii() and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
    return parts._replace(netloc=user + at + domain).geturl() if is_host else ""


def origin_of(url: str) -> str:
    """Return the origin of an http or https URL, as browsers serialize it; '' for anything else."""
    parts = _parts(url)
    if parts is None:
        return ""
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def with_fresh_query(url: str) -> str:
    """Return a URL with a random parameter, so that no cache can have it."""
    parts = urlsplit(without_fresh_query(url))
    fresh = f"{FRESH}={secrets.token_urlsafe(12)}"
    return parts._replace(query=f"{parts.query}&{fresh}" if parts.query else fresh).geturl()


def without_fresh_query(url: str) -> str:
    """Return a URL as it was before `with_fresh_query`."""
    parts = urlsplit(url)
    pairs = (pair for pair in parts.query.split("&") if not pair.startswith(f"{FRESH}="))
    return parts._replace(query="&".join(pairs)).geturl()


def is_local(url: str) -> bool:
    """Whether a URL's host can only be this machine, where plain http does no harm."""
    parts = _parts(url)
    return parts is not None and is_loopback(parts.hostname or "")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bad port raises it, too
        return None
    return parts if is_address else None
