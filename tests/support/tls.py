"""Sites over TLS on loopback, and the proxy through which a browser finds them by name."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.serving import WSGIRequestHandler, make_server

from demo.ports import LOOPBACK, free_ports

from .servers import running, serving_asgi

NAMES = (
    *("example.test", "*.example.test", "other.test", "*.other.test"),
    *("shop.localhost", "*.shop.localhost", "*.localhost"),
)
"""The names that the certificate is for."""

OURS = (".test", ".localhost")
"""The ends of the names that the proxy knows."""


@cache
def authority() -> trustme.CA:
    """Return the authority that a client has to trust."""
    return trustme.CA()


@cache
def client_context() -> ssl.SSLContext:
    """Return what a client of our sites needs, which trusts that authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


@cache
def certificate() -> trustme.LeafCert:
    """Return the one certificate that all our sites have."""
    return authority().issue_cert(*NAMES)


def fingerprint() -> str:
    """Return what Chromium's flag --ignore-certificate-errors-spki-list takes for it."""
    key = x509.load_pem_x509_certificate(certificate().cert_chain_pems[0].bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


@contextmanager
def serving_wsgi_over_tls(app: Any, port: int) -> Iterator[None]:
    """Run a WSGI app under Werkzeug's server, a thread for each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate().configure_cert(context)
    server = make_server(
        LOOPBACK, port, app, threaded=True, request_handler=_QuietHandler, ssl_context=context
    )
    # Else one connection that a browser opens and keeps for later would keep all others waiting.
    server.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]
    with server, running(partial(server.serve_forever, poll_interval=0.05)):
        try:
            yield
        finally:
            server.shutdown()


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *arguments: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving_asgi_over_tls(app: Any, port: int) -> Iterator[None]:
    """Run an ASGI app under uvicorn, behind what speaks TLS for it.

    On its own uvicorn leaves connections behind that browsers have opened for later.
    """
    (behind,) = free_ports([0])
    with (
        serving_asgi(app, behind),
        _TlsFront(port, behind) as front,
        running(partial(front.serve_forever, poll_interval=0.05)),
    ):
        try:
            yield
        finally:
            front.shutdown()


class _TlsFront(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # a connection lasts as long as its browser likes
    request_queue_size = 128

    def __init__(self, port: int, behind: int) -> None:
        super().__init__((LOOPBACK, port), _TlsConnection)
        self.behind = behind
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate().configure_cert(self.context)


class _TlsConnection(BaseRequestHandler):
    server: _TlsFront

    def handle(self) -> None:
        try:
            with (
                self.server.context.wrap_socket(self.request, server_side=True) as browser,
                socket.create_connection((LOOPBACK, self.server.behind)) as site,
            ):
                back = threading.Thread(target=_pass_on, args=(site, browser), daemon=True)
                back.start()
                _pass_on(browser, site)
                back.join()
        except OSError:  # one of the two went away
            pass


@contextmanager
def proxying() -> Iterator[int]:
    """Run a proxy that leads each port of each of our names to that port here; yield its port.

    It leads nowhere else: whatever else a browser asks for is refused.
    """
    with (
        _Proxy((LOOPBACK, 0), _Tunnel) as proxy,
        running(partial(proxy.serve_forever, poll_interval=0.05)),
    ):
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()


class _Proxy(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # a tunnel lasts as long as its browser likes
    request_queue_size = 128


class _Tunnel(StreamRequestHandler):
    """One connection that asks with CONNECT (RFC 9110, section 9.3.6)."""

    def handle(self) -> None:
        method, _, rest = self.rfile.readline(1000).decode("latin-1").partition(" ")
        host, _, port = rest.partition(" ")[0].rpartition(":")
        while self.rfile.readline(10000).strip():
            pass
        if method != "CONNECT" or not host.endswith(OURS):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        try:
            site = socket.create_connection((LOOPBACK, int(port)))
        except OSError:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with site:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(site, self.connection), daemon=True)
            back.start()
            _pass_on(self.connection, site)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:  # one of the two went away
        pass
    _end(target)


def _end(target: socket.socket) -> None:
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
