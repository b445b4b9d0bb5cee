"""The nginx of docs/deployment.md, before a site under gunicorn."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest
from httpx2 import Client

from demo import servers
from demo.ports import LOOPBACK, free_ports
from pavior_middleware._assets.page_files import PAGE
from pavior_middleware._model.paths import SHARE_AUTH
from tests.support import daemons, nginx
from tests.support.pages import init_call
from tests.support.repository import ROOT
from tests.support.sites import ADAS, API_KEY, HELP, TEAM

pytestmark = pytest.mark.cache

_BLOCK = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
_OF_TLS = re.compile(r"^ +ssl_certificate.*\n", re.MULTILINE)


def documented_server(port: int, app_port: int) -> str:
    """Return the page's `server`, on plain http and with these ports; it compresses short pages."""
    found = _BLOCK.search((ROOT / "docs" / "deployment.md").read_text())
    assert found is not None
    server = _OF_TLS.sub("", found[1])
    for documented, ours in {
        "listen 443 ssl;": f"listen {LOOPBACK}:{port};",
        "http://127.0.0.1:8000;": f"http://{LOOPBACK}:{app_port};",
    }.items():
        assert documented in server
        server = server.replace(documented, ours)
    return f"gzip_min_length 1;\n{server}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Run the site, and nginx before it."""
    folder = tmp_path_factory.mktemp("deployment")
    port, app_port = free_ports([0, 0])
    environ = {
        "PAVIOR_TEAM_VANITY_ID": TEAM,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_SHARED_AUTH_DOMAINS": HELP.removeprefix("https://"),
        "PAVIOR_SECRET_KEY": "a secret key for the tests only",
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "tests.support.rotating_site:site()"]
    site = [*gunicorn, "--bind", f"{LOOPBACK}:{app_port}"]
    before_site = nginx.command(documented_server(port, app_port), folder)
    running: list[servers.Server] = []
    try:
        running.append(daemons.start(site, app_port, folder / "site.log", environ))
        running.append(daemons.start(before_site, port, folder / "nginx.log"))
        for server in running:
            server.wait_until_it_answers()
        with Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client:
            yield client
    finally:
        servers.stop(running)


def test_a_page_behind_the_documented_nginx_names_its_user_and_is_compressed(
    client: Client,
) -> None:
    response = client.get("/")
    assert response.headers["Content-Encoding"] == "gzip"
    assert "private" in response.headers["Cache-Control"]
    assert init_call(response.content)["hmac"] == ADAS["hmac"]


def test_the_documented_nginx_leads_our_paths_to_the_app(client: Client) -> None:
    assert client.get(PAGE.path).content == PAGE.content
    answer = client.get(SHARE_AUTH)
    assert (answer.json()["id"], answer.headers["Cache-Control"]) == (ADAS["id"], "no-store")
    shared = client.get(SHARE_AUTH, headers={"Origin": HELP, "Sec-Fetch-Site": "cross-site"})
    assert shared.json() == ADAS
