"""Makes requests as a browser does, with limits of time and size.

A cookie goes to one origin only: over TLS with a good certificate, or to this machine.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Literal
from urllib.parse import urlsplit

import httpx

from .. import __version__
from .._http.codings import CodingError, Unsupported, codings, names
from .addresses import is_local, joined, origin_of, with_fresh_query, without_fresh_query
from .evidence import Exchange, Failed, FailureKind, Fetched

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a body that are read, coded or not."""

SECONDS = 20.0
"""The number of seconds that a response may take, not counting redirects."""

_SECONDS_OF_SILENCE = 10.0
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_QUERY_REMOVED = (
    "it leads to itself without the random query, and a cache might keep for others what comes"
    " there with the cookie"
)


def _can_be_decoded(coding: str) -> bool:
    try:
        codings([coding])
    except Unsupported:
        return False
    return True


CODINGS_OF_BROWSERS = ("gzip", "deflate", "br", "zstd")
CODINGS = tuple(filter(_can_be_decoded, CODINGS_OF_BROWSERS))
"""The codings of browsers that can be decoded here."""

_ACCEPTED = ", ".join(CODINGS)

USER_AGENT = f"Mozilla/5.0 (compatible; pavior-check/{__version__})"

NAVIGATION: Mapping[str, str] = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
    "Upgrade-Insecure-Requests": "1",
}
"""The fields that a browser sends when somebody has typed the address."""

SCRIPT: Mapping[str, str] = {
    "Accept": "*/*",
    "Sec-Fetch-Dest": "script",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "cross-site",
}

OWN_FETCH: Mapping[str, str] = {
    "Accept": "*/*",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
"""The fields that a browser sends for a `fetch` to the page's own origin."""


TlsKind = Literal["no", "good", "any"]
"""No TLS, TLS with a good certificate, or TLS with any certificate."""


@dataclass(frozen=True)
class Login:
    """Somebody's cookie: the value of a `Cookie` field, and the only origin that gets it."""

    cookie: str = field(repr=False)
    origin: str

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The name of each cookie in the field, each once."""
        names = (pair.partition("=")[0].strip() for pair in self.cookie.split(";"))
        return tuple(dict.fromkeys(filter(None, names)))


class Fetcher:
    """Fetches for one check; a context manager. `login` is sent only with `with_login`.

    `connect_to`, a `host:port` or a host, replaces the host of `url` in connections. Hosts that can
    only mean this machine are not looked up.
    """

    def __init__(self, url: str, *, login: Login | None = None, connect_to: str = "") -> None:
        self._login = login
        self._replaced = urlsplit(url).netloc.lower()
        self._connect_to = connect_to
        self._untrusted: dict[str, str] = {}
        self._open = ExitStack()
        self._clients: dict[tuple[TlsKind, bool], httpx.Client] = {}

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def get(
        self,
        url: str,
        fields: Mapping[str, str] = NAVIGATION,
        *,
        coding: str = "",
        with_login: bool = False,
        cookie: str = "",
        follows: bool = True,
    ) -> Fetched:
        """Fetch a URL; follow redirects if `follows`.

        `coding` replaces the `Accept-Encoding` of browsers, as far as it can be decoded here.
        `with_login` sends the login's cookie; the fetch fails if the cookie must not go to a URL.
        Each redirect gets a fresh query, so that the cookie never goes to an address that others
        use. `cookie` is another cookie, for the origin of `url`.
        """
        if not origin_of(url):
            return Failed(url, "protocol", "it is no http or https URL")
        redirects: list[str] = []
        origin = origin_of(url)
        while True:
            if with_login and (refusal := self._refusal(url)):
                return Failed(url, "cookie", refusal)
            sent = {
                "User-Agent": USER_AGENT,
                "Accept-Encoding": coding or _ACCEPTED,
                **fields,
            }
            if with_login and self._login is not None:
                sent["Cookie"] = self._login.cookie
            elif cookie and origin_of(url) == origin:
                sent["Cookie"] = cookie
            fetched = self._once(url, sent)
            if isinstance(fetched, Failed) or not follows or not _is_redirect(fetched):
                break
            redirects.append(url)
            url = joined(url, fetched.field("location"))
            if not url:
                return Failed(redirects[-1], "redirects", "it leads to no http or https URL")
            if with_login and url == without_fresh_query(redirects[-1]) != redirects[-1]:
                return Failed(redirects[-1], "redirects", _QUERY_REMOVED)
            if with_login and self._login is not None and origin_of(url) == self._login.origin:
                url = with_fresh_query(url)
            if len(redirects) > _MOST_REDIRECTS:
                return Failed(url, "redirects", f"there are more than {_MOST_REDIRECTS} redirects")
        if isinstance(fetched, Failed):
            return fetched
        return replace(fetched, redirects=tuple(redirects))

    def _refusal(self, url: str) -> str:
        """Say why the login's cookie must not go to a URL; '' if it may."""
        if self._login is None or origin_of(url) != self._login.origin:
            return f"it leads to {origin_of(url)}, and the cookie is for another origin"
        if origin_of(url) in self._untrusted:
            return "the server's certificate is not to be trusted with a cookie"
        if urlsplit(url).scheme != "https" and not is_local(url):
            return "a cookie on plain http could be read on its way"
        return ""

    def _once(self, url: str, sent: Mapping[str, str]) -> Fetched:
        origin = origin_of(url)
        if origin in self._untrusted:
            return self._untrusting(url, sent)
        try:
            return self._exchange(url, sent, is_untrusting=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = _certificate_problem(error)
            if problem is None:
                return _failed(url, error)
        self._untrusted[origin] = problem
        if "Cookie" in sent:
            return Failed(url, "tls", problem)
        return self._untrusting(url, sent)

    def _untrusting(self, url: str, sent: Mapping[str, str]) -> Fetched:
        try:
            return self._exchange(url, sent, is_untrusting=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _failed(url, error)

    def _exchange(self, url: str, sent: Mapping[str, str], *, is_untrusting: bool) -> Exchange:
        address, is_direct = self._address(url)
        parts = urlsplit(url)
        tls: TlsKind = "no" if parts.scheme == "http" else "any" if is_untrusting else "good"
        client = self._client(tls, is_direct=is_direct)
        request = client.build_request(
            "GET",
            address,
            headers={**sent, "Host": parts.netloc.rpartition("@")[2]},
            extensions={"sni_hostname": parts.hostname or ""},
        )
        deadline = time.monotonic() + SECONDS
        response = client.send(request, stream=True)
        try:
            seen_at = time.time()
            ends = None if is_untrusting else _certificate_ends(response)
            raw, is_cut = _read(response, deadline)
        finally:
            response.close()
        fields = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        body, undecoded, is_longer = _decoded(raw, response.headers.get_list("content-encoding"))
        return Exchange(
            url,
            response.status_code,
            fields,
            body,
            undecoded=undecoded,
            is_cut=is_cut or is_longer,
            tls_problem=self._untrusted[origin_of(url)] if is_untrusting else "",
            certificate_ends=ends,
            seen_at=seen_at,
        )

    def _client(self, tls: TlsKind, *, is_direct: bool) -> httpx.Client:
        client = self._clients.get((tls, is_direct))
        if client is None:
            client = self._clients[tls, is_direct] = self._open.enter_context(
                httpx.Client(
                    verify=_context(tls),
                    trust_env=not is_direct,  # a proxy cannot reach this machine
                    timeout=_SECONDS_OF_SILENCE,
                    follow_redirects=False,
                    # Cookies that a response sets are never sent.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                )
            )
        return client

    def _address(self, url: str) -> tuple[str, bool]:
        """Return the URL to connect to, and whether to connect without a proxy."""
        parts = urlsplit(url)
        if self._connect_to and parts.netloc.lower() == self._replaced:
            has_port = self._connect_to.rpartition(":")[2].isdecimal()
            port = "" if has_port or parts.port is None else f":{parts.port}"
            return parts._replace(netloc=self._connect_to + port).geturl(), True
        host = parts.hostname or ""
        if host.endswith(".localhost"):  # few resolvers know these names (RFC 6761 section 6.3)
            port = "" if parts.port is None else f":{parts.port}"
            return parts._replace(netloc=f"127.0.0.1{port}").geturl(), True
        return url, is_local(url)


def _context(tls: TlsKind) -> ssl.SSLContext:
    """Return a context, cached, since reading the certificates of all authorities is slow."""
    if tls == "good":
        context = httpx.create_ssl_context()
        context.load_default_certs()  # those of this machine, too
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_redirect(exchange: Exchange) -> bool:
    return exchange.status in _REDIRECTS and bool(exchange.field("location"))


def _read(response: httpx.Response, deadline: float) -> tuple[bytes, bool]:
    """Return the coded body, and whether more would have come."""
    pieces, size = [], 0
    try:
        for piece in response.iter_raw():
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_BODY or time.monotonic() > deadline:
                return b"".join(pieces)[:LARGEST_BODY], True
    except (httpx.ReadTimeout, httpx.RemoteProtocolError):
        if not pieces:
            raise
        return b"".join(pieces), True
    return b"".join(pieces), False


def _decoded(raw: bytes, fields: list[str]) -> tuple[bytes, str, bool]:
    """Return the body, why it could not be decoded, and whether more would have come."""
    body, is_longer = raw, False
    try:
        for coding in reversed(codings(names(fields))):
            pieces, size = [], 0
            for piece in coding.decoder().decode(body):
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_BODY:
                    is_longer = True
                    break
            body = b"".join(pieces)
    except (CodingError, Unsupported) as error:
        return raw, str(error) or "its coding is broken", False
    return body, "", is_longer


def _certificate_ends(response: httpx.Response) -> float | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = tls.getpeercert() if tls is not None else None
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else None


def _certificate_problem(error: BaseException) -> str | None:
    """Return why a certificate was refused; None for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def _failed(url: str, error: Exception) -> Failed:
    return Failed(url, _kind(error), str(error) or type(error).__name__)


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, OSError) and type(cause).__name__ == "gaierror":
            return "name"
        cause = cause.__cause__ or cause.__context__
    return "connection" if isinstance(error, httpx.NetworkError) else "protocol"
