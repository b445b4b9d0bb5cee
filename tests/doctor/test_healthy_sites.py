"""A site in which nothing is wrong gets no finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from httpx2 import Client

from demo.ports import LOOPBACK, free_ports
from tests.frameworks.serving import module_of, serving
from tests.support import daemons, varnish
from tests.support.covering import some_of
from tests.support.doctor import check
from tests.support.login_cookies import SETTINGS
from tests.support.sites import API_KEY
from tests.support.tls import client_context

from .healthy import ALL, APPS, TEN, Healthy
from .serving import Site
from .shops import EMBED_URL, PAVIOR
from .town import Machine

pytestmark = [pytest.mark.framework, pytest.mark.cache]

VARNISH = """
vcl 4.1;
{backends}
sub vcl_recv {{
{hints}
  if (req.method == "GET" || req.method == "HEAD") {{ return (hash); }}
}}
sub vcl_backend_response {{
  if (!beresp.http.Cache-Control) {{ set beresp.ttl = 1m; }}
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }}
}}
"""


@pytest.fixture(scope="module")
def sites(machine: Machine) -> Iterator[Mapping[Healthy, str]]:
    """Serve each site at a name of its own; give the origins."""
    names = {site: f"site{place}.example.test" for place, site in enumerate(ALL)}
    cache, *ports = free_ports([0] * (len(APPS) + 1))
    apps = dict(zip(APPS, ports, strict=True))
    with ExitStack() as stack:
        for name, port in apps.items():
            settings = replace(SETTINGS, embed_url=EMBED_URL)
            stack.enter_context(serving(module_of(name), settings, port))
        stack.enter_context(_varnish(names, apps, machine.folder, cache))
        fronts = {
            names[site]: Site(
                cache if site.cache == "varnish" else apps[site.app], location=site.location
            )
            for site in ALL
        }
        fronts[PAVIOR] = Site(int(machine.pavior.origin.rpartition(":")[2]))
        stack.enter_context(machine.street.serving(fronts, machine.folder))
        yield {site: f"https://{name}" for site, name in names.items()}


@contextmanager
def _varnish(
    names: Mapping[Healthy, str], apps: Mapping[str, int], folder: Path, port: int
) -> Iterator[None]:
    backends = "\n".join(
        f'backend {name} {{ .host = "{LOOPBACK}"; .port = "{at}"; }}' for name, at in apps.items()
    )
    hints = "\n".join(
        f'  if (req.http.Host == "{name}") {{ set req.backend_hint = {site.app}; }}'
        for site, name in names.items()
    )
    command = varnish.command(VARNISH.format(backends=backends, hints=hints), folder, port)
    with daemons.serving(command, port, folder / "varnish.log"):
        yield


@pytest.mark.parametrize("site", some_of(ALL, TEN), ids=str)
def test_a_healthy_site_gets_no_finding(site: Healthy, sites: Mapping[Healthy, str]) -> None:
    origin = sites[site]
    _assert_is(site, origin)
    checked = check(origin + site.path, cookie=_cookie_of_ada(origin), api_key=API_KEY)
    assert (checked.status, checked.codes) == (0, [])


def _assert_is(site: Healthy, origin: str) -> None:
    """Assert that there is a policy, coding and cache where the site is to have one."""
    url = f"{origin}{site.path}?first"
    with Client(verify=client_context(), trust_env=False) as client:
        _, again = (client.get(url, headers={"Accept-Encoding": "gzip"}) for _ in range(2))
    may_be_kept = "Set-Cookie" not in again.headers  # a session that begins with the first page
    assert (again.headers.get("X-Cache") == "HIT") == (bool(site.cache) and may_be_kept)
    assert ("Content-Security-Policy" in again.headers) == bool(site.policy)
    assert ("Content-Encoding" in again.headers) == bool(site.coding)


def _cookie_of_ada(origin: str) -> str:
    """Log in by the form of the site; return the `Cookie` field that its browser sends then."""
    with Client(base_url=origin, verify=client_context(), trust_env=False) as client:
        answer = client.post("/login", data={"user": "ada"})
        assert answer.status_code == 303
        return "; ".join(f"{each.name}={each.value}" for each in client.cookies.jar)
