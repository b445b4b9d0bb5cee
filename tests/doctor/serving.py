"""Runs sites at their names: nginx with TLS on loopback, and a resolver that leads there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.ports import LOOPBACK, free_ports
from tests.support import daemons, nginx
from tests.support.tls import authority, certificate

OURS = (".example.test", ".other.test")
"""The ends of the names that lead to loopback."""

_HTTP = """
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_cache_path {folder}/{cache} keys_zone=pages:1m;
  proxy_cache_key $scheme$host$request_uri;
  ssl_certificate {folder}/certificate.pem;
  ssl_certificate_key {folder}/key.pem;
  server {{ listen {host}:{http} default_server; return 404; }}
  server {{ listen {host}:{https} ssl default_server; return 404; }}
"""

_SERVER = """
  server {{
    {listen}
    server_name {name};
    set $app http://{host}:{upstream};
    {server}
    location / {{ {location} proxy_pass $app; }}
  }}
"""


@dataclass(frozen=True)
class Site:
    """What nginx leads to: a port of this machine; and more of its configuration for that name.

    `server` is for the whole site, and `location` for its pages; `$app` leads to the port.
    """

    port: int
    server: str = ""
    location: str = ""
    is_on_tls: bool = True


class Street:
    """Where the names lead in this process: who connects to port 80 or 443 comes to nginx."""

    def __init__(self) -> None:
        self._look_up = socket.getaddrinfo
        self._ports: Mapping[int, int] = {}

    @contextmanager
    def serving(
        self, sites: Mapping[str, Site], folder: Path, cache: str = "cache"
    ) -> Iterator[None]:
        """Run nginx before sites, each at its name; `cache` is the folder in which it keeps pages.

        nginx gets ports of its own each time, since others may take those that it has left.
        """
        http, https = free_ports([0, 0])
        leaf = certificate()
        chain = b"".join(each.bytes() for each in leaf.cert_chain_pems)
        (folder / "certificate.pem").write_bytes(chain)
        leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
        text = _HTTP.format(folder=folder, cache=cache, host=LOOPBACK, http=http, https=https)
        for name, site in sites.items():
            text += _SERVER.format(
                listen=f"listen {LOOPBACK}:{f'{https} ssl' if site.is_on_tls else http};",
                name=name,
                server=site.server,
                location=site.location,
                host=LOOPBACK,
                upstream=site.port,
            )
        with daemons.serving(nginx.command(text, folder), https, folder / "nginx.log"):
            self._ports = {80: http, 443: https}
            yield

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        """Look a name up as `socket.getaddrinfo` does, ours on loopback."""
        name = host.decode("ascii") if isinstance(host, bytes) else host or ""
        if not name.endswith(OURS):
            return self._look_up(host, port, *args, **kwargs)
        return self._look_up(LOOPBACK, self._ports.get(int(port), port), *args, **kwargs)


@contextmanager
def street(folder: Path) -> Iterator[Street]:
    """Let this process find the names on loopback, and trust their certificate."""
    bundle = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(bundle))
    with pytest.MonkeyPatch.context() as patch:
        made = Street()
        patch.setattr(socket, "getaddrinfo", made.getaddrinfo)
        patch.setenv("SSL_CERT_FILE", str(bundle))
        for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield made
