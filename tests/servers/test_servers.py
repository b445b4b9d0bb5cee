"""The journey in a light form under each server: what depends on how it passes a response on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from demo import servers
from demo.commands import Command
from demo.ports import LOOPBACK, free_ports
from tests.frameworks.journey import CHECKS, Site
from tests.support.processes import wait_for_responses

pytestmark = [pytest.mark.server, pytest.mark.slow]

WSGI, ASGI = "tests.servers.wsgi_site:application", "tests.servers.asgi_site:application"
PORT = "PORT"
AT, BIND = f"--host {LOOPBACK} --port {PORT}", f"--bind {LOOPBACK}:{PORT}"

SERVERS = {
    "cheroot": f"cheroot {WSGI} {BIND}",
    "daphne": f"daphne -b {LOOPBACK} -p {PORT} {ASGI}",
    "granian, ASGI": f"granian --interface asgi {ASGI} {AT}",
    "granian, WSGI": f"granian --interface wsgi {WSGI} --no-ws --blocking-threads 4 {AT}",
    "gunicorn, gthread": f"gunicorn {WSGI} --worker-class gthread --threads 4 {BIND}",
    "hypercorn": f"hypercorn {ASGI} {BIND}",
    "uvicorn": f"uvicorn {ASGI} {AT}",
    "waitress": f"waitress --listen {LOOPBACK}:{PORT} {WSGI}",
}
"""What comes behind `python -m`."""

LIGHT = [
    "a page for nobody has the chat and no name",
    "a login by form leads to a page that names the user",
    "a streamed page arrives in pieces and is named",
    "a missing page is named",
    "the answer to a form is named",
    "a head request gets the fields of the page",
    "a page in gzip is named",
    "a 304 goes to the same user",
    "no 304 goes to another user or to nobody",
    "pages of the site learn who is logged in",
    "a handoff takes the login along",
    "after a logout nobody is named and the cookie is gone",
]
"""The checks of the journey that depend on the server, too."""


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Run a site under a server."""
    name: str = request.param
    (port,) = free_ports([0])
    arguments = SERVERS[name].replace(PORT, str(port)).split()
    command = Command(name, port, arguments, os.environ)
    server = servers.start(command, tmp_path_factory.mktemp("logs"))
    try:
        wait_for_responses([server])
        yield Site(f"http://{LOOPBACK}:{port}", {})
    finally:
        servers.stop([server])


each_server = pytest.mark.parametrize("served", SERVERS, indirect=True)


@pytest.mark.parametrize("check", LIGHT)
@each_server
def test_each_server_passes_the_light_journey(served: Site, check: str) -> None:
    with closing(served):
        CHECKS[check](served)


@each_server
def test_the_app_learns_that_the_client_of_a_stream_has_gone(served: Site) -> None:
    with closing(served):
        with served.browser("ada").stream("GET", "/endless") as page:
            pieces, seen = page.iter_bytes(), b""
            while b"data-pavior" not in seen:
                seen += next(pieces)
        assert served.browser().get("/closed").json() == {"closed": True}
